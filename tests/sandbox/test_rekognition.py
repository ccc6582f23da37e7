from __future__ import annotations

import cmath
import hashlib
import io
import json
import math
import struct
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, TokenRetrievalError
from botocore.stub import Stubber
from botocore.validate import ParamValidator
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.rekognition.responses import RekognitionResponse
from PIL import Image, ImageChops, ImageOps, ImageStat

from happypath.sandbox.rekognition import Rekognition, RekognitionError, install, real_client
from happypath.sandbox.rekognition.detectors import Sighting, body_of, faces
from happypath.sandbox.rekognition.photo import open_photo, upright

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

PHOTOS = Path(__file__).parents[2] / "samples" / "photos"
SAMPLES = sorted(path.name for path in PHOTOS.glob("*.jpg"))
REGION: Literal["eu-west-1"] = "eu-west-1"
ORIENTATION = 0x0112


# --- photos that no recorded answer knows ---


def jpeg(image: Image.Image, orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88, exif=exif)
    return buffer.getvalue()


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def sample(name: str) -> Image.Image:
    return Image.open(PHOTOS / name).convert("RGB")


@cache
def portrait() -> Image.Image:
    """A portrait photo of a person in a room: the astronaut, mirrored, before the room with the wine."""
    canvas = ImageOps.fit(sample("wine.jpg"), (1200, 1800))
    canvas.paste(ImageOps.mirror(sample("astronaut.jpg")).resize((800, 800)), (250, 500))
    return canvas


def stored_as(image: Image.Image, orientation: int) -> bytes:
    """The photo as a camera held otherwise stores it: EXIF says how to turn it back."""
    turns = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    turn = turns[orientation]
    return jpeg(image if turn is None else image.transpose(turn), orientation)


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


# --- the account ---


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine nobody is throttled."""
    monkeypatch.setattr("happypath.sandbox.rekognition.remembered.PATIENCE_S", 60.0)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with install(Rekognition()):
        yield f"http://{host}:{port}"
    server.stop()


def session(region: str = REGION) -> boto3.Session:
    return boto3.Session("sandbox", "sandbox", region_name=region)


def rekognition_at(endpoint: str) -> RekognitionClient:
    # Without the SDK's own checks, so that the sandbox's are seen.
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return session().client("rekognition", endpoint_url=endpoint, config=config)


@pytest.fixture(scope="module")
def rekognition(endpoint: str) -> RekognitionClient:
    return rekognition_at(endpoint)


@pytest.fixture(scope="module")
def s3(endpoint: str) -> S3Client:
    client = session().client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="photos", CreateBucketConfiguration={"LocationConstraint": REGION})
    client.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
    for name in SAMPLES:
        client.put_object(Bucket="photos", Key=name, Body=(PHOTOS / name).read_bytes())
    return client


def in_s3(key: str, **version: str) -> Any:
    return {"S3Object": {"Bucket": "photos", "Name": key, **version}}


def labels(response: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {label["Name"]: label for label in response["Labels"]}


def assert_shape(operation: str, response: Mapping[str, Any]) -> None:
    """The response is the service's: every member known, of its type and within its bounds."""
    model: Any = botocore.session.get_session().get_service_model("rekognition").operation_model(operation)
    body = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    report = ParamValidator().validate(body, model.output_shape)
    assert not report.has_errors(), report.generate_report()
    for label in body.get("Labels", []):
        assert set(label) == {"Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"}
        assert 0 <= label["Confidence"] <= 100
        for instance in label["Instances"]:
            box = instance["BoundingBox"]
            assert set(box) == {"Left", "Top", "Width", "Height"}
            assert 0 <= box["Left"] < box["Left"] + box["Width"] <= 1.0001
            assert 0 <= box["Top"] < box["Top"] + box["Height"] <= 1.0001
    for label in body.get("ModerationLabels", []):
        assert set(label) == {"Name", "ParentName", "Confidence", "TaxonomyLevel"}


