"""Looking for faces in a film's pictures: several on a sheet where they are small, several sheets at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import TypeAlias

from av.video.frame import VideoFrame
from PIL import Image

from functions.analysis.region import Region
from functions.analysis.rekognition import MIN_SIDE_PX
from functions.imaging.decoded import Picture
from functions.redact.finding import Sought, find
from functions.video.orientation import Box, Orientation

# Rekognition answers within some 0.3 s; meanwhile others are asked. More at once would only be throttled.
_AT_ONCE = 4
# So many sheets wait for their answers; each is some 5 MB of memory.
_WAITING = 8
# Between pictures on a sheet, so that no face is made of two halves.
_GAP_PX = 8

# Pictures by their times.
_Sheet: TypeAlias = list[tuple[int, Image.Image]]


@dataclass(frozen=True)
class View:
    """How pictures are shown to Rekognition: upright, with square pixels, no side longer than `side_px`.

    `pixel` is the width of a stored pixel in parts of its height. Where a side would be too short for
    Rekognition, pictures are enlarged.
    """

    orientation: Orientation
    pixel: Fraction
    side_px: int

    def image(self, frame: VideoFrame) -> Image.Image:
        """A picture as it is shown."""
        width, height = float(frame.width * self.pixel), float(frame.height)
        scale = max(min(1.0, self.side_px / max(width, height)), MIN_SIDE_PX / min(width, height))
        size = [min(self.side_px, max(MIN_SIDE_PX, round(side * scale))) for side in (width, height)]
        small = frame.reformat(width=size[0], height=size[1], format="rgb24", interpolation="BILINEAR")
        return self.orientation.upright(small.to_image())  # type: ignore[no-untyped-call]


class Looker:
    """Asks Rekognition for the faces in pictures, in the background; what is found is in `found`, by time.

    `min_confidence` is how sure Rekognition must be, in percent. What was `found` before is not asked again.

    Raises:
        Rejection: TOO_MANY_FACES: a picture may have more than can be found.
        ServiceUnavailableError: an answer lacked the face that is added to each sheet, and so proves nothing.
        botocore.exceptions.ClientError, BotoCoreError: a call to Rekognition failed. All of them arise in a
            later call, or at the end of the `with` block.
    """

    def __init__(self, view: View, min_confidence: float, found: dict[int, list[Box]] | None = None) -> None:
        self.found = {} if found is None else found
        self._view = view
        self._sought = Sought(frozenset({"face"}), min_confidence)
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._waiting: deque[tuple[list[int], Future[list[list[Region]]]]] = deque()
        self._sheet: _Sheet = []
        self._asked = set(self.found)

    def __enter__(self) -> Looker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._send()
            while error is None and self._waiting:
                self._take()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def look(self, time: int, frame: VideoFrame) -> None:
        """Has a picture looked at, unless it was already."""
        if time in self._asked:
            return
        self._asked.add(time)
        image = self._view.image(frame)
        self._sheet.append((time, image))
        across, down = _grid(image, self._view.side_px)
        if len(self._sheet) >= across * down:
            self._send()

    def _send(self) -> None:
        if not self._sheet:
            return
        while len(self._waiting) >= _WAITING or (self._waiting and self._waiting[0][1].done()):
            self._take()
        times, images = zip(*self._sheet, strict=True)
        self._waiting.append((list(times), self._pool.submit(self._faces, images)))
        self._sheet = []

    def _take(self) -> None:
        times, answer = self._waiting.popleft()
        for time, faces in zip(times, answer.result(), strict=True):
            self.found[time] = [
                self._view.orientation.stored(each.left, each.top, each.width, each.height) for each in faces
            ]

    def _faces(self, images: Sequence[Image.Image]) -> list[list[Region]]:
        """The faces in each of some pictures of one size, in ratios of its sides."""
        width, height = images[0].size
        across, _ = _grid(images[0], self._view.side_px)
        across = min(across, len(images))
        sheet = Image.new(
            "RGB",
            (
                across * (width + _GAP_PX) - _GAP_PX,
                -(-len(images) // across) * (height + _GAP_PX) - _GAP_PX,
            ),
        )
        for number, image in enumerate(images):
            sheet.paste(image, (number % across * (width + _GAP_PX), number // across * (height + _GAP_PX)))
        found: list[list[Region]] = [[] for _ in images]
        # Tiles, where there are any, are made of the sheet.
        for each in find(Picture.of(sheet), self._sought, side_px=max(sheet.size)):
            left, top = each.left * sheet.width, each.top * sheet.height
            wide, high = each.width * sheet.width, each.height * sheet.height
            column = min(across - 1, max(0, int((left + wide / 2) // (width + _GAP_PX))))
            number = int(max(0, (top + high / 2) // (height + _GAP_PX))) * across + column
            if number < len(images):
                found[number].append(
                    replace(
                        each,
                        left=(left - number % across * (width + _GAP_PX)) / width,
                        top=(top - number // across * (height + _GAP_PX)) / height,
                        width=wide / width,
                        height=high / height,
                    )
                )
        return found


def _grid(image: Image.Image, side_px: int) -> tuple[int, int]:
    """How many pictures fit on a sheet, beside and below each other."""
    across, down = ((side_px + _GAP_PX) // (side + _GAP_PX) for side in image.size)
    return max(1, across), max(1, down)
