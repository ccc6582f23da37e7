"""DetectFaces, and that no face is missed and none seen where there is none."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image, ImageOps

from happypath.sandbox.rekognition import Rekognition, RekognitionError, detectors
from happypath.sandbox.rekognition.detectors import Sighting
from happypath.sandbox.rekognition.onnx_file import of_any_size
from tests.sandbox.test_rekognition import SAMPLES, assert_shape, jpeg, patient, png, sample, stored_as

if TYPE_CHECKING:
    from happypath.sandbox.sandbox import Sandbox

__all__ = ["patient"]  # the fixture, here too
# Where the astronaut's face is, in parts of her photo's sides.
FACE = (0.342, 0.105, 0.537, 0.353)


@cache
def face(margin: float) -> Image.Image:
    """Her face, from forehead to chin, with such a part of it around it."""
    photo = sample("astronaut.jpg")
    left, top, right, bottom = (side * photo.width for side in FACE)
    wide, tall = margin * (right - left), margin * (bottom - top)
    return photo.crop((round(left - wide), round(top - tall), round(right + wide), round(bottom + tall)))


def seen(picture: Image.Image) -> list[Sighting]:
    side = detectors.side_for_faces(*picture.size)
    picture = picture.copy()
    picture.thumbnail((side, side))
    return detectors.faces(picture)


def room(width: int, height: int) -> Image.Image:
    return ImageOps.fit(sample("wine.jpg"), (width, height))


def with_face(picture: Image.Image, height_px: int, middle: tuple[float, float]) -> Image.Image:
    """The picture with a face of this height, from forehead to chin, at this place in parts of its sides."""
    part = face(0.5)
    part = part.resize((part.width * height_px * 2 // part.height, height_px * 2), reducing_gap=2.0)
    across, down = middle[0] * picture.width - part.width / 2, middle[1] * picture.height - part.height / 2
    picture.paste(part, (round(across), round(down)))
    return picture


def holds(sighting: Sighting, point: tuple[float, float]) -> bool:
    across, down = point[0] - sighting.left, point[1] - sighting.top
    return 0 < across < sighting.width and 0 < down < sighting.height


# --- what is seen ---


@pytest.mark.parametrize(
    ("size", "height_px"),
    [
        ((1920, 1080), 40),  # the smallest that Rekognition sees
        ((1920, 1080), 900),
        ((176, 144), 20),  # a frame of a small film
        ((176, 144), 130),
        ((80, 80), 60),
        ((3000, 4000), 3500),
    ],
)
def test_a_face_of_any_size_is_seen_where_it_is(size: tuple[int, int], height_px: int) -> None:
    (found,) = seen(with_face(room(*size), height_px, (0.5, 0.5)))
    assert holds(found, (0.5, 0.5))
    assert found.height * size[1] == pytest.approx(height_px, rel=0.25)
    assert found.confidence > 90


@pytest.mark.parametrize("margin", [0.0, 0.5, 1.0])
def test_a_face_is_seen_whichever_way_up(margin: float) -> None:
    for picture in (face(margin), ImageOps.mirror(face(margin))):
        for quarters in range(4):
            turned = picture.rotate(90 * quarters, expand=True).resize((300, 300))
            (found,) = seen(turned)
            assert holds(found, (0.5, 0.5)), (quarters, found)


def test_of_a_crowd_the_largest_hundred_are_told() -> None:
    crowd = room(1920, 1080)
    places = [((across + 0.5) / 13, (down + 0.5) / 9) for across in range(13) for down in range(9)]
    for number, place in enumerate(places):
        with_face(crowd, 41 if number < 17 else 57, place)
    assert len(seen(crowd)) == len(places) == 117

    response = Rekognition().detect_faces({"Image": {"Bytes": ""}}, jpeg(crowd))
    assert_shape("DetectFaces", response)
    boxes = [each["BoundingBox"] for each in response["FaceDetails"]]
    areas = [box["Width"] * box["Height"] for box in boxes]
    assert len(areas) == 100
    assert areas == sorted(areas, reverse=True)
    # The smallest stand on the left.
    assert min(box["Left"] for box in boxes) > 1 / 13


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "astronaut.jpg"])
def test_no_piece_of_a_photo_without_faces_has_one(name: str) -> None:
    photo, chance = sample(name), random.Random(name)
    for _ in range(3):
        width, height = (chance.randint(side // 3, side) for side in photo.size)
        left, top = chance.randint(0, photo.width - width), chance.randint(0, photo.height - height)
        piece = photo.crop((left, top, left + width, top + height)).rotate(
            chance.randint(-40, 40), expand=True
        )
        piece.thumbnail((400, 400))
        assert seen(piece) == [], (left, top, width, height)


def test_without_onnxruntime_opencv_sees_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [with_face(room(*size), 60, (0.3, 0.4)) for size in ((320, 240), (200, 320))]
    expected = [seen(picture) for picture in pictures]
    monkeypatch.setattr(
        "happypath.sandbox.rekognition.centerface.find_spec",
        lambda name: None if name == "onnxruntime" else find_spec(name),
    )
    for picture, known in zip(pictures, expected, strict=True):
        (found,), (one,) = seen(picture), known
        assert (found.left, found.top, found.width, found.height, found.confidence) == pytest.approx(
            (one.left, one.top, one.width, one.height, one.confidence), rel=1e-3
        )


def test_what_is_no_model_is_refused() -> None:
    for broken in (b"\x3a\x7f", b"\x3f", b"\x80", b"\x39\x00"):
        with pytest.raises(ValueError, match="not an ONNX file"):
            of_any_size(broken)


# --- the operation ---


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_points_are_those_of_the_upright_photo(orientation: int) -> None:
    photo = stored_as(with_face(room(240, 320), 80, (0.4, 0.3)), orientation)
    response = Rekognition().detect_faces({"Image": {"Bytes": ""}}, photo)
    assert_shape("DetectFaces", response)
    assert "OrientationCorrection" not in response
    (found,) = response["FaceDetails"]
    assert set(found) == {"BoundingBox", "Confidence", "Landmarks"}
    box = found["BoundingBox"]
    assert box["Left"] + box["Width"] / 2 == pytest.approx(0.4, abs=0.03)
    assert box["Top"] + box["Height"] / 2 == pytest.approx(0.3, abs=0.03)
    points = {each["Type"]: (each["X"], each["Y"]) for each in found["Landmarks"]}
    assert list(points) == ["eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight"]
    assert points["eyeLeft"][0] < points["nose"][0] < points["eyeRight"][0]
    assert points["mouthLeft"][0] < points["mouthRight"][0]
    assert points["eyeLeft"][1] < points["nose"][1] < points["mouthLeft"][1] < box["Top"] + box["Height"]


@pytest.mark.parametrize("attributes", [["ALL"], ["DEFAULT", "EMOTIONS"], ["FACE_OCCLUDED"]])
def test_what_the_detector_cannot_know_is_refused(attributes: list[str]) -> None:
    request = {"Image": {"Bytes": ""}, "Attributes": attributes}
    with pytest.raises(RekognitionError, match=f"InvalidParameterException.*no {attributes[-1]}"):
        Rekognition().detect_faces(request, png(Image.new("RGB", (80, 80))))


def test_a_recorded_answer_comes_first_with_what_is_asked_for() -> None:
    photo = png(Image.new("RGB", (80, 80)))
    whole = {"Confidence": 99.0, "Pose": {"Roll": 1.0}, "FaceOccluded": {"Value": False}, "Emotions": []}
    service = Rekognition(
        answers={hashlib.sha256(photo).hexdigest(): {"DetectFaces": {"FaceDetails": [whole]}}}
    )

    def told(*attributes: str) -> set[str]:
        request = {"Image": {"Bytes": ""}, "Attributes": list(attributes)}
        (found,) = service.detect_faces(request, photo)["FaceDetails"]
        return set(found)

    assert told() == told("DEFAULT") == {"Confidence", "Pose"}
    assert told("FACE_OCCLUDED") == {"Confidence", "Pose", "FaceOccluded"}
    assert told("ALL", "DEFAULT") == set(whole)


def test_the_real_service_is_asked_if_there_is_one() -> None:
    asked = []

    class Service:
        def detect_faces(self, **arguments: Any) -> dict[str, Any]:
            asked.append(arguments)
            return {"FaceDetails": [], "ResponseMetadata": {}}

    service: Any = Service()
    photo = png(Image.new("RGB", (80, 80)))
    request = {"Image": {"Bytes": ""}, "Attributes": ["ALL"]}
    assert Rekognition(service).detect_faces(request, photo) == {"FaceDetails": []}
    assert asked == [{"Image": {"Bytes": photo}, "Attributes": ["ALL"]}]


# --- what means harm ---


def cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def changed(data: bytes, chance: random.Random) -> bytes:
    spoiled = bytearray(data)
    for _ in range(chance.randint(1, 40)):
        spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
    return bytes(spoiled)


def doubled(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return data[:end] + data[start:]


@pytest.mark.parametrize("spoil", [cut, changed, doubled])
def test_no_picture_is_more_than_an_error(
    sandbox: Sandbox, spoil: Callable[[bytes, random.Random], bytes]
) -> None:
    rekognition, chance = sandbox.client("rekognition"), random.Random(spoil.__name__)
    picture = face(0.2).resize((80, 80))
    kinds = [jpeg(picture), png(picture), png(picture.convert("P")), jpeg(picture.convert("CMYK"), 6)]
    seen_in = 0
    for number in range(68):
        spoiled = spoil(kinds[number % len(kinds)], chance)
        try:
            response = rekognition.detect_faces(Image={"Bytes": spoiled})
        except rekognition.exceptions.ClientError as refused:
            response = refused.response
        else:
            assert_shape("DetectFaces", response)
            seen_in += bool(response["FaceDetails"])
        told = response["ResponseMetadata"]
        assert (told["HTTPStatusCode"] in (200, 400), told["RetryAttempts"]) == (True, 0), spoiled
    # Some are harmless.
    assert seen_in or spoil is cut
