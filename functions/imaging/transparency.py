"""Transparent pixels: of PNGs that make one colour of 16 bits transparent, and what is put behind all of
them.
"""

from __future__ import annotations

import io

from PIL import Image, ImageChops


def on_white(pixels: Image.Image) -> Image.Image:
    """The same picture without transparency, on white."""
    return on_colour(pixels, "white")


def on_colour(pixels: Image.Image, colour: str) -> Image.Image:
    """The same picture without transparency, on a colour."""
    if pixels.mode not in {"LA", "RGBA"}:
        return pixels
    ground = Image.new(pixels.mode.removesuffix("A"), pixels.size, colour)
    ground.paste(pixels.convert(ground.mode), mask=pixels.getchannel("A"))
    return ground


def without(decoded: Image.Image, file: io.BytesIO, colour: tuple[int, ...]) -> Image.Image:
    """A PNG of 16 bits a sample, transparent where it has exactly this colour; as LA or RGBA.

    Pillow makes 8 bits of RGB, which are not enough to tell the colour from its like: the file is decoded
    once more for the other 8.
    """
    if len(colour) == 1:
        # Gray is I;16, of which each pixel is two bytes, the lower one first.
        lower, upper = (
            [half] for half in Image.frombytes("LA", decoded.size, decoded.tobytes("raw", "I;16")).split()
        )
    else:
        lower, upper = _lower(file), list(decoded.split())
    # 255 where a half of a sample differs.
    differs = Image.new("L", decoded.size)
    for half, shift in ((lower, 0), (upper, 8)):
        for samples, sample in zip(half, colour, strict=True):
            wanted = sample >> shift & 255
            table = [0 if value == wanted else 255 for value in range(256)]
            differs = ImageChops.lighter(differs, samples.point(table))
    return Image.merge("LA" if len(colour) == 1 else "RGBA", (*upper, differs))


def _lower(file: io.BytesIO) -> list[Image.Image]:
    """The lower 8 bits of each sample of a PNG of 16-bit RGB, by reading its bytes in the other order."""
    with Image.open(file, formats=("PNG",)) as opened:
        opened.tile = [tile._replace(args="RGB;16L") for tile in opened.tile]
        opened.load()
        return list(opened.split())
