"""Boxes of an ISO base media file, read and written (ISO/IEC 14496-12, section 4)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from functions.imaging.formats import HEADER_PARTS, BrokenFileError, Source, TooComplexError, exactly

# What one box that is read whole may have. The tables of a photo of 48 megapixels in 192 tiles have some 10
# KB.
_TABLE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Box:
    """The kind of a box, and where its body begins and ends."""

    kind: bytes
    at: int
    end: int


def boxes(source: Source, at: int, end: int, most: int = HEADER_PARTS) -> Iterator[Box]:
    """The boxes between two places, `most` at most; what is in them is not read.

    Raises:
        BrokenFileError, TooComplexError
    """
    for _ in range(most):
        if at + 8 > end:
            return
        source.seek(at)
        size, kind = struct.unpack(">I4s", exactly(source, 8, "its boxes"))
        body = at + 8
        if size == 1:
            size = int.from_bytes(exactly(source, 8, "its boxes"), "big")
            body += 8
        elif size == 0:
            size = end - at
        if size < body - at:
            raise BrokenFileError(f"the box at byte {at} has no length")
        # The last one may be cut off; whether that matters depends on what is in it.
        yield Box(kind, body, min(at + size, end))
        at += size
    raise TooComplexError(f"it has more than {most} boxes")


def body(source: Source, box: Box, most_bytes: int = _TABLE_BYTES) -> bytes:
    """The body of a box.

    Raises:
        TooComplexError: it has more than `most_bytes`.
    """
    size = box.end - box.at
    if size > most_bytes:
        raise TooComplexError(f"its box {box.kind!r} has more than {most_bytes} bytes")
    source.seek(box.at)
    return exactly(source, size, f"its box {box.kind!r}")


class Table:
    """The body of a box, number by number.

    Raises:
        BrokenFileError: the box ends before a number; TooComplexError: it has more than 1 MiB.
    """

    def __init__(self, source: Source, box: Box) -> None:
        self._body = io.BytesIO(body(source, box))
        self._kind = box.kind

    def number(self, size: int) -> int:
        """The next number of so many bytes; 0 for none."""
        return int.from_bytes(exactly(self._body, size, f"its box {self._kind!r}"), "big")

    def kind(self) -> bytes:
        """The next four letters."""
        return exactly(self._body, 4, f"its box {self._kind!r}")

    def version(self) -> tuple[int, int]:
        """Version and flags, with which the box begins."""
        return self.number(1), self.number(3)


def box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    """A box; with a version and flags where it is to have them."""
    head = b"" if version is None else struct.pack(">I", version << 24 | flags)
    body = b"".join((head, *parts))
    return struct.pack(">I4s", 8 + len(body), kind) + body
