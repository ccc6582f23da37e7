"""An entry: one thing that is known of an upload, how surely, and where on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from functions.analysis.region import Kind, Region

# `label` and `face` are what is seen, `words` a line of text, `count` how many there are of something,
# `camera` and `film` what a key says.
What: TypeAlias = Literal["label", "face", "words", "count", "camera", "film"]

_KINDS: Mapping[str, Kind] = {"face": "face", "words": "text"}


@dataclass(frozen=True)
class Entry:
    """One thing that is known of an upload.

    `value` is a label, a line of text, a camera, or what is counted; `confidence` is in percent. `page`
    counts from 1, `second` from the beginning of a film. A count alone has a `count`.

    >>> Entry("count", "people", count=2).as_json()
    {'what': 'count', 'value': 'people', 'confidence': 100.0, 'where': {}, 'count': 2}
    """

    what: What
    value: str
    confidence: float = 100.0
    region: Region | None = None
    page: int | None = None
    second: float | None = None
    count: int | None = None

    def as_json(self) -> dict[str, Any]:
        """`what`, `value`, `confidence`, `where` (what there is of `region`, `page`, `second`), `count`."""
        where: dict[str, Any] = {}
        if self.region is not None:
            sides = ("left", "top", "width", "height")
            where["region"] = {side: round(getattr(self.region, side), 5) for side in sides}
        if self.page is not None:
            where["page"] = self.page
        if self.second is not None:
            where["second"] = self.second
        found = {
            "what": self.what,
            "value": self.value,
            "confidence": round(self.confidence, 3),
            "where": where,
        }
        return found if self.count is None else {**found, "count": self.count}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Entry:
        """Reads what `as_json` made."""
        what, confidence = found["what"], found["confidence"]
        where = found.get("where", {})
        box = where.get("region")
        return cls(
            what=cast("What", what),
            value=found["value"],
            confidence=confidence,
            region=box and Region(**box, kind=_KINDS.get(what, "label"), confidence=confidence),
            page=where.get("page"),
            second=where.get("second"),
            count=found.get("count"),
        )
