"""The faces that the detector sees, in the shape of DetectFaces.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_FaceDetail.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from happypath.sandbox.rekognition.detectors import Sighting

# The service gives no more.
MAX_FACES = 100
# The points that it gives among others, in the detector's order.
_LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
# What it always gives, whatever `Attributes` says. Of these the detector knows no Pose and no Quality.
_DEFAULT = frozenset({"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"})


def face_details(faces: Sequence[Sighting]) -> list[dict[str, Any]]:
    """The faces, the largest first, 100 at most."""
    largest = sorted(faces, key=lambda face: -face.width * face.height)[:MAX_FACES]
    return [
        {
            "BoundingBox": {"Width": face.width, "Height": face.height, "Left": face.left, "Top": face.top},
            "Landmarks": [
                {"Type": name, "X": x, "Y": y} for name, (x, y) in zip(_LANDMARKS, face.points, strict=True)
            ],
            "Confidence": face.confidence,
        }
        for face in largest
    ]


def chosen(face: Mapping[str, Any], attributes: Collection[str]) -> dict[str, Any]:
    """Of a whole FaceDetail what `Attributes` asks for.

    >>> chosen({"Confidence": 99.0, "AgeRange": {"Low": 1}, "EyesOpen": {}}, {"AGE_RANGE"})
    {'Confidence': 99.0, 'AgeRange': {'Low': 1}}
    """
    # FACE_OCCLUDED is FaceOccluded.
    wanted = {attribute.replace("_", "").lower() for attribute in attributes}
    return {
        name: value
        for name, value in face.items()
        if name in _DEFAULT or "all" in wanted or name.lower() in wanted
    }
