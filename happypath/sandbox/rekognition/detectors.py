"""What the sandbox can see by itself: faces and cats, with the cascades that OpenCV 4 brings along.

The settings come from trials on pieces of the sample photos, cut and mirrored at random. In 56 pieces without
a face none was seen, at any tilt. A tilted face is looked for only where there is no upright one, and in a
smaller picture, because it costs as much again. A cat must fill a quarter of the photo; then the eight pieces
with the cat's face were all seen, and none of the 56 others was taken for one.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import cv2
    from PIL import Image

# The longest side of the picture that `look` works on.
SIDE_PX = 1024

# A cascade cannot be used by two threads at once, and one search keeps a core busy.
_searching = threading.Lock()


@dataclass(frozen=True)
class Sighting:
    """One thing seen: its box in parts of the photo's width and height, and a confidence from 0 to 100."""

    left: float
    top: float
    width: float
    height: float
    confidence: float


@dataclass(frozen=True)
class Search:
    """How one cascade is used."""

    cascade: str
    # The picture is reduced to this, unless it is smaller.
    side_px: int
    # How much larger each next size is that is looked for.
    step: float
    # The smallest size looked for.
    smallest_px: int
    # Space added on each side, in parts of the longest side, for what the frame cuts off.
    margin: float = 0.0


# More windows than this must agree on a place.
_NEIGHBOURS = 8
_FACE = Search("haarcascade_frontalface_alt2", SIDE_PX, step=1.1, smallest_px=32)
_TILTED_FACE = Search("haarcascade_frontalface_alt2", 512, step=1.1, smallest_px=32)
_CAT = Search("haarcascade_frontalcatface_extended", 200, step=1.04, smallest_px=50, margin=0.1)


def look(picture: Image.Image) -> tuple[list[Sighting], list[Sighting]]:
    """The faces and the cats in an upright gray picture of at most `SIDE_PX`, the surest first."""
    import cv2  # noqa: PLC0415  # 0.2 s and 60 MB that most runs never need
    import numpy as np  # noqa: PLC0415

    pixels = np.asarray(picture)
    with _searching:
        # One thread per search, so that the same photo always has the same answer.
        cv2.setNumThreads(1)
        faces = _find(pixels, _FACE) or _surest(_find(pixels, _TILTED_FACE, angle) for angle in (-22, 22))
        cats = _surest(_find(pixels, _CAT, angle) for angle in (-8, 0, 8))
    return faces, cats


def confidence(windows: int) -> float:
    """How sure a place is on which so many windows agree.

    >>> [round(confidence(windows)) for windows in (9, 15, 30)]
    [83, 95, 100]
    """
    return 100 * (1 - math.exp(-windows / 5))


def _surest(findings: Iterable[list[Sighting]]) -> list[Sighting]:
    # The same thing is seen at two angles; counting it once is worth more than a second one at another tilt.
    return max(findings, key=lambda sightings: max((each.confidence for each in sightings), default=0.0))


def _find(pixels: Any, search: Search, angle_degrees: float = 0.0) -> list[Sighting]:
    import cv2  # noqa: PLC0415

    height, width = pixels.shape
    scale = min(1.0, search.side_px / max(height, width))
    view = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else pixels
    margin_px = round(search.margin * max(view.shape))
    if margin_px:
        view = cv2.copyMakeBorder(
            view, margin_px, margin_px, margin_px, margin_px, borderType=cv2.BORDER_REPLICATE
        )
    view_height, view_width = view.shape
    turn = cv2.getRotationMatrix2D((view_width / 2, view_height / 2), angle_degrees, 1.0)
    if angle_degrees:
        view = cv2.warpAffine(view, turn, (view_width, view_height), borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(turn)

    boxes, windows = _cascade(search.cascade).detectMultiScale2(
        view,
        scaleFactor=search.step,
        minNeighbors=_NEIGHBOURS,
        minSize=(search.smallest_px, search.smallest_px),
    )
    sightings = []
    for corner_and_size, agreeing in zip(boxes, windows, strict=True):
        x, y, box_width, box_height = (float(each) for each in corner_and_size)
        # The box turns with the picture around its own middle.
        middle = back @ (x + box_width / 2, y + box_height / 2, 1.0)
        box = _clipped(
            (float(middle[0]) - box_width / 2 - margin_px) / (width * scale),
            (float(middle[1]) - box_height / 2 - margin_px) / (height * scale),
            box_width / (width * scale),
            box_height / (height * scale),
        )
        sightings.append(Sighting(*box, confidence(int(agreeing))))
    return sorted(sightings, key=lambda each: -each.confidence)


def body_of(face: Sighting) -> Sighting:
    """Where the rest of a person most likely is: shoulders three faces wide, and down to six faces."""
    box = _clipped(face.left - face.width, face.top - face.height / 2, 3 * face.width, 6.5 * face.height)
    return Sighting(*box, face.confidence)


def _clipped(left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    left, top = max(0.0, left), max(0.0, top)
    return left, top, max(0.0, right - left), max(0.0, bottom - top)


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    import cv2  # noqa: PLC0415

    folder: str = cv2.data.haarcascades  # type: ignore[attr-defined]  # OpenCV's stubs leave it out
    return cv2.CascadeClassifier(f"{folder}{name}.xml")
