from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.decision import Rejection
from functions.imaging.decoded import decode, reduced_jpeg
from functions.imaging.formats.exif import orientation
from functions.imaging.header import Header, header, pixels
from tests.functions.pictures import (
    SAMPLES,
    chunk,
    decoded,
    difference,
    encoded,
    jpeg_of_size,
    png,
    riff,
    riff_chunk,
    scene,
    segment,
    turned,
    webp_of_size,
    with_segments,
)

T = TypeVar("T")

KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
SMALL = {name: encoded(scene(60, 44), kind) for name, kind in KINDS.items()}
SMALL["jpg-progressive"] = encoded(scene(60, 44), "JPEG", progressive=True)
SMALL["webp-exif"] = turned(scene(60, 44), 6, "WEBP")


def read(data: bytes) -> Header:
    return header(io.BytesIO(data))


def reduce(data: bytes, **limits: Any) -> bytes:
    limits = {"max_pixels": 10**8, "longest_side_px": 1_000, "at_most_bytes": 10**7, **limits}
    return reduced_jpeg(data, **limits)


def refused(data: bytes) -> tuple[str, dict[str, Any]]:
    """Reason and detail of a rejection, the same for header and whole where the header tells it."""
    with pytest.raises(Rejection) as raised:
        reduce(data)
    return str(raised.value.decision.reason), dict(raised.value.decision.detail)


def outcome(call: Callable[[], T]) -> T | str:
    """What a call returns, or the reason for which it refuses."""
    try:
        return call()
    except Rejection as rejection:
        return str(rejection.decision.reason)


