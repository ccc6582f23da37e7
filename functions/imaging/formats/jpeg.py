"""JPEG: segments, each after a marker (ITU-T T.81, annex B)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from functions.imaging.formats import (
    EXIF_BYTES,
    HEADER_PARTS,
    ICC_PROFILE_BYTES,
    BrokenFileError,
    Pixels,
    Source,
    Stored,
    UnreadableVariantError,
    exactly,
)
from functions.imaging.formats.exif import orientation
from functions.imaging.formats.progressive import coarse

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_JFIF, _EXIF, _ICC, _ADOBE = 0xE0, 0xE1, 0xE2, 0xEE
# Huffman and arithmetic tables, quantisation, restart interval.
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD}
# Sequential and progressive frames; the others are lossless or hierarchical, or JPEG-LS.
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_PROGRESSIVE, _PROGRESSIVE_ARITHMETIC = 0xC2, 0xCA
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE, 0xF7}
_EXIF_NAME, _ICC_NAME = b"Exif\0\0", b"ICC_PROFILE\0"
# Bytes between segments that belong to none. Decoders step over them.
_JUNK_BYTES = 1024
# A scan of a few bytes still makes the decoder go through every pixel. Encoders write about a dozen.
_SCANS = 64
_CUT_OFF = "its picture data has no end: it was cut off"
# A marker among compressed data; 00 and D0 to D7 after FF belong to the data, a second FF is filling.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def header(source: Source) -> Stored:
    """Size and orientation, from the segments before the picture.

    Raises:
        BrokenFileError, UnreadableVariantError
    """
    frame: Stored | None = None
    upright = 1
    for marker, at, size in _segments(source):
        if marker in _FRAMES:
            frame = _frame(_payload(source, at, size), frame)
        elif marker == _EXIF and upright == 1:
            payload = _payload(source, at, min(size, EXIF_BYTES))
            upright = orientation(payload) if payload.startswith(_EXIF_NAME) else 1
    if frame is None:
        raise BrokenFileError("it has no frame header before its picture data")
    return Stored(frame.width, frame.height, upright)


def pixels(data: bytes, fraction: float = 1.0) -> Pixels:
    """The first picture of a file, with the tables that it needs. An MPO is taken as the JPEG it begins with.

    Where `fraction` of its width and height suffices, scans that only finer pixels need may be missing.

    Raises:
        BrokenFileError, UnreadableVariantError
    """
    source = io.BytesIO(data)
    stored = header(source)
    view = memoryview(data)
    wanted = stored.at_least(fraction)
    # A decoder scales by 8 at most, and then makes one pixel of each block.
    by_8 = min(stored.width // wanted[0], stored.height // wanted[1]) >= 8
    frame_marker, frame = 0, b""
    kept: list[bytes | memoryview] = [view[:2]]
    profile: list[bytes] = []
    for marker, at, size in _segments(source):
        payload = data[at : at + size]
        if marker == _ICC and payload.startswith(_ICC_NAME):
            profile.append(payload[len(_ICC_NAME) :])
        elif (
            marker in _TABLES
            or marker in _FRAMES
            # These two say what the components mean: YCbCr or RGB, CMYK or YCCK.
            or (marker == _JFIF and payload.startswith(b"JFIF\0"))
            or (marker == _ADOBE and payload.startswith(b"Adobe"))
        ):
            kept += [b"\xff%c" % marker, view[at - 2 : at + size]]
            if marker in _FRAMES:
                frame_marker, frame = marker, payload
        elif marker == _SCAN and _is_whole(frame_marker, frame, payload):
            kept.append(view[at - 4 : _last_end(data, at + size)])
        elif marker == _SCAN:
            parts = [view[start:end] for start, end in _picture(data, at - 4, at + size)]
            kept += coarse(frame, parts) if frame_marker == _PROGRESSIVE and by_8 else parts
    return Pixels(stored, io.BytesIO(b"".join(kept)), _icc_profile(profile))


def _segments(source: Source) -> Iterator[tuple[int, int, int]]:
    """Marker, and place and size of the payload, of each segment up to and with the first scan's."""
    source.seek(0)
    if exactly(source, 2, "its first marker") != b"\xff\xd8":
        raise BrokenFileError("it does not start as a JPEG")
    at = 2
    junk = _JUNK_BYTES
    for _ in range(HEADER_PARTS):
        source.seek(at)
        marker, skipped = _marker(source, junk)
        junk -= skipped
        at += skipped + 2
        if marker in {_START, _END} or marker in _OTHER_FRAMES:
            _refuse(marker)
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue  # these stand alone
        size = int.from_bytes(exactly(source, 2, "a segment's length"), "big") - 2
        if size < 0:
            raise BrokenFileError(f"the segment at byte {at} has no length")
        yield marker, at + 2, size
        if marker == _SCAN:
            return
        at += 2 + size
    raise BrokenFileError(f"it has more than {HEADER_PARTS} segments before its picture data")


