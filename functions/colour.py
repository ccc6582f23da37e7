"""Colours under the ICC profile that a photo brings, converted to sRGB."""

from __future__ import annotations

import io

from PIL import Image, ImageCms


def to_srgb(raster: Image.Image, profile: bytes) -> Image.Image:
    """The same picture as RGB in sRGB; unchanged when the profile is broken, or is for other kinds of pixels.

    The intent is perceptual: colours outside sRGB are drawn in together with their neighbours.
    """
    try:
        # Refused for a profile that is broken, or for another colour space than the mode's.
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            raster.mode,
            "RGB",
            renderingIntent=ImageCms.Intent.PERCEPTUAL,
        )
        converted = ImageCms.applyTransform(raster, transform)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return raster
    # None is for a conversion in place.
    return converted or raster
