"""What a page shows of what is catalogued of an upload: each thing once, with how often it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from functions.catalogue.entries import Part
from functions.catalogue.entry import Entry
from happypath.operations.search import text_of

# More pages, things and text nobody reads here.
MOST_PARTS = 30
_MOST_THINGS = 200
_MOST_CHARACTERS = 10_000


@dataclass(frozen=True)
class Thing:
    """A label, a count or what else there is on a part; `query` finds it, where a query can say it.

    `number` is how often it was seen, or how many were counted; `confidence` that of the surest, in percent.
    """

    what: str
    value: str
    number: int
    confidence: float
    seconds: Sequence[float]

    @property
    def query(self) -> str | None:
        """What finds it."""
        if '"' in self.value or self.what == "face":
            return None
        return f'{self.what}:"{self.value}"' + (f">={self.number}" if self.what == "count" else "")


@dataclass(frozen=True)
class ShownPart:
    """A page of a document, or all of a picture (number 0)."""

    part: Part
    things: Sequence[Thing]
    text: str
    is_cut: bool

    @classmethod
    def of(cls, part: Part) -> ShownPart:
        """What is shown of a part."""
        found: dict[tuple[str, str], list[Entry]] = {}
        for each in part.entries:
            if each.what != "words":
                found.setdefault((each.what, each.value), []).append(each)
        text = text_of(part)
        return cls(
            part,
            [_thing(same) for same in list(found.values())[:_MOST_THINGS]],
            text[:_MOST_CHARACTERS],
            len(text) > _MOST_CHARACTERS or len(found) > _MOST_THINGS,
        )


def _thing(same: Sequence[Entry]) -> Thing:
    counted = [each.count for each in same if each.count is not None]
    return Thing(
        same[0].what,
        same[0].value,
        max(counted, default=len(same)),
        max(each.confidence for each in same),
        sorted({each.second for each in same if each.second is not None}),
    )
