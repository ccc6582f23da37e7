"""WebP: chunks in a RIFF file (RFC 9649)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from functions.imaging.formats import (
    CUT_OFF,
    BrokenFileError,
    Pixels,
    Source,
    Stored,
    TooComplexError,
    exactly,
    icc,
)
from functions.imaging.formats.exif import Exif

# Flags of the VP8X chunk. What they do not announce is not there.
_ANIMATION, _HAS_EXIF, _ALPHA, _HAS_PROFILE = 0x02, 0x08, 0x10, 0x20
_PICTURES = {b"VP8 ", b"VP8L", b"ANMF"}
# Profile, alpha, picture, EXIF and XMP are five; each step may cost a request.
_CHUNKS = 100


@dataclass
class _Layout:
    """Where everything is that is looked at: place and size of the first chunk of each name."""

    stored: Stored
    flags: int
    chunks: dict[bytes, tuple[int, int]]
    # The first one's name.
    picture: bytes


def header(source: Source) -> Stored:
    """Size and orientation. Of an animation, no orientation: what follows its frames is not looked for.

    Raises:
        BrokenFileError, TooComplexError
    """
    return _read(source).stored


def pixels(data: bytes, _fraction: float = 1.0) -> Pixels:
    """The picture, or the first one of an animation.

    Raises:
        BrokenFileError, TooComplexError
    """
    found = _read(io.BytesIO(data))
    view = memoryview(data)
    parts: list[bytes | memoryview] = []
    for name in (b"VP8X", b"ANIM", b"ALPH", found.picture):
        if name not in found.chunks:
            continue
        at, size = found.chunks[name]
        if name == b"VP8X":
            # Without what the flags promise of metadata. Where an animation's first picture does not cover
            # the canvas, the rest is transparent.
            flags = found.flags & (_ALPHA | _ANIMATION) | (_ALPHA if found.flags & _ANIMATION else 0)
            parts += [view[at - 8 : at], bytes([flags]), view[at + 1 : at + size]]
        else:
            parts.append(view[at - 8 : at + size])
        parts.append(bytes(size % 2))
    profile: bytes | None = None
    if b"ICCP" in found.chunks and found.flags & _HAS_PROFILE:
        at, size = found.chunks[b"ICCP"]
        profile = data[at : at + size] if size <= icc.MOST_BYTES else b""
    riff = [b"RIFF", (4 + sum(map(len, parts))).to_bytes(4, "little"), b"WEBP", *parts]
    # The type has no gray of its own; a gray picture in it keeps its profile.
    fits = profile is not None and icc.space(profile) in {"RGB", "GRAY"}
    return Pixels(found.stored, io.BytesIO(b"".join(riff)), profile if fits else None)


def _read(source: Source) -> _Layout:
    chunks: dict[bytes, tuple[int, int]] = {}
    stored: Stored | None = None
    flags, picture = 0, b""
    for name, at, size in _chunks(source):
        if stored is None:
            stored, flags = _size(source, name, at)
        if (picture and name == b"EXIF") or not picture:
            chunks.setdefault(name, (at, size))
        picture = picture or (name if name in _PICTURES else b"")
        if picture and (not flags & _HAS_EXIF or flags & _ANIMATION or b"EXIF" in chunks):
            break
    if stored is None or not picture:
        raise BrokenFileError("it has no picture")
    if flags & _HAS_EXIF and not flags & _ANIMATION and b"EXIF" in chunks:
        stored = stored.turned(Exif(source, *chunks[b"EXIF"]).orientation)
    return _Layout(stored, flags, chunks, picture)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of the data of each chunk that is whole, up to the end of what is said or there.

    Raises:
        BrokenFileError: a chunk before or with the picture is not whole.
    """
    end = source.seek(0, io.SEEK_END)
    source.seek(0)
    riff = exactly(source, 12, "its first bytes")
    if riff[:4] != b"RIFF" or riff[8:] != b"WEBP":
        raise BrokenFileError("it does not start as a WebP")
    last = min(end, 8 + int.from_bytes(riff[4:8], "little"))
    at = 12
    has_picture = False
    for _ in range(_CHUNKS):
        if at + 8 > last:
            return
        source.seek(at)
        frame = exactly(source, 8, "its chunks")
        size = int.from_bytes(frame[4:], "little")
        if at + 8 + size > last:
            if has_picture:
                return
            raise BrokenFileError(f"the chunk at byte {at} is longer than the file; {CUT_OFF}")
        yield frame[:4], at + 8, size
        has_picture = has_picture or frame[:4] in _PICTURES
        at += 8 + size + size % 2
    if not has_picture:
        raise TooComplexError(f"it has more than {_CHUNKS} chunks before its picture")


def _size(source: Source, name: bytes, at: int) -> tuple[Stored, int]:
    """The size from the first chunk, and the flags of a VP8X."""
    source.seek(at)
    if name == b"VP8X":
        chunk = exactly(source, 10, "its header")
        width, height = (1 + int.from_bytes(chunk[place : place + 3], "little") for place in (4, 7))
        return Stored(width, height), chunk[0]
    if name == b"VP8 ":
        chunk = exactly(source, 10, "its header")
        if chunk[3:6] != b"\x9d\x01\x2a":
            raise BrokenFileError("its picture does not start with a key frame")
        width, height = (int.from_bytes(chunk[place : place + 2], "little") & 0x3FFF for place in (6, 8))
    elif name == b"VP8L":
        chunk = exactly(source, 5, "its header")
        if chunk[0] != 0x2F:
            raise BrokenFileError("its picture does not start as a lossless one")
        bits = int.from_bytes(chunk[1:5], "little")
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        raise BrokenFileError("its first chunk is not a picture")
    if not width or not height:
        raise BrokenFileError(f"its header says {width} by {height} pixels")
    return Stored(width, height), 0
