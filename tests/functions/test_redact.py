"""What is published of a photo shows no region that the rules name; where that is not proven, nothing is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from functions.decision import Rejection
from functions.imaging.obscuring import Part, Style, obscure
from functions.platform.aws import TaskError, client
from functions.platform.rules import RuleError, read
from functions.redact import redact, redaction
from functions.upload import Upload
from tests.functions.account import answering, error, make_table, put
from tests.functions.looks import BAR, FACE, Eyes, looking
from tests.functions.pictures import difference, encoded, swapped_profile, turned

UPLOAD = Upload("uploads", "redact/me.png", "redact", "me.png")
RULES = {"regions": "both", "style": "blur", "min_confidence": "70"}


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Eyes]:
    for bucket in ("uploads", "distribution"):
        client("s3").create_bucket(Bucket=bucket)
    make_table()
    put("workflow", UPLOAD.key, executionArn="arn:execution")
    with looking(monkeypatch) as found:
        yield found


def photo(*, face: bool = True, bar: bool = True, size: tuple[int, int] = (240, 160)) -> Image.Image:
    """A face in the upper left and a line of text in the lower right, on a gradient."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    made = Image.merge("RGB", (across.point(lambda tone: 60 + tone // 4), across, Image.new("L", size, 150)))
    if face:
        made.paste("white", (30, 20, 90, 80))
        made.paste(FACE, (54, 20, 66, 80))
    if bar:
        made.paste(BAR, (130, 110, 210, 122))
    return made


