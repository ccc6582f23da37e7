"""Colours under the ICC profile that a photo brings, converted to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageCms

from functions.imaging.formats.icc import space

# Of 255.
_GRAY_TOLERANCE = 8


def to_srgb(raster: Image.Image, profile: bytes) -> Image.Image:
    """The same picture as RGB in sRGB; unchanged when the profile is broken, or is for other kinds of pixels.

    The intent is perceptual: colours outside sRGB are drawn in together with their neighbours.
    """
    if space(profile) == "GRAY" and raster.mode == "RGB":
        gray = _gray(raster)
        if gray is None:
            return raster
        raster = gray
    try:
        converted = ImageCms.applyTransform(raster, _transform(profile, raster.mode))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return raster
    # None is for a conversion in place.
    return converted or raster


def _gray(raster: Image.Image) -> Image.Image | None:
    """A picture stored in colours as a gray one, if it is gray but for what lossy compression makes of it."""
    red, green, blue = raster.split()
    for other in (red, blue):
        _, most = ImageChops.difference(green, other).getextrema()
        if not isinstance(most, (int, float)) or most > _GRAY_TOLERANCE:
            return None
    return raster.convert("L")


# Making one takes as long as converting a rendition. Both renditions need the same, and so do most photos
# that bring a profile at all: they come from phones, of which there are few makers.
@lru_cache(maxsize=4)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """Refused for a profile that is broken, or for another colour space than the mode's."""
    return ImageCms.buildTransform(
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.PERCEPTUAL,
    )
