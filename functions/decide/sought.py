"""What is sought on a photo: entries that refuse it when they are found, and entries that it must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from functions.analysis.detected_text import plain
from functions.analysis.photo_analysis import PhotoAnalysis
from functions.decide.signal import Evidence, least_of, worst
from functions.decision import Decision
from functions.platform.rules import RuleError, reason
from functions.platform.values import entries, percent, value

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import BoundingBoxTypeDef

# A Decision stays small, whatever crowd is on the photo.
_MOST_BOXES = 10


@dataclass(frozen=True)
class Rules:
    """The rules of `labels` and `words`.

    Of `refused` none may be found, of `required` each must be, of `one_of` at least one; `min_confidence` is
    how sure Rekognition must be, in percent, and `reason` the rejection's reason for a photo that breaks
    these rules.
    """

    min_confidence: float = value(percent)
    reason: str = value(reason)
    refused: tuple[str, ...] = value(entries, ())
    required: tuple[str, ...] = value(entries, ())
    one_of: tuple[str, ...] = value(entries, ())

    def __post_init__(self) -> None:
        refused = {plain(entry) for entry in self.refused}
        for entry in (*self.required, *self.one_of):
            if plain(entry) in refused:
                raise RuleError(f"{entry!r} is refused and required: no photo can keep to both rules.")

    @property
    def entries(self) -> tuple[str, ...]:
        """All that is sought."""
        return (*self.refused, *self.required, *self.one_of)

    def check(self) -> None:
        """Raises RuleError when nothing is sought: a slip would accept every photo."""
        if not self.entries:
            raise RuleError(
                "Nothing is refused and nothing required: set the rule refused, required, one_of, or several."
            )


@dataclass(frozen=True)
class Found:
    """How an entry was found: what was seen for it, how surely in percent, and how often, if known."""

    seen: str
    confidence: float
    instances: int | None = None
    # Where: Rekognition's boxes, in parts of the photo's sides.
    boxes: Sequence[BoundingBoxTypeDef] = ()

    def as_detail(self, name: str) -> dict[str, Any]:
        """The entry of this name in the detail of a Decision."""
        told: dict[str, Any] = {"name": name, "seen": self.seen, "confidence": round(self.confidence, 2)}
        if self.instances is not None:
            told["instances"] = self.instances
        if self.boxes:
            # The values of a TypedDict are objects to the type checker; these are numbers.
            told["boxes"] = [
                {side.lower(): round(float(part), 3) for side, part in box.items()}  # type: ignore[arg-type]
                for box in self.boxes[:_MOST_BOXES]
            ]
        return told


# Finds entries on a photo, with a confidence in percent: those that are there, by their names.
Finder: TypeAlias = Callable[[Sequence[str], PhotoAnalysis, float], Mapping[str, Found]]


def decide(rules: Rules, find: Finder, analysis: PhotoAnalysis) -> Decision:
    """Decides by what is found of the entries sought.

    The detail has `refused`, the refused entries that were found, `found`, the required ones, and `missing`,
    the names of those that were not; `one_of` has those found of which one is enough. What was found has its
    `name` in the rules, what was `seen` for it, the `confidence` in percent, and for labels that Rekognition
    counts the `instances` and the `boxes` of the first of them: `left`, `top`, `width` and `height` in parts
    of the photo's sides.
    """
    found = find(rules.entries, analysis, rules.min_confidence)

    def told(names: Sequence[str]) -> list[dict[str, Any]]:
        return [found[name].as_detail(name) for name in names if name in found]

    detail: dict[str, Any] = {"refused": told(rules.refused)} if rules.refused else {}
    if rules.required:
        detail |= {
            "found": told(rules.required),
            "missing": [each for each in rules.required if each not in found],
        }
    if rules.one_of:
        detail["one_of"] = told(rules.one_of)
    if detail.get("refused") or detail.get("missing") or detail.get("one_of") == []:
        return Decision.reject(rules.reason, **detail, min_confidence=rules.min_confidence)
    return Decision.accept(**detail)


def evidence(rules: Rules, find: Finder, analysis: PhotoAnalysis) -> Evidence:
    """What of the entries sought speaks most against the photo."""
    sure: dict[str, float] = {}
    # Of more words, some read less surely, a phrase may be parted: what the rule itself finds is there, too.
    for limit in (rules.min_confidence, least_of(rules.min_confidence)):
        for name, each in find(rules.entries, analysis, limit).items():
            sure[name] = max(sure.get(name, 0.0), each.confidence)
    speaking = [Evidence(sure.get(name)) for name in rules.refused]
    speaking += [Evidence(sure.get(name), is_wanted=True) for name in rules.required]
    if rules.one_of:
        surest = max((sure[name] for name in rules.one_of if name in sure), default=None)
        speaking.append(Evidence(surest, is_wanted=True))
    return worst(speaking, rules.min_confidence)
