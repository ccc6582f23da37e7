"""HEIF files put together by hand: tiles, turns and metadata as cameras write them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from functions.imaging.formats.boxes import box
from functions.imaging.formats.items import read

HEIC = Path(__file__).parent / "heic"


def heic(name: str) -> bytes:
    """A file made by pillow-heif 1.4 (x265) of `pictures.scene`, or of two halves; nothing here can write
    HEIC.
    """
    return (HEIC / f"{name}.heic").read_bytes()


@dataclass
class Part:
    """An item: its kind, its bytes, its properties as boxes, and what it refers to."""

    kind: bytes
    data: bytes
    properties: list[bytes] = field(default_factory=list)
    references: dict[bytes, list[int]] = field(default_factory=dict)


def parts(file: bytes) -> list[Part]:
    """The items that a file's picture is made of, the picture first."""
    source = io.BytesIO(file)
    found = []
    for item in read(source).items.values():
        properties = [
            box(each.box.kind, file[each.box.at : each.box.end])
            for each in item.properties
            if each.box.kind != b"colr"
        ]
        found.append(Part(item.kind, item.data(source), properties))
    return found


def grid(tiles: Sequence[Part], columns: int, width: int, height: int, *properties: bytes) -> list[Part]:
    """A picture of this size, made of tiles in rows, as items: itself first."""
    rows = len(tiles) // columns
    data = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    size = box(b"ispe", struct.pack(">II", width, height), version=0)
    numbers = list(range(2, 2 + len(tiles)))
    return [Part(b"grid", data, [size, *properties], {b"dimg": numbers}), *tiles]


def heif(
    items: Sequence[Part],
    *,
    brands: Sequence[bytes] = (b"heic", b"mif1", b"heic"),
    before: bytes = b"",
    more: bytes = b"",
    in_idat: bool = False,
) -> bytes:
    """A file of these items, numbered from 1, of which the first is the picture.

    `before` comes before the boxes that say what is in the file, `more` is among them.
    """
    ftyp = box(b"ftyp", brands[0], bytes(4), *brands[1:])
    kept = list(dict.fromkeys(each for item in items for each in item.properties))
    infos = [
        box(b"infe", struct.pack(">HH4s", number, 0, item.kind), b"\0", version=2)
        for number, item in enumerate(items, 1)
    ]
    references = [
        box(kind, struct.pack(f">HH{len(to)}H", number, len(to), *to))
        for number, item in enumerate(items, 1)
        for kind, to in item.references.items()
    ]
    described = [
        struct.pack(
            f">HB{len(item.properties)}B",
            number,
            len(item.properties),
            *(1 + kept.index(p) for p in item.properties),
        )
        for number, item in enumerate(items, 1)
    ]

    def meta(start: int) -> bytes:
        places, at = [], 0 if in_idat else start
        for number, item in enumerate(items, 1):
            places.append(struct.pack(">HHHHII", number, in_idat, 0, 1, at, len(item.data)))
            at += len(item.data)
        return box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
            more,
            box(b"pitm", struct.pack(">H", 1), version=0),
            box(b"iinf", struct.pack(">H", len(items)), *infos, version=0),
            box(b"iref", *references, version=0) if references else b"",
            box(
                b"iprp",
                box(b"ipco", *kept),
                box(b"ipma", struct.pack(">I", len(items)), *described, version=0),
            ),
            box(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *places, version=1),
            box(b"idat", *(item.data for item in items)) if in_idat else b"",
            version=0,
        )

    start = len(ftyp) + len(before) + len(meta(0)) + 8
    data = b"" if in_idat else box(b"mdat", *(item.data for item in items))
    return ftyp + before + meta(start) + data
