"""EXIF: which way up a photo is, and whether its colours are Adobe RGB.

EXIF is laid out as a TIFF file: directories of entries of twelve bytes, anywhere in the block
(CIPA DC-008, "Exif", 4.6).
"""

from __future__ import annotations

import io
from typing import Literal

from functions.imaging.formats import Source

_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_COLOUR_SPACE, _INTEROPERABILITY_DIRECTORY = 0xA001, 0xA005
_INTEROPERABILITY_INDEX = 0x0001
# ColorSpace of sRGB; 2 is not in the standard, but cameras write it for Adobe RGB.
_SRGB, _ADOBE_RGB = 1, 2
# Of DCF: "optional colour space", which is Adobe RGB.
_OPTIONAL = b"R03"
# Bytes of a whole number by its type: BYTE, SHORT, LONG, SBYTE, SSHORT, SLONG.
_WHOLE = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4}
# Whole numbers, too, where they are written as fractions.
_RATIONAL = {5, 10}
_BYTE_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
# What fits into the 64 KiB of a JPEG's segment. Real directories have some dozens.
_ENTRIES = 5461
_ENTRY_BYTES = 12


class Exif:
    """An EXIF block within a file, of which only what is asked for is read."""

    def __init__(self, source: Source, at: int, size: int) -> None:
        self._source = source
        # Some writers repeat here what marks the block in a JPEG.
        source.seek(at)
        start = source.read(min(size, 10))
        skipped = 6 if start.startswith(b"Exif\0\0") else 0
        self._at, self._end = at + skipped, at + size
        self._order = _BYTE_ORDERS.get(start[skipped : skipped + 4])

    @property
    def orientation(self) -> int:
        """The orientation, 1 to 8; 1 where it is missing or makes no sense.

        >>> from functions.imaging.formats.exif import orientation
        >>> orientation(b"MM" + bytes.fromhex("002a 00000008 0001 0112 0003 00000001 0006 0000"))
        6
        """
        value = self._whole(self._directory(4), _ORIENTATION)
        return value if value is not None and 1 <= value <= 8 else 1

    @property
    def is_adobe_rgb(self) -> bool:
        """Whether the photo says that its colours are Adobe RGB, as cameras do: by DCF 2.0, or by ColorSpace
        2.
        """
        exif = self._pointed(self._directory(4), _EXIF_DIRECTORY)
        space = self._whole(exif, _COLOUR_SPACE)
        if space in {_SRGB, _ADOBE_RGB}:
            return space == _ADOBE_RGB
        index = self._pointed(exif, _INTEROPERABILITY_DIRECTORY).get(_INTEROPERABILITY_INDEX, b"")
        return index[8:11] == _OPTIONAL

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, self._order or "big")

    def _read(self, offset: int, size: int) -> bytes:
        size = min(size, self._end - self._at - offset)
        if size <= 0:
            return b""
        self._source.seek(self._at + offset)
        return self._source.read(size)

    def _directory(self, pointer: int) -> dict[int, bytes]:
        """The entries of the directory that `pointer` points to, by tag; of equal tags the first."""
        if self._order is None:
            return {}
        return self._entries(self._number(self._read(pointer, 4)))

    def _entries(self, offset: int) -> dict[int, bytes]:
        count = min(self._number(self._read(offset, 2)), _ENTRIES)
        table = self._read(offset + 2, count * _ENTRY_BYTES)
        entries: dict[int, bytes] = {}
        for at in range(0, len(table) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
            entries.setdefault(self._number(table[at : at + 2]), table[at : at + _ENTRY_BYTES])
        return entries

    def _pointed(self, directory: dict[int, bytes], tag: int) -> dict[int, bytes]:
        entry = directory.get(tag)
        return self._entries(self._number(entry[8:12])) if entry else {}

    def _whole(self, directory: dict[int, bytes], tag: int) -> int | None:
        """The first value of an entry, if it is a whole number of any size."""
        entry = directory.get(tag, b"")
        if self._number(entry[2:4]) in _RATIONAL:
            data = self._read(self._number(entry[8:12]), 8)
            above, below = self._number(data[:4]), self._number(data[4:])
            return above // below if below and not above % below else None
        size, count = _WHOLE.get(self._number(entry[2:4])), self._number(entry[4:8])
        if size is None or not count:
            return None
        # What takes more than four bytes is elsewhere, and the entry says where.
        data = entry[8:] if size * count <= 4 else self._read(self._number(entry[8:12]), size)
        return self._number(data[:size]) if len(data) >= size else None


def orientation(block: bytes) -> int:
    """The orientation, 1 to 8, of an EXIF block in memory."""
    return Exif(io.BytesIO(block), 0, len(block)).orientation
