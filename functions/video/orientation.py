"""Which way up a film is shown, and where in its pictures lies what was seen in an upright one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

IDENTITY = (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)


class Box(NamedTuple):
    """A box in the film's pictures as they are stored, in ratios of their sides."""

    left: float
    top: float
    right: float
    bottom: float

    def united(self, other: Box) -> Box:
        """The least box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def widened(self, margin: float) -> Box:
        """With a margin on each side, a ratio of its own sides; it may reach over the picture's edge."""
        across, down = margin * (self.right - self.left), margin * (self.bottom - self.top)
        return Box(self.left - across, self.top - down, self.right + across, self.bottom + down)


@dataclass(frozen=True)
class Orientation:
    """How pictures are turned before they are shown: sides are swapped, then flipped."""

    swapped: bool = False
    mirrored: bool = False
    upside_down: bool = False

    @classmethod
    def of(cls, matrix: tuple[int, ...]) -> Orientation:
        """The quarter turns and flips of a display matrix; any other turn counts as the nearest of them.

        The nine numbers a, b, u, c, d, v, x, y, w take a point (p, q) to (ap + cq + x, bp + dq + y).
        https://ffmpeg.org/doxygen/trunk/group__lavu__video__display.html
        """
        a, b, _, c, d, *_ = matrix
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(swapped=True, mirrored=c < 0, upside_down=b < 0)
        return cls(mirrored=a < 0, upside_down=d < 0)

    def upright(self, image: Image.Image) -> Image.Image:
        """The picture as it is shown."""
        if self.swapped:
            image = image.transpose(Image.Transpose.TRANSPOSE)
        if self.mirrored:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if self.upside_down:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        return image

    def stored(self, left: float, top: float, width: float, height: float) -> Box:
        """The box, in the picture as it is stored, of one in the upright picture."""
        if self.mirrored:
            left = 1 - left - width
        if self.upside_down:
            top = 1 - top - height
        if self.swapped:
            left, top, width, height = top, left, height, width
        return Box(left, top, left + width, top + height)


def matrix_of(data: bytes) -> tuple[int, ...]:
    """The nine numbers of a display matrix, as a frame carries it."""
    return struct.unpack("=9i", data)
