"""What a query finds, as streams of uploads, the newest first, each read no further than it is needed.

Partitions are sorted, so a stream that lies behind another goes on where that one is: DynamoDB skips what is
between, and counts none of it. What two terms have in common costs about as much as the rarer of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from functions.catalogue.entry import Entry
from functions.catalogue.posting import Found
from functions.catalogue.query import EVERYTHING, And, Compared, During, Has, Not, Or, Query, opposite
from functions.catalogue.tables import Tables
from functions.catalogue.terms import ALL, Term, number, partitions, phrase

# Sort keys begin with a year, and are ASCII.
_LOWEST, _HIGHEST = "0", "~"
# What 4 KB hold, the least that DynamoDB counts, and a request that is small enough to wait for.
_FEWEST, _MOST = 24, 512
# Steps of fewer postings than so many, on average, are a way through all of them.
_NEAR = 24


@dataclass(frozen=True)
class Hit:
    """An upload of a stream, and the entries by which it is there."""

    sort_key: str
    key: str
    type: str
    entries: tuple[Entry, ...]


class Stream(ABC):
    """Uploads, the newest first."""

    @abstractmethod
    def head(self) -> Hit | None:
        """The newest that is left; None at the end."""

    @abstractmethod
    def seek(self, sort_key: str) -> None:
        """Leaves out what is newer than this one."""

    def reach(self, sort_key: str) -> str:
        """Leaves out what is newer → the sort key, if it is here; else one that nothing left is above.

        Nothing is left if that is empty. It reads no more than it takes to answer.
        """
        self.seek(sort_key)
        found = self.head()
        return "" if found is None else found.sort_key

    @property
    def is_read(self) -> bool:
        """Whether the head is known without reading, when it was reached for."""
        return True


def before(sort_key: str) -> str:
    """A text that is less than a sort key, and greater than any sort key that is less."""
    return f"{sort_key[:-1]}{chr(ord(sort_key[-1]) - 1)}~"


def stream(tables: Tables, query: Query, low: str = _LOWEST, high: str = _HIGHEST) -> Stream:
    """What a query finds of the sort keys from `low` to `high`."""
    match query:
        case Has():
            return _has(tables, query, low, high)
        case During():
            return _has(tables, EVERYTHING, max(low, query.since or low), min(high, query.until or high))
        case Or():
            return _Either([stream(tables, each, low, high) for each in query.queries])
        case _:
            return _all(tables, query, low, high)


def _has(tables: Tables, query: Has, low: str, high: str) -> Stream:
    if len(query.terms) == 1:
        return _Postings(tables, query.terms[0], query.compared, low, high)
    rarest = sorted(set(query.terms), key=lambda each: (len(partitions(each)), each))
    found = {each: _Postings(tables, each, None, low, high) for each in rarest}
    return _Phrase(query.terms, query.compared, found)


def _all(tables: Tables, query: And | Not, low: str, high: str) -> Stream:
    wanted: list[Query] = []
    denied: list[Query] = []
    for each in _parts(query):
        if isinstance(each, During):
            # A range of each of the others.
            low, high = max(low, each.since or low), min(high, each.until or high)
        elif isinstance(each, Not):
            denied.append(each.query)
        else:
            wanted.append(each)
    wanted.sort(key=_width)
    return _Both(
        [stream(tables, each, low, high) for each in wanted or [EVERYTHING]],
        [stream(tables, each, low, high) for each in denied],
    )


def _parts(query: Query) -> Iterable[Query]:
    """What all must hold, without what holds others together."""
    match query:
        case And():
            for each in query.queries:
                yield from _parts(each)
        case Not(During() as during):
            yield opposite(during)
        case Not(Not(twice)):
            yield from _parts(twice)
        case _:
            yield query


def _width(query: Query) -> int:
    """Of how many partitions a query reads: those with few come first, for one that is empty ends all."""
    match query:
        case Has():
            return min(len(partitions(each)) for each in query.terms)
        case And() | Or():
            return sum(map(_width, query.queries))
        case Not():
            return len(partitions(ALL)) + _width(query.query)
        case _:
            return len(partitions(ALL))


class _Partition:
    """The postings of one partition."""

    def __init__(self, tables: Tables, partition: str, term: Term, low: str, high: str) -> None:
        self._tables = tables
        self._partition = partition
        self._term = term
        self._low = low
        self._high = high
        self._buffer: deque[Found] = deque()
        self._is_at_end = low > high
        self._limit = _FEWEST
        # Into what was read last.
        self._steps = 0

    @property
    def is_read(self) -> bool:
        return bool(self._buffer) or self._is_at_end

    @property
    def bound(self) -> str:
        """What all that is left is not above; empty at the end."""
        if self._buffer:
            return self._buffer[0].sort_key
        return "" if self._is_at_end else self._high

    def head(self) -> Found | None:
        if not self.is_read:
            items, self._is_at_end = self._tables.page(self._partition, self._low, self._high, self._limit)
            self._buffer.extend(Found.of_item(item, self._term) for item in items)
            self._steps = 0
            if items:
                self._high = before(items[-1]["SK"]["S"])
            # Whoever reads on reads much.
            self._limit = min(2 * self._limit, _MOST)
        return self._buffer[0] if self._buffer else None

    def seek(self, sort_key: str) -> None:
        self._steps += bool(self._buffer)
        while self._buffer and self._buffer[0].sort_key > sort_key:
            self._buffer.popleft()
        if not self._buffer and sort_key < self._high:
            self._high = sort_key
            self._is_at_end = self._is_at_end or self._low > sort_key
            if self._steps * _NEAR < self._limit:
                # Most of what was read was not needed.
                self._limit = _FEWEST


class _Postings(Stream):
    """The uploads of one term."""

    def __init__(self, tables: Tables, term: Term, compared: Compared | None, low: str, high: str) -> None:
        self._what = term[0]
        self._compared = compared
        self._partitions = [_Partition(tables, each, term, low, high) for each in partitions(term)]

    def found(self) -> Found | None:
        """The newest posting that is left. A partition is read if it may have it, and no sooner."""
        while True:
            first = max(self._partitions, key=lambda each: (each.bound, each.is_read))
            if (
                not first.is_read
                and first is not (own := self._own(first.bound))
                and own.bound == first.bound
            ):
                first = own
            newest = first.head()
            if newest is None:
                if not any(each.bound for each in self._partitions):
                    return None
            elif first.bound < max(each.bound for each in self._partitions):
                # It was read just now, and another may have a newer one.
                continue
            elif self._holds(newest):
                return newest
            else:
                first.seek(before(newest.sort_key))

    def head(self) -> Hit | None:
        found = self.found()
        if found is None:
            return None
        return Hit(found.sort_key, found.key, found.type, found.shown)

    def seek(self, sort_key: str) -> None:
        for each in self._partitions:
            each.seek(sort_key)

    def reach(self, sort_key: str) -> str:
        """As `Stream`: an upload can only be in one of the partitions."""
        self.seek(sort_key)
        found = self._own(sort_key).head()
        if found is not None and found.sort_key == sort_key:
            if self._holds(found):
                return sort_key
            self._own(sort_key).seek(before(sort_key))
        return max(min(each.bound, before(sort_key)) for each in self._partitions)

    @property
    def is_read(self) -> bool:
        """As `Stream`."""
        return all(each.is_read for each in self._partitions)

    def _own(self, sort_key: str) -> _Partition:
        """The partition that has an upload, if any has."""
        generation = sort_key.partition("#")[2]
        return self._partitions[number(generation, len(self._partitions)) if generation else 0]

    def _holds(self, found: Found) -> bool:
        if self._compared is None:
            return True
        return self._compared.holds((found.count or 0) if self._what == "count" else found.confidence)


class _Phrase(Stream):
    """The uploads in which words are one after the other, across lines and pages."""

    def __init__(
        self, terms: Sequence[Term], compared: Compared | None, words: Mapping[Term, _Postings]
    ) -> None:
        self._terms = terms
        self._compared = compared
        self._words = words

    def head(self) -> Hit | None:
        while (found := _common(list(self._words.values()), _Postings.found)) is not None:
            first = self._first(dict(zip(self._words, found, strict=True)))
            if first is not None:
                one = found[0]
                return Hit(one.sort_key, one.key, one.type, (first,))
            self.seek(before(found[0].sort_key))
        return None

    def seek(self, sort_key: str) -> None:
        for each in self._words.values():
            each.seek(sort_key)

    def _first(self, found: Mapping[Term, Found]) -> Entry | None:
        """Where the phrase is in an upload that has all its words; None where it is not."""
        confidence = min(each.confidence for each in found.values())
        if self._compared is not None and not self._compared.holds(confidence):
            return None
        starts = set[int].intersection(
            *(
                {position - number for position, _ in found[each].positions}
                for number, each in enumerate(self._terms)
            )
        )
        if not starts:
            return None
        head = found[self._terms[0]]
        number = next(i for i, (position, _) in enumerate(head.positions) if position in starts)
        text = phrase([value for _, value in self._terms])
        if number < len(head.shown):
            return replace(head.shown[number], value=text, confidence=confidence)
        return Entry("words", text, confidence, page=head.positions[number][1])


class _Both(Stream):
    """The uploads of all streams that are of none of the denied."""

    def __init__(self, wanted: Sequence[Stream], denied: Sequence[Stream]) -> None:
        self._wanted = wanted
        self._denied = denied

    def head(self) -> Hit | None:
        while (hits := _common(self._wanted, lambda each: each.head())) is not None:
            if not any(each.reach(hits[0].sort_key) == hits[0].sort_key for each in self._denied):
                return _merged(hits)
            self.seek(before(hits[0].sort_key))
        return None

    def seek(self, sort_key: str) -> None:
        for each in self._wanted:
            each.seek(sort_key)


class _Either(Stream):
    """The uploads of any of the streams."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams

    def head(self) -> Hit | None:
        heads = [head for each in self._streams if (head := each.head()) is not None]
        newest = max((each.sort_key for each in heads), default=None)
        return _merged([each for each in heads if each.sort_key == newest]) if heads else None

    def seek(self, sort_key: str) -> None:
        for each in self._streams:
            each.seek(sort_key)


def _merged(hits: Sequence[Hit]) -> Hit:
    return replace(hits[0], entries=tuple(dict.fromkeys(each for hit in hits for each in hit.entries)))


class _Sorted(Protocol):
    @property
    def sort_key(self) -> str: ...


_Head = TypeVar("_Head", bound=_Sorted)
_Stream = TypeVar("_Stream", bound=Stream)


def _common(streams: Sequence[_Stream], head: Callable[[_Stream], _Head | None]) -> list[_Head] | None:
    """The heads of streams when all are at the same upload: the newest that they have in common."""
    leader = streams[0]
    while (candidate := head(leader)) is not None:
        sort_key = candidate.sort_key
        for each in streams:
            if each is not leader and (reached := each.reach(sort_key)) != sort_key:
                if each.is_read:
                    # It is the one with fewer hereabouts.
                    leader = each
                else:
                    leader.seek(reached)
                break
        else:
            return [found for each in streams if (found := head(each)) is not None]
    return None
