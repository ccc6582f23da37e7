from __future__ import annotations

import io
import random
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from functions.decide import dimensions
from functions.decide.dimensions import Rules
from functions.platform.aws import PhotoNotFoundError, client
from functions.platform.rules import RuleError, read
from functions.platform.source_object import FIRST_BYTES
from functions.upload import Upload
from tests.functions.account import answering
from tests.functions.pictures import (
    SAMPLE_PHOTOS,
    encoded,
    jpeg_of_size,
    png,
    scene,
    segment,
    swapped_profile,
    turned,
    webp_of_size,
    with_segments,
)

RULES = {"min_pixels": "800", "max_pixels": "100000000", "allowed_types": "jpg,png,webp,avif,heic"}
MAKERS = {"jpg": jpeg_of_size, "png": png, "webp": webp_of_size}
OF_SIZE = pytest.mark.parametrize("kind", sorted(MAKERS))


@pytest.fixture(autouse=True)
def _bucket() -> None:
    client("s3").create_bucket(Bucket="uploads")


def decide(content: bytes, name: str = "photo.jpg", content_type: str = "image/jpeg") -> dict[str, Any]:
    """The task's result for an object of this content, by the rules that v3 and v4 have."""
    upload = Upload("uploads", f"park/{name}", "park", "photo")
    client("s3").put_object(Bucket="uploads", Key=upload.key, Body=content, ContentType=content_type)
    event = {"detail": upload.as_detail(), "executionArn": "arn:execution", "rules": RULES}
    return dimensions.handler(event, SimpleNamespace(aws_request_id="request"))


def decide_within(content: bytes, min_pixels: int, max_pixels: int) -> dict[str, Any]:
    return dimensions.decide(io.BytesIO(content), Rules(min_pixels, max_pixels)).as_result()


@pytest.mark.parametrize("path", SAMPLE_PHOTOS, ids=lambda path: path.stem)
def test_sample_photos_cost_one_small_request(path: Path) -> None:
    with answering("GetObject") as calls:
        result = decide(path.read_bytes())
    with Image.open(path) as photo:
        width, height = photo.size
    assert result["detail"].items() >= {"type": "jpg", "width_px": width, "height_px": height}.items()
    assert result["accepted"] == (min(width, height) >= 800)
    assert result["reason"] == (None if result["accepted"] else "IMAGE_TOO_SMALL")
    assert [call["Range"] for call in calls] == [f"bytes=0-{FIRST_BYTES - 1}"]


def test_the_sample_photos_are_there() -> None:
    assert len(SAMPLE_PHOTOS) == 9


@OF_SIZE
@given(data=st.data(), least=st.integers(1, 2_000))
def test_both_sides_must_reach_the_least(kind: str, data: st.DataObject, least: int) -> None:
    side = st.integers(max(1, least - 2), least + 2)
    width, height = data.draw(st.tuples(side, side))
    result = decide_within(MAKERS[kind](width, height), least, 10**9)
    assert result["accepted"] == (width >= least and height >= least)
    assert result["detail"].items() >= {"type": kind, "width_px": width, "height_px": height}.items()
    if not result["accepted"]:
        assert (result["reason"], result["detail"]["min_pixels"]) == ("IMAGE_TOO_SMALL", least)


@OF_SIZE
@given(width=st.integers(1, 3_000), height=st.integers(1, 3_000), over=st.integers(-1, 1))
def test_the_area_may_reach_the_most(kind: str, width: int, height: int, over: int) -> None:
    most = max(1, width * height - over)
    result = decide_within(MAKERS[kind](width, height), 1, most)
    assert result["accepted"] == (width * height <= most)
    if not result["accepted"]:
        assert (result["reason"], result["detail"]["max_pixels"]) == ("IMAGE_TOO_LARGE", most)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_of_the_upright_photo(kind: str, orientation: int) -> None:
    detail = decide(turned(scene(900, 820), orientation, kind))["detail"]
    assert (detail["width_px"], detail["height_px"]) == (900, 820)


@pytest.mark.parametrize(
    ("kind", "type_"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp"), ("AVIF", "avif")]
)
def test_the_type_is_what_the_bytes_say(kind: str, type_: str) -> None:
    result = decide(encoded(scene(820, 820), kind), name="photo.gif", content_type="text/html")
    assert result == {
        "accepted": True,
        "reason": None,
        "detail": {"type": type_, "width_px": 820, "height_px": 820},
    }


@pytest.mark.parametrize(
    ("kind", "type_"), [("GIF", "gif"), ("BMP", "bmp"), ("TIFF", "tiff"), ("TGA", "tga")]
)
def test_another_type_is_unsupported_whatever_its_name(kind: str, type_: str) -> None:
    assert decide(encoded(scene(820, 820), kind)) == {
        "accepted": False,
        "reason": "UNSUPPORTED_TYPE",
        "detail": {"type": type_, "allowed": ["avif", "heic", "jpg", "png", "webp"]},
    }


def test_a_type_that_is_not_allowed_is_unsupported() -> None:
    result = dimensions.decide(io.BytesIO(png(900, 900)), read(Rules, {"allowed_types": ["jpg"]})).as_result()
    assert (result["reason"], result["detail"]) == ("UNSUPPORTED_TYPE", {"type": "png", "allowed": ["jpg"]})


@pytest.mark.parametrize("content", [b"", b"Dear sir or madam,\n", bytes(5_000), b"\xff\xd8\xff", b"RIFF"])
def test_what_is_no_image_is_corrupt(content: bytes) -> None:
    result = decide(content)
    assert (result["accepted"], result["reason"]) == (False, "CORRUPT_IMAGE")
    assert result["detail"]["message"].endswith(".")


@pytest.mark.parametrize(
    "bomb", [png(30_000, 30_000), jpeg_of_size(65_500, 65_500), webp_of_size(16_384, 16_384)], ids=MAKERS
)
def test_a_bomb_is_refused_at_once(bomb: bytes) -> None:
    assert len(bomb) < 2_000
    started = time.process_time()
    result = decide_within(bomb, 800, 100_000_000)
    assert time.process_time() - started < 0.05
    assert result["reason"] == "IMAGE_TOO_LARGE"


LONG = {
    "segments of another maker": [segment(0xE4, b"other" + bytes(65_000))] * 20,
    "extended XMP": [
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + bytes((n,)) * 65_400)
        for n in range(140)
    ],
    "comments and XMP": [segment(0xFE, bytes(60_000 + n % 3)) for n in range(6)]
    + [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(65_000))],
}


