"""The two renditions of a photo that are published: a square tile, and the whole photo for a page."""

from __future__ import annotations

import io
from dataclasses import dataclass

from functions.decision import Reason, Rejection
from functions.imaging.decoded import Picture, decode
from functions.imaging.header import MAX_ASPECT_RATIO, header

TILE_PX = 400
SCALED_WIDTH_PX = 600


@dataclass(frozen=True)
class Renditions:
    """Both renditions, and width and height of the upright photo in pixels."""

    width: int
    height: int
    tile: Picture
    scaled: Picture


def renditions(data: bytes, *, max_pixels: int) -> Renditions:
    """Makes both of a photo's bytes, by one decoding.

    The tile is 400 by 400, the middle of the photo; a photo with a shorter side is enlarged for it, so that a
    page of tiles has no holes. The scaled photo is 600 wide, or as wide as the photo if that is less.

    Raises:
        Rejection: the photo cannot be read, has more than `max_pixels`, or is more than 20 times as long as
            it is wide, or as wide as it is long (IMAGE_TOO_NARROW).
    """
    shape = header(io.BytesIO(data))
    if shape.aspect_ratio > MAX_ASPECT_RATIO:
        raise Rejection.because(
            Reason.IMAGE_TOO_NARROW, **shape.as_detail(), max_aspect_ratio=MAX_ASPECT_RATIO
        )
    picture = decode(data, max_pixels=max_pixels, enough=enough)
    del data
    scaled = picture.scaled(*scaled_size(picture.width, picture.height))
    # Where the scaled photo is large enough, the tile is made of it; of the usual 3:2 it is cut.
    tile = (scaled if min(scaled.raster.size) >= TILE_PX else picture).square(TILE_PX)
    return Renditions(picture.width, picture.height, tile, scaled)


def scaled_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the scaled photo."""
    fraction = min(1.0, SCALED_WIDTH_PX / width)
    return max(1, round(width * fraction)), max(1, round(height * fraction))


def enough(width: int, height: int) -> float:
    """Which fraction of a photo's pixels suffices for both, at most 1."""
    scaled_width, scaled_height = scaled_size(width, height)
    return min(1.0, max(scaled_width / width, scaled_height / height, TILE_PX / min(width, height)))
