"""The catalogue on the whole path: what is uploaded is found by what is on it, as long as it is current."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from functions.catalogue import search as searching
from functions.catalogue.tables import Tables
from functions.upload import parse_key
from happypath.project import SAMPLES
from tests.films import film
from tests.workflows.conftest import DeployAnew
from tests.workflows.driver import Driver, Outcome, wait_until

WORKFLOW = "catalogue"
# Frames of a film that lies there go to the catalogue, too.
LIVE = "none catalogue/=catalogue redact-video/=redact-video"


def picture(number: int) -> bytes:
    """A picture like no other."""
    file = io.BytesIO()
    Image.new("RGB", (100, 100), (number % 256, number // 256, 7)).save(file, "PNG")
    return file.getvalue()


def street(pedestrians: int) -> dict[str, Any]:
    """A street with so many people on it, as Rekognition sees it."""
    boxes = [
        {"BoundingBox": {"Left": 0.1 * at, "Top": 0.4, "Width": 0.05, "Height": 0.2}, "Confidence": 90.0 + at}
        for at in range(pedestrians)
    ]
    known: dict[str, Any] = {"Aliases": [], "Parents": [], "Categories": []}
    labels = [{"Name": "Street", "Confidence": 99.0, "Instances": [], **known}]
    if pedestrians:
        labels += [{"Name": "Person", "Confidence": 98.0, "Instances": boxes, **known}]
    return {
        "DetectLabels": {"Labels": labels, "LabelModelVersion": "3.0"},
        "DetectText": {"TextDetections": [], "TextModelVersion": "3.0"},
        "DetectFaces": {"FaceDetails": []},
    }


def catalogued(driver: Driver, each: dict[str, bytes]) -> dict[str, Outcome]:
    """How uploads with these keys end."""
    driver.go_live(LIVE)
    for key, body in each.items():
        driver.upload(body, key)
    found = {key: driver.ended(key) for key in each}
    assert {outcome.status for outcome in found.values()} == {"PROCESSED"}, found
    return found


def search(driver: Driver, query: str) -> list[Any]:
    core = driver.installation.core
    tables = Tables(driver.installation.client("dynamodb"), core["CatalogueTable"], core["Table"])
    return list(searching.search(tables, query, limit=100).found)


def keys(driver: Driver, query: str) -> set[str]:
    return {found["key"] for found in search(driver, query)}


def test_pedestrians_that_a_camera_has_seen_within_five_minutes(driver: Driver) -> None:
    folder = driver.new_key(WORKFLOW, "drive")
    seen = [
        ("left_2026-11-01T09-59-59", 3),
        ("left_2026-11-01T10-00-00", 3),
        ("left_2026-11-01T10-00-01", 2),
        ("left_2026-11-01T10-04-59.999", 4),
        ("left_2026-11-01T10-05-00", 3),
        ("right_2026-11-01T10-00-00", 3),
    ]
    uploaded = {f"{folder}/{name}Z.png": picture(number) for number, (name, _) in enumerate(seen)}
    for body, (_, pedestrians) in zip(uploaded.values(), seen, strict=True):
        driver.sandbox.rekognition.record(body, street(pedestrians))
    catalogued(driver, uploaded)

    query = "pedestrians>2 camera:left after:2026-11-01T10:00 before:2026-11-01T10:05"
    keys_ = list(uploaded)
    assert keys(driver, query) == {keys_[1], keys_[3]}
    counts = [e["count"] for each in search(driver, query) for e in each["found"] if e["what"] == "count"]
    assert sorted(counts) == [3, 4]

    # Another picture under the first key, and the second is deleted.
    driver.sandbox.rekognition.record(picture(len(seen)), street(0))
    driver.upload(picture(len(seen)), keys_[1])
    driver.delete(keys_[3])
    wait_until(lambda: not keys(driver, query), "neither is found any more")
    wait_until(lambda: keys_[1] in keys(driver, "pedestrians=0 camera:left"), "what took its place is found")


def test_frames_of_a_film_are_found_by_their_camera_time_and_second(
    driver: Driver, deploy_anew: DeployAnew
) -> None:
    parameters = {"FramesEverySeconds": "1", "FramesPrefix": "catalogue"}
    deploy_anew("redact-video", parameters)
    try:
        driver.go_live(LIVE)
        key = driver.new_key("redact-video", "left_20261101T095859Z.mp4")
        driver.upload(film(times=range(0, 3_000, 500), key_every=4), key)
        assert driver.ended(key).status == "PROCESSED"
        frames = [f"{WORKFLOW}/{key}/{second}.jpg" for second in (0, 1, 2)]
        outcomes = [driver.ended(frame) for frame in frames]
    finally:
        deploy_anew("redact-video")

    assert {(outcome.status, outcome.record["detail"]["film"]) for outcome in outcomes} == {
        ("PROCESSED", key)
    }
    camera = f"camera:{parse_key(key)[1].split('_')[0]}"
    assert keys(driver, f"{camera} after:2026-11-01T09:59 before:2026-11-01T10:00") == set(frames[1:])
    seconds = {entry["where"]["second"] for each in search(driver, camera) for entry in each["found"]}
    assert seconds == {0.0, 1.0, 2.0}


def test_documents_that_lie_there_are_found_by_their_phrases(driver: Driver) -> None:
    phrases = {
        "letter.docx": "new lamp before the winter",
        "report.pdf": "since the inspection of last year",
        "log.pdf": "coils of tarred rope",
        "note.txt": "four inches too high",
    }
    folder = driver.new_key(WORKFLOW, "papers")
    uploaded = {f"{folder}/{name}": (SAMPLES / "archive" / name).read_bytes() for name in phrases}
    catalogued(driver, uploaded)

    for key, phrase in zip(uploaded, phrases.values(), strict=True):
        assert key in keys(driver, f'workflow:{WORKFLOW} words:"{phrase}"')

    # What is neither is refused for what it is as a document, and a picture for what it is as one.
    refused = {
        f"{folder}/noise": (b"\x9d\0\x13" * 500, "UNSUPPORTED_TYPE"),
        f"{folder}/picture.tga": (_saved("TGA"), "UNSUPPORTED_TYPE"),
        f"{folder}/broken.jpg": (b"\xff\xd8\xff\xe0" + bytes(500), "CORRUPT_IMAGE"),
    }
    for key, (body, _) in refused.items():
        driver.upload(body, key)
    ends = {key: driver.ended(key) for key in refused}
    assert {key: each.reason for key, each in ends.items()} == {
        key: reason for key, (_, reason) in refused.items()
    }
    assert ["docx" in each.record["detail"].get("allowed", ()) for each in ends.values()] == [
        True,
        True,
        False,
    ]


def _saved(type_: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (100, 100), (9, 9, 9)).save(file, type_)
    return file.getvalue()
