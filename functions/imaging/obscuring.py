"""Parts of a picture made unrecognisable, for good.

Nothing of what was in a part goes into what replaces it: a blur of it could be computed backwards, and the
few colours that a coarse one leaves are enough to tell which of many known faces was there. What looks
blurred or pixelated is made of the pixels around the part alone, as a black part is made of none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Self, TypeAlias

from PIL import Image

# Left, top, right and bottom, in pixels; the right and the bottom edge lie outside.
Part: TypeAlias = tuple[int, int, int, int]

# Into how many cells the longer side of a part is divided.
_CELLS = 4
# The width of the soft edge around a part, in parts of its shorter side, and the most pixels that it has.
_EDGE, _MOST_EDGE_PX = 1 / 8, 32
_GRAY = 128
_BLACK: dict[str, int | tuple[int, ...]] = {
    "L": 0,
    "LA": (0, 255),
    "RGB": (0, 0, 0),
    "RGBA": (0, 0, 0, 255),
    "CMYK": (0, 0, 0, 255),
    "YCbCr": (0, 128, 128),
}


class Style(StrEnum):
    """How a part looks: as if it was blurred, or pixelated, or black."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    BLACK = "black"

    @classmethod
    def named(cls, given: object) -> Self:
        """The style of a name, as rules give it.

        Raises:
            ValueError: there is none.
        """
        if given not in list(cls):
            raise ValueError(f"must be one of {', '.join(cls)}")
        return cls(str(given))


def part(
    left: float, top: float, width: float, height: float, *, margin: float, size: tuple[int, int]
) -> Part | None:
    """The pixels of a box that is given in ratios of the picture's sides, and a margin around it.

    `margin` is in parts of the box's own shorter side, the same on all four sides; `size` is the picture's in
    pixels. A pixel that is only touched belongs to it. None when nothing of it is in the picture.

    >>> part(0.2, 0.2, 0.5, 0.2, margin=0.1, size=(100, 100))
    (18, 18, 72, 42)
    """
    across, down = size
    edge_px = margin * min(width * across, height * down)
    # Ratios are binary fractions: what is a hair over a whole pixel is that pixel.
    found = (
        max(0, math.floor(left * across - edge_px + 1e-6)),
        max(0, math.floor(top * down - edge_px + 1e-6)),
        min(across, math.ceil((left + width) * across + edge_px - 1e-6)),
        min(down, math.ceil((top + height) * down + edge_px - 1e-6)),
    )
    return found if found[0] < found[2] and found[1] < found[3] else None


def obscure(pixels: Image.Image, parts: Iterable[Part], style: Style) -> list[Part]:
    """Makes parts of a picture unrecognisable, in place; returns what was touched, soft edges included.

    The picture is of mode L, LA, RGB, RGBA, CMYK or YCbCr. Two pictures that differ only within the parts
    come out the same. Edges are soft to the outside only: within a part nothing shines through.

    Raises:
        ValueError: the mode is another one.
    """
    if pixels.mode not in _BLACK:
        raise ValueError(f"Nothing can be obscured in a picture of mode {pixels.mode}.")
    wanted = list(parts)
    # All of them first: what is around one part may be in another.
    for each in wanted:
        pixels.paste(_BLACK[pixels.mode] if style is Style.BLACK else _gray(pixels.mode), each)
    if style is Style.BLACK:
        return wanted
    touched = []
    for each in wanted:
        outer = _outer(each, pixels.size)
        size = outer[2] - outer[0], outer[3] - outer[1]
        cell_px = max(size) / _CELLS
        cells = _of_surroundings(pixels, each, outer, [max(1, round(side / cell_px)) for side in size])
        how = Image.Resampling.BICUBIC if style is Style.BLUR else Image.Resampling.NEAREST
        pixels.paste(cells.resize(size, how), outer, _mask(each, outer))
        touched.append(outer)
    return touched


def _of_surroundings(pixels: Image.Image, inner: Part, outer: Part, number: list[int]) -> Image.Image:
    """So many cells across and down, whose colours go over from those on one side of a part to the opposite.

    Where a part reaches the edge of the picture, there is nothing to go over to; a part that is all of the
    picture is gray.
    """
    across, down = number
    left, top, right, bottom = outer
    ways: list[Image.Image] = []
    for sides, shape, pair in (
        ([(left, top, right, inner[1]), (left, inner[3], right, bottom)], (across, 1), (across, 2)),
        ([(left, top, inner[0], bottom), (inner[2], top, right, bottom)], (1, down), (2, down)),
    ):
        ends = [
            pixels.crop(side).resize(shape, Image.Resampling.BOX)
            for side in sides
            if side[0] < side[2] and side[1] < side[3]
        ]
        if len(ends) == 2:
            both = Image.new(pixels.mode, pair)
            both.paste(ends[0], (0, 0))
            both.paste(ends[1], (pair[0] - shape[0], pair[1] - shape[1]))
            ends = [both]
        ways += [end.resize((across, down), Image.Resampling.BILINEAR) for end in ends]
    if not ways:
        return Image.new(pixels.mode, (across, down), _gray(pixels.mode))
    return ways[0] if len(ways) == 1 else Image.blend(ways[0], ways[1], 0.5)


def _gray(mode: str) -> int | tuple[int, ...]:
    black = _BLACK[mode]
    return (
        _GRAY if isinstance(black, int) else (_GRAY,) * (len(black) - ("A" in mode)) + (255,) * ("A" in mode)
    )


def _outer(inner: Part, size: tuple[int, int]) -> Part:
    left, top, right, bottom = inner
    edge = max(1, min(_MOST_EDGE_PX, round(_EDGE * min(right - left, bottom - top))))
    return max(0, left - edge), max(0, top - edge), min(size[0], right + edge), min(size[1], bottom + edge)


def _mask(inner: Part, outer: Part) -> Image.Image:
    """How much is shown of the coarse part: all of it within, ever less towards the outer edge."""
    width, height = outer[2] - outer[0], outer[3] - outer[1]
    gaps = [abs(one - other) for one, other in zip(inner, outer, strict=True)]
    steps = max(gaps)
    mask = Image.new("L", (width, height), 0)
    for step in range(1, steps + 1):
        # From the outer edge to the inner one; at a side without an edge all frames begin at once.
        left, top, right, bottom = (max(0, gap - steps + step) for gap in gaps)
        mask.paste(255 * step // (steps + 1), (left, top, width - right, height - bottom))
    mask.paste(255, (gaps[0], gaps[1], width - gaps[2], height - gaps[3]))
    return mask