def _marker(source: Source, junk: int) -> tuple[int, int]:
    """The next marker, and how many bytes before it were skipped."""
    skipped = 0
    after_ff = False
    while skipped <= junk + 1:
        byte = exactly(source, 1, "its header")
        if after_ff and byte not in b"\xff\x00":
            return byte[0], skipped - 1
        after_ff = byte == b"\xff"
        skipped += 1
    raise BrokenFileError("its segments do not follow one another")


def _refuse(marker: int) -> None:
    if marker in _OTHER_FRAMES:
        raise UnreadableVariantError(f"a lossless or hierarchical JPEG (marker FF{marker:02X})")
    raise BrokenFileError("it ends before its picture data")


def _payload(source: Source, at: int, size: int) -> bytes:
    source.seek(at)
    return exactly(source, size, "a segment")


def _frame(payload: bytes, earlier: Stored | None) -> Stored:
    if earlier:
        raise BrokenFileError("it has two frame headers")
    if len(payload) < 6:
        raise BrokenFileError("its frame header is too short")
    precision = payload[0]
    if precision != 8:
        raise UnreadableVariantError(f"a JPEG of {precision} bits a sample")
    height, width = int.from_bytes(payload[1:3], "big"), int.from_bytes(payload[3:5], "big")
    if not width or not height:
        raise BrokenFileError(f"its frame header says {width} by {height} pixels")
    return Stored(width, height)


def _is_whole(frame_marker: int, frame: bytes, scan: bytes) -> bool:
    """Whether a scan is a picture's only one: all its components, and each coefficient of them at once."""
    return frame_marker not in {_PROGRESSIVE, _PROGRESSIVE_ARITHMETIC} and scan[:1] == frame[5:6]


def _last_end(data: bytes, at: int) -> int:
    """Where the last end marker from `at` on ends.

    That of an only scan need not be exact, which would take a search of all its data: the decoder stops by
    itself when it has all pixels, at the end marker that comes first.
    """
    found = data.rfind(b"\xff%c" % _END, at)
    if found < 0:
        raise BrokenFileError(_CUT_OFF)
    return found + 2


def _picture(data: bytes, start: int, at: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each segment from the first scan's on, with its data, and of the end marker.

    The first scan begins at `start`, its data at `at`.
    """
    scans = 1
    for _ in range(HEADER_PARTS):
        found = _MARKER.search(data, at)
        if not found:
            break
        yield start, found.start()
        start, at = found.span()
        marker = data[at - 1]
        if marker == _END:
            yield start, at
            return
        size = int.from_bytes(data[at : at + 2], "big")
        scans += marker == _SCAN
        if scans > _SCANS:
            raise BrokenFileError(f"it goes over its pixels in more than {_SCANS} scans")
        at += size
    raise BrokenFileError(_CUT_OFF)


def _icc_profile(parts: list[bytes]) -> bytes | None:
    """Puts a profile together; each part begins with its number, from 1, and their count (ICC.1, B.4)."""
    parts = sorted(parts, key=lambda part: part[:1])
    numbers = [part[0] for part in parts if len(part) > 2 and part[1] == len(parts)]
    if not parts or numbers != list(range(1, len(parts) + 1)):
        return None
    profile = b"".join(part[2:] for part in parts)
    return profile if len(profile) <= ICC_PROFILE_BYTES else None
