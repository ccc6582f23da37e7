"""Boxes in a film's pictures made unrecognisable, on the planes of their pixels.

As in `functions.imaging.obscuring`, nothing of what was in a box goes into what replaces it: what looks
blurred or pixelated is made of the pixels around it. So many pictures of a face tell no more than one does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, floor
from typing import Any, TypeAlias

from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from PIL import Image

from functions.imaging.obscuring import Style
from functions.video.orientation import Box
from functions.video.tracks import Cover

# Where the pixels of a box are in a plane: left, top, right and bottom.
_Part: TypeAlias = tuple[int, int, int, int]
# FFmpeg's AVCOL_RANGE_JPEG, in which black is 0.
_FULL_RANGE = 2
# How far around a box its colours are taken from, in pixels.
_AROUND_PX = 8


class Obscurer:
    """Obscures the pictures of a film, given in the order of their times: planar YUV of 8 or 10 bits.

    `margin` is on each side of a box, in parts of the box's own side.
    """

    def __init__(self, covers: Iterable[Cover], style: Style, margin: float) -> None:
        self._covers = sorted(covers, key=lambda cover: cover.first)
        self._style = style
        self._margin = margin

    def obscure(self, frame: VideoFrame) -> int:
        """Obscures one picture in place; returns how many boxes that were."""
        time = frame.pts or 0
        self._covers = [cover for cover in self._covers if cover.last >= time]
        boxes = [cover.box.widened(self._margin) for cover in self._covers if cover.first <= time]
        if not boxes:
            return 0
        frame.make_writable()
        bits = frame.format.components[0].bits
        mode = "L" if bits == 8 else "I;16"
        dark = 0 if frame.color_range == _FULL_RANGE else 16
        for number, plane in enumerate(frame.planes):
            parts = [part for box in boxes if (part := _part(box, plane))]
            black = Image.new(mode, (1, 1), (128 if number else dark) << (bits - 8))
            gray = Image.new(mode, (1, 1), 128 << (bits - 8))
            # All of them first: what is around one box may be in another.
            for part in parts:
                _put(plane, part, black if self._style is Style.BLACK else gray, mode)
            if self._style is not Style.BLACK:
                for part in parts:
                    _put(plane, part, _of_surroundings(plane, part, mode), mode, self._style is Style.BLUR)
        return len(boxes)


def _of_surroundings(plane: VideoPlane, part: _Part, mode: str) -> Image.Image:
    """Three colours across and down, which go over from those on one side of a part to the opposite."""
    left, top, right, bottom = part
    seen = _seen(plane, mode)
    sides = [
        (left, max(0, top - _AROUND_PX), right, top),
        (left, bottom, right, min(plane.height, bottom + _AROUND_PX)),
        (max(0, left - _AROUND_PX), top, left, bottom),
        (right, top, min(plane.width, right + _AROUND_PX), bottom),
    ]
    means = [_mean(seen, side) if side[0] < side[2] and side[1] < side[3] else None for side in sides]
    known = [mean for mean in means if mean is not None]
    # A part that is all of the picture stays gray.
    middle = sum(known) // len(known) if known else _mean(seen, part)
    above, below, before, after = (middle if mean is None else mean for mean in means)
    colours = Image.new(mode, (3, 3), middle)
    for place, tones in _places(above, below, before, after):
        colours.putpixel(place, sum(tones) // len(tones))
    return colours


def _places(above: int, below: int, before: int, after: int) -> Iterator[tuple[tuple[int, int], list[int]]]:
    """Where on the edge of three by three colours those of the four sides are, and which go into each."""
    for row, vertical in ((0, [above]), (1, []), (2, [below])):
        for column, level in ((0, [before]), (1, []), (2, [after])):
            if vertical or level:
                yield (column, row), [*vertical, *level]


def _mean(seen: Image.Image, part: _Part) -> int:
    tone: Any = seen.resize((1, 1), Image.Resampling.BOX, box=part).getpixel((0, 0))
    return int(tone)


def _put(plane: VideoPlane, part: _Part, colours: Image.Image, mode: str, smooth: bool = False) -> None:
    left, top, right, bottom = part
    how = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    patch = colours.resize((right - left, bottom - top), how).tobytes()
    size_bytes = 1 if mode == "L" else 2
    row_bytes = (right - left) * size_bytes
    rows = memoryview(plane)
    for number in range(bottom - top):
        start = (top + number) * plane.line_size + left * size_bytes
        rows[start : start + row_bytes] = patch[number * row_bytes : (number + 1) * row_bytes]


def _seen(plane: VideoPlane, mode: str) -> Image.Image:
    """A plane as Pillow has it, without a copy: numbers have one byte or, the lower one first, two."""
    rows: Any = memoryview(plane)
    return Image.frombuffer(mode, (plane.width, plane.height), rows, "raw", mode, plane.line_size, 1)


def _part(box: Box, plane: VideoPlane) -> _Part | None:
    """The pixels that a box touches, as far as they are in the plane; None where none is."""
    part = (
        max(0, floor(box.left * plane.width)),
        max(0, floor(box.top * plane.height)),
        min(plane.width, ceil(box.right * plane.width)),
        min(plane.height, ceil(box.bottom * plane.height)),
    )
    return part if part[0] < part[2] and part[1] < part[3] else None
