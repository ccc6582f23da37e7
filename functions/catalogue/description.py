"""What Rekognition sees on a picture, as entries of the catalogue: labels, lines of text, faces, counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from functions.analysis.detected_text import plain
from functions.analysis.photo_analysis import names
from functions.analysis.region import Region
from functions.catalogue.entry import Entry
from functions.catalogue.key_pattern import KeyPattern, Told
from functions.platform.rules import RuleError
from functions.platform.values import entries, percent, value

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import LabelTypeDef

# What is counted of itself, whatever the rules say, and how many Rekognition gives at most.
# https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
_MOST = {"faces": 100, "words": 100}
# What an item of DynamoDB has room for, with lines of text beside them.
_MOST_LABELS = 1000
# The detail of a Decision stays small.
_MOST_TOLD, _MOST_BOXES = 20, 10


def _counts(given: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(given, Mapping):
        raise ValueError("must be an object with the labels of each count")
    found = {str(name): entries(labels) for name, labels in given.items()}
    for name, labels in found.items():
        if not name.isidentifier() or name in _MOST or not labels:
            raise ValueError(f"must have a name, none of {', '.join(_MOST)}, and labels for each count")
    return found


def _patterns(given: object) -> tuple[KeyPattern, ...]:
    return tuple(map(KeyPattern, entries(given)))


@dataclass(frozen=True)
class Rules:
    """`catalogue_from`: how sure Rekognition must be of what is catalogued, in percent; `review_below`: of
    labels that it is less sure of, a person says whether they are right; `counts`: how many there are of
    what, by the labels that count as that; `keys`: what keys say, as `functions.catalogue.key_pattern`.
    """

    catalogue_from: float = value(percent)
    counts: Mapping[str, tuple[str, ...]] = value(_counts)
    review_below: float = value(percent, 0.0)
    keys: tuple[KeyPattern, ...] = value(_patterns, ())

    def __post_init__(self) -> None:
        if len({name.casefold() for name in self.counts}) < len(self.counts):
            raise RuleError("The rule counts has a name twice: give each count a name of its own.")


@dataclass(frozen=True)
class Described:
    """What is on a picture: `entries` of which Rekognition is sure, and those that a person is asked about:
    the labels that are `doubtful`, with the counts that come of them.
    """

    entries: tuple[Entry, ...]
    doubtful: tuple[Entry, ...] = ()


def described(
    labels: Sequence[LabelTypeDef],
    lines: Sequence[Region],
    faces: Sequence[Region],
    words: int,
    rules: Rules,
    said: Told,
) -> Described:
    """What Rekognition's answers come to, all of them as sure as `catalogue_from`; `words` is how many words
    the lines have, and `said` what the key says.
    """
    sure = [label for label in labels if label["Confidence"] >= rules.review_below]
    certain = [*_of_labels(sure), *_counted(sure, rules)]
    known = {plain(entry.value) for entry in certain if entry.what == "label"}
    unsure = [entry for entry in _of_labels(labels) if plain(entry.value) not in known]
    # Nobody can be asked about a count alone.
    counted = [entry for entry in _counted(labels, rules) if entry not in certain] if unsure else []
    rest = [
        *(Entry("face", "face", face.confidence, face) for face in faces),
        *(Entry("words", line.text or "", line.confidence, line) for line in lines),
        Entry("count", "faces", count=len(faces)),
        Entry("count", "words", count=words),
        *([Entry("camera", said.camera)] if said.camera else []),
        *([Entry("film", said.film)] if said.film else []),
    ]
    return Described(
        tuple(replace(each, second=said.second) for each in (*certain, *rest)),
        tuple(replace(each, second=said.second) for each in (*unsure, *counted)),
    )


def _of_labels(labels: Sequence[LabelTypeDef]) -> list[Entry]:
    """Each name that a label has: its own, the kinds that it is of, and other words for it.

    What is of a kind shows where something of that kind is: of several labels of one name the surest counts,
    and the list of instances that has most. There is an entry for each instance, one of which is as sure as
    the label, or one without a region.
    """
    surest: dict[str, float] = {}
    instances: dict[str, Sequence[Region]] = {}
    for label in labels:
        there = _instances(label)
        for name in names(label):
            surest[name] = max(surest.get(name, 0.0), label["Confidence"])
            if len(there) > len(instances.get(name, ())):
                instances[name] = there
    found = []
    for name, confidence in sorted(surest.items(), key=lambda each: (-each[1], each[0])):
        first, *others = instances.get(name, ()) or (None,)
        found.append(Entry("label", name, confidence, first))
        found += [Entry("label", name, each.confidence, each) for each in others if each]
    return found[:_MOST_LABELS]


def _instances(label: LabelTypeDef) -> list[Region]:
    """Where the instances of a label are, the surest first. None is surer than its label."""
    found = [
        Region.of_box(box, "label", min(each["Confidence"], label["Confidence"]))
        for each in label.get("Instances", [])
        if (box := each.get("BoundingBox"))
    ]
    return sorted(found, key=lambda each: -each.confidence)


def _counted(labels: Sequence[LabelTypeDef], rules: Rules) -> Iterable[Entry]:
    """How many instances there are of what is counted, by the label that has most of those which mean it.

    One person can be an instance of several labels: Person, Adult, Woman.
    """
    for name, wanted in rules.counts.items():
        means = {plain(each) for each in wanted}
        there = [_instances(label) for label in labels if means & set(map(plain, names(label)))]
        sure = [[each for each in one if each.confidence >= rules.catalogue_from] for one in there]
        most = max(sure, key=len, default=[])
        lowest = min((each.confidence for each in most), default=100.0)
        yield Entry("count", name, lowest, count=len(most))


def told(found: Iterable[Entry]) -> dict[str, Any]:
    """What is known of an upload, for its record: `counts`; of what there `may_be_more`, for Rekognition gave
    as much as it gives at most; the `camera` and `film` that its key says; the surest `labels`, each with its
    `name`, `confidence` in percent, and the number of its `instances` where they are told apart.
    """
    listed = list(found)
    counts = {each.value: each.count or 0 for each in listed if each.what == "count"}
    may_be_more = [name for name, most in _MOST.items() if counts.get(name, 0) >= most]
    return {
        "counts": counts,
        **({"may_be_more": may_be_more} if may_be_more else {}),
        **{each.what: each.value for each in listed if each.what in {"camera", "film"}},
        "labels": [_label(*each) for each in _by_name(listed)],
    }


def asked(doubtful: Sequence[Entry]) -> list[dict[str, Any]]:
    """The labels that a person is asked about, with the `boxes` of the first of each."""
    found = []
    for name, there in _by_name(doubtful):
        boxes = [each.as_json()["where"]["region"] for each in there if each.region][:_MOST_BOXES]
        found.append(_label(name, there) | ({"boxes": boxes} if boxes else {}))
    return found


def _by_name(listed: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """The labels among entries, the surest first, no more than are told."""
    found: dict[str, list[Entry]] = {}
    for each in listed:
        if each.what == "label":
            found.setdefault(each.value, []).append(each)
    return sorted(found.items(), key=lambda each: -each[1][0].confidence)[:_MOST_TOLD]


def _label(name: str, there: Sequence[Entry]) -> dict[str, Any]:
    known = {"name": name, "confidence": round(there[0].confidence, 2)}
    return known | ({"instances": len(there)} if there[0].region else {})
