"""AVIF and HEIC: a picture in a HEIF file (ISO/IEC 23008-12, AV1 Image File Format 1.1)."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence

from functions.imaging.formats import (
    BrokenFileError,
    Pixels,
    Source,
    Stored,
    TooComplexError,
    UnreadableVariantError,
    cicp,
    icc,
)
from functions.imaging.formats.boxes import Box, body, box
from functions.imaging.formats.coded import av1_area, check_hevc
from functions.imaging.formats.items import Item, Picture, read

# The type by what its pictures are compressed with.
_TYPES = {b"av01": "avif", b"hvc1": "heic"}
_BRANDS = {"avif": b"avif", "heic": b"heic"}
_CONFIGURATIONS = {b"av01": b"av1C", b"hvc1": b"hvcC"}
# Of these a decoder is told. The others are metadata, or what is done with the pixels here, in one way for
# both types.
_KEPT = {b"ispe", b"pixi", b"av1C", b"hvcC", b"auxC", b"a1lx", b"a1op", b"lsel"}
_TURNED = {b"clap", b"irot", b"imir"}
_PROPERTY_BYTES = 64 * 1024
_NCLX_BYTES = 11
# Essential properties that change nothing.
_HARMLESS = _KEPT | _TURNED | {b"colr", b"pasp"}
# A tile at the edge may have more pixels than are shown of it.
_SPARE_AREA = 4
_LEAST_AREA = 1024 * 1024

# A picture of two by two under each EXIF orientation, as it is stored.
_Grid = tuple[tuple[int, int], tuple[int, int]]
_ORIENTATIONS: dict[_Grid, int] = {
    ((1, 2), (3, 4)): 1,
    ((2, 1), (4, 3)): 2,
    ((4, 3), (2, 1)): 3,
    ((3, 4), (1, 2)): 4,
    ((1, 3), (2, 4)): 5,
    ((3, 1), (4, 2)): 6,
    ((4, 2), (3, 1)): 7,
    ((2, 4), (1, 3)): 8,
}


def codec(source: Source) -> str | None:
    """The type of a HEIF file whose brands do not say it, `avif` or `heic`; None for any other."""
    try:
        return _TYPES.get(_coded_kind(read(source)))
    except (BrokenFileError, UnreadableVariantError, TooComplexError):
        return None


def header(source: Source) -> Stored:
    """Size and orientation: those of the picture's own properties. Its EXIF does not count.

    Raises:
        BrokenFileError, UnreadableVariantError, TooComplexError
    """
    return _stored(source, read(source))[0]


def pixels(data: bytes, _fraction: float = 1.0) -> Pixels:
    """The primary picture, in a file of nothing else: its tiles, and its transparency.

    Raises:
        BrokenFileError, UnreadableVariantError, TooComplexError
    """
    source = io.BytesIO(data)
    picture = read(source)
    stored, crop = _stored(source, picture)
    is_gray = all(_is_gray(source, item) for item in picture.coded)
    return Pixels(
        stored,
        io.BytesIO(_file(source, picture, len(data))),
        _colours(source, picture, is_gray=is_gray),
        is_gray=is_gray,
        crop=crop,
    )


def _coded_kind(picture: Picture) -> bytes:
    kinds = {item.kind for item in picture.coded}
    return kinds.pop() if len(kinds) == 1 else b"?"


def _stored(source: Source, picture: Picture) -> tuple[Stored, tuple[int, int, int, int] | None]:
    """The size that is shown, with its orientation, and what part of the decoded pixels that is."""
    kind = _coded_kind(picture)
    if kind not in _TYPES or picture.primary.kind not in {kind, b"grid"}:
        names = ", ".join(dict.fromkeys((_name(picture.primary.kind), _name(kind))))
        raise UnreadableVariantError(f"a HEIF file with a picture of the kind {names}")
    unknown = {p.box.kind for i in picture.items.values() for p in i.properties if p.is_essential} - _HARMLESS
    if unknown:
        raise UnreadableVariantError(f"a HEIF file with the property {_name(min(unknown))}")
    width, height = _size(source, picture.primary)
    area = sum(side[0] * side[1] for side in (_size(source, item) for item in picture.coded))
    if area > max(_SPARE_AREA * width * height, _LEAST_AREA):
        raise TooComplexError("its tiles are much larger than the picture")
    crop = _crop(picture.primary.property(source, b"clap"), width, height)
    if crop:
        width, height = crop[2] - crop[0], crop[3] - crop[1]
    return Stored(width, height, _orientation(source, picture.primary)), crop


def _name(kind: bytes) -> str:
    return kind.decode("latin-1") if kind.isalnum() else "unknown"


def _size(source: Source, item: Item) -> tuple[int, int]:
    ispe = item.property(source, b"ispe") or b""
    if len(ispe) < 12:
        raise BrokenFileError("its size is missing")
    width, height = struct.unpack(">II", ispe[4:12])
    if not width or not height:
        raise BrokenFileError(f"its header says {width} by {height} pixels")
    return width, height


def _crop(clap: bytes | None, width: int, height: int) -> tuple[int, int, int, int] | None:
    """The clean aperture in whole pixels; None for the whole picture, and for one that lies outside of it."""
    if clap is None or len(clap) < 32:
        return None
    wide, wide_of, high, high_of, right, right_of, down, down_of = struct.unpack(">IIIIiIiI", clap[:32])
    if not (wide_of and high_of and right_of and down_of):
        return None
    shown = wide // wide_of, high // high_of
    left = round(right / right_of + (width - shown[0]) / 2)
    top = round(down / down_of + (height - shown[1]) / 2)
    if left < 0 or top < 0 or not (0 < shown[0] <= width - left and 0 < shown[1] <= height - top):
        return None
    return left, top, left + shown[0], top + shown[1]


def _orientation(source: Source, item: Item) -> int:
    """What `irot` and `imir` come to, in the order in which they are said, as an EXIF orientation."""
    (a, b), (c, d) = (1, 2), (3, 4)
    for each in item.properties:
        if each.box.kind not in {b"irot", b"imir"}:
            continue
        value = (body(source, each.box) or b"\0")[0]
        if each.box.kind == b"irot":
            # Quarter turns against the clock.
            for _ in range(value & 3):
                (a, b), (c, d) = (b, d), (a, c)
        elif value & 1:
            (a, b), (c, d) = (b, a), (d, c)
        else:
            (a, b), (c, d) = (c, d), (a, b)
    return _ORIENTATIONS[(a, b), (c, d)]


def _is_gray(source: Source, item: Item) -> bool:
    configuration = item.property(source, _CONFIGURATIONS[item.kind]) or b""
    if item.kind == b"av01":
        return len(configuration) > 2 and bool(configuration[2] & 0x10)
    return len(configuration) > 16 and not configuration[16] & 3


def _colours(source: Source, picture: Picture, *, is_gray: bool) -> bytes | None:
    """A profile counts before code points. Where the picture says nothing, its first tile does."""
    found: bytes | None = None
    for item in (picture.primary, *picture.coded[:1]):
        for each in item.properties:
            if each.box.kind != b"colr" or each.box.end - each.box.at > icc.MOST_BYTES:
                continue
            colr = body(source, each.box, icc.MOST_BYTES)
            profile = colr[4:]
            # Gray pictures are often stored as others are, and keep their profile.
            fits = icc.space(profile) in ({"GRAY"} if is_gray else {"RGB", "GRAY"})
            if colr[:4] in {b"prof", b"rICC"} and fits:
                return profile
            if colr[:4] == b"nclx" and len(colr) >= 10 and found is None:
                primaries, transfer = struct.unpack(">HH", colr[4:8])
                found = cicp.profile(primaries, transfer, is_gray=is_gray)
    return found


def _file(source: Source, picture: Picture, most_bytes: int) -> bytes:
    """A HEIF file of these items, numbered anew from 1."""
    items = list(picture.items.values())
    numbers = {item.number: number for number, item in enumerate(items, 1)}
    if sum(end - start for item in items for start, end in item.extents) > most_bytes:
        raise TooComplexError("its parts are stored in the same place")
    data = [item.data(source) for item in items]
    _check(source, picture, dict(zip(picture.items, data, strict=True)))
    brand = _BRANDS[_TYPES[_coded_kind(picture)]]
    ftyp = box(b"ftyp", brand, bytes(4), brand, b"mif1", b"miaf")
    tables = [
        box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
        box(b"pitm", struct.pack(">H", numbers[picture.primary.number]), version=0),
        box(b"iinf", struct.pack(">H", len(items)), *map(_info, items, numbers.values()), version=0),
        *_references(items, numbers),
        _properties(source, items),
    ]
    # The places depend on the length of the boxes before, which does not depend on the places.
    start = len(ftyp) + len(box(b"meta", *tables, _places(data, 0), version=0)) + 8
    meta = box(b"meta", *tables, _places(data, start), version=0)
    return b"".join((ftyp, meta, box(b"mdat", *data)))


def _check(source: Source, picture: Picture, data: Mapping[int, bytes]) -> None:
    """Whether the compressed pictures ask no more of a decoder than the file says."""
    width, height = _size(source, picture.primary)
    area = 0
    for item in picture.items.values():
        if item.kind == b"av01":
            area += av1_area(data[item.number])
        elif item.kind == b"hvc1":
            check_hevc(item.property(source, b"hvcC") or b"", data[item.number])
    # The picture, and its transparency.
    if area > 2 * max(_SPARE_AREA * width * height, _LEAST_AREA):
        raise TooComplexError("its compressed pictures are much larger than it says")


def _info(item: Item, number: int) -> bytes:
    return box(b"infe", struct.pack(">HH4s", number, 0, item.kind), b"\0", version=2, flags=0)


def _places(data: Sequence[bytes], start: int) -> bytes:
    entries = []
    for number, each in enumerate(data, 1):
        entries.append(struct.pack(">HHHII", number, 0, 1, start, len(each)))
        start += len(each)
    return box(b"iloc", b"\x44\0", struct.pack(">H", len(data)), *entries, version=0)


def _references(items: Sequence[Item], numbers: dict[int, int]) -> list[bytes]:
    entries = []
    for item in items:
        for kind in (b"dimg", b"auxl", b"prem"):
            to = [numbers[number] for number in item.references.get(kind, []) if number in numbers]
            if to:
                entries.append(box(kind, struct.pack(f">HH{len(to)}H", numbers[item.number], len(to), *to)))
    return [box(b"iref", *entries, version=0)] if entries else []


def _properties(source: Source, items: Sequence[Item]) -> bytes:
    kept: dict[Box, int] = {}
    bodies: list[bytes] = []
    entries = []
    for number, item in enumerate(items, 1):
        own: dict[int, int] = {}
        for each in item.properties:
            # Tiles share theirs.
            if each.box not in kept and (inside := _kept(source, each.box)) is not None:
                bodies.append(box(each.box.kind, inside))
                kept[each.box] = len(bodies)
            if each.box in kept:
                own[kept[each.box]] = kept[each.box] | (each.is_essential << 15)
        entries.append(struct.pack(f">HB{len(own)}H", number, len(own), *own.values()))
    ipma = box(b"ipma", struct.pack(">I", len(items)), *entries, version=0, flags=1)
    return box(b"iprp", box(b"ipco", *bodies), ipma)


def _kept(source: Source, place: Box) -> bytes | None:
    """The body of a property that a decoder is told of; None for others."""
    if place.kind in _KEPT:
        return body(source, place, _PROPERTY_BYTES)
    # The matrix of the colours is the decoder's, a profile is not.
    if place.kind == b"colr":
        source.seek(place.at)
        start = source.read(min(_NCLX_BYTES, place.end - place.at))
        return start if start[:4] == b"nclx" else None
    return None
