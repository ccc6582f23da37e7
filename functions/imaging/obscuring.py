"""Parts of a picture made unrecognisable, for good.

What is left of a part does not depend on how hard somebody tries to undo it: a blurred or pixelated part is
computed from a few mean colours, and nothing else of it is kept; a black one from none. So a blur is not a
filter that could be inverted, but those few colours with soft transitions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeAlias

from PIL import Image

# Left, top, right and bottom, in pixels; the right and the bottom edge lie outside.
Part: TypeAlias = tuple[int, int, int, int]

# How many mean colours are left of a part, along its longer side. `scripts/bench redact` measures what can be
# recognised by them.
CELLS = 4
# The width of the soft edge around a part, in parts of its shorter side, and the most pixels that it has.
_EDGE, _MOST_EDGE_PX = 1 / 8, 32
_BLACK: dict[str, int | tuple[int, ...]] = {
    "L": 0,
    "LA": (0, 255),
    "RGB": (0, 0, 0),
    "RGBA": (0, 0, 0, 255),
    "CMYK": (0, 0, 0, 255),
    "YCbCr": (0, 128, 128),
}


class Style(StrEnum):
    """How parts are made unrecognisable: mean colours with soft transitions or with hard ones, or black."""

    BLUR = "blur"
    PIXELATE = "pixelate"
    BLACK = "black"


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


def obscure(pixels: Image.Image, parts: Iterable[Part], style: Style, *, cells: int = CELLS) -> list[Part]:
    """Makes parts of a picture unrecognisable, in place; returns what was touched, soft edges included.

    The picture is of mode L, LA, RGB, RGBA, CMYK or YCbCr. `cells` is how many mean colours remain along a
    part's longer side, 1 or more. Edges are soft to the outside only: within a part nothing shines through.

    Raises:
        ValueError: the mode is another one.
    """
    if pixels.mode not in _BLACK:
        raise ValueError(f"Nothing can be obscured in a picture of mode {pixels.mode}.")
    touched = []
    for each in parts:
        if style is Style.BLACK:
            pixels.paste(_BLACK[pixels.mode], each)
            touched.append(each)
            continue
        outer = _outer(each, pixels.size)
        pixels.paste(_coarse(pixels.crop(outer), style, cells), outer, _mask(each, outer))
        touched.append(outer)
    return touched


def _coarse(cut: Image.Image, style: Style, cells: int) -> Image.Image:
    """The same size made of few mean colours, in cells that are about square."""
    width, height = cut.size
    cell_px = max(width, height) / cells
    grid = (max(1, round(width / cell_px)), max(1, round(height / cell_px)))
    smooth = style is Style.BLUR
    means = cut.resize(grid, Image.Resampling.BOX)
    return means.resize(cut.size, Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST)


def _outer(inner: Part, size: tuple[int, int]) -> Part:
    left, top, right, bottom = inner
    edge = min(_MOST_EDGE_PX, round(_EDGE * min(right - left, bottom - top)))
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
