"""DICOM files that are damaged, or made to do damage: each is refused for a reason, in little memory."""

from __future__ import annotations

import logging
import random
import struct
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from functions.decision import Rejection
from functions.dicom.pseudonyms import pseudonyms
from functions.dicom.redaction import Limits, redacted
from functions.dicom.structure import structure
from tests import scans
from tests.functions.looks import looking
from tests.functions.test_dicom_pixels import DEFLATED, EXPLICIT, IMPLICIT, JPEG, JPEG2000, LOOK, RLE

LIMITS = Limits(2_000_000, 2_000_000, 20, 20)
REASONS = {
    "NOT_DICOM", "CORRUPT_IMAGE", "IMAGE_TOO_LARGE", "IMAGE_TOO_COMPLEX", "UNSUPPORTED_TYPE", "STILL_VISIBLE",
    "TOO_MANY_FRAMES", "UNSUPPORTED_TRANSFER_SYNTAX",
}  # fmt: skip


def outcome(data: bytes) -> str:
    """The reason of the refusal; "" of what is published."""
    with pytest.MonkeyPatch.context() as patched, looking(patched):
        try:
            made = redacted(data, pseudonyms(b"secret"), LOOK, LIMITS)
        except Rejection as refused:
            told = str(refused)
            reason = str(refused.decision.reason)
        else:
            told, reason = str(made.dicom), ""
    assert "Winterbottom" not in told
    return reason


