"""Words on the frames of DICOM files are masked, whatever the pixels are, and all around them stays."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_color_lut

from functions.decision import Rejection
from functions.dicom import redact
from functions.dicom.looks import SHEET_PX, sheets
from functions.dicom.pseudonyms import pseudonyms
from functions.dicom.redaction import Limits, Look, Redacted, redacted
from functions.dicom.views import views
from functions.platform.aws import ServiceUnavailableError, ThrottledError, client
from functions.redact.finding import Sought
from functions.upload import Upload
from tests import scans
from tests.functions import account, looks
from tests.functions.account import answering, error
from tests.functions.looks import Eyes, looking

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".2", ".1.99"))
JPEG, JPEG2000, RLE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.5"
LOOK = Look(Sought(frozenset({"text"}), 50, ("L", "R")), 0.25)
LIMITS = Limits(20_000_000, 20_000_000, 100, 100)
# Where the word is: rows, columns.
WORD = (slice(20, 40), slice(30, 70))


@pytest.fixture
def eyes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Eyes]:
    """Who sees white bars as words."""
    monkeypatch.setattr(looks, "BAR", (255, 255, 255))
    with looking(monkeypatch) as found:
        yield found


def film(
    frames: int = 1, *, word_on: int | None = 0, dtype: Any = np.uint8, dark: int = 20, light: int = 255
) -> Any:
    """Frames of one grey, on one of which a word is; as wide on a sheet as the control below them."""
    made = np.full((frames, 80, 200), dark, dtype)
    if word_on is not None:
        made[word_on][WORD] = light
    return made


def done(made: Dataset, syntax: str = EXPLICIT, *, look: Look = LOOK) -> Redacted:
    return redacted(scans.written(made, syntax, implicit=syntax == IMPLICIT), pseudonyms(b"s"), look, LIMITS)


def after(made: Dataset, syntax: str = EXPLICIT, *, look: Look = LOOK) -> Dataset:
    return dcmread(BytesIO(done(made, syntax, look=look).dicom))


def colours(grey: Any) -> Any:
    return np.repeat(grey[..., np.newaxis], 3, axis=3)


def test_a_word_on_one_frame_is_masked_on_all_and_all_else_stays(eyes: Eyes) -> None:
    before = film(30, word_on=17)
    before[:, 60:70, 5] = np.arange(30, dtype=np.uint8)[:, np.newaxis]
    found = after(scans.dataset(before)).pixel_array
    assert found.shape == before.shape
    assert (found[:, 20:40, 30:70] < 60).all()
    changed = (found != before).any(axis=0)
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    # The word and a quarter of its height around it.
    assert rows.min() >= 20 - 8
    assert rows.max() < 40 + 8
    assert columns.min() >= 30 - 8
    assert columns.max() < 70 + 8
    assert (found[:, 60:70, 5] == before[:, 60:70, 5]).all()


@pytest.mark.parametrize(
    ("syntax", "interpretation", "dtype", "dark", "light"),
    [
        (EXPLICIT, "MONOCHROME2", np.uint8, 20, 255),
        (IMPLICIT, "MONOCHROME2", np.uint8, 20, 255),
        (EXPLICIT, "MONOCHROME1", np.uint8, 235, 10),
        (EXPLICIT, "MONOCHROME2", np.uint16, 900, 4095),
        (EXPLICIT, "MONOCHROME2", np.int16, -2000, 3000),
        (RLE, "MONOCHROME2", np.int16, -2000, 3000),
        (DEFLATED, "MONOCHROME2", np.uint8, 20, 255),
    ],
)
def test_grey_of_any_depth(
    eyes: Eyes, syntax: str, interpretation: str, dtype: Any, dark: int, light: int
) -> None:
    before = film(2, dtype=dtype, dark=dark, light=light)
    made = scans.dataset(before, PhotometricInterpretation=interpretation)
    if syntax == RLE:
        compress(made)
    found = after(made, syntax)
    assert found.file_meta.TransferSyntaxUID == (IMPLICIT if syntax == IMPLICIT else EXPLICIT)
    pixels = found.pixel_array
    assert pixels.dtype == dtype
    assert (pixels[0][:10] == dark).all()
    assert (pixels[0][WORD] == dark).all()


@pytest.mark.parametrize("kind", ["rgb", "planes", "ybr", "palette", "jpeg", "jpeg2000", "rle"])
def test_colours_of_any_kind(eyes: Eyes, kind: str) -> None:
    before = colours(film(3, word_on=1))
    made = scans.dataset(before)
    syntax = EXPLICIT
    if kind == "planes":
        made.PlanarConfiguration = 1
        made.PixelData = before.transpose(0, 3, 1, 2).tobytes()
    elif kind == "ybr":
        made.PhotometricInterpretation = "YBR_FULL"
        made.PixelData = np.stack(
            [np.asarray(Image.fromarray(each).convert("YCbCr")) for each in before]
        ).tobytes()
    elif kind == "palette":
        made = scans.dataset(film(3, word_on=1, dark=1, light=2), PhotometricInterpretation="PALETTE COLOR")
        for colour in ("Red", "Green", "Blue"):
            setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 8])
            setattr(made, f"{colour}PaletteColorLookupTableData", bytes((90, 20, 255, 0)))
    elif kind in {"jpeg", "jpeg2000"}:
        syntax = JPEG if kind == "jpeg" else JPEG2000
        made.PixelData = encapsulate([encoded(each, kind) for each in before])
        made["PixelData"].VR = "OB"
        made["PixelData"].is_undefined_length = True
        made.PhotometricInterpretation = "YBR_FULL_422" if kind == "jpeg" else "YBR_RCT"
    elif kind == "rle":
        compress(made)
        syntax = RLE
    found = after(made, syntax)
    pixels = found.pixel_array
    if kind == "palette":
        pixels = apply_color_lut(pixels, found)
    assert pixels.shape == (3, 80, 200, 3)
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    assert (pixels[:, 20:40, 30:70] < 24).all()
    assert np.abs(pixels[:, :10].astype(int) - 20).max() <= 3


def compress(made: Dataset) -> None:
    scans.written(made)
    made.compress(RLE, generate_instance_uid=False)


def encoded(frame: Any, kind: str) -> bytes:
    file = BytesIO()
    options: dict[str, Any] = {"irreversible": False, "mct": 1} if kind == "jpeg2000" else {"quality": 95}
    Image.fromarray(frame).save(file, kind, **options)
    return file.getvalue()


def test_bits_that_are_not_of_the_picture_cannot_carry_an_overlay(eyes: Eyes) -> None:
    before = film(dtype=np.uint16, dark=100, light=100)
    before[0, 30:40] |= 0x8000
    made = scans.dataset(before, BitsStored=12, HighBit=11)
    assert (after(made).pixel_array == 100).all()
    assert b"\x64\x80" not in done(made).dicom


def test_words_that_one_window_hides_are_found_in_another(eyes: Eyes) -> None:
    before = film(dtype=np.uint16, dark=100, light=160)
    # One bright pixel makes everything else black.
    before[0, 70, 190] = 60_000
    made = scans.dataset(before)
    seen = views(made, before, "MONOCHROME2")
    assert len(seen) == 2
    assert (after(made).pixel_array[WORD] < 160).all()
    # And so does a window that is said.
    made.WindowCenter, made.WindowWidth = 50_000, 1_000
    assert (after(made).pixel_array[WORD] < 160).all()


def test_words_that_may_stay_do(eyes: Eyes) -> None:
    eyes.texts = ["R"]
    before = film()
    made = scans.dataset(before)
    assert (after(made).pixel_array == before[0]).all()
    eyes.texts = ["R. Winterbottom"]
    assert (after(made).pixel_array[WORD] == 20).all()


def test_frames_that_look_the_same_are_looked_at_once_and_else_what_differs(eyes: Eyes) -> None:
    def looked_at(shown: Any) -> list[Any]:
        return [cell for sheet in sheets(shown, [lambda frame: frame]) for cell in sheet]

    same = film(50, word_on=None)
    # In two sizes.
    assert [(cell.frame, cell.source, cell.scale) for cell in looked_at(same)] == [
        (0, (0, 0, 200, 80), 2),
        (0, (0, 0, 200, 80), 4),
    ]
    same[30, 40, 50] = 200
    *_, other = looked_at(same)
    assert other.frame == 30
    assert other.source == (50 - 32, 40 - 32, 50 + 33, 40 + 33)
    # A little less or more light on all of it is nothing that could be read.
    same[30] = same[0] + 15
    assert {cell.frame for cell in looked_at(same)} == {0}

    noise = np.random.default_rng(1).integers(0, 255, (40, 80, 200), np.uint8)
    assert {cell.frame for cell in looked_at(noise)} == set(range(40))
    assert len(sheets(noise, [lambda frame: frame])) == 5


def test_large_frames_are_looked_at_in_parts_that_overlap_and_as_a_whole() -> None:
    shown = np.zeros((1, 2600, 1500), np.uint8)
    cells = [cell for sheet in sheets(shown, [lambda frame: frame]) for cell in sheet]
    assert max(max(cell.size) for cell in cells) <= SHEET_PX
    covered = np.zeros(shown.shape[1:], int)
    for left, top, right, bottom in (cell.source for cell in cells if cell.scale == 1):
        covered[top:bottom, left:right] += 1
    assert covered.min() == 1
    assert [cell.source for cell in cells if cell.scale < 1] == [(0, 0, 1500, 2600)]


def test_what_is_still_read_after_the_last_pass_is_not_published(
    eyes: Eyes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.dicom.redaction._mask", lambda *_: None)
    with pytest.raises(Rejection) as refused:
        done(scans.dataset(film(3)))
    assert refused.value.decision.reason == "STILL_VISIBLE"
    assert "word" not in str(refused.value.decision.detail)


def test_bytes_that_still_say_it_are_not_published(eyes: Eyes) -> None:
    before = colours(film(word_on=None))
    before[0, 50].reshape(-1)[:12] = np.frombuffer(b"WINTERBOTTOM", np.uint8)
    with pytest.raises(Rejection) as refused:
        done(scans.dataset(before))
    assert (refused.value.decision.reason, refused.value.decision.detail["places"]) == ("STILL_VISIBLE", 0)


# The handler

RULES = {"min_confidence": "50", "keep": "L, R", "margin": "0.25", "max_frames": "100", "max_looks": 100}
UPLOAD = Upload("uploads", "redact-dicom/scan.dcm", "redact-dicom", "scan.dcm")


@pytest.fixture
def _stored(monkeypatch: pytest.MonkeyPatch) -> None:
    account.make_table()
    account.put("workflow", UPLOAD.record, executionArn="arn:execution", objStatus="RECEIVED")
    for bucket in ("uploads", "distribution"):
        client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket="uploads", Key=UPLOAD.key, Body=scans.written(scans.dataset(film(2))))
    key = client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    monkeypatch.setattr("functions.dicom.redact.SETTINGS", settings_with(key["KeyId"]))


def settings_with(key: str) -> Any:
    from dataclasses import replace

    return replace(redact.SETTINGS, uid_key=key)


def handled(**changed: Any) -> Any:
    upload = Upload.from_detail({**UPLOAD.as_detail(), **changed})
    detail = {**upload.as_detail(), **({"dryRun": True} if upload.dry_run else {})}
    event = {"detail": detail, "executionArn": "arn:execution", "rules": RULES}
    return redact.handler(event, SimpleNamespace(aws_request_id="request"))


def published() -> dict[str, Any]:
    found = client("s3").list_objects_v2(Bucket="distribution").get("Contents", [])
    return {each["Key"]: client("s3").get_object(Bucket="distribution", Key=each["Key"]) for each in found}


@pytest.mark.usefixtures("_stored")
def test_what_is_published_is_the_file_and_a_preview_and_what_publish_needs_to_know(eyes: Eyes) -> None:
    result = handled()
    assert (result["width"], result["height"]) == (200, 80)
    assert result["redacted"]["key"] == f"{UPLOAD.key}/redacted.dcm"
    files = published()
    assert {key: each["ContentType"] for key, each in files.items()} == {
        f"{UPLOAD.key}/redacted.dcm": "application/dicom",
        f"{UPLOAD.key}/preview.png": "image/png",
    }
    with Image.open(files[f"{UPLOAD.key}/preview.png"]["Body"]) as preview:
        assert preview.size == (200, 80)
        assert not preview.info
    first = files[f"{UPLOAD.key}/redacted.dcm"]["Body"].read()
    assert dcmread(BytesIO(first)).NumberOfFrames == 2
    # A second time, it is the same.
    handled()
    assert published()[f"{UPLOAD.key}/redacted.dcm"]["Body"].read() == first


@pytest.mark.usefixtures("_stored")
def test_a_dry_run_writes_nothing_and_finds_the_same(eyes: Eyes) -> None:
    assert handled(dryRun=True)["redacted"]["masked"] == handled()["redacted"]["masked"] == 1
    assert len(published()) == 2


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize("operation", ["DetectText", "GenerateMac", "GetObject", "PutObject"])
@pytest.mark.parametrize(
    ("code", "status", "raised"),
    [
        ("ThrottlingException", 400, ThrottledError),
        ("InternalError", 500, ServiceUnavailableError),
    ],
)
def test_a_call_that_fails_publishes_nothing(
    monkeypatch: pytest.MonkeyPatch, operation: str, code: str, status: int, raised: type[Exception]
) -> None:
    with (
        looking(monkeypatch) if operation != "DetectText" else answering("None"),
        answering(operation, *[error(code, operation, status)] * 9),
        pytest.raises(raised),
    ):
        handled()
    assert published() == {}


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize("call", [1, 2])
def test_an_empty_answer_publishes_nothing(eyes: Eyes, call: int) -> None:
    eyes.blind = {call}
    with pytest.raises(ServiceUnavailableError):
        handled()
    assert published() == {}
