"""JPEG: segments, each after a marker (ITU-T T.81, annex B)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from functions.imaging.formats import (
    CUT_OFF,
    HEADER_PARTS,
    BrokenFileError,
    Pixels,
    Source,
    Stored,
    TooComplexError,
    UnreadableVariantError,
    exactly,
    icc,
)
from functions.imaging.formats.exif import Exif
from functions.imaging.formats.progressive import coarse, rougher

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
_JFIF, _EXIF, _ICC, _ADOBE = 0xE0, 0xE1, 0xE2, 0xEE
# Huffman and arithmetic tables, quantisation, restart interval.
_QUANTISATION = 0xDB
_TABLES = {0xC4, 0xCC, _QUANTISATION, 0xDD}
# Sequential and progressive frames; the others are lossless or hierarchical, or JPEG-LS.
_FRAMES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
_PROGRESSIVE, _PROGRESSIVE_ARITHMETIC = 0xC2, 0xCA
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE, 0xF7}
_EXIF_NAME, _ICC_NAME = b"Exif\0\0", b"ICC_PROFILE\0"
# The kind of profile by the number of components.
_SPACES = {1: "GRAY", 3: "RGB", 4: "CMYK"}
# Bytes between segments that belong to none. Decoders step over them.
_JUNK_BYTES = 1024 * 1024
_JUNK_BLOCK_BYTES = 4096
# Long metadata (XMP, thermal pictures, provenance) comes in many segments of the same size and kind. Of such
# a run only the end is looked for.
_RUN_SEGMENT_BYTES = 4096
_RUN_NAME_BYTES = 12
# A scan of a few bytes still makes the decoder go through every pixel. Encoders write about a dozen.
_SCANS = 64
# A marker: 00 after FF, or a second FF, is none.
_ANY_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
# A marker among compressed data; 00 and D0 to D7 after FF belong to the data, a second FF is filling.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_END_MARKER = bytes((0xFF, _END))
# Compressed data that a decoder which still waits for some makes pixels of, with every restart marker that it
# may wait for.

_FILLING = b"".join(b"\x5a\xa5\x33\xc7" * 8 + bytes((0xFF, 0xD0 + number)) for number in range(8)) * 2


def header(source: Source) -> Stored:
    """Size and orientation, from the segments before the picture.

    Raises:
        BrokenFileError, UnreadableVariantError, TooComplexError
    """
    frame: Stored | None = None
    exif: Exif | None = None
    for marker, at, size, is_repeat in _segments(source):
        if marker in _FRAMES:
            frame = _frame(_payload(source, at, size), frame)
        elif marker == _EXIF and exif is None and not is_repeat:
            exif = _exif(source, at, size)
    if frame is None:
        raise BrokenFileError("it has no frame header before its picture data")
    return frame.turned(exif.orientation) if exif else frame


def pixels(data: bytes, fraction: float = 1.0) -> Pixels:
    """The first picture of a file, with the tables that it needs. An MPO is taken as the JPEG it begins with.

    Where `fraction` of its width and height suffices, scans that only finer pixels need may be missing. Where
    the picture data has no end, it gets one.

    Raises:
        BrokenFileError, UnreadableVariantError, TooComplexError
    """
    source = io.BytesIO(data)
    stored = header(source)
    view = memoryview(data)
    wanted = stored.at_least(fraction)
    scale = min(stored.width // wanted[0], stored.height // wanted[1])
    frame_marker, frame = 0, b""
    kept: list[bytes | memoryview] = [view[:2]]
    steps: list[bytes] = []
    profile: list[bytes] = []
    exif: Exif | None = None
    has_no_end = False
    for marker, at, size, is_repeat in _segments(source):
        payload = data[at : at + size]
        if marker == _ICC and payload.startswith(_ICC_NAME):
            profile.append(payload[len(_ICC_NAME) :])
        elif marker == _EXIF and exif is None and not is_repeat:
            exif = _exif(source, at, size)
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
            steps += [payload] * (marker == _QUANTISATION)
        elif marker == _SCAN and _is_whole(frame_marker, frame, payload):
            # That of an only scan need not be exact, which would take a search of all its data: the decoder
            # stops by itself when it has all pixels, at the end marker that comes first.
            end = data.rfind(_END_MARKER, at + size)
            has_no_end = end < 0
            kept += [view[at - 4 : None if has_no_end else end], _END_MARKER]
        elif marker == _SCAN:
            parts = [view[start:end] for start, end in _picture(data, at - 4, at + size)]
            has_no_end = parts[-1] != _END_MARKER
            if has_no_end:
                parts.append(memoryview(_END_MARKER))
            kept += _needed(frame, steps, parts, scale) if frame_marker == _PROGRESSIVE else parts
    return Pixels(
        stored,
        io.BytesIO(b"".join(kept)),
        _colours(profile, frame[5], exif),
        is_gray=frame[5] == 1,
        has_no_end=has_no_end,
    )


def _needed(
    frame: bytes, steps: list[bytes], parts: list[memoryview], scale: int
) -> list[bytes | memoryview]:
    """Of a progressive picture's scans what a decoder needs that scales by as much."""
    # Decoders scale by 2, 4 or 8; by 8 they make one pixel of each block.
    scale = max((each for each in (2, 4, 8) if each <= scale), default=1)
    needed = rougher(frame, steps, parts, scale)
    return coarse(frame, needed) if scale == 8 else [*needed]


