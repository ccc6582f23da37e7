"""What a decider has seen of a picture, as far as it decides by a confidence, and what it decides by which.

A Decision's detail says it in a way that holds for any decider: whatever is listed in it with a `confidence`
speaks against the picture, but for what is listed as `found`, which was required, as were the `missing`, and
as `one_of`, of which one is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Detail: TypeAlias = Mapping[str, Any]

# Required things that were found, and the names of those that were not.
_FOUND, _MISSING = "found", "missing"
# Things of which one was required.
_ONE_OF = "one_of"


@dataclass(frozen=True)
class Evidence:
    """Of one picture: how sure the surest is of what refuses it, and the least sure of what is required.

    None where there is nothing of the kind. Whatever the threshold, a picture is refused where something
    required `is_missing`.
    """

    against: float | None = None
    wanted: float | None = None
    is_missing: bool = False

    def refuses(self, threshold: float) -> bool:
        """Whether the picture is refused if what is less sure than this does not count.

        >>> seen = Evidence(against=72.5)
        >>> seen.refuses(72.5), seen.refuses(72.51)
        (True, False)
        """
        return (
            self.is_missing
            or (self.against is not None and self.against >= threshold)
            or (self.wanted is not None and self.wanted < threshold)
        )

    def verdict(self, lower: float, upper: float) -> str:
        """`accept` or `refuse` where that is sure by two thresholds, else `review`.

        What is at least the upper is taken for certain, and what is below the lower for nothing.

        >>> [Evidence(against=each).verdict(60, 90) for each in (50.0, 60.0, 90.0)]
        ['accept', 'review', 'refuse']
        >>> [Evidence(wanted=each).verdict(60, 90) for each in (50.0, 60.0, 90.0)]
        ['refuse', 'review', 'accept']
        """
        against = self.against if self.against is not None else float("-inf")
        wanted = self.wanted if self.wanted is not None else float("inf")
        if self.is_missing or against >= upper or wanted < lower:
            return "refuse"
        return "accept" if against < lower and wanted >= upper else "review"

    @property
    def confidences(self) -> Iterator[float]:
        """At which thresholds the decision changes."""
        yield from (each for each in (self.against, self.wanted) if each is not None)

    def with_(self, other: Evidence) -> Evidence:
        """What both have seen, as of a Map state that looks at a picture in parts."""
        return Evidence(
            _extreme(max, self.against, other.against),
            _extreme(min, self.wanted, other.wanted),
            self.is_missing or other.is_missing,
        )


def _extreme(of: Any, *values: float | None) -> float | None:
    there = [each for each in values if each is not None]
    return float(of(there)) if there else None


def evidence(detail: Detail, within: str = "", others: Iterable[str] = ()) -> Evidence:
    """The evidence in a Decision's detail.

    `within` is the part of it that is meant, by the name of the rules that it is about, `labels` of
    `functions.decide.match`; `others` are parts that are not meant.

    >>> evidence({"labels": [{"name": "Wine", "confidence": 97.6}, {"name": "Bar", "confidence": 51.2}]})
    Evidence(against=97.6, wanted=None, is_missing=False)
    >>> evidence({"found": [{"name": "Cat", "confidence": 61.0}], "missing": ["Dog"]})
    Evidence(against=None, wanted=61.0, is_missing=True)
    """
    part: Any = detail
    for name in filter(None, within.split(".")):
        part = part.get(name, {}) if isinstance(part, Mapping) else {}
    return _evidence(part, frozenset(others))


def _evidence(part: Any, others: frozenset[str], name: str = "") -> Evidence:
    found = Evidence()
    if isinstance(part, Mapping):
        if _is_number(part.get("confidence")):
            sure = float(part["confidence"])
            return Evidence(wanted=sure) if name == _FOUND else Evidence(against=sure)
        for inner, each in part.items():
            if inner == _MISSING:
                found = found.with_(Evidence(is_missing=bool(each)))
            elif inner == _ONE_OF:
                surest = max((float(one["confidence"]) for one in each), default=None)
                found = found.with_(Evidence(wanted=surest, is_missing=surest is None))
            elif inner not in others:
                found = found.with_(_evidence(each, frozenset(), inner))
    elif isinstance(part, list):
        for each in part:
            found = found.with_(_evidence(each, frozenset(), name))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
