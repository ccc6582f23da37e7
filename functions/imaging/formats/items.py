"""The items of a HEIF file: pictures, their parts, and what belongs to them (ISO/IEC 23008-12)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from functions.imaging.formats import (
    CUT_OFF,
    BrokenFileError,
    Source,
    TooComplexError,
    UnreadableVariantError,
    exactly,
)
from functions.imaging.formats.boxes import Box, Table, body, boxes

# Tiles of 512 by 512 pixels, of which 100 megapixels have 400, and as many of the transparency.
_ITEMS = 1000
# Of one item. A picture has about ten.
_PROPERTIES = 64
# Entries of the tables, of all that is in the file: depths, gain maps, thumbnails.
_ENTRIES = 10_000
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")


@dataclass(frozen=True)
class Property:
    """A property of an item."""

    box: Box
    # Who does not know it must not show the item.
    is_essential: bool


@dataclass
class Item:
    """A picture or a part of one."""

    number: int
    kind: bytes = b""
    properties: list[Property] = field(default_factory=list)
    # Begin and end of its parts in the file.
    extents: list[tuple[int, int]] = field(default_factory=list)
    # Items that it refers to, by the kind of reference.
    references: dict[bytes, list[int]] = field(default_factory=dict)

    def property(self, source: Source, kind: bytes) -> bytes | None:
        """The body of the first property of a kind."""
        return next((body(source, each.box) for each in self.properties if each.box.kind == kind), None)

    def data(self, source: Source) -> bytes:
        """Its bytes."""
        parts = []
        for start, end in self.extents:
            source.seek(start)
            parts.append(exactly(source, end - start, "its picture"))
        return b"".join(parts)


@dataclass(frozen=True)
class Picture:
    """The primary item, and all that it is made of."""

    primary: Item
    # The primary item first.
    items: Mapping[int, Item]

    @property
    def coded(self) -> list[Item]:
        """The items that are compressed pictures: the primary item itself, or its tiles; not the
        transparency.
        """
        return [item for item in self._parts(self.primary) if b"dimg" not in item.references]

    def _parts(self, item: Item) -> Iterator[Item]:
        yield item
        for number in item.references.get(b"dimg", []):
            yield self.items[number]


def read(source: Source) -> Picture:
    """The primary picture of a file, as far as its boxes say; none of its pixels are read.

    Raises:
        BrokenFileError, UnreadableVariantError, TooComplexError
    """
    end = source.seek(0, io.SEEK_END)
    kinds = set[bytes]()
    for meta in boxes(source, 0, end):
        kinds.add(meta.kind)
        if meta.kind == b"meta":
            break
    else:
        if b"moov" in kinds:
            raise UnreadableVariantError("a sequence or a film without a still picture")
        raise BrokenFileError("it has no picture")
    found = {each.kind: each for each in reversed(list(boxes(source, meta.at + 4, meta.end)))}
    missing = {b"pitm", b"iinf", b"iloc", b"iprp"} - found.keys()
    if missing:
        raise BrokenFileError(f"its box {min(missing).decode()} is missing")
    items = dict(_infos(source, found[b"iinf"]))
    _locate(source, found[b"iloc"], items, found.get(b"idat"), end)
    _describe(source, found[b"iprp"], items)
    if b"iref" in found:
        _refer(source, found[b"iref"], items)
    table = Table(source, found[b"pitm"])
    version, _ = table.version()
    primary = items.get(table.number(4 if version else 2))
    if primary is None:
        raise BrokenFileError("its primary item is missing")
    return Picture(primary, _needed(source, primary, items, end))


def _needed(source: Source, primary: Item, items: Mapping[int, Item], end: int) -> dict[int, Item]:
    """The primary item, its parts and its transparency, with that one's parts."""
    needed: dict[int, Item] = {}

    def take(item: Item, depth: int) -> None:
        needed[item.number] = item
        if len(needed) > _ITEMS:
            raise TooComplexError(f"it is made of more than {_ITEMS} parts")
        if any(until > end for _, until in item.extents):
            raise BrokenFileError(CUT_OFF)
        for number in item.references.get(b"dimg", []):
            if number not in items or not depth:
                raise BrokenFileError("its parts make no whole")
            if number not in needed:
                take(items[number], depth - 1)

    take(primary, 1)
    for item in items.values():
        if primary.number in item.references.get(b"auxl", []) and _is_alpha(source, item):
            take(item, 1)
            break
    return needed


