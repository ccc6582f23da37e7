"""What was seen of a photo is kept: a busy machine is slow, and nothing more."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from happypath.sandbox.rekognition import remembered, service
from happypath.sandbox.rekognition.errors import RekognitionError
from happypath.sandbox.rekognition.remembered import Remembered
from happypath.sandbox.sandbox import Sandbox
from tests.functions.pictures import scene
from tests.waiting import until


def test_a_photo_is_looked_at_once_by_however_many() -> None:
    looked, go_on = [], threading.Event()

    def look() -> str:
        looked.append("once")
        go_on.wait(10)
        return "a cat"

    seen = Remembered[str]("test")
    with ThreadPoolExecutor(4) as callers:
        answers = [callers.submit(seen.of, "photo", look) for _ in range(4)]
        go_on.set()
        assert [each.result(10) for each in answers] == ["a cat"] * 4
    assert looked == ["once"]


def test_who_would_wait_too_long_is_throttled_and_asks_again() -> None:
    go_on = threading.Event()
    seen = Remembered[str]("test", patience_s=0.05)

    def look() -> str:
        go_on.wait(10)
        return "a cat"

    for _ in range(2):
        with pytest.raises(RekognitionError) as raised:
            seen.of("photo", look)
        assert raised.value.code == "ThrottlingException"
    go_on.set()
    patient = Remembered[str]("test", patience_s=10)
    patient._seen = seen._seen
    assert patient.of("photo", look) == "a cat"


def test_several_photos_are_looked_at_at_once() -> None:
    together = threading.Barrier(2)

    def look() -> int:
        return together.wait(30)

    seen = Remembered[int]("test", patience_s=30, threads=2)
    with ThreadPoolExecutor(2) as callers:
        answers = [callers.submit(seen.of, photo, look) for photo in ("one", "other")]
        assert sorted(each.result(30) for each in answers) == [0, 1]


def test_a_film_of_any_length_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 3)
    looked: list[str] = []
    seen = Remembered[None]("test", patience_s=30)
    for frame in ("1", "2", "3", "1", "4", "5"):
        seen.of(frame, partial(looked.append, frame))
    assert list(seen._seen) == ["1", "4", "5"]
    # What was asked for longest ago is forgotten first.
    assert looked == ["1", "2", "3", "4", "5"]


def test_the_end_waits_for_the_look_that_began_and_for_no_other() -> None:
    looked: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def look(photo: str) -> None:
        begun.set()
        go_on.wait(30)
        looked.append(photo)

    seen = Remembered[None]("test", patience_s=0)
    for photo in ("first", "second"):
        with pytest.raises(RekognitionError):
            seen.of(photo, partial(look, photo))
    assert begun.wait(30)
    end = threading.Thread(target=seen._end)
    end.start()
    until(lambda: seen._ends, "the end began")
    go_on.set()
    end.join(30)
    assert looked == ["first"]
    assert not any(thread.is_alive() for thread in seen._threads)


def test_an_error_is_an_answer_too() -> None:
    seen = Remembered[str]("test")

    def look() -> str:
        raise RekognitionError("InvalidImageFormatException", "no photo")

    for _ in range(2):
        with pytest.raises(RekognitionError, match="no photo"):
            seen.of("photo", look)


def test_a_slow_detector_throttles_and_then_answers(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on one busy processor: callers who give up find the answer when they ask again."""
    go_on, looked = threading.Event(), []
    see = service._labels_seen

    def slow(image: bytes) -> dict[str, Any]:
        looked.append(len(image))
        go_on.wait(30)
        return see(image)

    monkeypatch.setattr(service, "_labels_seen", slow)
    monkeypatch.setattr(sandbox.rekognition._labels, "_patience_s", 0.2)
    client = sandbox.client("rekognition")
    encoded = io.BytesIO()
    scene(640, 480).save(encoded, "JPEG")
    image = {"Bytes": encoded.getvalue()}
    for _ in range(2):
        with pytest.raises(ClientError) as raised:
            client.detect_labels(Image=image)
        assert raised.value.response["Error"]["Code"] == "ThrottlingException"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    go_on.set()
    monkeypatch.setattr(sandbox.rekognition._labels, "_patience_s", 30)
    assert client.detect_labels(Image=image)["LabelModelVersion"]
    assert len(looked) == 1
