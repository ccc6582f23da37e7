"""Pixels that are missing: a file breaks off before its picture is whole, and its decoder does not say so.

A picture of which pixels are missing is refused as corrupt, whether its file has an end marker or not. An end
marker that is missing where no pixel is does not matter. Of a progressive JPEG the coarse part suffices:
every pixel is there, though less sharp.
"""

from __future__ import annotations

import io

from PIL import Image

from functions.imaging.formats import Pixels, png
from functions.imaging.formats.jpeg import filled

# What a JPEG decoder makes of data that is not there.
_UNKNOWN = 128


def is_cut_off(type_: str, pixels: Pixels, decoded: Image.Image) -> bool:
    """Whether pixels are missing of a JPEG or PNG that was decoded. The decoders of other types say so
    themselves.

    The last pixel is looked at first: only where it is as decoders make those that they know nothing of, as
    few are, is it worth the time to find out.

    Raises:
        BrokenFileError: one of the colours is missing.
    """
    last = decoded.getpixel((decoded.width - 1, decoded.height - 1))
    parts = last if isinstance(last, tuple) else (last or 0,)
    if type_ == "png":
        is_suspect = not any(parts) or bool(decoded.info.get("interlace"))
        return is_suspect and png.is_short(pixels.file.getvalue())
    if type_ != "jpg" or not (pixels.has_no_end or _is_unknown(parts, decoded.mode)):
        return False
    # A decoder makes other pixels where there is more data, unless it has had all.
    file = pixels.file.getvalue()
    return _eighth(file) != _eighth(filled(file))


def _is_unknown(parts: tuple[float, ...], mode: str) -> bool:
    match mode:
        case "YCbCr":
            return parts[0] == _UNKNOWN
        case "RGB":
            red, green, blue = parts
            return abs(0.299 * red + 0.587 * green + 0.114 * blue - _UNKNOWN) < 2
        case _:
            return all(abs(part - _UNKNOWN) < 8 for part in parts)


def _eighth(jpeg: bytes) -> bytes:
    """The pixels of a JPEG at an eighth of its size, by the coarse part of its data alone."""
    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
        opened.draft(None, (opened.width // 8, opened.height // 8))
        return opened.tobytes()
