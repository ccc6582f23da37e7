"""What is made of a photo to be published: smaller pictures of it, each by a rule of its own."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

from functions.decision import Reason, Rejection
from functions.imaging.decoded import Picture, decode
from functions.imaging.header import MAX_ASPECT_RATIO, header

Size = tuple[int, int]


@dataclass(frozen=True)
class Covering:
    """A picture of exactly this size: the middle of the photo, which is enlarged where it has less.

    So that a page of such pictures has no holes.
    """

    width_px: int
    height_px: int

    def fraction(self, width: int, height: int) -> float:
        """Which fraction of a photo's pixels suffices; above 1 where the photo has too few."""
        return max(self.width_px / width, self.height_px / height)


@dataclass(frozen=True)
class Inside:
    """The whole photo, so wide, or as wide as the photo if that is less."""

    width_px: int

    def size(self, width: int, height: int) -> Size:
        """The size of the picture."""
        fraction = min(1.0, self.width_px / width)
        return max(1, round(width * fraction)), max(1, round(height * fraction))

    def fraction(self, width: int, height: int) -> float:
        """Which fraction of a photo's pixels suffices."""
        made_width, made_height = self.size(width, height)
        return max(made_width / width, made_height / height)


Rendition = Covering | Inside

# A square tile, and the whole photo for a page.
TILE, SCALED = Covering(400, 400), Inside(600)
USUAL: Mapping[str, Rendition] = {"tile": TILE, "scaled": SCALED}


@dataclass(frozen=True)
class Renditions:
    """The renditions by name, and width and height of the upright photo in pixels."""

    width: int
    height: int
    pictures: Mapping[str, Picture]


def renditions(data: bytes, *, max_pixels: int, wanted: Mapping[str, Rendition] = USUAL) -> Renditions:
    """Makes all of a photo's bytes, by one decoding.

    Raises:
        Rejection: the photo cannot be read, has more than `max_pixels`, or is more than 20 times as long as
            it is wide, or as wide as it is long (IMAGE_TOO_NARROW).
    """
    shape = header(io.BytesIO(data))
    if shape.aspect_ratio > MAX_ASPECT_RATIO:
        raise Rejection.because(
            Reason.IMAGE_TOO_NARROW, **shape.as_detail(), max_aspect_ratio=MAX_ASPECT_RATIO
        )

    def suffices(width: int, height: int) -> float:
        return enough(width, height, wanted)

    picture = decode(data, max_pixels=max_pixels, enough=suffices)
    del data
    made = {
        name: picture.scaled(*each.size(picture.width, picture.height))
        for name, each in wanted.items()
        if isinstance(each, Inside)
    }
    # Where a whole one is large enough, others are made of it; of the usual 3:2 the tile is cut.
    smallest_first = sorted(made.values(), key=lambda whole: whole.raster.size)
    for name, each in wanted.items():
        if isinstance(each, Covering):
            of = next((whole for whole in smallest_first if _holds(whole, each)), picture)
            made[name] = of.covering(each.width_px, each.height_px)
    return Renditions(picture.width, picture.height, {name: made[name] for name in wanted})


def enough(width: int, height: int, wanted: Mapping[str, Rendition] = USUAL) -> float:
    """Which fraction of a photo's pixels suffices for all, at most 1."""
    return min(1.0, max(each.fraction(width, height) for each in wanted.values()))


def _holds(picture: Picture, wanted: Covering) -> bool:
    width, height = picture.raster.size
    return width >= wanted.width_px and height >= wanted.height_px
