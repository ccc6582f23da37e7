"""A picture written at its full size, in a type that was uploaded, and without metadata."""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import Any

from PIL import Image, features

from functions.imaging.steps import step
from functions.imaging.transparency import on_white

# Pillow's name of each type that it writes, its plugin, and how it is written. At these qualities nobody sees
# a difference; a PNG has none, and is twice as fast written a little larger.
_ENCODERS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "jpg": ("JPEG", "PIL.JpegImagePlugin", {"quality": 92}),
    "png": ("PNG", "PIL.PngImagePlugin", {"compress_level": 4}),
    "webp": ("WEBP", "PIL.WebPImagePlugin", {"quality": 90}),
    "avif": ("AVIF", "PIL.AvifImagePlugin", {"quality": 85, "speed": 8, "max_threads": 2}),
}


def written_as(type_: str) -> str:
    """The type that a picture of a readable type is written as: the same, or `jpg` where that is only read.

    >>> written_as("png"), written_as("heic")
    ('png', 'jpg')
    """
    if type_ == "avif" and not features.check("avif"):
        return "jpg"
    return type_ if type_ in _ENCODERS else "jpg"


def encode(pixels: Image.Image, type_: str) -> bytes:
    """Writes a picture in sRGB or gray, of mode L, LA, RGB, RGBA or YCbCr, as one of the types written.

    What a JPEG cannot have, transparency, is white in it.
    """
    name, plugin, how = _ENCODERS[type_]
    importlib.import_module(plugin)
    with step("encode") as work:
        if type_ == "jpg":
            pixels = on_white(pixels)
        elif pixels.mode == "YCbCr":
            pixels = pixels.convert("RGB")
        # Pillow writes some of what it finds here: a comment, a profile.
        pixels.info.clear()
        written = io.BytesIO()
        pixels.save(written, name, **how)
        work.note(type=type_, width_px=pixels.width, height_px=pixels.height, size_bytes=written.tell())
        return written.getvalue()
