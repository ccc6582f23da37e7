"""A photo: decoded once, upright, and written as JPEG in sRGB."""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image

from functions.decision import Reason, Rejection
from functions.imaging import header as image
from functions.imaging.formats import CUT_OFF, BrokenFileError, Pixels
from functions.imaging.formats.icc import is_srgb
from functions.imaging.missing import is_cut_off
from functions.imaging.pixels import Box, Interleaved, Raster, Subsampled
from functions.imaging.steps import step
from functions.imaging.transparency import on_white, without

# Areas are checked before Pillow sees a file, against the limit that the user has set.
Image.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")

# Pillow's name of each type. Its plugin is imported before a file is opened: asked for a decoder that it has
# not met, Pillow imports all that it has.
_DECODERS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF", "heic": "HEIF"}
_PLUGINS = {
    "jpg": "PIL.JpegImagePlugin",
    "png": "PIL.PngImagePlugin",
    "webp": "PIL.WebPImagePlugin",
    "avif": "PIL.AvifImagePlugin",
    "heic": "functions.imaging.heic",
}

# What makes a picture upright that is stored with an EXIF orientation of 2 to 8.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

QUALITY = 85
# What is tried when a JPEG must not exceed a size.
_QUALITIES = (QUALITY, 70, 50, 30)


@dataclass(frozen=True)
class Picture:
    """A decoded photo, upright, in the colours it was stored in.

    `width` and `height` are those of the photo; `raster` may be smaller than the photo, if the caller's
    `enough` allows it.
    """

    width: int
    height: int
    raster: Raster
    icc_profile: bytes | None

    @classmethod
    def of(cls, pixels: Image.Image) -> Picture:
        """A picture that is in memory, in sRGB or gray, such as a frame of a film."""
        return cls(*pixels.size, Interleaved(pixels), None)

    def scaled(self, width: int, height: int) -> Picture:
        """The whole picture in another size."""
        with step("resize") as work:
            work.note(width_px=width, height_px=height)
            return self._with(self.raster.resized((width, height)))

    def covering(self, width: int, height: int) -> Picture:
        """The middle of the picture, as large a part of that shape as there is, in this size."""
        across, down = self.raster.size
        part: tuple[float, float] = (across, across * height / width)
        if part[1] > down:
            part = (down * width / height, down)
        left, top = (across - part[0]) / 2, (down - part[1]) / 2
        if part == (width, height):
            # Whole pixels, so that what has the right size already is cut and not computed.
            left, top = int(left), int(top)
        box = (left, top, left + part[0], top + part[1])
        with step("resize") as work:
            work.note(width_px=width, height_px=height)
            return self._with(self.raster.resized((width, height), box))

    def part(self, box: Box, width: int, height: int) -> Picture:
        """The part of the picture in a box, in this size."""
        return self._with(self.raster.resized((width, height), box))

    def srgb(self) -> Image.Image:
        """The pixels in sRGB or gray, as L, RGB or YCbCr; with their transparency as LA or RGBA."""
        # Renditions are converted when few pixels are left. It makes no visible difference to do so after
        # scaling: both spaces are as far from linear light.
        pixels = self.raster.image()
        if self.icc_profile and not is_srgb(self.icc_profile):
            from functions.imaging.colour import to_srgb  # noqa: PLC0415  # most photos do without

            alpha = pixels.getchannel("A") if pixels.mode in {"LA", "RGBA"} else None
            if pixels.mode in {"YCbCr", "RGBA"}:
                pixels = pixels.convert("RGB")
            elif alpha is not None:
                pixels = pixels.convert("L")
            pixels = to_srgb(pixels, self.icc_profile)
            if alpha is not None:
                pixels.putalpha(alpha)
        return pixels.convert("RGB") if pixels.mode == "CMYK" else pixels

    def jpeg(self, quality: int = QUALITY) -> bytes:
        """The picture as a baseline JPEG in sRGB or gray, without metadata; on white where transparent."""
        with step("encode") as work:
            # As others do it: white is white in every space.
            pixels = self._with(Interleaved(on_white(self.raster.image()))).srgb()
            written = io.BytesIO()
            pixels.save(written, "JPEG", quality=quality)
            work.note(width_px=pixels.width, height_px=pixels.height, size_bytes=written.tell())
            return written.getvalue()

    def _with(self, raster: Raster) -> Picture:
        return Picture(self.width, self.height, raster, self.icc_profile)


def decode(data: bytes, *, max_pixels: int, enough: Callable[[int, int], float]) -> Picture:
    """Decodes a photo of any readable type.

    `enough` is given width and height in pixels, and says which fraction of them suffices, at most 1. The
    JPEG decoder then makes fewer pixels from the start; other types are reduced once they are decoded.

    Peak memory besides the file, in bytes for each pixel of the photo: 1 for a baseline JPEG, 4 to 9 for a
    progressive one, 5 to 9 for a PNG, 16 for a WebP.

    Raises:
        Rejection: CORRUPT_IMAGE, UNSUPPORTED_TYPE, or IMAGE_TOO_LARGE for more than `max_pixels` or more than
            the memory holds.
    """
    with step("decode") as work:
        work.note(size_bytes=len(data))
        header, pixels = image.pixels(data, max_pixels=max_pixels, enough=enough)
        del data  # pixels has its own copy
        work.note(type=header.type, width_px=header.width, height_px=header.height)
        fraction = enough(header.width, header.height)
        with _refusals(header):
            raster = _load(header.type, pixels, fraction)
        return Picture(header.width, header.height, raster, pixels.icc_profile)


