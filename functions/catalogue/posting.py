"""A posting: that one version of an upload has a term, how surely, and where. An item of the index.

PK is a partition of the term (`functions.catalogue.terms.partition`), SK `<at>#<generation>`: the last is the
newest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Any

from functions.catalogue.entries import Part, generation
from functions.catalogue.entry import Entry
from functions.catalogue.tables import Item, Key
from functions.catalogue.terms import Term, partition

# Of so many of its places a posting knows more than the word's position and page.
_MOST_SHOWN = 5
_SIDES = ("left", "top", "width", "height")


@dataclass
class Posting:
    """What an upload has of a term. `confidence` is the highest of its entries, `count` the highest number.

    `shown` are the first of the entries that it is of; of a word the lines that it is in, without their
    texts. The same index in `positions` has the word's number within all words of the upload, and its page.
    """

    key: str
    type: str
    at: str
    generation: str
    term: Term
    confidence: float = 0.0
    count: int | None = None
    shown: list[Entry] = field(default_factory=list)
    positions: list[tuple[int, int | None]] = field(default_factory=list)

    @classmethod
    def of(cls, part: Part, term: Term) -> Posting:
        """One of the upload that a part is of."""
        own = generation(part.bucket, part.key, part.version)
        return cls(part.key, part.type, part.at, own, term)

    def add(self, entry: Entry, position: int | None = None) -> None:
        """Adds one of the entries that it is of."""
        self.confidence = max(self.confidence, entry.confidence)
        if entry.count is not None:
            self.count = max(self.count or 0, entry.count)
        if position is not None:
            self.positions.append((position, entry.page))
        if len(self.shown) < _MOST_SHOWN:
            self.shown.append(entry)

    @property
    def sort_key(self) -> str:
        """By when, and which upload it is of."""
        return f"{self.at}#{self.generation}"

    @property
    def item_key(self) -> Key:
        """PK and SK."""
        return partition(self.term, self.generation), self.sort_key

    def as_item(self) -> Item:
        """As the table has it; as short as it can be, for what is read costs by the byte."""
        pk, sk = self.item_key
        item: Item = {"PK": {"S": pk}, "SK": {"S": sk}, "key": {"S": self.key}, "type": {"S": self.type}}
        if self.shown:
            item["shown"] = {"S": json.dumps(_short(self.shown), ensure_ascii=False, separators=(",", ":"))}
        # Most have no other entries than those.
        if self.confidence > _confidence(self.shown):
            item["confidence"] = {"N": f"{self.confidence:.3f}"}
        if self.count != _count(self.shown):
            item["count"] = {"N": str(self.count)}
        if self.positions:
            item["positions"] = {"B": _packed(self.positions)}
        return item


@dataclass(frozen=True)
class Found:
    """A posting as it is read."""

    sort_key: str
    key: str
    type: str
    confidence: float
    count: int | None
    shown: tuple[Entry, ...]
    positions: tuple[tuple[int, int | None], ...]

    @classmethod
    def of_item(cls, item: Item, term: Term) -> Found:
        """Reads an item of a partition of a term."""
        shown = tuple(_long(json.loads(item["shown"]["S"]), term)) if "shown" in item else ()
        return cls(
            sort_key=item["SK"]["S"],
            key=item["key"]["S"],
            type=item["type"]["S"],
            confidence=float(item["confidence"]["N"]) if "confidence" in item else _confidence(shown),
            count=int(item["count"]["N"]) if "count" in item else _count(shown),
            shown=shown,
            positions=tuple(_unpacked(bytes(item["positions"]["B"]))) if "positions" in item else (),
        )


def _confidence(shown: Iterable[Entry]) -> float:
    return max((each.confidence for each in shown), default=0.0)


def _count(shown: Iterable[Entry]) -> int | None:
    return max((each.count for each in shown if each.count is not None), default=None)


def _short(shown: Iterable[Entry]) -> list[list[Any]]:
    """Entries as lists, without what the term or the entry before says, and without what is last and None."""
    found: list[list[Any]] = []
    value = None
    for entry in shown:
        known = entry.as_json()
        where = known["where"]
        box = where.get("region")
        short = [
            None if entry.what == "words" or entry.value == value else entry.value,
            known["confidence"],
            where.get("page"),
            where.get("second"),
            entry.count,
            box and [box[side] for side in _SIDES],
        ]
        value = entry.value
        while short[-1] is None:
            short.pop()
        found.append(short)
    return found


def _long(shown: Iterable[Sequence[Any]], term: Term) -> Iterator[Entry]:
    what, value = term
    for short in shown:
        given, confidence, page, second, count, box = islice(chain(short, repeat(None)), 6)
        value = value if given is None else given
        where: dict[str, Any] = {"page": page, "second": second}
        if box is not None:
            where["region"] = dict(zip(_SIDES, box, strict=True))
        yield Entry.from_json(
            {"what": what, "value": value, "confidence": confidence, "where": where, "count": count}
        )


def _packed(positions: Iterable[tuple[int, int | None]]) -> bytes:
    """Positions as differences, in groups of seven bits; the lowest bit says that the page's follows."""
    found = bytearray()
    last, last_page = 0, 0
    for position, page in positions:
        turned = (page or 0) != last_page
        _put(found, (position - last) << 1 | turned)
        if turned:
            _put(found, (page or 0) - last_page)
        last, last_page = position, page or 0
    return bytes(found)


def _put(into: bytearray, number: int) -> None:
    while number > 0x7F:
        into.append(number & 0x7F | 0x80)
        number >>= 7
    into.append(number)


def _unpacked(packed: bytes) -> Iterator[tuple[int, int | None]]:
    numbers = _numbers(packed)
    position, page = 0, 0
    for number in numbers:
        position += number >> 1
        if number & 1:
            page += next(numbers)
        yield position, page or None


def _numbers(packed: bytes) -> Iterator[int]:
    number, shift = 0, 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield number
            number, shift = 0, 0
