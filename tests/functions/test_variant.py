"""Pictures on request: sizes, parts, operations, types, and nothing of the photo's metadata."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from functions.decision import Rejection
from functions.imaging.variant import Fit, Focus, Made, Type, Variant, make
from tests.functions.pictures import SAMPLES, encoded, halves, scene, turned

MAX_PIXELS = 100_000_000
SIDES = st.integers(1, 3000)
PHOTO = encoded(scene(600, 400), "JPEG")


def jpeg(width: int, height: int, transparent: bool) -> Type:
    return Type.JPEG


def made(photo: bytes, variant: Variant, type_: Type = Type.JPEG, focus: Focus | None = None) -> Made:
    return make(photo, variant, lambda *_: type_, max_pixels=MAX_PIXELS, focus=focus)


def opened(each: Made) -> Image.Image:
    with Image.open(io.BytesIO(each.data)) as image:
        image.load()
        assert image.size == (each.width_px, each.height_px)
        return image.copy()


@given(SIDES, SIDES, SIDES, SIDES)
def test_inside_is_never_larger_than_asked_nor_than_the_photo(
    across: int, down: int, width: int, height: int
) -> None:
    made = Variant(Fit.INSIDE, across, down).inner(width, height)
    assert 1 <= made[0] <= min(across, width)
    assert 1 <= made[1] <= min(down, height)
    # One side is as long as it may be.
    assert made[0] in {across, width} or made[1] in {down, height}


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from([0, 90, 180, 270]), st.data())
def test_a_window_lies_in_the_photo_and_has_the_shape_that_is_asked_for(
    across: int, down: int, width: int, height: int, turn: int, data: st.DataObject
) -> None:
    ratio = st.floats(0, 1)
    focus = data.draw(st.none() | st.builds(Focus, ratio, ratio, ratio, ratio))
    variant = Variant(Fit.FACE, across, down, turn_degrees=turn)
    left, top, right, bottom = variant.window(width, height, focus)
    assert -1e-6 <= left < right <= width + 1e-6
    assert -1e-6 <= top < bottom <= height + 1e-6
    wide, high = (down, across) if turn in {90, 270} else (across, down)
    assert (right - left) * high == pytest.approx((bottom - top) * wide)
    assert 0 < variant.fraction(width, height, focus) <= 1


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        (Variant(Fit.COVER, 300, 300), (300, 300)),
        (Variant(Fit.COVER, 900, 900), (900, 900)),
        (Variant(Fit.CONTAIN, 300, 300), (300, 300)),
        (Variant(Fit.CONTAIN, 900, 900), (900, 900)),
        (Variant(Fit.INSIDE, 300, 300), (300, 200)),
        (Variant(Fit.INSIDE, 900, None), (600, 400)),
        (Variant(Fit.INSIDE, None, 100), (150, 100)),
        (Variant(Fit.INSIDE, 300, None, turn_degrees=90), (300, 450)),
        (Variant(Fit.COVER, 200, 300, turn_degrees=270), (200, 300)),
        (Variant(Fit.FACE, 100, 200), (100, 200)),
    ],
    ids=str,
)
def test_each_fit_has_its_size(variant: Variant, size: tuple[int, int]) -> None:
    assert opened(made(PHOTO, variant)).size == size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_made_upright(orientation: int) -> None:
    upright = scene(400, 300)
    photo = turned(upright, orientation, "JPEG")
    picture = opened(made(photo, Variant(Fit.INSIDE, 200, None)))
    difference = ImageChops.difference(picture.convert("RGB"), upright.resize(picture.size))
    assert max(ImageStat.Stat(difference).mean) < 6


def test_the_focus_is_in_the_middle_and_fills_about_half() -> None:
    photo = Image.new("RGB", (1200, 800), "white")
    photo.paste((200, 0, 0), (900, 100, 1000, 200))
    focus = Focus(0.75, 0.125, 1 / 12, 0.125)
    picture = opened(made(encoded(photo, "JPEG"), Variant(Fit.FACE, 100, 100), focus=focus))
    red = picture.convert("RGB").split()[1].point(lambda green: 255 * (green < 128)).getbbox()
    assert red is not None
    assert red == pytest.approx((25, 25, 75, 75), abs=3)


@pytest.mark.parametrize("type_", Type)
def test_every_type_is_what_it_says_and_has_no_metadata(type_: Type) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    exif.get_ifd(0x8825)[1] = "N"
    photo = encoded(scene(300, 200), "JPEG", exif=exif, comment=b"secret")
    each = made(photo, Variant(Fit.INSIDE, 150, None), type_)
    with Image.open(io.BytesIO(each.data)) as image:
        assert image.get_format_mimetype() == type_
        assert not image.getexif()
        assert not {"exif", "icc_profile", "comment", "xmp"} & image.info.keys()
    assert b"taken at home" not in each.data
    assert b"secret" not in each.data


def test_transparency_is_kept_where_the_type_has_it_and_told_to_who_chooses() -> None:
    photo = encoded(Image.new("RGBA", (200, 100), (200, 0, 0, 128)), "PNG")
    told: list[bool] = []

    def choose(width: int, height: int, transparent: bool) -> Type:
        told.append(transparent)
        return Type.PNG

    picture = opened(make(photo, Variant(Fit.INSIDE, 100, None), choose, max_pixels=MAX_PIXELS))
    assert (picture.mode, told) == ("RGBA", [True])
    assert opened(made(photo, Variant(Fit.INSIDE, 100, None))).getpixel((50, 20)) == pytest.approx(
        (227, 127, 127), abs=4
    )
    make(PHOTO, Variant(Fit.INSIDE, 100, None), choose, max_pixels=MAX_PIXELS)
    assert told == [True, False]


def test_operations_do_what_they_say() -> None:
    photo = encoded(halves((200, 30, 30), (30, 30, 200)), "JPEG")
    plain = Variant(Fit.INSIDE, 200, None)
    gray = opened(made(photo, Variant(Fit.INSIDE, 200, None, gray=True)))
    assert gray.mode == "L"
    quarter = opened(made(photo, Variant(Fit.INSIDE, 200, None, turn_degrees=90))).convert("RGB")
    above, below = quarter.getpixel((100, 20)), quarter.getpixel((100, 180))
    assert isinstance(above, tuple)
    assert isinstance(below, tuple)
    # Clockwise: what was left is above.
    assert above[0] > 150 > below[0]
    blurred = opened(made(photo, Variant(Fit.INSIDE, 200, None, blur_px=20))).convert("RGB")
    middle = blurred.getpixel((100, 100))
    assert isinstance(middle, tuple)
    assert 80 < middle[0] < 150
    coarse, fine = (made(photo, Variant(Fit.INSIDE, 200, None, quality=each)) for each in (10, 95))
    assert len(coarse.data) < len(made(photo, plain).data) < len(fine.data)


@pytest.mark.parametrize(
    ("photo", "reason"),
    [(b"", "CORRUPT_IMAGE"), (b"GIF89a", "UNSUPPORTED_TYPE"), (PHOTO[: len(PHOTO) // 2], "CORRUPT_IMAGE")],
)
def test_what_cannot_be_read_has_a_reason(photo: bytes, reason: str) -> None:
    with pytest.raises(Rejection) as refused:
        made(photo, Variant(Fit.INSIDE, 100, None))
    assert refused.value.decision.reason == reason


def test_a_large_photo_is_made_small_by_the_decoder() -> None:
    assert opened(made((SAMPLES / "mountains.jpg").read_bytes(), Variant(Fit.COVER, 300, 200))).size == (
        300,
        200,
    )
    with pytest.raises(Rejection, match="max_pixels"):
        make(PHOTO, Variant(Fit.INSIDE, 10, 10), jpeg, max_pixels=1000)
