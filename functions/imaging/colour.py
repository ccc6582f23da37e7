"""Colours under the ICC profile that a photo brings, converted to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageCms


def to_srgb(raster: Image.Image, profile: bytes) -> Image.Image:
    """The same picture as RGB in sRGB; unchanged when the profile is broken, or is for other kinds of pixels.

    The intent is perceptual: colours outside sRGB are drawn in together with their neighbours.
    """
    try:
        converted = ImageCms.applyTransform(raster, _transform(profile, raster.mode))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return raster
    # None is for a conversion in place.
    return converted or raster


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