def explicit(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element as explicit little endian has it."""
    size = len(value) if length is None else length
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    return (
        head
        + (
            struct.pack("<HL", 0, size)
            if vr in {b"SQ", b"OB", b"OW", b"UN", b"UT"}
            else struct.pack("<H", size)
        )
        + value
    )


def before_pixels(more: bytes, syntax: str = EXPLICIT) -> bytes:
    """A file with something more between its attributes and its pixels."""
    made = scans.written(scans.dataset(), EXPLICIT)
    at = made.index(b"\xe0\x7f\x10\x00")
    return made[:at] + more + made[at:]


def nested(levels: int, *, defined: bool) -> bytes:
    """Sequences in sequences, with lengths or without."""
    item = struct.Struct("<HHL").pack
    if not defined:
        begin = explicit(0x00081140, b"SQ", item(0xFFFE, 0xE000, 0xFFFFFFFF), 0xFFFFFFFF)
        return before_pixels(begin * levels + (item(0xFFFE, 0xE00D, 0) + item(0xFFFE, 0xE0DD, 0)) * levels)
    value = b""
    for _ in range(levels):
        value = explicit(0x00081140, b"SQ", item(0xFFFE, 0xE000, len(value)) + value)
    return before_pixels(value)


def encapsulated(frame: bytes, syntax: str, interpretation: str = "MONOCHROME2", frames: int = 1) -> bytes:
    made = scans.dataset(PhotometricInterpretation=interpretation, NumberOfFrames=frames)
    made.PixelData = encapsulate([frame] * frames)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return scans.written(made, syntax)


def picture(kind: str, size: tuple[int, int]) -> bytes:
    file = BytesIO()
    Image.new("L", size).save(file, kind)
    return file.getvalue()


def deflated(data: bytes | None = None) -> bytes:
    """The data set of a file, or whatever, deflated."""
    file = scans.scan()
    start = structure(file, most_bytes=10**6).start
    # The group's length is one that nobody relies on.
    head = file[:start].replace(b"UI\x14\0" + EXPLICIT.encode() + b"\0", b"UI\x16\0" + DEFLATED.encode())
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return head + packing.compress(file[start:] if data is None else data) + packing.flush()


def rle_bomb() -> bytes:
    """A frame whose runs make 64 times as much as they are long."""
    runs = b"\x81\x00" * 1_000_000
    return encapsulated(struct.pack("<16L", 1, 64, *[0] * 14) + runs, RLE)


MADE: dict[str, tuple[Callable[[], bytes], str]] = {
    "what is sound": (scans.scan, ""),
    "nothing": (lambda: b"", "NOT_DICOM"),
    "no preamble": (lambda: scans.scan()[128:], "NOT_DICOM"),
    "only the preamble": (lambda: scans.scan()[:132], "NOT_DICOM"),
    "a JPEG": (lambda: picture("JPEG", (90, 90)), "NOT_DICOM"),
    "no transfer syntax": (
        lambda: scans.scan().replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI"),
        "NOT_DICOM",
    ),
    "an unknown transfer syntax": (
        lambda: scans.scan().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"),
        "UNSUPPORTED_TRANSFER_SYNTAX",
    ),
    "JPEG-LS": (lambda: encapsulated(b"\xff\xd8", "1.2.840.10008.1.2.4.80"), "UNSUPPORTED_TRANSFER_SYNTAX"),
    "4 gigapixels": (scans.bomb, "IMAGE_TOO_LARGE"),
    "many frames": (lambda: scans.written(scans.dataset(NumberOfFrames=2**31 - 1)), "TOO_MANY_FRAMES"),
    "fewer frames than it says": (lambda: scans.written(scans.dataset(NumberOfFrames=2)), "CORRUPT_IMAGE"),
    "less than no frames": (lambda: scans.written(scans.dataset(NumberOfFrames=-1)), "CORRUPT_IMAGE"),
    "no rows": (lambda: scans.written(scans.dataset(Rows=0)), "CORRUPT_IMAGE"),
    "12 bits of 8": (lambda: scans.written(scans.dataset(BitsStored=12)), "CORRUPT_IMAGE"),
    "32 bits": (lambda: scans.written(scans.dataset(BitsAllocated=32, BitsStored=32)), "UNSUPPORTED_TYPE"),
    "two samples": (lambda: scans.written(scans.dataset(SamplesPerPixel=2)), "CORRUPT_IMAGE"),
    "an unheard of colour": (
        lambda: scans.written(scans.dataset(PhotometricInterpretation="XYZ")),
        "UNSUPPORTED_TYPE",
    ),
    "a palette without one": (
        lambda: scans.written(scans.dataset(PhotometricInterpretation="PALETTE COLOR")),
        "CORRUPT_IMAGE",
    ),
    "10 levels": (partial(nested, 10, defined=False), ""),
    "100,000 levels": (partial(nested, 100_000, defined=False), "IMAGE_TOO_COMPLEX"),
    "500 levels of lengths": (partial(nested, 500, defined=True), "IMAGE_TOO_COMPLEX"),
    "300,000 elements": (
        lambda: before_pixels(explicit(0x00280301, b"CS", b"") * 300_000),
        "IMAGE_TOO_COMPLEX",
    ),
    "20 MB of text": (
        lambda: before_pixels(explicit(0x00204000, b"UT", b"x" * 20_000_000)),
        "IMAGE_TOO_COMPLEX",
    ),
    "a length beyond the end": (
        lambda: before_pixels(explicit(0x00204000, b"UT", b"x", 2**31)),
        "CORRUPT_IMAGE",
    ),
    "a sequence of no items": (
        lambda: before_pixels(explicit(0x00081140, b"SQ", b"\x28\0\2\0\4\0\0\0ABCD")),
        "CORRUPT_IMAGE",
    ),
    "a sequence without an end": (
        lambda: before_pixels(explicit(0x00081140, b"SQ", b"\xfe\xff\0\xe0\xff\xff\xff\xff", 2**32 - 1)),
        "CORRUPT_IMAGE",
    ),
    "a text without an end": (
        lambda: before_pixels(explicit(0x00204000, b"UT", b"x", 2**32 - 1)),
        "CORRUPT_IMAGE",
    ),
    "what says it is compressed": (
        lambda: scans.scan().replace(EXPLICIT.encode() + b"\0", RLE.encode() + b"\0"),
        "CORRUPT_IMAGE",
    ),
    "a deflated bomb": (lambda: deflated(b"\0" * 50_000_000), "IMAGE_TOO_LARGE"),
    "what is deflated": (deflated, ""),
    "what is deflated and breaks off": (lambda: deflated()[:-9], "CORRUPT_IMAGE"),
    "what is not": (lambda: deflated()[:350] + b"\xff" * 400, "CORRUPT_IMAGE"),
    "runs that are a bomb": (rle_bomb, "CORRUPT_IMAGE"),
    "no runs": (lambda: encapsulated(b"\0" * 64, RLE), "CORRUPT_IMAGE"),
    "a JPEG of 100 megapixels": (
        lambda: encapsulated(picture("JPEG", (10_000, 10_000)), JPEG),
        "CORRUPT_IMAGE",
    ),
    "a JPEG 2000 of another size": (
        lambda: encapsulated(picture("JPEG2000", (97, 64)), JPEG2000),
        "CORRUPT_IMAGE",
    ),
    "a JPEG that breaks off": (lambda: encapsulated(picture("JPEG", (96, 64))[:200], JPEG), "CORRUPT_IMAGE"),
    "a frame that is a text": (lambda: encapsulated(b"Prudence Winterbottom", JPEG), "CORRUPT_IMAGE"),
    "fewer compressed frames": (
        lambda: encapsulated(picture("JPEG", (96, 64)), JPEG, frames=2)[:-700],
        "CORRUPT_IMAGE",
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_to_do_damage_is_refused_in_little_memory(name: str) -> None:
    make, reason = MADE[name]
    data = make()
    tracemalloc.start()
    try:
        assert outcome(data) == reason
        # The file's own text is there once more while it is read, and pixels twice.
        assert tracemalloc.get_traced_memory()[1] < len(data) + 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_files_that_break_off_anywhere_are_refused(syntax: str) -> None:
    made = scans.written(scans.dataset(), syntax, implicit=syntax == IMPLICIT)
    head = len(made) - 6144
    ends = [*range(0, head, 7), *range(head, len(made), 997)]
    found = Counter(outcome(made[:end]) for end in ends)
    assert set(found) <= {"NOT_DICOM", "CORRUPT_IMAGE", "UNSUPPORTED_TYPE"}
    assert len(ends) > 80


def test_a_value_that_is_odd_is_quoted_in_no_log(recwarn: pytest.WarningsRecorder) -> None:
    odd = (0x0008001A, b"UI"), (0x00200013, b"IS")
    outcome(before_pixels(b"".join(explicit(tag, vr, b"Winterbottom") for tag, vr in odd)))
    outcome(scans.scan().replace(EXPLICIT.encode(), b"Prudence".ljust(len(EXPLICIT), b".")))
    assert not [each for each in recwarn if "Invalid value" in str(each.message)]


@pytest.mark.parametrize("name", ["pydicom", "pydicom.pixels.decoders.base"])
def test_the_library_does_not_log(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[logging.LogRecord] = []
    handler = logging.Handler()
    monkeypatch.setattr(handler, "emit", logged.append)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    logging.getLogger(name).error("Winterbottom")
    assert not logged


def test_files_with_changed_bytes_are_published_without_the_name_or_refused() -> None:
    chance = random.Random(17)  # no secret
    folder = files("pydicom").joinpath("data/test_files")
    originals = [
        scans.scan(),
        scans.written(scans.dataset(), IMPLICIT, implicit=True),
        *(
            folder.joinpath(f"{name}.dcm").read_bytes()
            for name in (
                "SC_rgb_small_odd",
                "SC_rgb_rle",
                "MR_small_jp2klossless",
                "SC_rgb_small_odd_jpeg",
                "nested_priv_SQ",
            )
        ),
    ]
    found: Counter[str] = Counter()
    for number in range(119):
        data = bytearray(originals[number % len(originals)])
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(132, len(data))] = chance.randrange(256)
        found[outcome(bytes(data))] += 1
    assert set(found) <= REASONS | {""}
    assert len(found) > 3


def test_the_same_file_is_the_same_afterwards() -> None:
    with pytest.MonkeyPatch.context() as patched, looking(patched):
        made = {redacted(scans.scan(), pseudonyms(b"s"), LOOK, LIMITS).dicom for _ in range(2)}
    assert len(made) == 1
    assert np.frombuffer(made.pop()[-6144:], np.uint8).max() == 200