def redacted(body: bytes, rules: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    client("s3").put_object(Bucket="uploads", Key=UPLOAD.key, Body=body)
    event = {
        "detail": {**UPLOAD.as_detail(), "workflow": "redact", **more},
        "executionArn": "arn:execution",
        "rules": RULES | (rules or {}),
    }
    return redact.handler(event, SimpleNamespace(aws_request_id="1"))


def published() -> dict[str, bytes]:
    s3 = client("s3")
    listed = s3.list_objects_v2(Bucket="distribution").get("Contents", [])
    return {
        each["Key"]: s3.get_object(Bucket="distribution", Key=each["Key"])["Body"].read() for each in listed
    }


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        return picture


@pytest.mark.parametrize("style", list(Style))
def test_faces_and_text_are_gone_and_all_else_of_a_png_is_as_it_was(eyes: Eyes, style: str) -> None:
    result = redacted(encoded(photo()), {"style": style})
    ((key, data),) = published().items()
    made = result["redacted"]

    assert key == made["key"] == "redact/me.png/redacted.png"
    assert (result["width"], result["height"], made["bytes"]) == (240, 160, len(data))
    assert (made["faces"], made["lines"], made["passes"], len(made["regions"])) == (1, 1, 1, 2)
    assert "word" not in str(result)
    assert [name for name, _ in eyes.shown] == ["DetectFaces", "DetectText"] * 2
    before, after = np.asarray(photo()), np.asarray(opened(data))
    changed = np.argwhere((before != after).any(axis=2))
    # The margin is a quarter of the shorter side, and an eighth of that is the soft edge.
    near = ((46, 12, 74, 88), (124, 104, 217, 128))
    assert all(any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in near) for y, x in changed)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.tuples(st.integers(1, 120), st.integers(1, 120)),
    face=st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(12, 50)),
    mode=st.sampled_from(["RGB", "RGBA", "P", "L", "1"]),
    seed=st.integers(0, 9),
)
def test_no_pixel_of_a_png_changes_outside_its_regions(
    eyes: Eyes, size: tuple[int, int], face: tuple[int, int, int], mode: str, seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(90, 160, (size[1], size[0], 3), np.uint8)
    picture = Image.fromarray(noise)
    x, y, side = face
    picture.paste(FACE, (x, y, x + side, y + side))
    data = encoded(picture.convert(mode))
    rules = read(redaction.Rules, RULES)
    made = redaction.redact(data, rules, max_pixels=10**6)
    kept = np.ones((size[1], size[0]), bool)
    for each in made.regions:
        margin = 0.55 * min(each.width * size[0], each.height * size[1]) + 3
        left, top = each.left * size[0] - margin, each.top * size[1] - margin
        right, bottom = left + each.width * size[0] + 2 * margin, top + each.height * size[1] + 2 * margin
        kept[max(0, int(top)) : int(bottom) + 1, max(0, int(left)) : int(right) + 1] = False
    one, other = (np.asarray(opened(each).convert("RGBA")) for each in (data, made.data))
    assert np.array_equal(one[kept], other[kept])


@pytest.mark.parametrize(
    ("kind", "extension", "format_"),
    [("JPEG", "jpg", "JPEG"), ("PNG", "png", "PNG"), ("WEBP", "webp", "WEBP"), ("AVIF", "avif", "AVIF")],
)
def test_the_type_stays_and_metadata_goes(eyes: Eyes, kind: str, extension: str, format_: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "the person's name"
    more: dict[str, Any] = {"comment": "the person's name"} if kind == "JPEG" else {}
    body = encoded(photo(), kind, exif=exif.tobytes(), icc_profile=swapped_profile(), **more)
    redacted(body, {"regions": "text"})
    ((key, data),) = published().items()

    assert key.endswith(f"/redacted.{extension}")
    made = opened(data)
    assert made.format == format_
    assert b"the person's name" not in data
    assert not {"exif", "icc_profile", "comment", "xmp"} & made.info.keys()
    # The profile says that red is green: in sRGB it is.
    red, green, _ = np.asarray(made.convert("RGB"))[50, 60]
    assert green > 150 > red


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_rotated_photo_is_obscured_where_the_face_is(eyes: Eyes, kind: str, orientation: int) -> None:
    result = redacted(turned(photo(bar=False), orientation, kind))
    (data,) = published().values()

    made = opened(data)
    assert made.size == (240, 160)
    assert result["redacted"]["passes"] == 1
    (region,) = result["redacted"]["regions"]
    assert (region["left"], region["top"]) == pytest.approx((54 / 240, 20 / 160), abs=0.03)
    right = made.convert("RGB").crop((130, 0, 240, 160))
    assert difference(right, photo(bar=False).crop((130, 0, 240, 160))) < 4


def test_what_is_still_seen_is_made_black_and_looked_at_again(
    eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_black(pixels: Image.Image, parts: list[Part], style: Style) -> list[Part]:
        return obscure(pixels, parts, style) if style is Style.BLACK else []

    monkeypatch.setattr(redaction, "obscure", only_black)
    result = redacted(encoded(photo()), {"margin": 0.1})

    assert result["redacted"]["passes"] == 2
    assert len(eyes.shown) == 6
    (data,) = published().values()
    made = opened(data)
    # 0.35 of its 12 pixels around the face.
    assert {made.getpixel((x, y)) for x in (51, 60, 69) for y in (17, 50, 83)} == {(0, 0, 0)}
    assert made.getpixel((46, 50)) != (0, 0, 0)


def test_what_cannot_be_hidden_is_refused_and_nothing_published(
    eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "obscure", lambda *_, **__: [])
    with pytest.raises(Rejection) as refused:
        redacted(encoded(photo()))
    assert type(refused.value).__name__ == "STILL_VISIBLE"
    assert '"faces": 1' in str(refused.value)
    assert not published()


def test_a_photo_without_regions_is_published_as_it_is(eyes: Eyes) -> None:
    result = redacted(encoded(photo(face=False, bar=False)))
    (data,) = published().values()
    assert difference(opened(data), photo(face=False, bar=False)) == 0
    assert (result["redacted"]["faces"], result["redacted"]["lines"]) == (0, 0)
    assert len(eyes.shown) == 4


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("what", ["empty", "throttled", "timed out", "without its list", "denied"])
def test_whatever_becomes_of_a_look_nothing_unproven_is_published(eyes: Eyes, number: int, what: str) -> None:
    wanted = "ServiceUnavailableError"
    match what:
        case "empty":
            eyes.blind = {number}
        case "throttled":
            eyes.failing = {number: error("ThrottlingException", "DetectFaces")}
            wanted = "ThrottledError"
        case "timed out":
            eyes.failing = {number: ReadTimeoutError(endpoint_url="https://rekognition")}
        case "denied":
            eyes.failing = {number: error("AccessDeniedException", "DetectText")}
            wanted = "AccessDeniedError"
        case _:
            eyes.failing = {number: KeyError("FaceDetails")}
            wanted = "KeyError"
    with pytest.raises((TaskError, KeyError)) as failed:
        redacted(encoded(photo()))
    assert type(failed.value).__name__ == wanted
    assert len(eyes.shown) == number
    assert not published()


@pytest.mark.parametrize(
    ("operation", "code"),
    [("GetObject", "SlowDown"), ("GetItem", "ThrottlingException"), ("PutObject", "SlowDown")],
)
def test_whatever_else_fails_nothing_is_published(eyes: Eyes, operation: str, code: str) -> None:
    client("s3").put_object(Bucket="uploads", Key=UPLOAD.key, Body=encoded(photo()))
    event = {"detail": UPLOAD.as_detail(), "executionArn": "arn:execution", "rules": RULES}
    with answering(operation, error(code, operation)), pytest.raises((TaskError, KeyError)) as failed:
        redact.handler(event, SimpleNamespace(aws_request_id="1"))
    assert type(failed.value).__name__ == "ThrottledError"
    assert not published()


def test_a_dry_run_looks_as_often_and_writes_nothing(eyes: Eyes) -> None:
    result = redacted(encoded(photo()), dryRun=True)
    assert result["redacted"]["faces"] == 1
    assert len(eyes.shown) == 4
    assert not published()


def test_an_execution_that_lost_the_record_publishes_nothing(eyes: Eyes) -> None:
    put("workflow", UPLOAD.key, executionArn="arn:newer")
    redacted(encoded(photo()))
    assert not published()


def test_what_transparency_hides_is_found_too(eyes: Eyes) -> None:
    hidden = photo(bar=False).convert("RGBA")
    hidden.paste((*FACE, 0), (54, 20, 66, 80))
    result = redacted(encoded(hidden))
    assert result["redacted"]["faces"] == 1
    (data,) = published().values()
    assert not (np.asarray(opened(data).convert("RGB")) == FACE).all(axis=2).any()


def test_what_shows_on_a_black_page_alone_is_found_too(eyes: Eyes) -> None:
    half_seen = photo(bar=False).convert("RGBA")
    # On white, and without transparency, it is too light to be a face.
    half_seen.paste((255, 100, 100, 178), (54, 20, 66, 80))
    result = redacted(encoded(half_seen))
    assert result["redacted"]["faces"] == 1
    (data,) = published().values()
    assert (np.asarray(opened(data))[20:80, 54:66, 3] == 255).all()


def test_what_may_stay_stays_and_all_else_of_the_text_goes(eyes: Eyes) -> None:
    eyes.texts = ["L"]
    result = redacted(encoded(photo(face=False)), {"regions": "text", "keep": "L, R"})
    assert result["redacted"]["lines"] == 0
    assert {name for name, _ in eyes.shown} == {"DetectText"}


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"regions": "noses"}, "regions must be one of faces, text, both"),
        ({"regions": ["faces"]}, "regions must be one of"),
        ({"style": "emoji"}, "style must be one of blur, pixelate, black"),
        ({"style": None}, "style must be one of"),
        ({"margin": -0.1}, "margin must be a number from 0 to 2"),
        ({"margin": "nan"}, "margin must be a number"),
        ({"min_confidence": 101}, "min_confidence must be a number from 0 to 100"),
        ({"keep": 5}, "keep must be a list"),
        ({"regions": "faces", "keep": "L"}, "regions names no text"),
        ({"colour": "red"}, "There is no rule colour"),
    ],
)
def test_senseless_rules_are_clear_errors(rules: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        read(redaction.Rules, RULES | rules)