def error_of(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert response["Error"]["Message"]
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# --- recorded answers ---


def test_every_sample_has_a_recorded_answer_and_the_file_says_where_it_comes_from() -> None:
    content = json.loads((PHOTOS.parents[1] / "happypath/sandbox/rekognition/answers.json").read_text())
    assert "by hand" in " ".join(content["about"])
    assert "not recorded from AWS" in " ".join(content["about"])
    assert {answer["photo"]: digest for digest, answer in content["answers"].items()} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in ("photos/*.jpg", "documents/*.png", "ads/*.jpg")
        for path in PHOTOS.parent.glob(pattern)
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_recorded_labels_have_the_services_shape_and_all_their_ancestors(
    rekognition: RekognitionClient, s3: S3Client, name: str
) -> None:
    response = rekognition.detect_labels(Image=in_s3(name), MinConfidence=0)
    assert_shape("DetectLabels", response)
    assert response["LabelModelVersion"]
    found = labels(response)
    assert len(found) == len(response["Labels"])
    for label in response["Labels"]:
        assert {parent["Name"] for parent in label["Parents"]} <= set(found)
    order = [(-label["Confidence"], label["Name"]) for label in response["Labels"]]
    assert order == sorted(order)


@pytest.mark.parametrize("name", SAMPLES)
def test_only_the_astronaut_is_a_person(rekognition: RekognitionClient, s3: S3Client, name: str) -> None:
    found = labels(rekognition.detect_labels(Image=in_s3(name), MinConfidence=80))
    people = {"Person", "Face", "Head", "Adult", "Woman"} & set(found)
    assert people == ({"Person", "Face", "Head", "Adult", "Woman"} if name == "astronaut.jpg" else set())


@pytest.mark.parametrize("name", SAMPLES)
def test_only_the_wine_needs_moderation(rekognition: RekognitionClient, s3: S3Client, name: str) -> None:
    response = rekognition.detect_moderation_labels(Image=in_s3(name), MinConfidence=80)
    assert_shape("DetectModerationLabels", response)
    assert response["ModerationModelVersion"]
    found = [
        (label["Name"], label["ParentName"], label["TaxonomyLevel"]) for label in response["ModerationLabels"]
    ]
    wine = [("Alcoholic Beverages", "Alcohol", 2), ("Alcohol", "", 1)]
    assert found == (wine if name == "wine.jpg" else [])


def test_bytes_are_recognised_as_the_same_photo(rekognition: RekognitionClient) -> None:
    wine = (PHOTOS / "wine.jpg").read_bytes()
    assert rekognition.detect_moderation_labels(Image={"Bytes": wine})["ModerationLabels"]
    assert "Wine Bottle" in labels(rekognition.detect_labels(Image={"Bytes": wine}))


def answer_of(*confidences: float) -> dict[str, dict[str, Any]]:
    """Answers for the photo b"photo" with labels of these confidences."""
    label = {"Instances": [], "Parents": [], "Aliases": [], "Categories": [{"Name": "Public Safety"}]}
    return {
        hashlib.sha256(b"photo").hexdigest(): {
            "DetectLabels": {
                "Labels": [{"Name": f"at {sure}", "Confidence": sure, **label} for sure in confidences],
                "LabelModelVersion": "3.0",
            },
            "DetectModerationLabels": {
                "ModerationLabels": [
                    {"Name": f"at {sure}", "ParentName": "", "Confidence": sure, "TaxonomyLevel": 1}
                    for sure in confidences
                ],
                "ModerationModelVersion": "7.0",
                "ContentTypes": [],
            },
        }
    }


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, [99.0, 55.0]),
        ({"MinConfidence": 0}, [99.0, 55.0, 54.9, 50.0, 49.9]),
        ({"MinConfidence": 54.9}, [99.0, 55.0, 54.9]),
        ({"MinConfidence": 100}, []),
        ({"MinConfidence": 0, "MaxLabels": 2}, [99.0, 55.0]),
        ({"MaxLabels": 0}, []),
        ({"MaxLabels": 5000}, [99.0, 55.0]),
    ],
)
def test_the_surest_labels_that_were_asked_for(request_: dict[str, Any], expected: list[float]) -> None:
    service = Rekognition(answers=answer_of(49.9, 55.0, 50.0, 99.0, 54.9))
    response = service.detect_labels({"Image": {"Bytes": ""}, **request_}, b"photo")
    assert [label["Confidence"] for label in response["Labels"]] == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [({}, [99.0, 50.0]), ({"MinConfidence": 49.9}, [99.0, 50.0, 49.9]), ({"MinConfidence": 99.1}, [])],
)
def test_the_moderation_labels_that_were_asked_for(request_: dict[str, Any], expected: list[float]) -> None:
    service = Rekognition(answers=answer_of(49.9, 50.0, 99.0))
    response = service.detect_moderation_labels({"Image": {"Bytes": ""}, **request_}, b"photo")
    assert [label["Confidence"] for label in response["ModerationLabels"]] == expected


