"""What was seen on a photo, and where: boxes in outputs of states, or what Rekognition says when asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from happypath.console.json_text import parsed
from happypath.operations.aws_errors import explain
from happypath.operations.installation import Installation

# Rekognition's names of a box's sides, and those of a Region.
_BOXES = (("Left", "Top", "Width", "Height"), ("left", "top", "width", "height"))
_NAMES = ("Name", "name", "seen", "DetectedText", "label", "shows", "kind", "type")
_CONFIDENCES = ("Confidence", "confidence")
_BOX_KEYS = ("BoundingBox", "Geometry", "box", "boxes", "instances", "Instances")
# What a part of an output is about, by its key.
_KINDS = {
    "faces": "faces",
    "words": "words",
    "Geometry": "words",
    "labels": "labels",
    "boxes": "labels",
    "instances": "labels",
    "Instances": "labels",
}
# What a Region is of, by its own `kind` (functions/analysis/region.py).
_REGIONS = {"face": "faces", "text": "words"}
# What an entry of the catalogue is of (functions/catalogue/entry.py).
_ENTRIES = {"label": "labels", "face": "faces"}
# More of them hide the photo.
_MOST = 100
# As sure as Rekognition must be to be asked on a page.
_MIN_CONFIDENCE = 50.0


@dataclass(frozen=True)
class Sight:
    """Something on a photo: how sure that is in percent, and its box in parts of the sides."""

    name: str
    kind: str
    confidence: float | None
    left: float
    top: float
    width: float
    height: float

    @property
    def words(self) -> str:
        """For a person."""
        return self.name if self.confidence is None else f"{self.name}, {self.confidence:.0f} %"


@dataclass(frozen=True)
class Seen:
    """What was seen on a photo: the boxes, what could not be asked, and whether more can be."""

    sights: Sequence[Sight] = ()
    problems: Sequence[str] = ()
    # Whether Rekognition was asked by the page, and whether it can be.
    was_asked: bool = False
    can_ask: bool = False

    @property
    def kinds(self) -> list[tuple[str, int]]:
        """How many there are of each kind."""
        kinds = dict.fromkeys(sight.kind for sight in self.sights)
        return [(kind, sum(sight.kind == kind for sight in self.sights)) for kind in kinds]


def by_rekognition(installation: Installation, key: str, version: str) -> Seen:
    """What Rekognition sees on a version of an upload."""
    image = {"S3Object": {"Bucket": installation.core["UploadBucket"], "Name": key, "Version": version}}
    answers = asked(installation.client("rekognition"), image, _MIN_CONFIDENCE)
    found = [sight for answer in answers.values() if isinstance(answer, list) for sight in answer]
    problems = [
        f"No {kind}: {explain(answer)}" for kind, answer in answers.items() if isinstance(answer, Exception)
    ]
    return Seen(found, problems, was_asked=True)


def in_outputs(outputs: Iterable[str | None]) -> list[Sight]:
    """The boxes in what states returned, as JSON, wherever they are in it."""
    found: dict[Sight, None] = {}
    for output in dict.fromkeys(outputs):
        if not output or '"left"' not in output.lower():
            # Most outputs have no box, and some are large.
            continue
        found |= dict.fromkeys(in_value(parsed(output)))
        if len(found) >= _MOST:
            break
    return list(found)[:_MOST]


def in_value(value: Any) -> list[Sight]:
    """The boxes in a value from JSON, wherever they are in it."""
    return list(islice(dict.fromkeys(_walk(value, "", None, "regions")), _MOST))


def of_entries(entries: Iterable[Mapping[str, Any]]) -> list[Sight]:
    """The boxes of entries of the catalogue, as JSON has them."""
    found: dict[Sight, None] = {}
    for each in entries:
        box = _box(each["where"].get("region") or {})
        if box is not None:
            found[Sight(each["value"], kind_of(each), each["confidence"], *box)] = None
    return list(found)[:_MOST]


def kind_of(entry: Mapping[str, Any]) -> str:
    """The kind of what an entry of the catalogue is of."""
    what = str(entry["what"])
    return _ENTRIES.get(what, what)


def asked(
    rekognition: Any, image: Mapping[str, Any], min_confidence: float
) -> dict[str, list[Sight] | Exception]:
    """What Rekognition sees: labels with instances, faces, words. Each kind is a call of its own; one that
    AWS refuses is its error. Each call has a price on AWS.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    def labels() -> list[Sight]:
        answer = rekognition.detect_labels(Image=image, MinConfidence=min_confidence)
        return list(_walk(answer["Labels"], "", None, "labels"))

    def faces() -> list[Sight]:
        answer = rekognition.detect_faces(Image=image)["FaceDetails"]
        return [
            sight
            for face in answer
            for sight in _walk(face["BoundingBox"], "Face", face["Confidence"], "faces")
        ]

    def words() -> list[Sight]:
        answer = rekognition.detect_text(Image=image)["TextDetections"]
        return list(_walk([each for each in answer if each["Type"] == "WORD"], "", None, "words"))

    found: dict[str, list[Sight] | Exception] = {}
    for kind, call in (("labels", labels), ("faces", faces), ("words", words)):
        try:
            found[kind] = call()[:_MOST]
        except (ClientError, BotoCoreError) as error:
            found[kind] = error
    return found


def _walk(value: Any, name: str, confidence: float | None, kind: str) -> Iterator[Sight]:
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, name, confidence, kind)
    if not isinstance(value, dict):
        return
    if (box := _box(value)) is not None:
        named = _first(value, _NAMES, str) or name or "Region"
        sure = _first(value, _CONFIDENCES, float)
        of = _REGIONS.get(_first(value, ("kind",), str), kind)
        yield Sight(named, of, confidence if sure is None else sure, *box)
        return
    name = _first(value, _NAMES, str) or name
    sure = _first(value, _CONFIDENCES, float)
    for key, each in value.items():
        if isinstance(each, (dict, list)):
            # What a box is of is said beside it; elsewhere a name is of something else.
            inner = key in _BOX_KEYS
            yield from _walk(
                each,
                name if inner else "",
                (confidence if sure is None else sure) if inner else None,
                _KINDS.get(key, kind),
            )


def _first(value: Mapping[str, Any], names: Iterable[str], kind: type) -> Any:
    for name in names:
        found = value.get(name)
        if isinstance(found, (int, float) if kind is float else kind) and not isinstance(found, bool):
            return found
    return None


def _box(value: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    for names in _BOXES:
        sides = [value.get(name) for name in names]
        if all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in sides):
            left, top, width, height = (float(side) for side in sides if side is not None)
            within = all(math.isfinite(side) and -1 <= side <= 2 for side in (left, top, width, height))
            if within and width > 0 and height > 0:
                return left, top, width, height
    return None
