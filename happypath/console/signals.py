"""What models said of a photo that a person is to decide about, as bars, in their own order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from functions.outcome import in_words
from happypath.operations.brief import brief

# More than these nobody reads, of each a line.
_MOST = 50
_WORDS_CHARACTERS = 300
_SCORES = ("score", "confidence", "Confidence")
_NAMES = ("name", "Name", "seen", "label", "DetectedText", "kind")
# Rules that a score is held against, by the names that they have beside it.
_LIMITS = ("publish_from", "refuse_below", "min_confidence", "threshold")


@dataclass(frozen=True)
class Limit:
    """A rule's value on a bar, in percent of its length, and its name."""

    name: str
    percent: float

    @property
    def words(self) -> str:
        """For a person."""
        return f"{self.name} {self.percent:g} %"


@dataclass(frozen=True)
class Signal:
    """What one model said: its name, its score in percent, the reason that it gives, and details in words."""

    name: str
    percent: float
    reason: str = ""
    words: str = ""
    limits: tuple[Limit, ...] = ()


def of(seen: Any) -> list[Signal]:
    """The signals in what the models said, in any shape of JSON.

    >>> found = of({"score": 0.6, "publish_from": 0.85, "signals": [{"name": "words", "score": 0.4}]})
    >>> [(each.name, each.percent, [limit.words for limit in each.limits]) for each in found]
    [('all together', 60.0, ['publish from 85 %']), ('words', 40.0, [])]
    >>> [(each.name, each.percent) for each in of({"labels": [{"name": "Beer", "confidence": 71.5}]})]
    [('Beer', 71.5)]
    """
    return list(islice(_walk(seen, (), None, "all together"), _MOST))


def _walk(
    value: Any, limits: tuple[tuple[str, float], ...], whole: float | None, called: str = ""
) -> Iterator[Signal]:
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, limits, _whole(value))
    elif isinstance(value, dict):
        own = tuple((each, number) for each in _LIMITS if (number := _number(value, each)) is not None)
        name = next((value[each] for each in _NAMES if isinstance(value.get(each), str)), called)
        score = _score(value)
        # What has no name is a part of something that was said already, such as one of a label's boxes.
        if score is not None and name:
            yield _signal(value, name, score, own or limits, whole or _whole([value]))
        if score is None or name == called:
            # The details of a signal are its words.
            for each in value.values():
                yield from _walk(each, () if score is not None else own, None)


def _signal(
    value: Mapping[str, Any],
    name: str,
    score: float,
    limits: tuple[tuple[str, float], ...],
    whole: float,
) -> Signal:
    reason, detail = value.get("reason"), value.get("detail")
    return Signal(
        name,
        _percent(score, whole),
        in_words(reason) if isinstance(reason, str) else "",
        brief(detail)[:_WORDS_CHARACTERS] if detail else "",
        tuple(Limit(in_words(each), _percent(at, whole)) for each, at in limits),
    )


def _whole(values: list[Any]) -> float:
    """What is all: some say 0.82, and some 82; in one list all say it in one way."""
    scores = [_score(each) for each in values if isinstance(each, dict)]
    return 1.0 if all(score is None or abs(score) <= 1 for score in scores) else 100.0


def _score(value: Mapping[str, Any]) -> float | None:
    return next((number for name in _SCORES if (number := _number(value, name)) is not None), None)


def _number(value: Mapping[str, Any], name: str) -> float | None:
    found = value.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        return None
    try:
        return float(found) if math.isfinite(found) else None
    except OverflowError:
        return None


def _percent(value: float, whole: float) -> float:
    return round(min(max(100 * value / whole, 0.0), 100.0), 1)