@pytest.mark.parametrize(
    ("filters", "present", "absent"),
    [
        ({"LabelInclusionFilters": ["Dog"]}, {"Dog"}, {"Pet", "Window"}),
        ({"LabelExclusionFilters": ["Dog"]}, {"Pet", "Window"}, {"Dog"}),
        ({"LabelCategoryInclusionFilters": ["Animals and Pets"]}, {"Dog", "Pet"}, {"Window"}),
        ({"LabelCategoryExclusionFilters": ["Animals and Pets"]}, {"Window"}, {"Dog", "Pet"}),
        (
            {"LabelCategoryInclusionFilters": ["Animals and Pets"], "LabelExclusionFilters": ["Pet"]},
            {"Dog"},
            {"Pet", "Window"},
        ),
    ],
)
def test_filters_choose_labels_and_categories(
    rekognition: RekognitionClient, s3: S3Client, filters: Any, present: set[str], absent: set[str]
) -> None:
    found = set(
        labels(rekognition.detect_labels(Image=in_s3("dogs.jpg"), Settings={"GeneralLabels": filters}))
    )
    assert present <= found
    assert not absent & found


def test_a_photo_can_be_given_answers_at_any_time() -> None:
    photo, other = jpeg(portrait()), jpeg(portrait().rotate(180))
    rekognition = Rekognition()
    request = {"Image": {"Bytes": ""}}
    before = rekognition.detect_labels(request, other)
    rekognition.record(photo, {"DetectLabels": {"Labels": [{"Name": "Weapon", "Confidence": 98.5}]}})

    found = rekognition.detect_labels(request, photo)["Labels"]
    assert found == [{"Name": "Weapon", "Confidence": 98.5}]
    assert rekognition.detect_moderation_labels(request, photo)["ModerationLabels"] == []
    assert rekognition.detect_labels(request, other) == before
    assert Rekognition().detect_labels(request, photo)["Labels"] != found


def test_an_answer_can_be_changed_without_changing_the_next_one() -> None:
    service, image = Rekognition(), (PHOTOS / "wine.jpg").read_bytes()
    first = service.detect_labels({"Image": {"Bytes": ""}}, image)
    first["Labels"][0]["Parents"].append({"Name": "Nonsense"})
    assert service.detect_labels({"Image": {"Bytes": ""}}, image) != first


# --- detectors ---


def test_a_person_in_an_unknown_photo_is_seen(rekognition: RekognitionClient, s3: S3Client) -> None:
    s3.put_object(Bucket="photos", Key="guest.jpg", Body=jpeg(portrait()))
    response = rekognition.detect_labels(Image=in_s3("guest.jpg"), MinConfidence=80)
    assert_shape("DetectLabels", response)
    found = labels(response)
    assert set(found) == {"Person", "Face", "Head"}
    assert found["Person"]["Aliases"] == [{"Name": "Human"}]
    assert found["Face"]["Parents"] == [{"Name": "Head"}, {"Name": "Person"}]
    (person,) = found["Person"]["Instances"]
    box = person["BoundingBox"]
    # The face is at (0.58, 0.38) of the canvas, the suit below it.
    assert box["Left"] < 0.58 < box["Left"] + box["Width"]
    assert box["Top"] < 0.38
    assert box["Top"] + box["Height"] > 0.55


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_upright_and_reduced(orientation: int) -> None:
    photo = portrait().convert("L").reduce(4)
    turned = upright(open_photo(stored_as(photo, orientation)), "L", 225)
    assert turned.size == (150, 225)
    difference = ImageChops.difference(turned, photo.resize(turned.size))
    assert ImageStat.Stat(difference).mean[0] < 4


def test_a_person_is_seen_however_the_camera_was_held() -> None:
    image = stored_as(portrait().reduce(3), orientation=6)
    found = labels(Rekognition().detect_labels({"Image": {"Bytes": ""}, "MinConfidence": 80}, image))
    (person,) = found["Person"]["Instances"]
    # Boxes are those of the upright photo.
    assert person["BoundingBox"]["Left"] + person["BoundingBox"]["Width"] / 2 == pytest.approx(0.58, abs=0.03)


