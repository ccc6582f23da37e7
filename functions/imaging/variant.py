"""A picture made of a photo on request: of another size, changed a little, of a type that is taken."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from PIL import Image, ImageFilter

from functions.imaging.decoded import Picture, decode
from functions.imaging.pixels import Box
from functions.imaging.steps import step
from functions.imaging.transparency import on_white

# What a picture is that does not say how good it is to be: of JPEG's scale, as the others below.
QUALITY = 80
# What takes the encoders of AVIF and WebP so long that nobody would wait: larger pictures are JPEGs. Of noise
# these take a second of a processor, and 0.3 GB of memory.
MOST_CODED_PIXELS = 8_000_000
# What is made of a whole photo; a PNG of it takes some ten seconds.
MOST_PIXELS = 40_000_000
# https://developers.google.com/speed/webp/faq
MOST_WEBP_SIDE_PX = 16_383
_TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


class Fit(StrEnum):
    """How a photo comes into a size.

    `inside` is the whole photo, no larger than the size and never enlarged; `contain` is that on white, of
    exactly the size; `cover` is the middle of the photo, of exactly the size; `face` is as `cover`, of the
    part with the faces.
    """

    COVER = "cover"
    CONTAIN = "contain"
    INSIDE = "inside"
    FACE = "face"


class Type(StrEnum):
    """The types that pictures are made in."""

    AVIF = "image/avif"
    WEBP = "image/webp"
    JPEG = "image/jpeg"
    PNG = "image/png"


@dataclass(frozen=True)
class Focus:
    """The part of an upright photo that must be seen, in ratios of its sides."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Variant:
    """What is to be made. Only `inside` may leave one side open; `turn_degrees` is clockwise.

    The size is that of the turned picture.
    """

    fit: Fit
    width_px: int | None
    height_px: int | None
    quality: int = QUALITY
    blur_px: int = 0
    gray: bool = False
    turn_degrees: int = 0

    def sides(self, width: int, height: int) -> tuple[int, int]:
        """The size before the picture is turned; a side that is open is the photo's."""
        turned = self.turn_degrees in {90, 270}
        across, down = (self.height_px, self.width_px) if turned else (self.width_px, self.height_px)
        return across or width, down or height

    def inner(self, width: int, height: int) -> tuple[int, int]:
        """The size of the whole of a photo inside the box, not enlarged."""
        across, down = self.sides(width, height)
        fraction = min(1.0, across / width, down / height)
        return max(1, round(width * fraction)), max(1, round(height * fraction))

    def window(self, width: int, height: int, focus: Focus | None) -> Box:
        """The part of a photo that `cover` and `face` show: of the box's shape, and as large as there is.

        With a focus it is smaller, so that what is in focus fills about half of it, but no smaller than the
        box is, in pixels; and it lies as near to the focus as the photo's edges let it.
        """
        across, down = self.sides(width, height)
        fraction = min(width / across, height / down)
        middle = (width / 2, height / 2)
        if focus:
            middle = (
                (focus.left + focus.width / 2) * width,
                (focus.top + focus.height / 2) * height,
            )
            # Twice what is in focus, on each side.
            near = max(2 * focus.width * width / across, 2 * focus.height * height / down)
            fraction = min(fraction, max(near, 1.0))
        size = across * fraction, down * fraction
        left = min(max(0.0, middle[0] - size[0] / 2), width - size[0])
        top = min(max(0.0, middle[1] - size[1] / 2), height - size[1])
        return left, top, left + size[0], top + size[1]

    def fraction(self, width: int, height: int, focus: Focus | None) -> float:
        """Which fraction of a photo's pixels suffices, at most 1."""
        if self.fit in {Fit.INSIDE, Fit.CONTAIN}:
            made = self.inner(width, height)
            return min(1.0, max(made[0] / width, made[1] / height))
        left, _, right, _ = self.window(width, height, focus)
        return min(1.0, self.sides(width, height)[0] / (right - left))


class TooManyPixelsError(Exception):
    """A picture would have more pixels than are made."""


@dataclass(frozen=True)
class Made:
    """A picture as it is sent."""

    type: Type
    data: bytes
    width_px: int
    height_px: int


