"""The labels for what the detectors see, in the shape and the words of DetectLabels.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_Label.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from happypath.sandbox.rekognition.detectors import Sighting, body_of

# name: ancestors, aliases, category
_VOCABULARY: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "Person": ((), ("Human",), "Person Description"),
    "Head": (("Person",), (), "Person Description"),
    "Face": (("Head", "Person"), (), "Person Description"),
    "Animal": ((), (), "Animals and Pets"),
    "Mammal": (("Animal",), (), "Animals and Pets"),
    "Pet": (("Animal",), (), "Animals and Pets"),
    "Cat": (("Animal", "Mammal", "Pet"), (), "Animals and Pets"),
}


def labels_for(faces: Sequence[Sighting], cats: Sequence[Sighting]) -> list[dict[str, Any]]:
    """All labels that follow from these faces and cats, ancestors included, as the service gives them."""
    labels = []
    if faces:
        labels += [_label("Face", faces), _label("Head", faces)]
        labels += [_label("Person", faces, instances=[body_of(face) for face in faces])]
    if cats:
        labels += [_label(name, cats) for name in ("Animal", "Mammal", "Pet")]
        labels += [_label("Cat", cats, instances=cats)]
    return labels


def _label(name: str, seen: Sequence[Sighting], instances: Sequence[Sighting] = ()) -> dict[str, Any]:
    ancestors, aliases, category = _VOCABULARY[name]
    return {
        "Name": name,
        "Confidence": max(each.confidence for each in seen),
        "Instances": [
            {
                "BoundingBox": {
                    "Width": each.width,
                    "Height": each.height,
                    "Left": each.left,
                    "Top": each.top,
                },
                "Confidence": each.confidence,
            }
            for each in instances
        ],
        "Parents": [{"Name": ancestor} for ancestor in ancestors],
        "Aliases": [{"Name": alias} for alias in aliases],
        "Categories": [{"Name": category}],
    }