@pytest.mark.parametrize("angle", [-100, -25, 25, 180])
def test_a_person_who_tilts_the_head_is_seen_in_the_right_place(angle: int) -> None:
    photo = sample("astronaut.jpg").reduce(3)
    (straight,), (tilted,) = faces(photo), faces(photo.rotate(angle, fillcolor="gray"))
    # Where the middle of the upright face goes when the photo is turned around its own middle.
    expected = middle(straight) * cmath.exp(-1j * math.radians(angle))
    assert middle(tilted) == pytest.approx(expected, abs=0.03)


def middle(sighting: Sighting) -> complex:
    """From the middle of the photo; the imaginary part points down."""
    return complex(sighting.left + sighting.width / 2 - 0.5, sighting.top + sighting.height / 2 - 0.5)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((200, 200)),
        lambda image: image.crop((60, 0, 185, 125)),
        lambda image: image.convert("L"),
        lambda image: image.convert("CMYK"),
    ],
    ids=["small", "cropped", "gray", "CMYK"],
)
def test_a_person_is_seen_in_other_renditions(change: Callable[[Image.Image], Image.Image]) -> None:
    image = jpeg(change(sample("astronaut.jpg").reduce(4)))
    assert "Person" in labels(
        Rekognition().detect_labels({"Image": {"Bytes": ""}, "MinConfidence": 80}, image)
    )


@pytest.mark.parametrize("mode", ["P", "RGBA", "I;16"])
def test_a_person_is_seen_in_any_kind_of_png(mode: str) -> None:
    photo = sample("astronaut.jpg").reduce(4)
    image = (
        photo.convert("L").point(lambda value: value * 256, "I").convert("I;16")
        if mode == "I;16"
        else photo.convert(mode)
    )
    assert "Person" in labels(
        Rekognition().detect_labels({"Image": {"Bytes": ""}, "MinConfidence": 80}, png(image))
    )


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ("astronaut.jpg", "cat.jpg")])
def test_what_is_not_there_is_not_seen(name: str) -> None:
    response = Rekognition(answers={}).detect_labels({"Image": {"Bytes": ""}}, (PHOTOS / name).read_bytes())
    assert_shape("DetectLabels", response)
    assert response["Labels"] == []


def test_a_cat_is_seen_and_is_no_person() -> None:
    response = Rekognition(answers={}).detect_labels(
        {"Image": {"Bytes": ""}}, (PHOTOS / "cat.jpg").read_bytes()
    )
    assert_shape("DetectLabels", response)
    assert set(labels(response)) == {"Animal", "Cat", "Mammal", "Pet"}
    assert len(labels(response)["Cat"]["Instances"]) == 1


def test_detectors_moderate_nothing(rekognition: RekognitionClient) -> None:
    response = rekognition.detect_moderation_labels(
        Image={"Bytes": jpeg(sample("wine.jpg").reduce(3))}, MinConfidence=1
    )
    assert_shape("DetectModerationLabels", response)
    assert response["ModerationLabels"] == []


def test_many_threads_see_the_same() -> None:
    person, landscape = (
        jpeg(sample(name).reduce(divisor)) for name, divisor in (("astronaut.jpg", 4), ("mountains.jpg", 12))
    )
    service = Rekognition()

    def seen(image: bytes) -> str:
        return json.dumps(service.detect_labels({"Image": {"Bytes": ""}}, image))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(seen, [person, landscape] * 3))
    assert len(set(answers[::2])) == len(set(answers[1::2])) == 1
    assert "Person" in answers[0]
    assert "Person" not in answers[1]


def test_a_body_stays_inside_the_photo() -> None:
    body = body_of(Sighting(left=0.8, top=0.05, width=0.15, height=0.3, confidence=90))
    assert body.left == pytest.approx(0.65)
    assert body.top == 0
    assert body.left + body.width == pytest.approx(1)
    assert body.top + body.height == pytest.approx(1)


