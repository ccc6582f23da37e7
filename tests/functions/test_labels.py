from __future__ import annotations

from typing import Any

import pytest

from functions.decide import labels
from functions.platform.aws import ThrottledError
from functions.platform.rules import RuleError
from tests.functions.account import answering, error
from tests.functions.test_moderation import CONTEXT, event
from tests.functions.test_rekognition import photo, uploaded

BOX = {"BoundingBox": {"Width": 0.1, "Height": 0.2, "Left": 0.3, "Top": 0.4}, "Confidence": 98.0}
NO_PEOPLE = {"refused": ["Person"], "min_confidence": "80", "reason": "NO_PEOPLE_ALLOWED"}


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


def decide(
    *labels_: dict[str, Any], rules: dict[str, Any] = NO_PEOPLE
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    upload = uploaded(photo(100, 100))
    with answering("DetectLabels", {"Labels": list(labels_), "LabelModelVersion": "3.0"}) as calls:
        return labels.handler(event(upload, **rules), CONTEXT), calls


def person(seen: str, instances: int | None = None, confidence: float = 98.77) -> dict[str, Any]:
    box = {"left": 0.3, "top": 0.4, "width": 0.1, "height": 0.2}
    counted = {} if instances is None else {"instances": instances, "boxes": [box] * min(instances, 10)}
    return {"name": "Person", "seen": seen, "confidence": confidence, **counted}


@pytest.mark.parametrize(
    "labels_",
    [
        (),
        (label("Coffee", "Beverage", instances=1), label("Cup")),
        # Not a person, however near.
        (label("Personal Computer"), label("Dog", "Animal", "Pet", instances=2), label("Statue", "Art")),
    ],
)
def test_a_photo_without_what_is_refused_is_accepted(labels_: tuple[dict[str, Any], ...]) -> None:
    result, _ = decide(*labels_)
    assert result == {"accepted": True, "reason": None, "detail": {"refused": []}}


@pytest.mark.parametrize(
    ("labels_", "found"),
    [
        ((label("Person", instances=3),), person("Person", 3)),
        ((label("Person", instances=30),), person("Person", 30)),
        ((label("Person"),), person("Person")),
        ((label("Coffee", instances=5), label("Person", instances=2)), person("Person", 2)),
        ((label("Woman", "Adult", "Female", "Person", instances=1),), person("Woman", 1)),
        (
            (
                label("Man", "Person", instances=1),
                label("Person", instances=2),
                label("Face", "Head", "Person"),
            ),
            person("Person", 2),
        ),
        ((label("Human", aliases=("Person",)),), person("Human")),
        ((label("Crowd", "Person"),), person("Crowd")),
        # As older models answered.
        (({"Name": "Person", "Confidence": 90.0},), person("Person", confidence=90.0)),
        ((label("PERSON"),), person("PERSON")),
    ],
)
def test_a_refused_label_rejects_by_its_name_its_kinds_and_other_words_for_it(
    labels_: tuple[dict[str, Any], ...], found: dict[str, Any]
) -> None:
    result, _ = decide(*labels_)
    assert result == {
        "accepted": False,
        "reason": "NO_PEOPLE_ALLOWED",
        "detail": {"refused": [found], "min_confidence": 80.0},
    }


def test_one_function_serves_rules_of_any_branch() -> None:
    weapons = {"refused": ["Weapon"], "min_confidence": 70, "reason": "NO_WEAPONS_ALLOWED"}
    rifle = label("Rifle", "Gun", "Weapon", instances=1)
    assert decide(label("Person"), rules=weapons)[0]["accepted"]
    result, calls = decide(label("Person"), rifle, rules=weapons)
    assert result["reason"] == "NO_WEAPONS_ALLOWED"
    assert result["detail"]["refused"][0]["seen"] == "Rifle"
    assert calls[0]["MinConfidence"] == 70.0


@pytest.mark.parametrize(
    ("labels_", "accepted", "missing"),
    [
        ((label("Dog"), label("Grass")), True, []),
        ((label("Grass"),), False, ["Dog"]),
        ((label("Dog"), label("Grass"), label("Person")), False, []),
    ],
)
def test_what_is_required_must_be_there_beside_what_is_refused(
    labels_: tuple[dict[str, Any], ...], accepted: bool, missing: list[str]
) -> None:
    rules = {"refused": "Person", "required": "Dog, Grass", "min_confidence": 80, "reason": "NO_DOG_OUTSIDE"}
    result, _ = decide(*labels_, rules=rules)
    assert (result["accepted"], result["detail"]["missing"]) == (accepted, missing)
    names = {each["Name"] for each in labels_}
    assert [each["name"] for each in result["detail"]["found"]] == [n for n in ("Dog", "Grass") if n in names]


def test_a_label_at_the_end_of_a_long_list_counts() -> None:
    result, _ = decide(*(label(f"Thing {number}") for number in range(999)), label("Person"))
    assert result["reason"] == "NO_PEOPLE_ALLOWED"


def test_rekognition_is_asked_for_every_label_it_is_sure_of() -> None:
    _, calls = decide()
    assert (calls[0]["MinConfidence"], calls[0]["MaxLabels"]) == (80.0, 1000)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"refused": []}, "Nothing is refused and nothing required"),
        ({"refused": " , "}, "Nothing is refused and nothing required"),
        ({"refused": ["Person"], "required": ["Person"]}, "'Person' is refused and required"),
        ({"refused": ["person "], "required": ["Person"]}, "'Person' is refused and required"),
        (
            {"refused": [7]},
            r"The rule refused must be a list of texts.*not \[7\]: set it in the state machine",
        ),
        ({"refused": ["--"]}, "The rule refused must have a letter or a digit"),
        ({"reason": "no people"}, "The rule reason must be capital letters"),
        ({"min_confidence": "sure"}, "The rule min_confidence must be a number from 0 to 100, not 'sure'"),
        ({"min_confidence": True}, "The rule min_confidence must be"),
        (
            {"refuse": ["Person"]},
            "There is no rule refuse: choose among min_confidence, reason, refused, req",
        ),
    ],
)
def test_a_senseless_rule_is_an_error_that_names_it(wrong: dict[str, Any], complaint: str) -> None:
    upload = uploaded(photo(100, 100))
    with answering("DetectLabels") as calls, pytest.raises(RuleError, match=complaint):
        labels.handler(event(upload, **NO_PEOPLE | wrong), CONTEXT)
    assert calls == []