@pytest.mark.parametrize("case", LONG)
def test_long_metadata_is_skipped_over(case: str) -> None:
    photo = with_segments(SAMPLE_PHOTOS[0].read_bytes(), *LONG[case])
    with answering("GetObject") as calls:
        result = decide(photo)
    assert result["accepted"]
    skipped = sum(map(len, LONG[case]))
    fetched = sum(_length(call["Range"]) for call in calls)
    assert len(calls) <= 20
    assert fetched < max(300_000, skipped / 30)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
def test_a_long_profile_is_skipped_over(kind: str) -> None:
    profile = swapped_profile(random.Random(5).randbytes(3_000_000))
    photo = encoded(scene(900, 820), kind, icc_profile=profile)
    with answering("GetObject") as calls:
        detail = decide(photo)["detail"]
    assert (detail["width_px"], detail["height_px"]) == (900, 820)
    assert sum(_length(call["Range"]) for call in calls) < 150_000


@pytest.mark.slow
def test_a_header_that_costs_too_much_is_not_called_damage() -> None:
    photo = with_segments(jpeg_of_size(900, 900), *(segment(0xE2, bytes(30_000 + n)) for n in range(600)))
    with answering("GetObject") as calls:
        result = decide(photo)
    assert (result["reason"], "more than" in result["detail"]["message"]) == ("IMAGE_TOO_COMPLEX", True)
    assert len(calls) < 600


def _length(asked: str) -> int:
    start, end = asked.removeprefix("bytes=").split("-")
    return int(end) - int(start) + 1


@pytest.mark.parametrize(
    ("size", "is_accepted"), [((65_500, 801), False), ((801, 65_500), False), ((16_000, 900), True)]
)
def test_a_photo_of_an_extreme_shape_is_refused(size: tuple[int, int], is_accepted: bool) -> None:
    rules = read(Rules, {"max_aspect_ratio": 20})
    result = dimensions.decide(io.BytesIO(jpeg_of_size(*size)), rules).as_result()
    assert result["accepted"] == is_accepted
    if not is_accepted:
        assert (result["reason"], result["detail"]["max_aspect_ratio"]) == ("IMAGE_TOO_NARROW", 20)


def test_the_orientation_of_a_large_webp_costs_a_second_small_request() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    noise = Image.effect_noise((900, 810), 90).convert("RGB")
    photo = encoded(noise, "WEBP", lossless=False, quality=95, method=0, exif=exif.tobytes())
    assert len(photo) > 3 * FIRST_BYTES
    with answering("GetObject") as calls:
        detail = decide(photo)["detail"]
    assert (detail["width_px"], detail["height_px"]) == (810, 900)
    assert len(calls) == 2
    start, end = calls[1]["Range"].removeprefix("bytes=").split("-")
    assert int(end) - int(start) < 20_000


def test_a_rule_that_is_not_given_limits_nothing() -> None:
    assert read(Rules, {}) == Rules(1, None, frozenset({"jpg", "png", "webp", "avif", "heic"}), None)
    assert dimensions.decide(io.BytesIO(png(1, 1)), read(Rules, {})).accepted


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"min_pixels": "many"}, "The rule min_pixels must be a whole number from 1 to 100000, not 'many'"),
        ({"min_pixels": 0}, "The rule min_pixels"),
        ({"min_pixels": 800.0}, "The rule min_pixels"),
        ({"min_pixels": "٨٠٠"}, "The rule min_pixels"),
        ({"max_pixels": True}, "The rule max_pixels"),
        ({"allowed_types": ["gif"]}, "The rule allowed_types must be a choice of avif, heic, jpg, png, webp"),
        ({"allowed_types": ""}, "The rule allowed_types"),
        (
            {"min_width": 800},
            "There is no rule min_width: choose among min_pixels, max_pixels, allowed_types, max_",
        ),
    ],
)
def test_a_senseless_rule_is_named(rules: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        read(Rules, rules)


def test_a_photo_that_is_gone_is_an_error() -> None:
    event = {
        "detail": Upload("uploads", "park/gone.jpg", "park", "gone").as_detail(),
        "executionArn": "arn:execution",
        "rules": RULES,
    }
    with pytest.raises(PhotoNotFoundError):
        dimensions.handler(event, SimpleNamespace(aws_request_id="request"))


def test_no_decoder_is_imported_to_look_at_a_header() -> None:
    script = (
        "import sys, functions.decide.dimensions; print(any(name.startswith('PIL') for name in sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
