from __future__ import annotations

from typing import Any

import pytest

from functions.aws import ThrottledError
from functions.decide import people
from tests.functions.account import answering, error
from tests.functions.test_moderation import CONTEXT, event
from tests.functions.test_rekognition import photo, uploaded

BOX = {"BoundingBox": {"Width": 0.1, "Height": 0.2, "Left": 0.3, "Top": 0.4}, "Confidence": 98.0}


def label(
    name: str, *parents: str, instances: int = 0, aliases: tuple[str, ...] = (), confidence: float = 98.765
) -> dict[str, Any]:
    return {
        "Name": name,
        "Confidence": confidence,
        "Instances": [BOX] * instances,
        "Parents": [{"Name": parent} for parent in parents],
        "Aliases": [{"Name": alias} for alias in aliases],
        "Categories": [],
    }


def decide(*labels: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    upload = uploaded(photo(100, 100))
    with answering("DetectLabels", {"Labels": list(labels), "LabelModelVersion": "3.0"}) as calls:
        return people.handler(event(upload), CONTEXT), calls


@pytest.mark.parametrize(
    "labels",
    [
        (),
        (label("Coffee", "Beverage", instances=1), label("Cup")),
        # Not a person, however near.
        (label("Personal Computer"), label("Dog", "Animal", "Pet", instances=2), label("Statue", "Art")),
    ],
)
def test_a_photo_without_people_is_accepted(labels: tuple[dict[str, Any], ...]) -> None:
    result, _ = decide(*labels)
    assert result == {"accepted": True, "reason": None, "detail": {"people": 0, "labels": []}}


@pytest.mark.parametrize(
    ("labels", "count", "names"),
    [
        ((label("Person", instances=3),), 3, ["Person"]),
        ((label("Person"),), 1, ["Person"]),
        ((label("Coffee", instances=5), label("Person", instances=2)), 2, ["Person"]),
        ((label("Woman", "Adult", "Female", "Person", instances=1),), 1, ["Woman"]),
        (
            (
                label("Person", instances=2),
                label("Man", "Person", instances=1),
                label("Face", "Head", "Person"),
            ),
            2,
            ["Person", "Man", "Face"],
        ),
        ((label("Human", aliases=("Person",)),), 1, ["Human"]),
        ((label("Crowd", "Person"),), 1, ["Crowd"]),
    ],
)
def test_a_person_rejects_with_and_without_a_place_in_the_photo(
    labels: tuple[dict[str, Any], ...], count: int, names: list[str]
) -> None:
    result, _ = decide(*labels)
    assert result == {
        "accepted": False,
        "reason": "NO_PEOPLE_ALLOWED",
        "detail": {"people": count, "labels": [{"name": name, "confidence": 98.77} for name in names]},
    }


def test_a_person_at_the_end_of_a_long_list_counts() -> None:
    result, _ = decide(*(label(f"Thing {number}") for number in range(999)), label("Person"))
    assert result["reason"] == "NO_PEOPLE_ALLOWED"


def test_rekognition_is_asked_for_every_label_it_is_sure_of() -> None:
    _, calls = decide()
    assert (calls[0]["MinConfidence"], calls[0]["MaxLabels"]) == (80.0, 1000)


def test_labels_without_their_relatives_are_understood() -> None:
    # As older models answered.
    result, _ = decide({"Name": "Person", "Confidence": 90.0}, {"Name": "Cup", "Confidence": 90.0})
    assert result["detail"] == {"people": 1, "labels": [{"name": "Person", "confidence": 90.0}]}


def test_a_photo_that_cannot_be_looked_at_is_rejected_not_an_error() -> None:
    result = people.handler(event(uploaded(b"no photo")), CONTEXT)
    assert (result["accepted"], result["reason"]) == (False, "CORRUPT_IMAGE")


def test_an_error_of_rekognition_leaves_under_its_name() -> None:
    upload = uploaded(photo(100, 100))
    with (
        answering("DetectLabels", error("ThrottlingException", "DetectLabels")),
        pytest.raises(ThrottledError),
    ):
        people.handler(event(upload), CONTEXT)
