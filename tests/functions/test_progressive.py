"""A progressive JPEG that is going to be smaller: what is left out, and how little it changes."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.decision import Reason, Rejection
from functions.imaging.header import pixels
from tests.functions.pictures import SAMPLES, difference, encoded, scene

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "4:2:0": ("RGB", {"subsampling": 2}),
    "4:2:2": ("RGB", {"subsampling": 1}),
    "4:4:4": ("RGB", {"subsampling": 0}),
    "gray": ("L", {"subsampling": -1}),
    "RGB": ("RGB", {"keep_rgb": True}),
    "CMYK": ("CMYK", {}),
    "with restarts": ("RGB", {"subsampling": 2, "restart_marker_blocks": 7}),
    "sequential": ("RGB", {"progressive": False}),
}


def kept(file: bytes, fraction: float) -> bytes:
    """What the decoder is given of a file when a fraction of its size suffices."""
    return pixels(file, max_pixels=10**8, enough=lambda *_: fraction)[1].file.getvalue()


def reduced(file: bytes, scale: int) -> Image.Image:
    with Image.open(io.BytesIO(file)) as opened:
        opened.draft(None, (opened.width // scale, opened.height // scale))
        opened.load()
        return opened.copy()


def lost(picture: Image.Image) -> float:
    """How far a JPEG of quality 80 is from its picture."""
    return difference(picture, reduced(encoded(picture, "JPEG", quality=80), 1))


def noisy(width: int, height: int) -> Image.Image:
    """A picture with every frequency in it."""
    noise = Image.effect_noise((width, height), 40)
    return Image.blend(scene(width, height), Image.merge("RGB", (noise, noise.rotate(90), noise)), 0.5)


FILE = encoded(noisy(60, 44), "JPEG", progressive=True, quality=90)


@pytest.mark.parametrize("size", [(640, 400), (643, 409), (9, 8)], ids=str)
@pytest.mark.parametrize(("mode", "options"), WAYS.values(), ids=WAYS)
def test_the_eighth_is_the_same(mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    # At this quality each bit counts.
    file = encoded(noisy(*size).convert(mode), "JPEG", **{"progressive": True, "quality": 20, **options})
    smaller = kept(file, 1 / 9)
    assert reduced(smaller, 8).tobytes() == reduced(kept(file, 1), 8).tobytes()
    if size[0] > 100 and options.get("progressive") is not False:
        assert len(smaller) < len(file) * 2 / 3


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("mode", "options"), WAYS.values(), ids=WAYS)
def test_last_bits_are_left_out_where_they_are_not_seen(
    mode: str, options: dict[str, Any], scale: int
) -> None:
    file = encoded(noisy(643, 409).convert(mode), "JPEG", **{"progressive": True, "quality": 80, **options})
    smaller = kept(file, 1 / (scale + 0.1))
    one, other = (reduced(each, scale).convert("RGB") for each in (smaller, kept(file, 1)))
    # Noise is the worst case: it is all in the frequencies that JPEG keeps least of.
    assert difference(one, other) < lost(other) * 1.1
    if options.get("progressive") is not False:
        assert len(smaller) < len(file) * 0.8


def test_last_bits_are_not_left_out_where_they_are_seen() -> None:
    coarse = encoded(noisy(640, 400), "JPEG", progressive=True, quality=60)
    assert kept(coarse, 1 / 2.1) == kept(coarse, 1)
    fine = encoded(noisy(640, 400), "JPEG", progressive=True, quality=90)
    assert kept(fine, 1 / 1.9) == kept(fine, 1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=3))
def test_flipped_bits_end_in_a_smaller_file_or_a_reason(flips: list[tuple[float, int]]) -> None:
    data = bytearray(FILE)
    for place, bits in flips:
        # Most of what decides is at the beginning.
        data[int(place**3 * len(data))] ^= bits
    with suppress(Rejection):
        assert kept(bytes(data), 1 / 4)


@pytest.mark.parametrize("name", ["dogs", "mountains", "waterfall", "wine"])
def test_of_real_photos_too(name: str) -> None:
    file = (SAMPLES / f"{name}.jpg").read_bytes()
    for scale, share in ((8, 0.4), (4, 0.8)):
        smaller = kept(file, 1 / (scale + 0.2))
        whole = reduced(file, scale)
        assert difference(reduced(smaller, scale), whole) < lost(whole) * 0.6
        assert len(smaller) < len(file) * share


def test_a_frame_header_without_sense_is_refused() -> None:
    file = bytearray(encoded(noisy(640, 400), "JPEG", progressive=True))
    components = file.index(b"\xff\xc2") + 9
    file[components] = 200
    for enough in (1 / 8, 1):
        with pytest.raises(Rejection) as raised:
            kept(bytes(file), enough)
        assert raised.value.decision.reason == Reason.UNSUPPORTED_TYPE
