"""DetectText in the sandbox: real words in real pictures, in the service's own shape."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from PIL import Image, ImageDraw, ImageFont

from happypath.project import SAMPLES
from happypath.sandbox.rekognition import Rekognition, RekognitionError, reader
from tests.sandbox.test_rekognition import jpeg, png, stored_as

MAX_WORDS = 100


def page(*lines: str, size_px: int = 40, width: int = 900) -> Image.Image:
    image = Image.new("RGB", (width, 80 + len(lines) * size_px * 3 // 2), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((40, 40 + number * size_px * 3 // 2), line, "black", ImageFont.load_default(size_px))
    return image


def detect(photo: bytes, **word_filter: float) -> list[dict[str, Any]]:
    request: dict[str, Any] = {"Image": {"Bytes": ""}}
    if word_filter:
        request["Filters"] = {"WordFilter": word_filter}
    answer = Rekognition().detect_text(request, photo)
    shape = botocore.session.get_session().get_service_model("rekognition").operation_model("DetectText")
    assert shape.output_shape is not None
    report = ParamValidator().validate(answer, shape.output_shape)
    assert not report.has_errors(), report.generate_report()
    detections: list[dict[str, Any]] = answer["TextDetections"]
    return detections


def of(kind: str, detections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in detections if each["Type"] == kind]


def texts(detections: list[dict[str, Any]]) -> list[str]:
    return [each["DetectedText"] for each in detections]


@pytest.fixture(scope="module")
def two_lines() -> list[dict[str, Any]]:
    return detect(png(page("State of NEW", "YORK 4711-0815")), MinConfidence=50)


def test_lines_come_first_and_words_name_theirs(two_lines: list[dict[str, Any]]) -> None:
    lines, words = of("LINE", two_lines), of("WORD", two_lines)

    assert two_lines == [*lines, *words]
    assert [each["Id"] for each in two_lines] == list(range(len(two_lines)))
    assert texts(lines) == ["State of NEW", "YORK 4711-0815"]
    assert texts(words) == ["State", "of", "NEW", "YORK", "4711-0815"]
    assert [word["ParentId"] for word in words] == [0, 0, 0, 1, 1]
    assert not any("ParentId" in line for line in lines)
    assert all(50 < each["Confidence"] <= 100 for each in two_lines)


def test_boxes_are_parts_of_the_picture_and_lie_where_the_words_are(two_lines: list[dict[str, Any]]) -> None:
    for each in two_lines:
        box, corners = each["Geometry"]["BoundingBox"], each["Geometry"]["Polygon"]
        assert 0 <= box["Left"] < box["Left"] + box["Width"] <= 1
        assert 0 <= box["Top"] < box["Top"] + box["Height"] <= 1
        assert len(corners) == 4
        assert min(corner["X"] for corner in corners) == pytest.approx(box["Left"])
        assert max(corner["Y"] for corner in corners) == pytest.approx(box["Top"] + box["Height"])
    state, *_, number = of("WORD", two_lines)
    assert state["Geometry"]["BoundingBox"]["Left"] < number["Geometry"]["BoundingBox"]["Left"]
    assert state["Geometry"]["BoundingBox"]["Top"] < number["Geometry"]["BoundingBox"]["Top"]


def test_the_filter_leaves_out_small_words_and_lines_without_any() -> None:
    image = page("LARGE", size_px=80)
    ImageDraw.Draw(image).text((40, 150), "small print", "black", ImageFont.load_default(24))
    photo = png(image)

    assert texts(of("LINE", detect(photo, MinConfidence=50))) == ["LARGE", "small print"]
    left = detect(photo, MinConfidence=50, MinBoundingBoxHeight=0.2)
    assert texts(left) == ["LARGE", "LARGE"]
    assert detect(photo, MinConfidence=100) == []


def test_a_picture_that_lies_on_its_side_is_read_upright() -> None:
    photo = stored_as(page("Upright words"), 6)
    assert texts(of("LINE", detect(photo, MinConfidence=50))) == ["Upright words"]


def test_no_more_words_than_the_service_reads() -> None:
    dense = page(*(" ".join(f"w{row}{column}" for column in range(12)) for row in range(10)), size_px=24)
    assert len(of("WORD", detect(jpeg(dense), MinConfidence=0))) == MAX_WORDS == reader.MAX_WORDS


def test_where_there_are_no_words_there_are_none() -> None:
    assert detect(png(Image.new("RGB", (300, 200), "teal"))) == []


def test_what_was_read_once_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rekognition, photo = Rekognition(), png(page("Once"))
    first = rekognition.detect_text({"Image": {"Bytes": ""}}, photo)
    monkeypatch.delattr(reader, "read")
    assert rekognition.detect_text({"Image": {"Bytes": ""}}, photo) == first


@pytest.mark.parametrize(("photo", "code"), [(b"no photo", "InvalidImageFormatException")])
def test_what_is_no_picture_is_refused(photo: bytes, code: str) -> None:
    with pytest.raises(RekognitionError) as raised:
        detect(photo)
    assert raised.value.code == code


def test_what_the_sandbox_cannot_do_it_says() -> None:
    with pytest.raises(RekognitionError, match="RegionsOfInterest"):
        Rekognition().detect_text(
            {"Image": {"Bytes": ""}, "Filters": {"RegionsOfInterest": []}}, png(page("a"))
        )


def test_without_the_reader_the_answer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "find_spec", lambda _: None)
    with pytest.raises(RekognitionError, match="not installed: run scripts/install ocr") as raised:
        detect(png(page("Words")))
    assert raised.value.code == "InvalidParameterException"


def test_reading_needs_no_network_and_says_nothing() -> None:
    """RapidOCR fetches the models that it misses; here none is missing."""
    code = (
        "import socket, sys\nfrom pathlib import Path\n"
        "from happypath.sandbox.rekognition import Rekognition\n"
        "socket.socket.connect = lambda *_: sys.exit('a connection was tried')\n"
        "photo = Path(sys.argv[1]).read_bytes()\n"
        "assert Rekognition().detect_text({'Image': {'Bytes': ''}}, photo)['TextDetections']"
    )
    photo = SAMPLES / "documents" / "licence-california-1.png"
    run = subprocess.run([sys.executable, "-c", code, photo], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
