"""PNG: chunks, each with its length, name and checksum (W3C PNG, third edition, section 5)."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from functions.imaging.formats import (
    CUT_OFF,
    HEADER_PARTS,
    BrokenFileError,
    Pixels,
    Source,
    Stored,
    TooComplexError,
    cicp,
    exactly,
    icc,
)
from functions.imaging.formats.exif import Exif

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bits per sample that each colour type may have.
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_GRAY, _RGB, _PALETTE, _GRAY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
# Where the header's last byte is: signature, chunk frame and twelve other bytes come first.
_INTERLACE_AT = 28
# Where each pass over an interlaced picture begins, and its steps, across and down.
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
# What is inflated at once.
_INFLATED_BYTES = 1024 * 1024
# Picture data comes in chunks of 8 KiB and more; a file of empty ones would keep us walking.
_CHUNKS = 100_000
# Length, name, and behind the data the checksum.
_FRAME_BYTES = 12
# What says which colours the numbers mean. What comes first here counts; the rest is for decoders that do not
# know it (W3C PNG, third edition, section 4.3). cHRM goes with gAMA.
_COLOURS = (b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM")
# A profile is compressed.
_COLOUR_BYTES = icc.MOST_BYTES + 1024
# A gamma within 5 percent of sRGB's is taken for sRGB, as libpng does.
_SRGB_GAMMA, _GAMMA_TOLERANCE = 1 / 2.2, 0.05
# Thousandths of what chromaticities may differ from those of sRGB.
_NEAR = 0.002


@dataclass
class _Header:
    """What the chunks before the picture data say."""

    stored: Stored
    depth: int
    colour: int
    # The first of each kind, as place and size.
    chunks: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_gray(self) -> bool:
        return self.colour in {_GRAY, _GRAY_ALPHA}


def header(source: Source) -> Stored:
    """Size and orientation, from the chunks before the picture data, where the standard wants EXIF to be.

    Raises:
        BrokenFileError, TooComplexError
    """
    return _read(source).stored


def pixels(data: bytes, _fraction: float = 1.0) -> Pixels:
    """The picture, with its palette and transparent colours. Of an animation, the picture shown without it.

    The end may be missing, as long as no picture data is.

    Raises:
        BrokenFileError, TooComplexError
    """
    source = io.BytesIO(data)
    found = _read(source)
    view = memoryview(data)
    kept: list[bytes | memoryview] = [_SIGNATURE]
    wanted = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
    transparent: tuple[int, ...] | None = None
    for name, at, size in _chunks(source):
        if name not in wanted:
            continue
        # One of each, and behind the picture none but its own.
        wanted -= {b"PLTE", b"tRNS"} if name == b"IDAT" else {name}
        body = view[at : at + size]
        if name == b"IDAT" and len(data) < at + size + 4:
            # The decoder finds out whether pixels are missing.
            kept.append(_chunk(name, bytes(body)))
            break
        if _checksum(data, at, size) != zlib.crc32(view[at - 4 : at + size]):
            if name == b"tRNS":
                continue
            raise BrokenFileError(f"the {name.decode()} chunk at byte {at - 8} does not match its checksum")
        if name == b"tRNS" and found.colour != _PALETTE:
            transparent = _samples(bytes(body), found.depth)
            # Decoders make samples of 8 bits, and look for the colour among those. Of 16 bits they would lose
            # the lower ones.
            if transparent and found.depth < 16:
                kept.append(_chunk(name, struct.pack(f">{len(transparent)}H", *transparent)))
        else:
            kept.append(view[at - 8 : at + size + 4])
    if found.colour == _PALETTE and not any(chunk[4:8] == b"PLTE" for chunk in kept):
        raise BrokenFileError("it has no palette")
    kept.append(_chunk(b"IEND", b""))
    return Pixels(
        found.stored,
        io.BytesIO(b"".join(kept)),
        _profile(source, found),
        is_gray=found.is_gray,
        transparent=transparent if found.depth == 16 else None,
    )


def is_short(file: bytes) -> bool:
    """Whether the compressed data of a file made by `pixels` ends before its picture does."""
    source = io.BytesIO(file)
    found = _read(source)
    interlaced = file[_INTERLACE_AT]
    samples = {_RGB: 3, _GRAY_ALPHA: 2, _RGB_ALPHA: 4}.get(found.colour, 1)
    missing = sum(
        height * (1 + -(-width * samples * found.depth // 8))
        for width, height in (
            _passes(found.stored) if interlaced else [(found.stored.width, found.stored.height)]
        )
        if width
    )
    inflate = zlib.decompressobj()
    for name, at, size in _chunks(source):
        rest = file[at : at + size] if name == b"IDAT" else b""
        while rest and missing > 0 and not inflate.eof:
            missing -= len(inflate.decompress(rest, _INFLATED_BYTES))
            rest = inflate.unconsumed_tail
    return missing > len(inflate.flush())


def _passes(stored: Stored) -> Iterator[tuple[int, int]]:
    """Width and height of what each of the seven passes over an interlaced picture has."""
    for left, top, across, down in _ADAM7:
        yield (
            max(0, stored.width - left + across - 1) // across,
            max(0, stored.height - top + down - 1) // down,
        )


def _read(source: Source) -> _Header:
    found: _Header | None = None
    for count, (name, at, size) in enumerate(_chunks(source)):
        if found is None:
            found = _header(source, name, at, size)
        elif name == b"IDAT":
            if b"eXIf" in found.chunks:
                found.stored = found.stored.turned(Exif(source, *found.chunks[b"eXIf"]).orientation)
            return found
        elif name == b"IEND":
            break
        elif count > HEADER_PARTS:
            raise TooComplexError(f"it has more than {HEADER_PARTS} chunks before its picture data")
        else:
            found.chunks.setdefault(name, (at, size))
    raise BrokenFileError("it has no picture data after its header")


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of the data of each chunk, up to and with IEND, or to the end of the file."""
    source.seek(0)
    if exactly(source, 8, "its signature") != _SIGNATURE:
        raise BrokenFileError("it does not start as a PNG")
    at = 8
    has_picture = False
    for _ in range(_CHUNKS):
        source.seek(at)
        frame = source.read(8)
        if len(frame) < 8 and has_picture:
            return
        if len(frame) < 8:
            raise BrokenFileError(f"it ends inside its chunks; {CUT_OFF}")
        size, name = int.from_bytes(frame[:4], "big"), frame[4:]
        if not name.isalpha():
            raise BrokenFileError(f"there is no chunk at byte {at}")
        yield name, at + 8, size
        if name == b"IEND":
            return
        has_picture = has_picture or name == b"IDAT"
        at += size + _FRAME_BYTES
    raise TooComplexError(f"it has more than {_CHUNKS} chunks")


