"""Looking for faces in a film's pictures: each is a small JPEG for Rekognition, several at once."""

from __future__ import annotations

import io
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType

from av.video.frame import VideoFrame
from PIL import Image

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.analysis.region import Region
from functions.analysis.rekognition import MIN_SIDE_PX
from functions.video.orientation import Box, Orientation

# Rekognition answers within some 0.3 s; meanwhile others are asked. More at once would only be throttled.
_AT_ONCE = 4
# As many pictures wait for their answers, as small JPEGs.
_WAITING = 16
_QUALITY = 85


@dataclass(frozen=True)
class View:
    """How pictures are shown to Rekognition: upright, with square pixels, no side longer than `side_px`.

    `pixel` is the width of a stored pixel in parts of its height. Where a side would be too short for
    Rekognition, pictures are enlarged.
    """

    orientation: Orientation
    pixel: Fraction
    side_px: int

    def jpeg(self, frame: VideoFrame) -> bytes:
        """A picture as Rekognition is shown it."""
        file = io.BytesIO()
        self.image(frame).save(file, "JPEG", quality=_QUALITY)
        return file.getvalue()

    def image(self, frame: VideoFrame) -> Image.Image:
        """A picture as it is shown."""
        width, height = float(frame.width * self.pixel), float(frame.height)
        scale = max(min(1.0, self.side_px / max(width, height)), MIN_SIDE_PX / min(width, height))
        size = [min(self.side_px * 4, max(MIN_SIDE_PX, round(side * scale))) for side in (width, height)]
        small = frame.reformat(width=size[0], height=size[1], format="rgb24", interpolation="BILINEAR")
        return self.orientation.upright(small.to_image())


class Looker:
    """Asks Rekognition for the faces in pictures, in the background; what is found is in `found`, by time.

    `min_confidence` is how sure Rekognition must be, in percent. What was `found` before is not asked again.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: in a later call, or at the end of its `with` block.
    """

    def __init__(self, view: View, min_confidence: float, found: dict[int, list[Box]] | None = None) -> None:
        self.found = {} if found is None else found
        self._view = view
        self._min_confidence = min_confidence
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._waiting: deque[tuple[int, Future[list[Region]]]] = deque()
        self._asked = set(self.found)

    def __enter__(self) -> Looker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while error is None and self._waiting:
                self._take()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def look(self, time: int, frame: VideoFrame) -> None:
        """Has a picture looked at, unless it was already."""
        if time in self._asked:
            return
        self._asked.add(time)
        data = self._view.jpeg(frame)
        while len(self._waiting) >= _WAITING or (self._waiting and self._waiting[0][1].done()):
            self._take()
        self._waiting.append((time, self._pool.submit(self._faces, data)))

    def _take(self) -> None:
        time, answer = self._waiting.popleft()
        self.found[time] = [
            self._view.orientation.stored(each.left, each.top, each.width, each.height)
            for each in answer.result()
        ]

    def _faces(self, data: bytes) -> list[Region]:
        return PhotoAnalysis.of_bytes(data).faces(self._min_confidence)
