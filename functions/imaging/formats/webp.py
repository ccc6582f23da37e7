"""WebP: chunks in a RIFF file (RFC 9649)."""

from __future__ import annotations

import io
from collections.abc import Iterator

from functions.imaging.formats import (
    EXIF_BYTES,
    HEADER_PARTS,
    ICC_PROFILE_BYTES,
    BrokenFileError,
    Pixels,
    Source,
    Stored,
    exactly,
)
from functions.imaging.formats.exif import orientation

# Flags of the VP8X chunk. Only the first two change how pixels are decoded.
_ALPHA, _ANIMATION, _HAS_EXIF = 0x10, 0x02, 0x08
_PICTURES = {b"VP8 ", b"VP8L", b"ANMF"}
# EXIF stands behind the picture: profile, alpha and picture are stepped over. Behind an animation it is not
# looked for, since each frame would cost a step and each step may cost a request.
_STEPS_TO_EXIF = 8


def header(source: Source) -> Stored:
    """Size and orientation, from the first chunk, and from the EXIF chunk of a still photo.

    Raises:
        BrokenFileError
    """
    stored: Stored | None = None
    for count, (name, at, size) in enumerate(_chunks(source)):
        if stored is None:
            stored, flags = _size(source, name, at)
            if not flags & _HAS_EXIF or flags & _ANIMATION:
                break
        elif name == b"EXIF":
            source.seek(at)
            exif = exactly(source, min(size, EXIF_BYTES), "its EXIF")
            return Stored(stored.width, stored.height, orientation(exif))
        elif count == _STEPS_TO_EXIF:
            break
    if stored is None:
        raise BrokenFileError("it has no picture")
    return stored


def pixels(data: bytes, _fraction: float = 1.0) -> Pixels:
    """The picture, or the first one of an animation.

    Raises:
        BrokenFileError
    """
    source = io.BytesIO(data)
    stored: Stored | None = None
    wanted = {b"VP8X", b"ANIM", b"ALPH"} | _PICTURES
    view = memoryview(data)
    kept: list[bytes | memoryview] = []
    profile: bytes | None = None
    upright = 1
    for name, at, size in _chunks(source):
        if stored is None:
            stored, flags = _size(source, name, at)
        if name in wanted:
            if name == b"VP8X":
                # Without what the flags promise of metadata.
                kept += [view[at - 8 : at], bytes([flags & (_ALPHA | _ANIMATION)]), view[at + 1 : at + size]]
            else:
                kept.append(view[at - 8 : at + size])
            kept.append(bytes(size % 2))
            wanted -= {name} | (_PICTURES if name in _PICTURES else set())
        elif name == b"ICCP" and size <= ICC_PROFILE_BYTES:
            profile = data[at : at + size]
        elif name == b"EXIF":
            upright = orientation(data[at : at + min(size, EXIF_BYTES)])
    if stored is None or wanted >= _PICTURES:
        raise BrokenFileError("it has no picture")
    length = 4 + sum(map(len, kept))
    riff = io.BytesIO(b"".join([b"RIFF", length.to_bytes(4, "little"), b"WEBP", *kept]))
    return Pixels(Stored(stored.width, stored.height, upright), riff, profile)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of the data of each chunk."""
    end = source.seek(0, io.SEEK_END)
    source.seek(0)
    riff = exactly(source, 12, "its first bytes")
    if riff[:4] != b"RIFF" or riff[8:] != b"WEBP":
        raise BrokenFileError("it does not start as a WebP")
    last = 8 + int.from_bytes(riff[4:8], "little")
    if last > end:
        raise BrokenFileError(f"it was cut off: {end} of {last} bytes are there")
    at = 12
    for _ in range(HEADER_PARTS):
        if at + 8 > last:
            return
        source.seek(at)
        frame = exactly(source, 8, "its chunks")
        size = int.from_bytes(frame[4:], "little")
        if at + 8 + size > last:
            raise BrokenFileError(f"the chunk at byte {at} is longer than the file")
        yield frame[:4], at + 8, size
        at += 8 + size + size % 2


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