def make(
    photo: bytes,
    wanted: Variant,
    choose: Callable[[int, int, bool], Type],
    *,
    max_pixels: int,
    focus: Focus | None = None,
) -> Made:
    """Makes a picture of a photo's bytes: upright, in sRGB, without metadata.

    `choose` is given its width and height in pixels, and whether any of it is transparent.

    Raises:
        Rejection: the photo cannot be read, or has more than `max_pixels`.
        TooManyPixelsError: the picture would have more than `MOST_PIXELS`.
    """

    def enough(width: int, height: int) -> float:
        across, down = wanted.inner(width, height)
        if wanted.fit is Fit.INSIDE and across * down > MOST_PIXELS:
            raise TooManyPixelsError(
                f"The picture would be {across}x{down}, more than {MOST_PIXELS} pixels: ask for less."
            )
        return wanted.fraction(width, height, focus)

    picture = decode(photo, max_pixels=max_pixels, enough=enough)
    del photo
    pixels = _turned(_fitted(picture, wanted, focus).srgb(), wanted)
    if wanted.gray:
        pixels = pixels.convert("LA" if pixels.mode in {"LA", "RGBA"} else "L")
    if wanted.blur_px:
        pixels = _blurred(pixels, wanted.blur_px)
    transparent = pixels.mode in {"LA", "RGBA"} and pixels.getchannel("A").getextrema() != (255, 255)
    type_ = choose(*pixels.size, transparent)
    with step("encode") as work:
        data = _encoded(pixels, type_, wanted.quality)
        work.note(width_px=pixels.width, height_px=pixels.height, size_bytes=len(data))
    return Made(type_, data, *pixels.size)


def _fitted(picture: Picture, wanted: Variant, focus: Focus | None) -> Picture:
    photo = picture.width, picture.height
    if wanted.fit in {Fit.COVER, Fit.FACE}:
        # The raster may have fewer pixels than the photo.
        scale = picture.raster.size[0] / picture.width, picture.raster.size[1] / picture.height
        left, top, right, bottom = wanted.window(*photo, focus)
        part = (left * scale[0], top * scale[1], right * scale[0], bottom * scale[1])
        return picture.part(_within(part, picture.raster.size), *wanted.sides(*photo))
    return picture.scaled(*wanted.inner(*photo))


def _within(part: Box, size: tuple[int, int]) -> Box:
    """A part without what rounding put beyond the edges."""
    return max(0.0, part[0]), max(0.0, part[1]), min(size[0], part[2]), min(size[1], part[3])


def _turned(pixels: Image.Image, wanted: Variant) -> Image.Image:
    if wanted.turn_degrees:
        pixels = pixels.transpose(_TURNS[wanted.turn_degrees])
    if wanted.fit is not Fit.CONTAIN:
        return pixels
    pixels = on_white(pixels)
    if pixels.mode == "YCbCr":
        pixels = pixels.convert("RGB")
    size = wanted.width_px or pixels.width, wanted.height_px or pixels.height
    ground = Image.new(pixels.mode, size, "white")
    ground.paste(pixels, ((ground.width - pixels.width) // 2, (ground.height - pixels.height) // 2))
    return ground


def _blurred(pixels: Image.Image, radius_px: int) -> Image.Image:
    if pixels.mode != "YCbCr":
        return pixels.filter(ImageFilter.GaussianBlur(radius_px))
    return pixels.convert("RGB").filter(ImageFilter.GaussianBlur(radius_px))


def _encoded(pixels: Image.Image, type_: Type, quality: int) -> bytes:
    written = io.BytesIO()
    match type_:
        case Type.JPEG:
            on_white(pixels).save(written, "JPEG", quality=quality)
        case Type.WEBP:
            _in_rgb(pixels).save(written, "WEBP", quality=quality, method=2)
        case Type.AVIF:
            # AVIF's scale is another one.
            _in_rgb(pixels).save(written, "AVIF", quality=max(1, quality * 3 // 4), speed=9, max_threads=1)
        case Type.PNG:
            # Twice as fast, and a little larger.
            (pixels.convert("RGB") if pixels.mode == "YCbCr" else pixels).save(
                written, "PNG", compress_level=4
            )
    return written.getvalue()


def _in_rgb(pixels: Image.Image) -> Image.Image:
    return pixels.convert("RGBA" if pixels.mode in {"LA", "RGBA"} else "RGB")