def filled(file: bytes) -> bytes:
    """A file made by `pixels`, with more data at the end of the last scan that makes pixels.

    A decoder that has had all pixels by then does not look at it; another makes different pixels of it.

    Raises:
        BrokenFileError: a component has no such scan.
    """
    frame, missing = b"", set[int]()
    for marker, at, size, _ in _segments(io.BytesIO(file)):
        if marker in _FRAMES:
            frame = file[at : at + size]
            missing = {frame[place] for place in range(6, len(frame), 3)}
        elif marker == _SCAN:
            place = at - 4
    filled_at = 0
    for start, end in _picture(file, place, at + size):
        if file[start + 1] == _SCAN and _makes_pixels(file[start + 4 : start + 16]):
            of = set(file[start + 5 : start + 5 + 2 * file[start + 4] : 2]) & missing
            missing -= of
            filled_at = end if of else filled_at
    if missing:
        raise BrokenFileError(CUT_OFF)
    # An FF at the end, which fills, would make a marker of what comes next.
    filled_at = len(file[:filled_at].rstrip(b"\xff"))
    return file[:filled_at] + _FILLING + file[filled_at:]


def _makes_pixels(scan: bytes) -> bool:
    """Whether a scan holds the first bits of the mean of each block, rather than what makes them finer."""
    after = scan[1 + 2 * scan[0] :]
    return len(after) >= 3 and after[0] == 0 and after[2] >> 4 == 0


def _exif(source: Source, at: int, size: int) -> Exif | None:
    source.seek(at)
    if size < len(_EXIF_NAME) or source.read(len(_EXIF_NAME)) != _EXIF_NAME:
        return None
    return Exif(source, at + len(_EXIF_NAME), size - len(_EXIF_NAME))


def _colours(profile: list[bytes], components: int, exif: Exif | None) -> bytes | None:
    found = _icc_profile(profile)
    if found and icc.space(found) == _SPACES.get(components):
        return found
    return icc.adobe_rgb() if components == 3 and exif and exif.is_adobe_rgb else None


