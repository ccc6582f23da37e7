from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from functions.analysis import rekognition
from functions.analysis.photo_analysis import PhotoAnalysis
from functions.analysis.region import Region
from functions.analysis.rekognition import image_argument
from functions.decision import Reason, Rejection
from functions.platform.aws import client
from functions.upload import Upload
from tests.functions.account import answering, error

BUCKET = "uploads"
KEY = "p/crème brûlée +1.jpg"
MAX_PIXELS = 100_000_000


def photo(width: int, height: int, kind: str = "JPEG") -> bytes:
    written = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(written, kind)
    return written.getvalue()


def uploaded(data: bytes, *, versions: bool = True) -> Upload:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    if versions:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version_id = s3.put_object(Bucket=BUCKET, Key=KEY, Body=data).get("VersionId")
    return Upload(BUCKET, KEY, "p", "crème brûlée +1", version_id)


def rendition_of(argument: Any) -> Image.Image:
    assert set(argument) == {"Bytes"}
    assert len(argument["Bytes"]) <= 5 * 1024 * 1024
    rendition = Image.open(io.BytesIO(argument["Bytes"]))
    assert rendition.format == "JPEG"
    assert min(rendition.size) >= 80
    assert max(rendition.size) <= 10_000
    return rendition


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(80, 80), (1200, 900), (10_000, 80)])
def test_a_photo_within_the_limits_stays_where_it_is(kind: str, size: tuple[int, int]) -> None:
    upload = uploaded(photo(*size, kind))
    assert image_argument(upload, MAX_PIXELS) == {
        "S3Object": {"Bucket": BUCKET, "Name": KEY, "Version": upload.version_id}
    }


def test_without_versions_the_object_is_named_without_one() -> None:
    upload = uploaded(photo(100, 100), versions=False)
    assert image_argument(upload, MAX_PIXELS) == {"S3Object": {"Bucket": BUCKET, "Name": KEY}}


def test_a_webp_is_handed_over_as_jpeg() -> None:
    upload = uploaded(photo(3000, 1500, "WEBP"))
    assert rendition_of(image_argument(upload, MAX_PIXELS)).size == (2048, 1024)


def test_a_small_webp_is_not_enlarged() -> None:
    upload = uploaded(photo(80, 90, "WEBP"))
    assert rendition_of(image_argument(upload, MAX_PIXELS)).size == (80, 90)


def test_a_photo_with_too_long_a_side_is_reduced() -> None:
    upload = uploaded(photo(10_001, 5000))
    assert rendition_of(image_argument(upload, MAX_PIXELS)).size == (2048, 1024)


def test_a_file_of_too_many_bytes_is_reduced() -> None:
    # A photo with much behind its end, as some cameras write them.
    upload = uploaded(photo(300, 200) + bytes(15_000_000))
    assert rendition_of(image_argument(upload, MAX_PIXELS)).size == (300, 200)


@pytest.mark.parametrize("size", [(12_000, 100), (100, 12_000)])
def test_a_narrow_photo_keeps_the_shorter_side_that_rekognition_needs(size: tuple[int, int]) -> None:
    assert sorted(rendition_of(image_argument(uploaded(photo(*size)), MAX_PIXELS)).size) == [80, 9600]


@pytest.mark.parametrize(
    ("size", "kind"), [((79, 600), "JPEG"), ((600, 79), "PNG"), ((79, 79), "WEBP"), ((12_000, 80), "PNG")]
)
def test_what_no_rendition_makes_fit_is_too_small(size: tuple[int, int], kind: str) -> None:
    upload = uploaded(photo(*size, kind))
    with pytest.raises(Rejection, match="80 pixels") as raised:
        image_argument(upload, MAX_PIXELS)
    decision = raised.value.decision
    assert decision.reason == Reason.IMAGE_TOO_SMALL
    assert (decision.detail["width_px"], decision.detail["height_px"]) == size