def test_libraries_of_detectors_are_loaded_only_for_detectors() -> None:
    script = (
        "import sys; from pathlib import Path; from happypath.sandbox.rekognition import Rekognition;"
        "Rekognition().detect_labels({'Image': {'Bytes': ''}}, Path(sys.argv[1]).read_bytes());"
        "assert not {'cv2', 'numpy', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script, PHOTOS / "wine.jpg"], check=True, cwd=PHOTOS.parents[1])


# --- errors ---

PERSON = (PHOTOS / "astronaut.jpg").read_bytes()
GIF = io.BytesIO()
Image.new("P", (200, 200)).save(GIF, "GIF")
WEBP = io.BytesIO()
Image.new("RGB", (200, 200)).save(WEBP, "WEBP")
PROGRESSIVE = io.BytesIO()
Image.new("RGB", (200, 200)).save(PROGRESSIVE, "JPEG", progressive=True)


def with_scans(jpeg: bytes, more: int) -> bytes:
    """The last scan again and again, over the same pixels."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * more + jpeg[-2:]


@pytest.mark.parametrize("operation", ["detect_faces", "detect_labels", "detect_moderation_labels"])
@pytest.mark.parametrize(
    ("image", "code"),
    [
        (b"not a photo at all, whatever its name", "InvalidImageFormatException"),
        (GIF.getvalue(), "InvalidImageFormatException"),
        (WEBP.getvalue(), "InvalidImageFormatException"),
        (PERSON[: len(PERSON) // 2], "InvalidImageFormatException"),
        (with_scans(PROGRESSIVE.getvalue(), 200), "InvalidImageFormatException"),
        (png_header(200, 200), "InvalidImageFormatException"),
        (png_header(30_000, 30_000), "ImageTooLargeException"),
        (png_header(10_001, 100), "ImageTooLargeException"),
        (png_header(79, 200), "InvalidParameterException"),
        (png_header(200, 79), "InvalidParameterException"),
        (b"", "ValidationException"),
        (b"\xff\xd8" + bytes(5 * 1024 * 1024 - 1), "ValidationException"),
    ],
    ids=[
        "text",
        "gif",
        "webp",
        "cut",
        "scans without end",
        "no pixels",
        "bomb",
        "wide",
        "narrow",
        "low",
        "no bytes",
        "5 MB and a byte",
    ],
)
def test_a_photo_that_cannot_be_taken(
    rekognition: RekognitionClient, operation: str, image: bytes, code: str
) -> None:
    call = getattr(rekognition, operation)
    assert error_of(lambda: call(Image={"Bytes": image})) == (code, 400)


def test_photos_at_the_limits_are_taken(rekognition: RekognitionClient) -> None:
    smallest = png(Image.new("RGB", (80, 80)))
    assert rekognition.detect_labels(Image={"Bytes": smallest})["Labels"] == []
    longest_side = png(Image.new("1", (10_000, 80)))
    assert rekognition.detect_labels(Image={"Bytes": longest_side})["Labels"] == []
    longest = jpeg(sample("coffee-small.jpg")).ljust(5 * 1024 * 1024, b"\0")
    assert rekognition.detect_moderation_labels(Image={"Bytes": longest})["ModerationLabels"] == []


def test_an_object_may_be_longer_than_bytes_but_not_endless(
    rekognition: RekognitionClient, s3: S3Client
) -> None:
    limit = 15 * 1024 * 1024
    for size in (limit, limit + 1):
        s3.put_object(
            Bucket="photos", Key=f"{size}", Body=jpeg(sample("coffee-small.jpg")).ljust(size, b"\0")
        )
    assert rekognition.detect_moderation_labels(Image=in_s3(f"{limit}"))["ModerationLabels"] == []
    too_long = error_of(lambda: rekognition.detect_moderation_labels(Image=in_s3(f"{limit + 1}")))
    assert too_long == ("ImageTooLargeException", 400)
    with pytest.raises(RekognitionError, match="ImageTooLargeException"):
        Rekognition().detect_labels({"Image": in_s3("x")}, bytes(limit + 1))


def test_an_object_that_is_not_there(rekognition: RekognitionClient, s3: S3Client) -> None:
    elsewhere = {"S3Object": {"Bucket": "nobodys-photos", "Name": "wine.jpg"}}
    for image in (in_s3("none.jpg"), in_s3("wine.jpg", Version="none"), elsewhere):
        assert error_of(lambda image=image: rekognition.detect_labels(Image=image)) == (  # type: ignore[misc]
            "InvalidS3ObjectException",
            400,
        )


def test_a_bucket_of_another_region_is_out_of_reach(endpoint: str, s3: S3Client) -> None:
    other = session("us-west-2").client("rekognition", endpoint_url=endpoint)
    assert error_of(lambda: other.detect_labels(Image=in_s3("wine.jpg"))) == ("InvalidS3ObjectException", 400)


def test_the_version_that_is_named_is_the_one_that_is_seen(
    rekognition: RekognitionClient, s3: S3Client
) -> None:
    key = "a place/ü+%20.jpg"
    versions = [
        s3.put_object(Bucket="photos", Key=key, Body=(PHOTOS / name).read_bytes())["VersionId"]
        for name in ("astronaut.jpg", "dogs.jpg")
    ]
    assert "Person" in labels(rekognition.detect_labels(Image=in_s3(key, Version=versions[0])))
    assert "Dog" in labels(rekognition.detect_labels(Image=in_s3(key, Version=versions[1])))
    assert "Dog" in labels(rekognition.detect_labels(Image=in_s3(key)))
    s3.delete_object(Bucket="photos", Key=key)
    assert error_of(lambda: rekognition.detect_labels(Image=in_s3(key)))[0] == "InvalidS3ObjectException"
    assert "Dog" in labels(rekognition.detect_labels(Image=in_s3(key, Version=versions[1])))


@pytest.mark.parametrize(
    "arguments",
    [
        {"MinConfidence": -0.1},
        {"MinConfidence": 100.1},
        {"MinConfidence": float("nan")},
        {"MinConfidence": "80"},
        {"MaxLabels": -1},
        {"MaxLabels": "many"},
        {"MaxLabel": 3},
        {"Features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"]},
        {"Settings": {"GeneralLabels": {"LabelInclusionFilters": "Dog"}}},
        {"Image": {}},
        {"Image": None},
        {"Image": "photo"},
        {"Image": {"S3Object": {"Bucket": "photos"}}},
        {"Image": {"S3Object": {"Name": "wine.jpg"}}},
        {"Image": {"Bytes": "", "S3Object": {"Bucket": "photos", "Name": "wine.jpg"}}},
    ],
)
def test_a_request_that_breaks_a_rule(endpoint: str, s3: S3Client, arguments: dict[str, Any]) -> None:
    body = json.dumps({"Image": in_s3("wine.jpg"), **arguments})
    assert post(endpoint, "DetectLabels", body) == (400, "InvalidParameterException")


@pytest.mark.parametrize("name", ["HumanLoopConfig", "ProjectVersion"])
def test_an_adapter_and_a_human_loop_do_not_exist(endpoint: str, s3: S3Client, name: str) -> None:
    arn = "arn:aws:rekognition:eu-west-1:123456789012:project/mine/version/first/1"
    value: Any = arn if name == "ProjectVersion" else {"HumanLoopName": "loop", "FlowDefinitionArn": arn}
    body = json.dumps({"Image": in_s3("wine.jpg"), name: value})
    assert post(endpoint, "DetectModerationLabels", body) == (400, "ResourceNotFoundException")


@pytest.mark.parametrize(
    "body", ["", "{", "[" * 100_000, '{"Image": {"Bytes": "not base64!"}}', '{"Image": {"Bytes": "ÄÖÜ="}}']
)
def test_a_request_that_cannot_be_read(endpoint: str, body: str) -> None:
    assert post(endpoint, "DetectLabels", body) == (400, "SerializationException")


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "7"])
def test_a_request_that_is_no_object(endpoint: str, body: str) -> None:
    assert post(endpoint, "DetectModerationLabels", body) == (400, "InvalidParameterException")


def post(endpoint: str, operation: str, body: str) -> tuple[int, str]:
    """Sends a request that no SDK would; returns the status and the error's name."""
    request = urllib.request.Request(
        endpoint,
        body.encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"RekognitionService.{operation}",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=me/20260101/{REGION}/rekognition/aws4_request",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    answer = json.loads(caught.value.read())
    assert answer["Message"]
    return caught.value.code, answer["__type"]


# --- the real service ---


@pytest.fixture
def real() -> Iterator[tuple[RekognitionClient, Stubber]]:
    client = real_client(session())
    with Stubber(client) as stubber:
        yield client, stubber
        stubber.assert_no_pending_responses()


def test_the_real_service_is_not_looked_for_in_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", "http://127.0.0.1:4566")
    client = real_client(session())
    assert client.meta.endpoint_url == f"https://rekognition.{REGION}.amazonaws.com"


def test_the_real_service_gets_the_photo_itself_and_answers_everything(
    endpoint: str, s3: S3Client, real: tuple[RekognitionClient, Stubber]
) -> None:
    client, stubber = real
    wine = (PHOTOS / "wine.jpg").read_bytes()
    answer = {"Labels": [{"Name": "Real", "Confidence": 12.5}], "LabelModelVersion": "3.0"}
    asked = {"Image": {"Bytes": wine}, "MinConfidence": 70, "Features": ["IMAGE_PROPERTIES"]}
    stubber.add_response("detect_labels", answer, asked)
    stubber.add_response(
        "detect_moderation_labels", {"ModerationModelVersion": "7.0"}, {"Image": {"Bytes": wine}}
    )
    with install(Rekognition(client)):
        sandbox = rekognition_at(endpoint)
        response = sandbox.detect_labels(
            Image=in_s3("wine.jpg"), MinConfidence=70, Features=["IMAGE_PROPERTIES"]
        )
        assert {name: response[name] for name in answer} == answer  # type: ignore[literal-required]
        assert sandbox.detect_moderation_labels(Image=in_s3("wine.jpg"))["ModerationModelVersion"] == "7.0"


def test_an_object_too_long_for_bytes_goes_to_the_real_service_as_a_smaller_photo() -> None:
    sent: list[bytes] = []

    class Service:
        def detect_labels(self, **arguments: Any) -> dict[str, Any]:
            sent.append(arguments["Image"]["Bytes"])
            return {"Labels": []}

    original = stored_as(Image.effect_noise((900, 1300), 90).convert("RGB").resize((2700, 3900)), 6)
    padded = original.ljust(6 * 1024 * 1024, b"\0")
    service: Any = Service()
    Rekognition(service).detect_labels({"Image": in_s3("long.jpg")}, padded)
    assert len(sent[0]) <= 5 * 1024 * 1024
    rendition = Image.open(io.BytesIO(sent[0]))
    assert rendition.format == "JPEG"
    assert rendition.size == (2700, 3900)  # upright


@pytest.mark.parametrize(
    ("code", "status"),
    [("ThrottlingException", 400), ("InternalServerError", 500), ("ImageTooLargeException", 400)],
)
def test_errors_of_the_real_service_arrive_as_they_are(
    endpoint: str, s3: S3Client, real: tuple[RekognitionClient, Stubber], code: str, status: int
) -> None:
    client, stubber = real
    stubber.add_client_error("detect_labels", code, "as AWS says", status)
    with install(Rekognition(client)):
        assert error_of(lambda: rekognition_at(endpoint).detect_labels(Image=in_s3("wine.jpg"))) == (
            code,
            status,
        )


@pytest.mark.parametrize(
    ("failure", "code", "status"),
    [
        (NoCredentialsError(), "AccessDeniedException", 400),
        (TokenRetrievalError(provider="sso", error_msg="expired"), "AccessDeniedException", 400),
        (EndpointConnectionError(endpoint_url="https://rekognition"), "InternalServerError", 500),
    ],
)
def test_the_real_service_out_of_reach(failure: Exception, code: str, status: int) -> None:
    class Service:
        def detect_labels(self, **arguments: Any) -> dict[str, Any]:
            raise failure

    service: Any = Service()
    with pytest.raises(RekognitionError) as caught:
        Rekognition(service).detect_labels({"Image": {"Bytes": ""}}, PERSON)
    assert (caught.value.code, caught.value.status) == (code, status)


# --- the seam ---


def test_uninstalling_leaves_moto_as_it_was() -> None:
    before = dict(vars(RekognitionResponse))
    with install(Rekognition()):
        during = dict(vars(RekognitionResponse))
        with pytest.raises(KeyError), install(Rekognition(answers={})):
            raise KeyError
        assert dict(vars(RekognitionResponse)) == during
    assert dict(vars(RekognitionResponse)) == before
    assert during != before