def _header(source: Source, name: bytes, at: int, size: int) -> _Header:
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
    return _Header(Stored(width, height), depth, colour)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _checksum(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at + size : at + size + 4], "big") if at + size + 4 <= len(data) else -1


def _samples(body: bytes, depth: int) -> tuple[int, ...] | None:
    """The transparent colour of a tRNS chunk; what is more than `depth` bits does not count.

    Fewer than 8 bits are spread over 8, as decoders do with the pixels.
    """
    count = len(body) // 2
    if count not in {1, 3}:
        return None
    most = (1 << depth) - 1
    samples = (sample & most for sample in struct.unpack(f">{count}H", body[: 2 * count]))
    return tuple(sample * 255 // most if depth < 8 else sample for sample in samples)


def _profile(source: Source, found: _Header) -> bytes | None:
    """What the colours mean, as a profile; None for sRGB."""
    bodies: dict[bytes, bytes] = {}
    for name in _COLOURS:
        at, size = found.chunks.get(name, (0, 0))
        if at and size <= _COLOUR_BYTES:
            source.seek(at)
            # With its checksum, by which a broken one is left out: decoders do without it.
            data = source.read(size + 4)
            if zlib.crc32(name + data[:size]) == int.from_bytes(data[size:], "big"):
                bodies[name] = data[:size]
    points = bodies.get(b"cICP", b"")
    # Only RGB can be in a PNG: the third is its matrix.
    if len(points) == 4 and points[2] == 0:
        return cicp.profile(points[0], points[1], is_gray=found.is_gray, is_full=points[3] == 1)
    profile = _inflated(bodies.get(b"iCCP", b""))
    if profile and icc.space(profile) == ("GRAY" if found.is_gray else "RGB"):
        return profile
    if b"sRGB" in bodies:
        return None
    return _by_gamma(bodies.get(b"gAMA", b""), bodies.get(b"cHRM", b""), is_gray=found.is_gray)


def _by_gamma(gama: bytes, chrm: bytes, *, is_gray: bool) -> bytes | None:
    gamma = int.from_bytes(gama, "big") / 100_000 if len(gama) == 4 else 0
    primaries = icc.SRGB
    if len(chrm) == 32 and not is_gray:
        white, red, green, blue = ((x / 100_000, y / 100_000) for x, y in struct.iter_unpack(">2I", chrm))
        given = (red, green, blue, white)
        if any(
            abs(one - other) > _NEAR
            for point, wanted in zip(given, icc.SRGB, strict=True)
            for one, other in zip(point, wanted, strict=True)
        ):
            primaries = given
    is_usual = not 0.01 <= gamma <= 10 or abs(gamma / _SRGB_GAMMA - 1) < _GAMMA_TOLERANCE
    if is_usual and primaries is icc.SRGB:
        return None
    # Without a gamma the curve is that of sRGB.
    curve = (lambda value: value ** (1 / gamma)) if 0.01 <= gamma <= 10 else icc.srgb_curve
    return icc.gray_profile(curve) if is_gray else icc.rgb_profile(primaries, curve)


def _inflated(chunk: bytes) -> bytes | None:
    _, _, compressed = chunk.partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(compressed[1:], icc.MOST_BYTES)
    except zlib.error:
        return None
    return profile if inflate.eof else None
