"""Parts of a picture made unrecognisable: what is left of them, and that all else is as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.imaging.obscuring import Style, obscure, part

MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr")


def noise(mode: str, size: tuple[int, int], seed: int = 1) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    made = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands), np.uint8)
    planes = [Image.fromarray(np.ascontiguousarray(made[:, :, band])) for band in range(bands)]
    return Image.merge(mode, planes) if bands > 1 else planes[0]


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    style=st.sampled_from(list(Style)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    box=st.tuples(*[st.floats(-0.2, 1.1)] * 2, *[st.floats(0, 1.2)] * 2),
    margin=st.floats(0, 1),
)
def test_what_lies_outside_the_touched_parts_is_as_it_was(
    mode: str, style: Style, size: tuple[int, int], box: tuple[float, float, float, float], margin: float
) -> None:
    picture = noise(mode, size)
    before = np.asarray(picture).copy()
    found = part(*box, margin=margin, size=size)
    touched = obscure(picture, [found] if found else [], style)
    outside = np.ones(before.shape[:2], bool)
    for left, top, right, bottom in touched:
        outside[top:bottom, left:right] = False
    assert np.array_equal(np.asarray(picture)[outside], before[outside])
    if found:
        (outer,) = touched
        assert outer[0] <= found[0] < found[2] <= outer[2] <= size[0]
        assert outer[1] <= found[1] < found[3] <= outer[3] <= size[1]


@settings(max_examples=60, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    style=st.sampled_from(list(Style)),
    corners=st.lists(st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(1, 40)] * 2), min_size=1, max_size=3),
)
def test_nothing_of_what_was_in_a_part_goes_into_what_replaces_it(
    mode: str, style: Style, corners: list[tuple[int, int, int, int]]
) -> None:
    parts = [(x, y, min(64, x + width), min(64, y + height)) for x, y, width, height in corners]
    one, other = noise(mode, (64, 64)), noise(mode, (64, 64))
    for each in parts:
        other.paste(noise(mode, (64, 64), 2).crop(each), each)
    obscure(one, parts, style)
    obscure(other, parts, style)
    assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("mode", MODES)
def test_a_blurred_part_has_the_colours_around_it(mode: str) -> None:
    picture = Image.new("RGB", (100, 100), (200, 40, 40)).convert(mode)
    before = picture.getpixel((0, 0))
    picture.paste(0, (30, 30, 70, 70))
    obscure(picture, [(30, 30, 70, 70)], Style.BLUR)
    assert {picture.getpixel((x, y)) for x in (30, 50, 69) for y in (30, 50, 69)} == {before}


def test_a_part_that_is_all_of_a_picture_is_gray() -> None:
    picture = noise("RGBA", (40, 30))
    obscure(picture, [(0, 0, 40, 30)], Style.PIXELATE)
    assert picture.getcolors() == [(1200, (128, 128, 128, 255))]


def test_nothing_of_a_part_shines_through_at_its_edges() -> None:
    picture = Image.new("RGB", (100, 100), "white")
    picture.paste("black", (30, 30, 31, 70))
    obscure(picture, [(30, 30, 70, 70)], Style.BLUR)
    column = np.asarray(picture)[30:70, 30]
    assert column.min() > 200, "the outermost column was black"


def test_a_margin_goes_by_the_shorter_side_and_ends_with_the_picture() -> None:
    assert part(0.5, 0.5, 0.2, 0.1, margin=0.5, size=(100, 100)) == (45, 45, 75, 65)
    assert part(0.9, 0.9, 0.3, 0.3, margin=1, size=(100, 50)) == (75, 30, 100, 50)
    assert part(1.1, 0, 0.1, 1, margin=0, size=(100, 50)) is None


def test_a_mode_whose_values_cannot_be_mixed_is_refused() -> None:
    with pytest.raises(ValueError, match="mode P"):
        obscure(Image.new("P", (8, 8)), [(0, 0, 4, 4)], Style.BLUR)