@pytest.mark.parametrize("name", ["min_confidence", "reason"])
def test_a_missing_rule_is_an_error_that_names_it(name: str) -> None:
    rules = {each: value for each, value in NO_PEOPLE.items() if each != name}
    with pytest.raises(RuleError, match=f"The rule {name} is missing"):
        labels.handler(event(uploaded(photo(100, 100)), **rules), CONTEXT)


@pytest.mark.parametrize("rules", [None, [], "refused"])
def test_without_rules_nothing_is_decided(rules: Any) -> None:
    given = {**event(uploaded(photo(100, 100))), "rules": rules}
    with pytest.raises(RuleError, match="rules must be an object"):
        labels.handler(given, CONTEXT)


def test_a_photo_that_cannot_be_looked_at_is_rejected_not_an_error() -> None:
    result = labels.handler(event(uploaded(b"no photo"), **NO_PEOPLE), CONTEXT)
    assert (result["accepted"], result["reason"]) == (False, "CORRUPT_IMAGE")


def test_an_error_of_rekognition_leaves_under_its_name() -> None:
    upload = uploaded(photo(100, 100))
    with (
        answering("DetectLabels", error("ThrottlingException", "DetectLabels")),
        pytest.raises(ThrottledError),
    ):
        labels.handler(event(upload, **NO_PEOPLE), CONTEXT)
