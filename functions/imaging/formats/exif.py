"""The one thing that is read from EXIF: which way up the photo is."""

from __future__ import annotations

from typing import Literal

_ORIENTATION = 0x0112
_SHORT = 3
_BYTE_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}


def orientation(tiff: bytes) -> int:
    """The orientation, 1 to 8, from the start of an EXIF block; 1 where it is missing or makes no sense.

    EXIF is laid out as a TIFF file; tag 0x0112 of the first directory holds the orientation
    (CIPA DC-008, "Exif", 4.6.4).

    >>> orientation(b"MM" + bytes.fromhex("002a 00000008 0001 0112 0003 00000001 0006 0000"))
    6
    """
    tiff = tiff.removeprefix(b"Exif\0\0")
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    directory = number(4, 4)
    for index in range(number(directory, 2)):
        entry = directory + 2 + 12 * index
        if entry + 12 > len(tiff):
            break
        if number(entry, 2) == _ORIENTATION:
            value = number(entry + 8, 2)
            return value if number(entry + 2, 2) == _SHORT and 1 <= value <= 8 else 1
    return 1