@pytest.mark.parametrize(
    ("data", "max_pixels", "reason"),
    [
        (b"this is no photo", MAX_PIXELS, Reason.CORRUPT_IMAGE),
        (b"", MAX_PIXELS, Reason.CORRUPT_IMAGE),
        (photo(100, 100, "GIF"), MAX_PIXELS, Reason.UNSUPPORTED_TYPE),
        (photo(101, 100, "WEBP"), 10_000, Reason.IMAGE_TOO_LARGE),
    ],
)
def test_what_cannot_be_looked_at_is_refused(data: bytes, max_pixels: int, reason: Reason) -> None:
    upload = uploaded(data)
    with pytest.raises(Rejection) as raised:
        detect(upload, max_pixels)
    assert raised.value.decision.reason == reason


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_in_memory_is_handed_over_as_it_is(kind: str) -> None:
    data = photo(80, 90, kind)
    assert image_argument(data, MAX_PIXELS) == {"Bytes": data}


def test_a_picture_in_memory_that_is_beyond_the_limits_is_reduced() -> None:
    for data in (photo(3000, 1500) + bytes(5 * 1024 * 1024), photo(3000, 1500, "WEBP")):
        assert rendition_of(image_argument(data, MAX_PIXELS)).size == (2048, 1024)
    with pytest.raises(Rejection, match="80 pixels"):
        image_argument(photo(79, 600), MAX_PIXELS)


def box(left: float) -> dict[str, float]:
    return {"Left": left, "Top": 0.2, "Width": 0.3, "Height": 0.4}


def test_faces_are_regions_where_rekognition_is_sure_enough() -> None:
    found = [{"BoundingBox": box(-0.1), "Confidence": 99.5}, {"BoundingBox": box(0.5), "Confidence": 59.9}]
    data = photo(100, 100)
    with answering("DetectFaces", {"FaceDetails": found}) as calls:
        assert PhotoAnalysis.of_bytes(data).faces(60) == [Region(-0.1, 0.2, 0.3, 0.4, "face", 99.5)]
    assert calls == [{"Image": {"Bytes": data}}]


def test_lines_are_regions_with_what_they_say() -> None:
    def detected(kind: str, text: str, left: float) -> dict[str, Any]:
        return {
            "Type": kind,
            "DetectedText": text,
            "Confidence": 98.5,
            "Geometry": {"BoundingBox": box(left)},
        }

    found = [detected("LINE", "New York", 0.1), detected("WORD", "New", 0.1), detected("WORD", "York", 0.2)]
    with answering("DetectText", {"TextDetections": found}) as calls:
        (line,) = PhotoAnalysis(uploaded(photo(100, 100))).lines(60)
    assert line == Region(0.1, 0.2, 0.3, 0.4, "text", 98.5, "New York")
    assert calls[0]["Filters"] == {"WordFilter": {"MinConfidence": 60}}


def detect(upload: Upload, max_pixels: int = MAX_PIXELS) -> Any:
    return PhotoAnalysis(upload, max_pixels).labels(min_confidence=80)


@pytest.mark.parametrize("code", ["InvalidImageFormatException", "ImageTooLargeException"])
def test_a_photo_that_rekognition_refuses_is_handed_over_once_more_as_jpeg(code: str) -> None:
    upload = uploaded(photo(3000, 1500))
    with answering("DetectLabels", error(code, "DetectLabels"), {"Labels": []}) as calls:
        assert detect(upload) == []
    assert [set(call["Image"]) for call in calls] == [{"S3Object"}, {"Bytes"}]
    assert rendition_of(calls[1]["Image"]).size == (2048, 1024)


@pytest.mark.parametrize(("kind", "calls_made"), [("JPEG", 2), ("WEBP", 1)])
def test_a_rendition_that_rekognition_refuses_is_an_error(kind: str, calls_made: int) -> None:
    upload = uploaded(photo(100, 100, kind))
    rejection = error("InvalidImageFormatException", "DetectLabels")
    with (
        answering("DetectLabels", rejection, rejection, {"Labels": []}) as calls,
        pytest.raises(client("rekognition").exceptions.InvalidImageFormatException),
    ):
        detect(upload)
    assert len(calls) == calls_made


def test_any_other_trouble_is_an_error_at_once() -> None:
    upload = uploaded(photo(100, 100))
    with (
        answering("DetectLabels", error("ThrottlingException", "DetectLabels"), {"Labels": []}) as calls,
        pytest.raises(client("rekognition").exceptions.ThrottlingException),
    ):
        detect(upload)
    assert len(calls) == 1


def test_the_limits_are_those_of_the_api() -> None:
    shape = client("rekognition").meta.service_model.shape_for("ImageBlob")
    assert shape.metadata["max"] == rekognition.MAX_BYTES_SENT