def reduced_jpeg(data: bytes, *, max_pixels: int, longest_side_px: int, at_most_bytes: int) -> bytes:
    """A smaller JPEG of a photo's bytes: upright, sRGB, without metadata, and never enlarged.

    Where the JPEG would have more than `at_most_bytes`, it gets coarser first, then smaller.

    Raises:
        Rejection: the photo cannot be read, or has more than `max_pixels`.
    """

    def enough(width: int, height: int) -> float:
        return min(1.0, longest_side_px / max(width, height))

    picture = decode(data, max_pixels=max_pixels, enough=enough)
    fraction = enough(picture.width, picture.height)
    while True:
        size = (max(1, round(side * fraction)) for side in (picture.width, picture.height))
        smaller = picture.scaled(*size)
        for quality in _QUALITIES:
            jpeg = smaller.jpeg(quality)
            if len(jpeg) <= at_most_bytes:
                return jpeg
        fraction /= 2


def _load(type_: str, pixels: Pixels, fraction: float) -> Raster:
    importlib.import_module(_PLUGINS[type_])
    stored = pixels.stored
    wanted = stored.at_least(fraction)
    with Image.open(pixels.file, formats=(_DECODERS[type_],)) as opened:
        # A photo that is going to be smaller needs no more colour than the JPEG made of it holds.
        opened.draft("YCbCr" if fraction < 1 and _is_ycbcr(opened) else None, wanted)
        opened.load()
        if is_cut_off(type_, pixels, opened):
            raise BrokenFileError(CUT_OFF)
        raster = (
            without(opened, pixels.file, pixels.transparent)
            if pixels.transparent
            else _in_whole_colours(opened, is_gray=pixels.is_gray)
        )
    if pixels.crop:
        raster = raster.crop(pixels.crop)
    step = min(raster.width // wanted[0], raster.height // wanted[1])
    if step > 1:
        raster = raster.reduce(step)
    if raster.mode != "YCbCr":
        return Interleaved(_upright(raster, stored.orientation))
    return Subsampled.of(_upright(raster, stored.orientation))


def _upright(raster: Image.Image, orientation: int) -> Image.Image:
    return raster.transpose(_TURNS[orientation]) if orientation in _TURNS else raster


def _is_ycbcr(opened: Image.Image) -> bool:
    """Whether a JPEG holds YCbCr, as the decoder sees it: by JFIF, by Adobe, or by its components' names.

    libjpeg does not convert anything else to YCbCr (jdapimin.c, default_decompress_parms).
    """
    components = [layer[0] for layer in getattr(opened, "layer", [])]
    if len(components) != 3 or "jfif" in opened.info:
        return len(components) == 3
    if "adobe" in opened.info:
        return opened.info.get("adobe_transform") == 1
    return components == [1, 2, 3]


def _in_whole_colours(raster: Image.Image, *, is_gray: bool) -> Image.Image:
    """The same picture as L, LA, RGB, RGBA, CMYK or YCbCr: modes whose pixels can be mixed."""
    transparent = "transparency" in raster.info
    match raster.mode:
        case "P":
            return raster.convert("RGBA" if transparent else "RGB")
        case "1" | "L":
            return raster.convert("LA" if transparent else "L")
        case "I;16":
            # Converting alone would make every tone above 255 white.
            return raster.point(lambda tone: tone * (1 / 256)).convert("L")
        case "RGB" if transparent:
            return raster.convert("RGBA")
        case "RGB" | "RGBA" if is_gray:
            # So that a profile for gray can be applied.
            return raster.convert("LA" if raster.mode == "RGBA" else "L")
        case _:
            return raster


@contextmanager
def _refusals(header: image.Header) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise Rejection.because(
            Reason.IMAGE_TOO_LARGE, **header.as_detail(), message="The photo needs more memory than there is."
        ) from None
    except BrokenFileError as error:
        raise Rejection.because(
            Reason.CORRUPT_IMAGE, **header.as_detail(), message=f"The {header.type} file is broken: {error}."
        ) from None
    except (
        Exception
    ) as error:  # Pillow raises whatever its decoders meet: OSError, SyntaxError, ValueError, …
        raise Rejection.because(
            Reason.CORRUPT_IMAGE,
            **header.as_detail(),
            message=f"The {header.type} file cannot be decoded: {_explained(error)}.",
        ) from error


def _explained(error: Exception) -> str:
    """What a decoder met; Pillow says of missing data how much of it was left unread."""
    text = str(error)
    return CUT_OFF if "truncated" in text else text[:200]