@pytest.mark.parametrize("name", SMALL)
def test_a_header_says_type_and_size(name: str) -> None:
    assert read(SMALL[name]) == Header(name.partition("-")[0], 60, 44)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (jpeg_of_size(65_500, 1), (65_500, 1)),
        (png(2**31 - 1, 1), (2**31 - 1, 1)),
        (webp_of_size(16_384, 9), (16_384, 9)),
        (encoded(scene(16_383, 2), "WEBP"), (16_383, 2)),
        (encoded(scene(16_383, 2), "WEBP", lossless=False), (16_383, 2)),
    ],
)
def test_the_widest_pictures_of_each_type(data: bytes, size: tuple[int, int]) -> None:
    found = read(data)
    assert (found.width, found.height) == size


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(SMALL)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_flipped_bits_end_in_a_photo_or_a_reason(name: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(SMALL[name])
    for place, bits in flips:
        data[int(place * len(data))] ^= bits
    reasons = {"CORRUPT_IMAGE", "UNSUPPORTED_TYPE", "IMAGE_TOO_LARGE"}
    seen = outcome(lambda: read(bytes(data)))
    assert isinstance(seen, Header) or seen in reasons
    reduced = outcome(lambda: reduce(bytes(data), max_pixels=10**6))
    assert (isinstance(reduced, bytes) and decoded(reduced).size) or reduced in reasons


@pytest.mark.parametrize("place", range(0, 100, 7))
def test_a_flipped_bit_in_the_pixels_of_a_png_is_seen(place: int) -> None:
    data = bytearray(SMALL["png"])
    start = data.index(b"IDAT") + 4
    data[start + place * (len(data) - start - 16) // 100] ^= 0x10
    reason, detail = refused(bytes(data))
    assert (reason, "IDAT" in detail["message"]) == ("CORRUPT_IMAGE", True)


FOREIGN = {
    "gif": encoded(scene(60, 44), "GIF"),
    "bmp": encoded(scene(60, 44), "BMP"),
    "tiff": encoded(scene(60, 44), "TIFF"),
    "ico": encoded(scene(60, 44), "ICO"),
    "jp2": encoded(scene(60, 44), "JPEG2000"),
    "pdf": encoded(scene(60, 44), "PDF"),
    "pnm": encoded(scene(60, 44), "PPM"),
    "qoi": encoded(scene(60, 44), "QOI"),
    "dds": encoded(scene(60, 44), "DDS"),
    "icns": encoded(scene(64, 64), "ICNS"),
    "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isommp42",
    "jxl": b"\xff\x0a\xfa\x1f",
    "psd": b"8BPS\0\1" + bytes(20),
    "svg": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n<SVG width="900" height="900"/>',
}


@pytest.mark.parametrize("type_", FOREIGN)
def test_another_known_type_is_named_and_refused(type_: str) -> None:
    assert refused(FOREIGN[type_]) == (
        "UNSUPPORTED_TYPE",
        {"type": type_, "allowed": ["avif", "heic", "jpg", "png", "webp"]},
    )


@pytest.mark.parametrize(
    "data",
    [
        b"BM is how this letter begins",
        b"P1: a list",
        b"<?xml version='1.0'?><note/>",
        b"II",
        b"\0" * 2_000,
        b"GIF",
    ],
)
def test_what_only_looks_like_an_image_is_corrupt(data: bytes) -> None:
    assert refused(data) == ("CORRUPT_IMAGE", {"message": "The file is not an image of any known type."})


def test_an_empty_file_is_corrupt() -> None:
    assert refused(b"") == ("CORRUPT_IMAGE", {"message": "The file is empty."})


HEADER_OF_PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0))
JPEG = SMALL["jpg"]
FRAME_AT = JPEG.index(b"\xff\xc0")
BROKEN = {
    "png: cut off": png(900, 900)[:-40],
    "png: no picture": HEADER_OF_PNG + chunk(b"IEND", b""),
    "png: half the rows": png(90, 90, rows=[bytes([200, 50, 50] * 90)] * 45),
    "png: ends in its header": HEADER_OF_PNG[:-3],
    "png: zero wide": png(0, 9),
    "png: a depth there is not": png(9, 9, depth=4, colour=2),
    "png: palette missing": png(9, 9, colour=3),
    "png: no chunks": HEADER_OF_PNG + bytes(40),
    "png: not a header first": b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", b"") + HEADER_OF_PNG[8:],
    "png: header checksum": HEADER_OF_PNG[:-1] + b"?" + png(9, 9)[33:],
    "png: chunk longer than the file": HEADER_OF_PNG + b"\xff\xff\xff\xffIDAT",
    "jpeg: zero wide": JPEG[: FRAME_AT + 7] + b"\0\0" + JPEG[FRAME_AT + 9 :],
    "jpeg: no components": JPEG[: FRAME_AT + 9] + b"\0" + JPEG[FRAME_AT + 10 :],
    "jpeg: two frames": JPEG[:FRAME_AT] + JPEG[FRAME_AT : FRAME_AT + 19] + JPEG[FRAME_AT:],
    "jpeg: no frame": JPEG[:FRAME_AT] + JPEG[FRAME_AT + 19 :],
    "jpeg: ends at once": b"\xff\xd8\xff\xd9",
    "jpeg: segment of zeros": JPEG[:2] + b"\xff\xe0" + bytes(5_000) + JPEG[2:],
    "jpeg: segment without length": JPEG[:2] + b"\xff\xe0\0\1" + JPEG[2:],
    "jpeg: no tables": JPEG[:2] + JPEG[FRAME_AT : FRAME_AT + 19] + JPEG[JPEG.index(b"\xff\xda") :],
    "webp: no picture": riff(b""),
    "webp: only metadata": riff(riff_chunk(b"VP8X", bytes(10)) + riff_chunk(b"XMP ", b"x")),
    "webp: starts with metadata": riff(riff_chunk(b"EXIF", b"x") + SMALL["webp"][12:]),
    "webp: canvas is not the picture": webp_of_size(900, 900),
    "webp: not a key frame": riff(riff_chunk(b"VP8 ", bytes(40))),
    "webp: not lossless data": riff(riff_chunk(b"VP8L", bytes(40))),
    "webp: chunk too long": riff(b"VP8L\xff\xff\xff\x7f" + bytes(40)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_what_is_wrong(case: str) -> None:
    reason, detail = refused(BROKEN[case])
    assert reason == "CORRUPT_IMAGE"
    assert detail["type"] == case.partition(":")[0].replace("jpeg", "jpg")
    assert len(detail["message"]) < 250
    assert ("cut off" in detail["message"]) == any(
        words in case for words in ("cut off", "longer than the file", "half", "chunk too long")
    )


def frame_of(marker: int, precision: int) -> bytes:
    frame = bytearray(JPEG)
    frame[FRAME_AT + 1] = marker
    frame[FRAME_AT + 4] = precision
    return bytes(frame)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (frame_of(0xC0, 12), "12 bits"),
        (frame_of(0xC3, 8), "lossless"),
        (frame_of(0xC5, 8), "hierarchical"),
        (frame_of(0xF7, 8), "lossless"),
        (JPEG[: FRAME_AT + 5] + b"\0\0" + JPEG[FRAME_AT + 7 :], "how high"),
        (JPEG[: FRAME_AT + 9] + b"\2" + JPEG[FRAME_AT + 10 :], "2 components"),
    ],
)
def test_an_unusual_jpeg_is_unsupported(data: bytes, what: str) -> None:
    with pytest.raises(Rejection) as raised:
        read(data)
    decision = raised.value.decision
    assert (decision.reason, what in decision.detail["message"]) == ("UNSUPPORTED_TYPE", True)


