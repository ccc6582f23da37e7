"""A photo as Rekognition takes it: how long, how large and of which type it may be, and how it is decoded.

The limits: https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
"""

from __future__ import annotations

import io
import re
import threading
from contextlib import suppress

from PIL import Image

from functions.imaging.formats import BrokenFileError, TooComplexError, UnreadableVariantError, jpeg, png
from happypath.sandbox.rekognition import errors

MAX_BYTES = 5 * 1024 * 1024
MAX_OBJECT_BYTES = 15 * 1024 * 1024
MIN_SIDE_PX = 80
MAX_SIDE_PX = 10_000

# What each EXIF orientation asks for; 1 is upright already.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Under which name it is kept with an opened photo.
_ORIENTATION = "happypath_orientation"
# The start of a JPEG's scan of one to four components. Each makes the decoder go over all pixels, however few
# bytes it has, and one file could keep the sandbox busy for minutes. Encoders write about a dozen.
_SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")
_SCANS = 100
# One at a time: a photo of 10,000 by 10,000 pixels takes 400 MB while it is decoded.
_decoding = threading.Lock()


def check_length(size_bytes: int, *, from_s3: bool) -> None:
    """Checks the length of an S3 object, or of bytes in the request.

    Raises:
        RekognitionError: ImageTooLargeException for an object over 15 MB, ValidationException for no bytes
            at all or more than 5 MB.
    """
    if from_s3:
        if size_bytes > MAX_OBJECT_BYTES:
            raise errors.image_too_large(
                f"Image size of {size_bytes} bytes exceeds the maximum of {MAX_OBJECT_BYTES} bytes"
            )
    elif size_bytes > MAX_BYTES:
        raise errors.bytes_out_of_bounds(size_bytes, f"less than or equal to {MAX_BYTES}")
    elif size_bytes < 1:
        raise errors.bytes_out_of_bounds(size_bytes, "greater than or equal to 1")


def open_photo(data: bytes) -> Image.Image:
    """Reads the header, and no pixels yet.

    Raises:
        RekognitionError: InvalidImageFormatException (neither JPEG nor PNG, or a JPEG of more scans than
            anybody needs), InvalidParameterException (a side under 80 pixels), ImageTooLargeException (a side
            over 10,000 pixels).
    """
    try:
        image = Image.open(io.BytesIO(data), formats=["JPEG", "PNG"])
    except Image.DecompressionBombError as error:
        # Pillow stops at 179 million pixels, so that a side is over the limit.
        raise errors.image_too_large(
            f"Input image dimensions exceed maximum dimension size of {MAX_SIDE_PX} pixels"
        ) from error
    except Exception as error:  # hostile headers raise far more than UnidentifiedImageError
        raise errors.invalid_image_format() from error
    if image.format == "JPEG" and len(_SCAN.findall(data)) > _SCANS:
        raise errors.invalid_image_format()
    if max(image.size) > MAX_SIDE_PX:
        raise errors.image_too_large(
            f"Input image dimensions {image.width} x {image.height} exceed maximum dimension size "
            f"of {MAX_SIDE_PX} pixels"
        )
    if min(image.size) < MIN_SIDE_PX:
        raise errors.invalid_parameter()
    image.info[_ORIENTATION] = _orientation(data, image.format)
    return image


def _orientation(data: bytes, format_: str | None) -> int:
    """The orientation as the functions read it, so that boxes fit what is published; 1 without one.

    Pillow would take one from XMP as well.
    """
    with suppress(BrokenFileError, TooComplexError, UnreadableVariantError):
        read = jpeg.header if format_ == "JPEG" else png.header
        return read(io.BytesIO(data)).orientation
    return 1


def upright(image: Image.Image, mode: str, longest_side_px: int) -> Image.Image:
    """Decodes the photo, reduces it (it is never enlarged) and turns it upright by its EXIF orientation.

    The service, too, gives its boxes for the upright photo:
    https://docs.aws.amazon.com/rekognition/latest/dg/images-orientation.html

    `mode` is Pillow's: `L` (gray) or `RGB`.

    Raises:
        RekognitionError: InvalidImageFormatException, the pixels cannot be decoded.
    """
    bounds = (longest_side_px, longest_side_px)
    try:
        with _decoding:
            image.draft(mode, bounds)
            pixels = _averageable(image, mode)
            pixels.thumbnail(bounds, reducing_gap=2.0)
            pixels = pixels.convert(mode)
    except Exception as error:  # what decoders raise for hostile bytes has no common class
        raise errors.invalid_image_format() from error
    orientation = image.info.get(_ORIENTATION, 1)
    return pixels.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else pixels


def _averageable(image: Image.Image, mode: str) -> Image.Image:
    """The photo in a mode whose pixels can be averaged while it is reduced."""
    if image.mode.startswith("I"):  # 16 bits a pixel, of which Pillow would cut off the upper ones
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert(mode) if image.mode in ("1", "P") else image


def within_bytes(data: bytes) -> bytes:
    """The photo itself, or a smaller JPEG rendition of it when it is too long to be sent as bytes.

    Raises:
        RekognitionError: as `open_photo` and `upright`.
    """
    longest_side_px = 4096
    while len(data) > MAX_BYTES:
        rendition = io.BytesIO()
        upright(open_photo(data), "RGB", longest_side_px).save(rendition, "JPEG", quality=90)
        data = rendition.getvalue()
        longest_side_px //= 2
    return data
