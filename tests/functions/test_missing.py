"""Files that break off: what is whole without its end is published, what lacks pixels is not."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from functions.decision import Rejection
from functions.imaging.decoded import reduced_jpeg
from tests.functions.pictures import adam7, decoded, difference, encoded, png, scene

SCENE = scene(600, 440)
GRAY = Image.new("RGB", (600, 440), (128, 128, 128))
JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "4:2:0": {"subsampling": 2},
    "restarts by rows": {"restart_marker_rows": 1},
    "restarts by blocks": {"restart_marker_blocks": 5},
}


def reduce(data: bytes, longest_side_px: int = 600) -> Image.Image:
    return decoded(reduced_jpeg(data, max_pixels=10**6, longest_side_px=longest_side_px, at_most_bytes=10**7))


def is_refused(data: bytes) -> bool:
    try:
        reduce(data)
    except Rejection as rejection:
        return (
            rejection.decision.reason == "CORRUPT_IMAGE" and "cut off" in rejection.decision.detail["message"]
        )
    return False


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("kind", [*JPEGS, "progressive"])
def test_a_jpeg_without_its_end_marker_is_published(kind: str, mode: str) -> None:
    options = {"progressive": True} if kind == "progressive" else JPEGS[kind]
    whole = encoded(
        SCENE.convert(mode), "JPEG", **{**options, **({"subsampling": 0} if mode == "CMYK" else {})}
    )
    for cut in (whole[:-2], whole[:-1], whole[:-2] + bytes(300)):
        assert difference(reduce(cut), reduce(whole)) < 0.1


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_of_which_pixels_are_missing_is_refused(kind: str, share: float, end: bytes) -> None:
    whole = encoded(SCENE, "JPEG", **JPEGS[kind])
    data = whole.index(b"\xff\xda") + 14
    cut = whole[: data + int(share * (len(whole) - data))].rstrip(b"\xff")
    assert is_refused(cut + end)


def test_a_jpeg_that_ends_between_two_restarts_is_refused() -> None:
    whole = encoded(SCENE, "JPEG", restart_marker_rows=1)
    for number in range(3, 7):
        at = whole.rindex(bytes((0xFF, 0xD0 + number)))
        assert is_refused(whole[:at])
        assert is_refused(whole[:at] + b"\xff\xd9")


def test_a_coarse_progressive_jpeg_is_published_whatever_marks_its_end() -> None:
    whole = encoded(SCENE, "JPEG", progressive=True)
    for share in (0.6, 0.8, 0.95):
        cut = whole[: int(share * len(whole))]
        for end in (b"", b"\xff\xd9"):
            assert difference(reduce(cut + end), SCENE) < 8
    coarse = whole.index(b"\xff\xda")
    for length in (20, 120):
        assert is_refused(whole[: coarse + length])
        assert is_refused(whole[: coarse + length] + b"\xff\xd9")


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("longest_side_px", [60, 600])
def test_a_picture_that_is_as_gray_as_missing_pixels_is_published(mode: str, longest_side_px: int) -> None:
    for options in ({}, {"progressive": True}, {"restart_marker_rows": 1}):
        picture = GRAY.convert(mode)
        assert reduce(encoded(picture, "JPEG", **options), longest_side_px).size[0] == longest_side_px


@pytest.mark.parametrize("missing", [4, 8, 12, 16, 17])
def test_a_png_without_its_end_is_published(missing: int) -> None:
    whole = encoded(SCENE, "PNG")
    assert difference(reduce(whole[:-missing]), reduce(whole)) == 0


def rows(count: int) -> list[bytes]:
    data = SCENE.tobytes()
    return [data[at : at + 1800] for at in range(0, count * 1800, 1800)]


@pytest.mark.parametrize("count", [1, 220, 439])
def test_a_png_of_which_rows_are_missing_is_refused(count: int) -> None:
    assert is_refused(png(600, 440, rows=rows(count)))
    assert is_refused(png(600, 440, rows=rows(count))[:-12])


def test_an_interlaced_png_of_which_a_pass_is_missing_is_refused() -> None:
    passes = adam7(SCENE)
    assert not is_refused(png(600, 440, rows=passes, interlace=True))
    assert is_refused(png(600, 440, rows=passes[:-1], interlace=True))
    assert is_refused(png(600, 440, rows=passes[:-230], interlace=True))


def test_a_png_that_ends_black_is_published() -> None:
    for depth, colour in ((1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 4), (16, 6)):
        for interlace in (False, True):
            picture = png(5, 3, depth=depth, colour=colour)
            if not interlace:
                assert reduce(picture).size == (5, 3)
    assert reduce(encoded(Image.new("RGBA", (90, 70)))).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_other_types_without_pixels_are_refused(kind: str, share: float) -> None:
    whole = encoded(SCENE, kind)
    assert is_refused(whole[: int(share * len(whole))])