TOO_COMPLEX = {
    "png: chunks": HEADER_OF_PNG + chunk(b"teSt", b"") * 3_000 + png(9, 9)[33:],
    "png: empty data": png(9, 9, after=chunk(b"IDAT", b"") * 110_000),
    "jpeg: junk": JPEG[:FRAME_AT] + bytes(1_100_000) + JPEG[FRAME_AT:],
    "jpeg: segments": with_segments(JPEG, *[segment(0xE5, b"")] * 3_000),
    "jpeg: long segments": with_segments(JPEG, *(segment(0xE5, bytes(5_000 + n)) for n in range(600))),
    "webp: chunks": riff(
        riff_chunk(b"VP8X", bytes(10)) + riff_chunk(b"JUNK", b"") * 200 + SMALL["webp"][12:]
    ),
}


@pytest.mark.parametrize("case", TOO_COMPLEX)
def test_a_limit_of_cost_is_not_called_damage(case: str) -> None:
    reason, detail = refused(TOO_COMPLEX[case])
    assert reason == "IMAGE_TOO_COMPLEX"
    assert "more than" in detail["message"]
    assert detail["message"].endswith("Save it anew with another program.")


def test_a_jpeg_that_makes_its_decoder_work_forever_is_refused() -> None:
    whole = encoded(Image.new("L", (64, 64)), "JPEG", progressive=True)
    scan = whole[whole.rindex(b"\xff\xda") : -2]
    assert decoded(reduce(whole[:-2] + scan * 20 + b"\xff\xd9")).size == (64, 64)
    reason, detail = refused(whole[:-2] + scan * 100 + b"\xff\xd9")
    assert (reason, "64 scans" in detail["message"]) == ("IMAGE_TOO_COMPLEX", True)
    # A comment cannot hide the scans behind it by holding what looks like the end.
    hidden = whole[:-2] + segment(0xFE, b"\xff\xd9") + scan * 100 + b"\xff\xd9"
    assert refused(hidden)[0] == "IMAGE_TOO_COMPLEX"


@pytest.mark.parametrize("more", [b"", segment(0xFE, b"a comment"), segment(0xFE, b"\xff\xd9")])
def test_a_jpeg_with_scans_after_an_only_one_is_refused(more: bytes) -> None:
    start = JPEG.index(b"\xff\xda")
    again = JPEG[:-2] + (more + JPEG[start:-2]) * 1_000 + b"\xff\xd9"
    assert refused(again)[0] == "CORRUPT_IMAGE"


def test_filling_before_a_marker_is_stepped_over() -> None:
    data = JPEG[:2] + b"\xff\xff\xff" + JPEG[2:FRAME_AT] + b"\0\0junk" + JPEG[FRAME_AT:]
    assert read(data) == Header("jpg", 60, 44)
    assert decoded(reduce(data)).tobytes() == decoded(reduce(JPEG)).tobytes()


def test_what_follows_the_first_picture_does_not_matter() -> None:
    both = JPEG + encoded(Image.new("RGB", (900, 900)), "JPEG", progressive=True)
    assert decoded(reduce(both)).tobytes() == decoded(reduce(JPEG)).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_decoder_gets_the_first_picture_only(kind: str) -> None:
    frames = [scene(60 + place, 44) for place in range(30)]
    file = encoded(frames[0], kind, save_all=True, append_images=[frame.resize((60, 44)) for frame in frames])
    alone = encoded(frames[0], kind)
    _, found = pixels(file, max_pixels=10**6)
    assert len(file) > 10 * len(alone)
    assert len(found.file.getvalue()) < 2 * len(alone)


def test_a_jpeg_is_scaled_while_it_is_decoded() -> None:
    photo = decode((SAMPLES / "mountains.jpg").read_bytes(), max_pixels=10**8, enough=lambda *_: 0.2)
    assert (photo.width, photo.height) == (3_264, 2_448)
    assert photo.raster.size == (816, 612)


def test_a_png_is_reduced_to_what_suffices() -> None:
    photo = decode(png(900, 600), max_pixels=10**8, enough=lambda *_: 0.1)
    assert photo.raster.size == (90, 60)


EXIF_OF_6 = b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\0\x01x\0\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"


@pytest.mark.parametrize(
    ("exif", "expected"),
    [
        (EXIF_OF_6, 6),
        (b"Exif\0\0" + EXIF_OF_6, 6),
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0", 8),
        (EXIF_OF_6.replace(b"\0\x06\0\0", b"\0\x00\0\0"), 1),
        (EXIF_OF_6.replace(b"\0\x06\0\0", b"\0\x09\0\0"), 1),
        (EXIF_OF_6.replace(b"\x01\x12\0\x03", b"\x01\x12\0\x02"), 1),
        (EXIF_OF_6[:-4], 1),
        (b"MM\0*\xff\xff\xff\xff" + EXIF_OF_6[8:], 1),
        (b"PNG" + EXIF_OF_6, 1),
        (b"", 1),
    ],
)
def test_the_orientation_of_exif(exif: bytes, expected: int) -> None:
    assert orientation(exif) == expected


