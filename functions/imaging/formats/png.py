"""PNG: chunks, each with its length, name and checksum (W3C PNG, third edition, section 5)."""

from __future__ import annotations

import io
import zlib
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

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bits per sample that each colour type may have.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
# Where depth and colour type stand in the file: signature, chunk frame, width and height come first.
_DEPTH_AT, _COLOUR_AT = 24, 25
# Picture data comes in chunks of 8 KiB and more; a file of empty ones would keep us walking.
_CHUNKS = 100_000
# Length, name, and behind the data the checksum.
_FRAME_BYTES = 12


def header(source: Source) -> Stored:
    """Size and orientation, from the chunks before the picture data.

    An orientation that comes after the picture data is not seen here, but is by `pixels`.

    Raises:
        BrokenFileError
    """
    stored: Stored | None = None
    for count, (name, at, size) in enumerate(_chunks(source)):
        if stored is None:
            stored = _size(source, name, at, size)
        elif name == b"eXIf":
            source.seek(at)
            stored = _turned(stored, exactly(source, min(size, EXIF_BYTES), "its EXIF"))
        elif name == b"IDAT":
            return stored
        elif name == b"IEND" or count > HEADER_PARTS:
            break
    raise BrokenFileError("it has no picture data after its header")


def pixels(data: bytes, _fraction: float = 1.0) -> Pixels:
    """The picture, with its palette and transparent colours. Of an animation, the picture shown without it.

    Raises:
        BrokenFileError
    """
    source = io.BytesIO(data)
    stored = header(source)
    view = memoryview(data)
    kept: list[bytes | memoryview] = [_SIGNATURE]
    wanted = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
    if data[_DEPTH_AT] == 16:
        # Pixels are decoded to 8 bits, where the one transparent colour can no longer be told from its like.
        wanted.remove(b"tRNS")
    profile: bytes | None = None
    for name, at, size in _chunks(source):
        if name in wanted:
            if at + size + 4 > len(data):
                raise BrokenFileError(f"it was cut off inside the {name.decode()} chunk at byte {at - 8}")
            if zlib.crc32(view[at - 4 : at + size]) != int.from_bytes(view[at + size : at + size + 4], "big"):
                raise BrokenFileError(
                    f"the {name.decode()} chunk at byte {at - 8} does not match its checksum"
                )
            kept.append(view[at - 8 : at + size + 4])
            # One of each, and behind the picture none but its own.
            wanted -= {b"PLTE", b"tRNS"} if name == b"IDAT" else {name}
        elif name == b"iCCP" and profile is None:
            profile = _icc_profile(data[at : at + size])
        elif name == b"eXIf":
            stored = _turned(stored, data[at : at + min(size, EXIF_BYTES)])
    if data[_COLOUR_AT] == _PALETTE and not any(chunk[4:8] == b"PLTE" for chunk in kept):
        raise BrokenFileError("it has no palette")
    return Pixels(stored, io.BytesIO(b"".join(kept)), profile)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of the data of each chunk, up to and with IEND."""
    source.seek(0)
    if exactly(source, 8, "its signature") != _SIGNATURE:
        raise BrokenFileError("it does not start as a PNG")
    at = 8
    for _ in range(_CHUNKS):
        source.seek(at)
        frame = exactly(source, 8, "its chunks")
        size, name = int.from_bytes(frame[:4], "big"), frame[4:]
        if not name.isalpha():
            raise BrokenFileError(f"there is no chunk at byte {at}")
        yield name, at + 8, size
        if name == b"IEND":
            return
        at += size + _FRAME_BYTES
    raise BrokenFileError(f"it has more than {_CHUNKS} chunks")


def _size(source: Source, name: bytes, at: int, size: int) -> Stored:
    if name != b"IHDR" or size != 13:
        raise BrokenFileError("its first chunk is not a header")
    source.seek(at)
    chunk = exactly(source, size + 4, "its header")
    if zlib.crc32(name + chunk[:size]) != int.from_bytes(chunk[size:], "big"):
        raise BrokenFileError("its header does not match its checksum")
    width, height = int.from_bytes(chunk[:4], "big"), int.from_bytes(chunk[4:8], "big")
    depth, colour, compression, filters, interlace = chunk[8:13]
    if not width or not height:
        raise BrokenFileError(f"its header says {width} by {height} pixels")
    if depth not in _DEPTHS.get(colour, ()) or compression or filters or interlace > 1:
        raise BrokenFileError(
            "its header asks for a colour type, compression or filter that PNG does not have"
        )
    return Stored(width, height)


def _turned(stored: Stored, exif: bytes) -> Stored:
    return Stored(stored.width, stored.height, orientation(exif))


def _icc_profile(chunk: bytes) -> bytes | None:
    _, _, compressed = chunk.partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(compressed[1:], ICC_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if inflate.eof else None