def _is_alpha(source: Source, item: Item) -> bool:
    # After version and flags.
    kind = item.property(source, b"auxC") or b""
    return kind[4:].partition(b"\0")[0] in _ALPHA


def _infos(source: Source, iinf: Box) -> Iterator[tuple[int, Item]]:
    entries = io.BytesIO(body(source, iinf))
    version = exactly(entries, 1, "its items")[0]
    for each in boxes(entries, 8 if version else 6, iinf.end - iinf.at, _ENTRIES):
        if each.kind != b"infe":
            continue
        table = Table(entries, each)
        version, _ = table.version()
        if version < 2:
            continue
        number = table.number(4 if version > 2 else 2)
        if table.number(2):
            continue  # it is encrypted
        yield number, Item(number, table.kind())


def _locate(source: Source, iloc: Box, items: Mapping[int, Item], idat: Box | None, end: int) -> None:
    table = Table(source, iloc)
    version, _ = table.version()
    sizes = table.number(1), table.number(1)
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if version else 0
    for _ in range(table.number(4 if version > 1 else 2)):
        item = items.get(table.number(4 if version > 1 else 2))
        method = table.number(2) & 15 if version else 0
        elsewhere = table.number(2)
        base = table.number(base_size)
        for _ in range(table.number(2)):
            table.number(index_size)
            start = base + table.number(offset_size)
            length = table.number(length_size)
            if item is None:
                continue
            if elsewhere or method > 1 or (method == 1 and idat is None):
                item.kind = b"?"  # its bytes are in another file, or in another item
                continue
            within = idat if method == 1 else None
            start += within.at if within else 0
            until = start + length if length else (within.end if within else end)
            if start > until:
                raise BrokenFileError(CUT_OFF)
            item.extents.append((start, until))


def _describe(source: Source, iprp: Box, items: Mapping[int, Item]) -> None:
    properties: list[Box] = []
    for each in boxes(source, iprp.at, iprp.end):
        if each.kind == b"ipco":
            properties = list(boxes(source, each.at, each.end, _ENTRIES))
        elif each.kind == b"ipma":
            _associate(source, each, properties, items)


def _associate(source: Source, ipma: Box, properties: list[Box], items: Mapping[int, Item]) -> None:
    table = Table(source, ipma)
    version, flags = table.version()
    wide = flags & 1
    for _ in range(table.number(4)):
        item = items.get(table.number(4 if version else 2))
        for _ in range(table.number(1)):
            index = table.number(2 if wide else 1)
            essential, place = index >> (15 if wide else 7), index & (0x7FFF if wide else 0x7F)
            if item is None or not 1 <= place <= len(properties):
                continue
            item.properties.append(Property(properties[place - 1], bool(essential)))
            if len(item.properties) > _PROPERTIES:
                raise TooComplexError(f"a part of it has more than {_PROPERTIES} properties")


def _refer(source: Source, iref: Box, items: Mapping[int, Item]) -> None:
    entries = io.BytesIO(body(source, iref))
    size = 4 if exactly(entries, 1, "its references")[0] else 2
    for each in boxes(entries, 4, iref.end - iref.at, _ENTRIES):
        table = Table(entries, each)
        item = items.get(table.number(size))
        numbers = [table.number(size) for _ in range(table.number(2))]
        if item is not None:
            item.references.setdefault(each.kind, []).extend(numbers)