@given(st.binary(max_size=200))
def test_any_bytes_have_an_orientation(rest: bytes) -> None:
    assert 1 <= orientation(b"MM\0*\0\0\0\x08" + rest) <= 8


def test_a_second_orientation_does_not_turn_the_photo_again() -> None:
    exif = segment(0xE1, b"Exif\0\0" + EXIF_OF_6)
    other = segment(0xE1, b"Exif\0\0" + EXIF_OF_6.replace(b"\0\x06\0\0", b"\0\x01\0\0"))
    found = read(
        with_segments(jpeg_of_size(90, 50), exif, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0"), other)
    )
    assert (found.width, found.height) == (50, 90)


@pytest.mark.parametrize("name", ["dandelion", "wine", "coffee-small"])
def test_a_reduced_photo_keeps_its_shape(name: str) -> None:
    data = (SAMPLES / f"{name}.jpg").read_bytes()
    reduced = decoded(reduce(data, longest_side_px=700))
    original = decoded(data)
    expected = original.copy()
    expected.thumbnail((700, 700), Image.Resampling.LANCZOS)
    assert reduced.size == expected.size
    assert max(reduced.size) == min(700, max(original.size))
    assert difference(reduced, expected) < 3


@pytest.mark.parametrize("kind", KINDS.values())
@pytest.mark.parametrize("turn", [3, 6])
def test_a_reduced_photo_is_upright_and_bare(kind: str, turn: int) -> None:
    reduced = reduce(turned(scene(330, 210), turn, kind), longest_side_px=300)
    assert difference(decoded(reduced), scene(330, 210).resize((300, 191))) < 3
    with Image.open(io.BytesIO(reduced)) as opened:
        assert (opened.format, opened.mode) == ("JPEG", "RGB")
        assert not opened.info.keys() & {"exif", "icc_profile", "comment", "xmp"}


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(700, 20_000))
def test_a_reduced_photo_has_at_most_so_many_bytes(width: int, height: int, most: int) -> None:
    noise = Image.effect_noise((width, height), 100).convert("RGB")
    reduced = reduce(encoded(noise, "PNG"), longest_side_px=150, at_most_bytes=most)
    assert len(reduced) <= most
    assert max(decoded(reduced).size) <= 150


def test_a_photo_gets_coarser_before_it_gets_smaller() -> None:
    data = (SAMPLES / "coffee-small.jpg").read_bytes()
    best = reduce(data)
    coarser = reduce(data, at_most_bytes=len(best) // 2)
    assert decoded(coarser).size == decoded(best).size == (600, 400)


@pytest.mark.parametrize("name", KINDS)
def test_a_bomb_is_refused_before_it_is_decoded(name: str) -> None:
    bomb = {"jpg": jpeg_of_size, "png": png, "webp": webp_of_size}[name](16_000, 16_000)
    with pytest.raises(Rejection) as raised:
        reduce(bomb, max_pixels=16_000**2 - 1)
    assert raised.value.decision.reason == "IMAGE_TOO_LARGE"
    assert raised.value.decision.detail == {
        "type": name,
        "width_px": 16_000,
        "height_px": 16_000,
        "max_pixels": 16_000**2 - 1,
    }


def test_metadata_is_no_bomb() -> None:
    zeros = zlib.compress(bytes(50_000_000))
    bombs = {
        "text": chunk(b"zTXt", b"Comment\0\0" + zeros) * 3,
        "profile": chunk(b"iCCP", b"name\0\0" + zeros),
        "broken profile": chunk(b"iCCP", b"name\0\0not compressed"),
        "EXIF": chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff" + bytes(range(256)) * 256),
    }
    plain = decoded(reduce(png(50, 40)))
    for bomb in bombs.values():
        assert decoded(reduce(png(50, 40, before=bomb))).tobytes() == plain.tobytes()


def test_only_the_decoders_of_the_three_types_are_used() -> None:
    # Pillow reads EXIF by its TIFF reader, and imports all its decoders for a type that it has not met.
    program = """
import sys
from functions.imaging.decoded import reduced_jpeg
for size in sys.argv[1:]:
    photo = sys.stdin.buffer.read(int(size))
    reduced_jpeg(photo, max_pixels=10**6, longest_side_px=9, at_most_bytes=10**6)
print(*(f'PIL.{name}ImagePlugin' in sys.modules for name in ('WebP', 'Tiff', 'Psd')))
"""
    photos = [turned(scene(60, 44), 6, kind) for kind in ("WEBP", "JPEG", "PNG")]
    ran = subprocess.run(
        [sys.executable, "-c", program, *(str(len(photo)) for photo in photos)],
        input=b"".join(photos),
        capture_output=True,
        check=True,
    )
    assert ran.stdout.decode().split() == ["True", "False", "False"]
