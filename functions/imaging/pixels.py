"""Decoded pixels, in the form in which they cost least to resize."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias

from PIL import Image

# Left, top, right and bottom of a part, in pixels; edges may lie within a pixel.
Box: TypeAlias = tuple[float, float, float, float]

# Brightness is what sharpness is seen by; colours are stored at half the size anyway.
_FILTER = Image.Resampling.BICUBIC
_CHROMA_FILTER = Image.Resampling.HAMMING
# Before a filter goes over every pixel, a box makes one of as many as leaves enough: it is many times faster.
_GAP = 1.0


class Raster(Protocol):
    """A picture's pixels."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def resized(self, size: tuple[int, int], box: Box | None = None) -> Raster:
        """The picture, or the part of it in a box, in another size."""

    def image(self) -> Image.Image:
        """The picture as Pillow has it."""


@dataclass(frozen=True)
class Interleaved:
    """Pixels of any mode whose values can be mixed: L, LA, RGB, RGBA, CMYK, YCbCr."""

    pixels: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.size

    def resized(self, size: tuple[int, int], box: Box | None = None) -> Interleaved:
        """The picture, or the part of it in a box, in another size."""
        return Interleaved(_resized(self.pixels, size, box, _FILTER))

    def image(self) -> Image.Image:
        """The picture as Pillow has it."""
        return self.pixels


@dataclass(frozen=True)
class Subsampled:
    """YCbCr with Cb and Cr at half the width and height, as the JPEG that is written stores them.

    Three planes of which two are a quarter of the size: half the pixels that interleaved ones would be.
    """

    luma: Image.Image
    chroma: tuple[Image.Image, Image.Image]

    @classmethod
    def of(cls, pixels: Image.Image) -> Self:
        """A picture of mode YCbCr, taken apart."""
        luma, blue, red = pixels.split()
        return cls(luma, (blue.reduce(2), red.reduce(2)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.luma.size

    def resized(self, size: tuple[int, int], box: Box | None = None) -> Subsampled:
        """The picture, or the part of it in a box, in another size."""
        if box is None:
            box = (0, 0, *self.size)
        half_box = (box[0] / 2, box[1] / 2, box[2] / 2, box[3] / 2)
        half_size = -(-size[0] // 2), -(-size[1] // 2)
        blue, red = (_resized(plane, half_size, half_box, _CHROMA_FILTER) for plane in self.chroma)
        return Subsampled(_resized(self.luma, size, box, _FILTER), (blue, red))

    def image(self) -> Image.Image:
        """The picture as Pillow has it, of mode YCbCr. Written as JPEG 4:2:0, it loses no colour."""
        planes = [self.luma]
        for plane in self.chroma:
            doubled = plane.resize((plane.width * 2, plane.height * 2), Image.Resampling.NEAREST)
            # One more column or row than an odd size has.
            planes.append(doubled if doubled.size == self.size else doubled.crop((0, 0, *self.size)))
        return Image.merge("YCbCr", planes)


def _resized(
    pixels: Image.Image, size: tuple[int, int], box: Box | None, resampling: Image.Resampling
) -> Image.Image:
    if box is not None and all(edge == int(edge) for edge in box):
        left, top, right, bottom = map(int, box)
        if (right - left, bottom - top) == size:
            return pixels.crop((left, top, right, bottom))
    return pixels.resize(size, resampling, box, _GAP)
