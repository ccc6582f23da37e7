"""Boxes in a film's pictures made unrecognisable, on the planes of their pixels.

What is put over a face is made of a few mean colours of one picture, and kept as long as the face is followed.
Were it made of each picture anew, the many slightly different means of a moving face could be put together to
more than any one of them shows.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor
from typing import TypeAlias

from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from PIL import Image

from functions.imaging.obscuring import CELLS, Style
from functions.video.orientation import Box
from functions.video.tracks import Cover

# Where the pixels of a box are in a plane: left, top, right and bottom.
_Part: TypeAlias = tuple[int, int, int, int]
# FFmpeg's AVCOL_RANGE_JPEG, in which black is 0.
_FULL_RANGE = 2


class Obscurer:
    """Obscures the pictures of a film, given in the order of their times: planar YUV of 8 or 10 bits.

    `margin` is on each side of a box, in parts of the box's own side.
    """

    def __init__(self, covers: Iterable[Cover], style: Style, margin: float) -> None:
        self._covers = sorted(covers, key=lambda cover: cover.first)
        self._style = style
        self._margin = margin
        # The mean colours of each track, plane by plane.
        self._means: dict[int, list[Image.Image]] = {}

    def obscure(self, frame: VideoFrame) -> int:
        """Obscures one picture in place; returns how many boxes that were."""
        time = frame.pts or 0
        self._covers = [cover for cover in self._covers if cover.last >= time]
        now = [cover for cover in self._covers if cover.first <= time]
        if not now:
            return 0
        frame.make_writable()
        # All are measured before one is covered, so that none is made of what covers another.
        for cover in now:
            if cover.track not in self._means:
                self._means[cover.track] = self._measured(frame, cover.box.widened(self._margin))
        mode = _mode(frame)
        for cover in now:
            box = cover.box.widened(self._margin)
            for plane, means in zip(frame.planes, self._means[cover.track], strict=True):
                self._put(plane, _part(box, plane), means, mode)
        return len(now)

    def _measured(self, frame: VideoFrame, box: Box) -> list[Image.Image]:
        """What is left of a box, plane by plane."""
        return [self._mean(frame, number, box) for number in range(len(frame.planes))]

    def _mean(self, frame: VideoFrame, number: int, box: Box) -> Image.Image:
        plane, mode = frame.planes[number], _mode(frame)
        part = _part(box, plane)
        if self._style is Style.BLACK or _is_empty(part):
            dark = 0 if frame.color_range == _FULL_RANGE else 16
            return Image.new(mode, (1, 1), (128 if number else dark) << (_bits(frame) - 8))
        size = (plane.width, plane.height)
        seen = Image.frombuffer(mode, size, memoryview(plane), "raw", mode, plane.line_size, 1).crop(part)
        cell_px = max(seen.size) / CELLS
        grid = (max(1, round(seen.width / cell_px)), max(1, round(seen.height / cell_px)))
        return seen.resize(grid, Image.Resampling.BOX)

    def _put(self, plane: VideoPlane, part: _Part, means: Image.Image, mode: str) -> None:
        if _is_empty(part):
            return
        left, top, right, bottom = part
        smooth = self._style is Style.BLUR
        patch = means.resize(
            (right - left, bottom - top), Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
        ).tobytes()
        size_bytes = 1 if mode == "L" else 2
        row_bytes = (right - left) * size_bytes
        rows = memoryview(plane)
        for number in range(bottom - top):
            start = (top + number) * plane.line_size + left * size_bytes
            rows[start : start + row_bytes] = patch[number * row_bytes : (number + 1) * row_bytes]


def _bits(frame: VideoFrame) -> int:
    return frame.format.components[0].bits


def _mode(frame: VideoFrame) -> str:
    """Pillow's name for a plane's numbers: they have one byte or, the lower one first, two."""
    return "L" if _bits(frame) == 8 else "I;16"


def _part(box: Box, plane: VideoPlane) -> _Part:
    """The pixels that a box touches, as far as they are in the plane."""
    return (
        max(0, floor(box.left * plane.width)),
        max(0, floor(box.top * plane.height)),
        min(plane.width, ceil(box.right * plane.width)),
        min(plane.height, ceil(box.bottom * plane.height)),
    )


def _is_empty(part: _Part) -> bool:
    return part[0] >= part[2] or part[1] >= part[3]