def _segments(source: Source) -> Iterator[tuple[int, int, int, bool]]:
    """Marker, and place and size of the payload, of each segment up to and with the first scan's.

    The last says whether it begins as the segment before it does.
    """
    source.seek(0)
    if exactly(source, 2, "its first marker") != b"\xff\xd8":
        raise BrokenFileError("it does not start as a JPEG")
    at = 2
    junk = _JUNK_BYTES
    for _ in range(HEADER_PARTS):
        marker, place = _next_marker(source, at, junk)
        junk -= place - at
        at = place + 2
        if marker in {_START, _END} or marker in _OTHER_FRAMES:
            _refuse(marker)
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue  # these stand alone
        source.seek(at)
        size = int.from_bytes(exactly(source, 2, "a segment's length"), "big") - 2
        if size < 0:
            raise BrokenFileError(f"the segment at byte {at} has no length")
        yield marker, at + 2, size, False
        if marker == _SCAN:
            return
        if size >= _RUN_SEGMENT_BYTES:
            more = _repeats(source, at - 2, size + 4)
            for _ in range(more):
                at += size + 4
                yield marker, at + 2, size, True
        at += 2 + size
    raise TooComplexError(f"it has more than {HEADER_PARTS} segments before its picture data")


def _next_marker(source: Source, at: int, junk: int) -> tuple[int, int]:
    """The next marker at or after a place, and where it begins."""
    source.seek(at)
    block = exactly(source, 2, "its header")
    start = at
    while not (found := _ANY_MARKER.search(block)):
        # An FF at the end may belong to a marker.
        at += max(0, len(block) - 1)
        if at - start > junk:
            raise TooComplexError(
                f"it has more than {_JUNK_BYTES} bytes between its segments that belong to none"
            )
        source.seek(at)
        block = source.read(_JUNK_BLOCK_BYTES)
        if len(block) < 2:
            raise BrokenFileError("it ends inside its header")
    return block[found.start() + 1], at + found.start()


def _repeats(source: Source, at: int, length: int) -> int:
    """How many segments like the one at a place follow it without a gap: of the same kind and length.

    As many steps as the number has bits, and back, so that what is long is not fetched.
    """

    def start(number: int) -> bytes:
        source.seek(at + number * length)
        return source.read(4 + _RUN_NAME_BYTES)

    first, last, step = start(0), 0, 1
    while start(last + step) == first:
        last += step
        step *= 2
    while step > 1:
        step //= 2
        if start(last + step) == first:
            last += step
    return last


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
    if not width or not payload[5]:
        raise BrokenFileError(f"its frame header says {width} by {height} pixels of {payload[5]} components")
    if not height:
        raise UnreadableVariantError("a JPEG that says how high it is behind its first scan only")
    if payload[5] not in _SPACES:
        raise UnreadableVariantError(f"a JPEG of {payload[5]} components")
    return Stored(width, height)


def _is_whole(frame_marker: int, frame: bytes, scan: bytes) -> bool:
    """Whether a scan is a picture's only one: all its components, and each coefficient of them at once."""
    return frame_marker not in {_PROGRESSIVE, _PROGRESSIVE_ARITHMETIC} and scan[:1] == frame[5:6]


def _picture(data: bytes, start: int, at: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each segment from the first scan's on, with its data, and of the end marker if there
    is one.

    The first scan begins at `start`, its data at `at`.
    """
    scans = 1
    for _ in range(HEADER_PARTS):
        found = _MARKER.search(data, at)
        if not found:
            yield start, len(data)
            return
        yield start, found.start()
        start, at = found.span()
        marker = data[at - 1]
        if marker == _END:
            yield start, at
            return
        size = int.from_bytes(data[at : at + 2], "big")
        scans += marker == _SCAN
        if scans > _SCANS:
            raise TooComplexError(f"it goes over its pixels in more than {_SCANS} scans")
        at += size
    raise TooComplexError(f"it has more than {HEADER_PARTS} segments among its picture data")


def _icc_profile(parts: list[bytes]) -> bytes | None:
    """Puts a profile together; each part begins with its number, from 1, and their count (ICC.1, B.4)."""
    parts = sorted(parts, key=lambda part: part[:1])
    numbers = [part[0] for part in parts if len(part) > 2 and part[1] == len(parts)]
    if not parts or numbers != list(range(1, len(parts) + 1)):
        return None
    profile = b"".join(part[2:] for part in parts)
    return profile if len(profile) <= icc.MOST_BYTES else None
