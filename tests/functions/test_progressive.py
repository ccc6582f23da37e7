"""A progressive JPEG that is going to be an eighth in size: what is left out, and that it changes nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from functions.decision import Reason, Rejection
from functions.imaging.header import pixels
from tests.functions.pictures import SAMPLES, encoded, scene

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


def an_eighth(file: bytes) -> Image.Image:
    with Image.open(io.BytesIO(file)) as opened:
        opened.draft(None, (opened.width // 8, opened.height // 8))
        opened.load()
        return opened.copy()


def noisy(width: int, height: int) -> Image.Image:
    """A picture with every frequency in it."""
    noise = Image.effect_noise((width, height), 40)
    return Image.blend(scene(width, height), Image.merge("RGB", (noise, noise.rotate(90), noise)), 0.5)


@pytest.mark.parametrize("size", [(640, 400), (643, 409), (9, 8)], ids=str)
@pytest.mark.parametrize(("mode", "options"), WAYS.values(), ids=WAYS)
def test_the_eighth_is_the_same(mode: str, options: dict[str, Any], size: tuple[int, int]) -> None:
    file = encoded(noisy(*size).convert(mode), "JPEG", **{"progressive": True, "quality": 80, **options})
    smaller = kept(file, 1 / 9)
    assert an_eighth(smaller).tobytes() == an_eighth(kept(file, 1)).tobytes()
    if size[0] > 100 and options.get("progressive") is not False:
        assert len(smaller) < len(file) * 2 / 3


@pytest.mark.parametrize("name", ["dogs", "mountains", "waterfall", "wine"])
def test_of_real_photos_too(name: str) -> None:
    file = (SAMPLES / f"{name}.jpg").read_bytes()
    smaller = kept(file, 1 / 8.2)
    assert an_eighth(smaller).tobytes() == an_eighth(file).tobytes()
    assert len(smaller) < len(file) / 2


def test_nothing_is_left_out_where_more_pixels_are_needed() -> None:
    file = encoded(noisy(640, 400), "JPEG", progressive=True)
    assert kept(file, 1 / 7.9) == kept(file, 1)


def test_a_frame_header_without_sense_is_refused() -> None:
    file = bytearray(encoded(noisy(640, 400), "JPEG", progressive=True))
    components = file.index(b"\xff\xc2") + 9
    file[components] = 200
    for enough in (1 / 8, 1):
        with pytest.raises(Rejection) as raised:
            kept(bytes(file), enough)
        assert raised.value.decision.reason == Reason.UNSUPPORTED_TYPE
