"""Redaction on the whole path: what is published shows no face to a detector that took no part in it."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.functions.pictures import turned
from tests.workflows.conftest import DeployAnew
from tests.workflows.driver import Driver, Outcome
from tests.workflows.photos import sample

ORIENTATIONS = range(1, 9)


def faces(picture: Image.Image) -> int:
    """How many faces Haar's cascade sees; the sandbox's Rekognition has another detector."""
    return len(_cascade().detectMultiScale(np.asarray(picture.convert("L")), 1.1, 8, minSize=(32, 32)))


@cache
def _cascade() -> Any:
    folder: str = cv2.data.haarcascades  # type: ignore[attr-defined]  # OpenCV's stubs leave it out
    return cv2.CascadeClassifier(f"{folder}haarcascade_frontalface_alt2.xml")


def portrait(side_px: int) -> Image.Image:
    with Image.open(io.BytesIO(sample("astronaut"))) as opened:
        return opened.convert("RGB").resize((side_px, side_px), Image.Resampling.LANCZOS)


def group() -> Image.Image:
    """Twelve people, of three sizes, every other one mirrored and of another brightness."""
    made = Image.new("RGB", (1000, 750), (120, 130, 140))
    for number in range(12):
        person = portrait((220, 235, 250)[number % 3])
        if number % 2:
            person = person.transpose(Image.Transpose.FLIP_LEFT_RIGHT).point(lambda tone: 20 + tone * 3 // 4)
        made.paste(person, (250 * (number % 4), 250 * (number // 4)))
    return made


@pytest.fixture(scope="module")
def outcomes(driver: Driver) -> dict[str, Outcome]:
    """Uploads that are redacted one beside the other."""
    driver.go_live("redact")
    bodies = {
        f"{orientation}.jpg": turned(portrait(400), orientation, "JPEG") for orientation in ORIENTATIONS
    }
    file = io.BytesIO()
    group().save(file, "WEBP", quality=95)
    bodies["group.webp"] = file.getvalue()
    keys = {name: driver.new_key("redact", name) for name in bodies}
    for name, key in keys.items():
        driver.upload(bodies[name], key)
    return {name: driver.ended(key) for name, key in keys.items()}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_face_is_gone_however_the_photo_is_stored(outcomes: dict[str, Outcome], orientation: int) -> None:
    assert faces(portrait(400)) == 1
    outcome = outcomes[f"{orientation}.jpg"]
    assert (outcome.status, list(outcome.renditions)) == ("PROCESSED", ["redacted.jpg"])
    with Image.open(io.BytesIO(outcome.renditions["redacted.jpg"])) as made:
        assert (made.format, made.size) == ("JPEG", (400, 400))
        assert not made.getexif()
        assert faces(made) == 0
        # What is no face is as it was, and stands upright.
        rest = np.asarray(made.convert("RGB")).astype(int)[220:] - np.asarray(portrait(400))[220:]
        assert np.abs(rest).mean() < 4


def test_none_of_many_faces_is_left(outcomes: dict[str, Outcome]) -> None:
    assert faces(group()) == 12
    outcome = outcomes["group.webp"]
    assert outcome.status == "PROCESSED"
    with Image.open(io.BytesIO(outcome.renditions["redacted.webp"])) as made:
        assert (made.format, made.size) == ("WEBP", (1000, 750))
        assert faces(made) == 0


def test_a_look_that_is_refused_publishes_nothing_and_says_so(driver: Driver) -> None:
    driver.go_live("redact")
    key = driver.new_key("redact", "me.jpg")
    # The second look, when the file is made.
    with driver.sandbox.faults("rekognition:DetectFaces=denied@2"):
        driver.upload(turned(portrait(200), 1, "JPEG"), key)
        outcome = driver.ended(key)
    assert (outcome.status, outcome.reason) == ("FAILED", "AccessDeniedError")
    assert not outcome.is_published


def test_text_may_be_looked_for_where_the_stack_is_deployed_for_it(
    driver: Driver, deploy_anew: DeployAnew
) -> None:
    deploy_anew("redact", {"Regions": "both"})
    try:
        driver.go_live("redact")
        key = driver.new_key("redact", "text.jpg")
        driver.upload(turned(portrait(200), 1, "JPEG"), key)
        outcome = driver.ended(key)
        assert outcome.status == "PROCESSED", outcome.reason
    finally:
        deploy_anew("redact")
