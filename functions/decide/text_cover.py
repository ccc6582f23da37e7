"""Does text cover more of the photo, or of areas of it, than it may?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.analysis.region import Region
from functions.decide.signal import Evidence, least_of, worst
from functions.decision import Decision
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.platform.rules import reason
from functions.platform.values import percent, value
from functions.upload import Upload

prepare("s3", "rekognition")

# How many texts the detail of a Decision names.
_MOST_TEXTS = 10


@dataclass(frozen=True)
class Area:
    """A part of the photo: from the upper left corner, in percent of its sides."""

    left: float
    top: float
    width: float
    height: float

    def covered_by(self, line: Region) -> float:
        """How much of it a line of text covers, in percent.

        >>> Area(0, 50, 100, 50).covered_by(Region(0.0, 0.25, 0.5, 0.5, "text", 99.0))
        25.0
        """
        wide = _overlap(self.left, self.width, 100 * line.left, 100 * line.width)
        high = _overlap(self.top, self.height, 100 * line.top, 100 * line.height)
        return 100 * wide * high / (self.width * self.height)


def _overlap(start: float, length: float, other: float, other_length: float) -> float:
    return max(0.0, min(start + length, other + other_length) - max(start, other))


WHOLE = Area(0, 0, 100, 100)


def _areas(given: object) -> tuple[Area, ...]:
    sides = ("left", "top", "width", "height")
    if not isinstance(given, list) or not given:
        raise ValueError("must be a list of areas")
    found = []
    for each in given:
        if not isinstance(each, Mapping) or set(each) != set(sides):
            raise ValueError(f"must have {', '.join(sides)} of each area, in percent of the photo's sides")
        area = Area(*(percent(each[side]) for side in sides))
        if not area.width or not area.height or max(area.left + area.width, area.top + area.height) > 100:
            raise ValueError("must have areas that lie within the photo and are not empty")
        found.append(area)
    return tuple(found)


@dataclass(frozen=True)
class Rules:
    """`max_percent`: how much of each of the `areas` text may cover; without any, of the whole photo.

    A line counts that Rekognition is sure of by `min_confidence` percent. Where lines overlap, both count.
    """

    max_percent: float = value(percent)
    min_confidence: float = value(percent)
    reason: str = value(reason)
    areas: tuple[Area, ...] = value(_areas, (WHOLE,))


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Decides by the boxes of the lines of text that Rekognition reads."""
    return decide(rules, PhotoAnalysis(upload))


def decide(rules: Rules, analysis: PhotoAnalysis) -> Decision:
    """Decides by the area that is covered most.

    The detail has the percent of it that is `covered`, the `max_percent` allowed, the first of the `texts`
    that cover it, and as `refused` the line with which it is too much, by its `name` and the `confidence` in
    percent.
    """
    lines = [line for line in analysis.lines(rules.min_confidence) if line.confidence >= rules.min_confidence]
    area = max(rules.areas, key=lambda each: sum(map(each.covered_by, lines)))
    covered = sum(map(area.covered_by, lines))
    texts = [line.text for line in lines if area.covered_by(line)][:_MOST_TEXTS]
    detail = {"covered": round(covered, 1), "max_percent": rules.max_percent, "texts": texts}
    too_many = filter(None, (_line_too_many(each, lines, rules) for each in rules.areas))
    worst_line = max(too_many, key=lambda line: line.confidence, default=None)
    if worst_line is None:
        return Decision.accept(**detail)
    refused = [{"name": worst_line.text, "confidence": round(worst_line.confidence, 2)}]
    return Decision.reject(rules.reason, **detail, refused=refused)


def evidence(rules: Rules, analysis: PhotoAnalysis) -> Evidence:
    """The first line with which text covers too much of an area, counted from the surest."""
    least = least_of(rules.min_confidence)
    lines = [line for line in analysis.lines(least) if line.confidence >= least]
    too_many = (_line_too_many(area, lines, rules) for area in rules.areas)
    return worst((Evidence(line.confidence if line else None) for line in too_many), rules.min_confidence)


def _line_too_many(area: Area, lines: list[Region], rules: Rules) -> Region | None:
    covered = 0.0
    for line in sorted(lines, key=lambda each: -each.confidence):
        covered += area.covered_by(line)
        if covered > rules.max_percent:
            return line
    return None
