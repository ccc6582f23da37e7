"""AVIF and HEIC: who reads what of a file, and that both readers say the same."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import pi_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from functions.decision import Rejection
from functions.imaging.decoded import reduced_jpeg
from functions.imaging.formats.boxes import box
from functions.imaging.formats.coded import av1_area
from functions.imaging.header import Header, header
from tests.functions.heif_files import Part, grid, heic, heif, parts
from tests.functions.pictures import decoded, difference, encoded, scene

PLAIN = heic("plain")
SCENE = scene(160, 96)


def read(data: bytes) -> Header:
    return header(io.BytesIO(data))


def reduce(data: bytes) -> Image.Image:
    return decoded(reduced_jpeg(data, max_pixels=10**8, longest_side_px=1_000, at_most_bytes=10**7))


def refused(data: bytes, call: Callable[[bytes], object] = reduce) -> tuple[str, str]:
    with pytest.raises(Rejection) as raised:
        call(data)
    decision = raised.value.decision
    return str(decision.reason), str(decision.detail.get("message"))


def transform(kind: bytes, value: int) -> bytes:
    return box(kind, bytes([value]))


@pytest.mark.parametrize("name", ["plain", "420", "alpha", "gray", "ten-bit", "turned", "two"])
def test_a_heic_is_read_upright(name: str) -> None:
    assert read(heic(name)) == Header("heic", 160, 96)
    picture = reduce(heic(name))
    expected = SCENE.convert("L").convert("RGB") if name == "gray" else SCENE.copy()
    if name == "alpha":
        expected.paste("white", (80, 0, 160, 96))
    assert difference(picture, expected) < 3


TILES = parts(PLAIN) * 6
FLIPS = (
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
)


@pytest.mark.parametrize("in_idat", [False, True])
@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("mirror", [None, 0, 1])
def test_a_picture_of_tiles_is_read_as_libheif_reads_it(turn: int, mirror: int | None, in_idat: bool) -> None:
    more = [transform(b"irot", turn)] if turn else []
    more += [transform(b"imir", mirror)] if mirror is not None else []
    file = heif(grid(TILES, 3, 470, 190, *more), in_idat=in_idat)
    theirs = pi_heif.open_heif(file).to_pillow()
    found = read(file)
    assert (found.type, found.width, found.height) == ("heic", *theirs.size)
    assert theirs.size == ((190, 470) if turn % 2 else (470, 190))
    # Written as JPEG, the edges between the tiles lose a little; another turn is far from it.
    assert difference(reduce(file), theirs) < 5
    assert min(difference(theirs, theirs.transpose(each)) for each in FLIPS) > 10


def test_the_clean_aperture_is_what_is_shown() -> None:
    clap = box(b"clap", struct.pack(">IIIIiIiI", 80, 1, 48, 1, 20, 1, -10, 1))
    first = parts(PLAIN)[0]
    file = heif([Part(first.kind, first.data, [*first.properties, clap, transform(b"irot", 1)])])
    assert (read(file).width, read(file).height) == (48, 80)
    expected = SCENE.crop((60, 14, 140, 62)).rotate(90, expand=True)
    assert difference(reduce(file), expected) < 3


@pytest.mark.parametrize(
    ("brands", "type_"),
    [
        ((b"mif1", b"mif1", b"avif", b"miaf"), "avif"),
        ((b"mif1", b"mif1"), "avif"),
        ((b"avis", b"avis", b"avif"), "avif"),
        ((b"miaf", b"mif1"), "avif"),
    ],
)
def test_an_avif_is_known_by_all_its_brands(brands: tuple[bytes, ...], type_: str) -> None:
    file = heif(parts(encoded(SCENE, "AVIF", quality=95)), brands=brands)
    assert read(file) == Header(type_, 160, 96)
    assert difference(reduce(file), SCENE) < 4


def test_a_heif_file_is_known_by_what_is_in_it() -> None:
    assert read(heif(parts(PLAIN), brands=(b"mif1", b"mif1"))) == Header("heic", 160, 96)
    jpeg = Part(b"jpeg", encoded(SCENE, "JPEG"), parts(PLAIN)[0].properties)
    assert refused(heif([jpeg], brands=(b"mif1", b"mif1")))[0] == "UNSUPPORTED_TYPE"
    assert "jpeg" in refused(heif([jpeg]))[1]


def test_exif_in_a_heif_file_does_not_turn_it_again() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = Part(b"Exif", bytes(4) + exif.tobytes(), [], {b"cdsc": [1]})
    file = heif([*parts(PLAIN), stored])
    assert read(file) == Header("heic", 160, 96)
    assert difference(reduce(file), SCENE) < 3


def test_long_boxes_are_skipped_over() -> None:
    file = heif(parts(PLAIN), before=box(b"free", bytes(3_000_000)), more=box(b"uuid", bytes(2_000_000)))

    class Counting(io.BytesIO):
        count = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.count += len(data)
            return data

    source = Counting(file)
    assert header(source) == Header("heic", 160, 96)
    assert source.count < 10_000


def test_a_picture_that_is_not_whole_is_refused_by_both() -> None:
    for call in (read, reduce):
        reason, message = refused(PLAIN[:-100], call)
        assert (reason, "cut off" in message) == ("CORRUPT_IMAGE", True)


def looping() -> bytes:
    first, second = (grid(TILES[:1], 1, 160, 96)[0] for _ in range(2))
    first.references, second.references = {b"dimg": [2]}, {b"dimg": [1]}
    return heif([first, second])


def many_times() -> bytes:
    tile = parts(PLAIN)[0]
    return heif(grid([tile] * 900, 30, 160, 96))


BOMBS = {
    "items that are made of each other": (looping(), "CORRUPT_IMAGE"),
    "tiles of which only a corner is shown": (many_times(), "IMAGE_TOO_COMPLEX"),
    "more tiles than a photo has": (heif(grid([TILES[0]] * 1_100, 11, 160 * 11, 9_600)), "IMAGE_TOO_COMPLEX"),
    "a table of a megabyte": (heif(parts(PLAIN), more=box(b"iref", bytes(2 << 20))), "IMAGE_TOO_COMPLEX"),
    "boxes without end": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + box(b"free") * 2_000, "IMAGE_TOO_COMPLEX"),
    "a box of no length": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\4meta", "CORRUPT_IMAGE"),
    "nothing": (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "CORRUPT_IMAGE"),
    "a film": (b"\0\0\0\x18ftypavis\0\0\0\0avisavif" + box(b"moov", bytes(9)), "UNSUPPORTED_TYPE"),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_is_refused(case: str) -> None:
    data, reason = BOMBS[case]
    assert refused(data)[0] == reason


def test_an_avif_that_is_larger_inside_than_it_says_is_refused() -> None:
    file = encoded(Image.new("RGB", (3_000, 2_500)), "AVIF", quality=1, speed=10)
    at = file.index(b"ispe") + 8
    assert refused(file[:at] + struct.pack(">II", 100, 100) + file[at + 8 :])[0] == "IMAGE_TOO_COMPLEX"
    data = parts(file)[0].data
    assert av1_area(data) == 3_000 * 2_500
    # As many pictures behind one another as nobody needs.
    hidden = heif([Part(b"av01", data * 5, parts(file)[0].properties)], brands=(b"avif", b"avif"))
    assert refused(hidden)[0] == "IMAGE_TOO_COMPLEX"


def test_a_heic_of_many_pictures_in_one_is_refused() -> None:
    first = parts(PLAIN)[0]
    file = heif([Part(first.kind, first.data * 5, first.properties)])
    assert refused(file)[0] == "IMAGE_TOO_COMPLEX"


FILES = {
    "heic": PLAIN,
    "tiles": heif(grid(TILES, 3, 470, 190)),
    "alpha": heic("alpha"),
    "avif": encoded(SCENE, "AVIF"),
}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_flipped_bits_end_in_a_photo_or_a_reason(name: str, flips: list[tuple[float, int]]) -> None:
    data = bytearray(FILES[name])
    for place, bits in flips:
        # Half of them among the boxes.
        within = len(data) if bits & 1 else min(len(data), 600)
        data[int(place * within)] ^= bits
    reasons = {"CORRUPT_IMAGE", "UNSUPPORTED_TYPE", "IMAGE_TOO_LARGE", "IMAGE_TOO_COMPLEX"}
    for call in (read, reduce):
        try:
            assert call(bytes(data))
        except Rejection as rejection:
            assert rejection.decision.reason in reasons  # noqa: PT017  # either is right


@pytest.mark.parametrize("length", range(0, 3_400, 170))
def test_a_file_cut_off_anywhere_is_refused(length: int) -> None:
    for file in FILES.values():
        if length < len(file):
            assert refused(file[:length])[0] in {"CORRUPT_IMAGE", "UNSUPPORTED_TYPE"}


def test_pillow_and_this_agree_on_turned_avif() -> None:
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        file = encoded(SCENE, "AVIF", exif=exif.tobytes(), quality=95)
        theirs = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
        assert (read(file).width, read(file).height) == theirs.size
        assert difference(reduce(file), theirs) < 2
