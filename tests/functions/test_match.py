from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from functions.decide import match
from functions.platform.aws import ThrottledError
from functions.platform.rules import RuleError
from tests.functions.account import answering, error
from tests.functions.test_labels import label
from tests.functions.test_moderation import CONTEXT, event
from tests.functions.test_rekognition import photo, uploaded

LICENSE = label("Driving License", "Document")
WOMAN = label("Woman", "Adult", "Person")


def line(number: int, text: str) -> dict[str, Any]:
    return {"DetectedText": text, "Type": "LINE", "Id": number, "Confidence": 99.0, "Geometry": {}}


def word(number: int, text: str, of: int, confidence: float = 98.765) -> dict[str, Any]:
    return {
        "DetectedText": text,
        "Type": "WORD",
        "Id": number,
        "ParentId": of,
        "Confidence": confidence,
        "Geometry": {},
    }


TEXT = [
    line(0, "STATE OF NEW"),
    line(1, "YORK 4711-0815"),
    word(2, "STATE", 0),
    word(3, "OF", 0),
    word(4, "NEW", 0, 91.5),
    word(5, "YORK", 1),
    word(6, "4711-0815", 1),
]


def rules(labels: str = "Driving License, Person", words: str = "New York, 4711-0815") -> dict[str, Any]:
    return {
        name: {"required": required, "min_confidence": "80", "reason": "NO_MATCH"}
        for name, required in (("labels", labels), ("words", words))
    }


def decide(
    labels: list[dict[str, Any]], text: list[dict[str, Any]], by: dict[str, Any] | None = None
) -> tuple[dict[str, Any], int, list[Any]]:
    """The decision, how often labels were asked for, and the questions for text."""
    upload = uploaded(photo(100, 100))
    with (
        answering("DetectLabels", {"Labels": labels}) as for_labels,
        answering("DetectText", {"TextDetections": text}) as for_text,
    ):
        return match.handler(event(upload, **(by or rules())), CONTEXT), len(for_labels), for_text


def test_a_picture_with_all_that_is_required_matches() -> None:
    decision, _, for_text = decide([LICENSE, WOMAN], TEXT)
    assert decision == {
        "accepted": True,
        "reason": None,
        "detail": {
            "labels": {
                "found": [
                    {"name": "Driving License", "seen": "Driving License", "confidence": 98.77},
                    {"name": "Person", "seen": "Woman", "confidence": 98.77},
                ],
                "missing": [],
            },
            "words": {
                "found": [
                    {"name": "New York", "seen": "NEW YORK", "confidence": 91.5},
                    {"name": "4711-0815", "seen": "4711-0815", "confidence": 98.77},
                ],
                "missing": [],
            },
        },
    }
    assert for_text[0]["Filters"] == {"WordFilter": {"MinConfidence": 80.0}}


def test_words_are_not_asked_for_when_a_label_is_missing() -> None:
    decision, _, for_text = decide([WOMAN, label("Document")], TEXT)
    assert (decision["accepted"], decision["reason"]) == (False, "NO_MATCH")
    assert decision["detail"].keys() == {"labels"}
    assert decision["detail"]["labels"]["missing"] == ["Driving License"]
    assert [each["name"] for each in decision["detail"]["labels"]["found"]] == ["Person"]
    assert for_text == []


def test_a_missing_word_is_no_match() -> None:
    decision, *_ = decide([LICENSE, WOMAN], TEXT[:-1])
    assert (decision["accepted"], decision["reason"]) == (False, "NO_MATCH")
    assert decision["detail"]["labels"]["missing"] == []
    assert decision["detail"]["words"]["missing"] == ["4711-0815"]


def test_lines_are_read_in_their_order_whatever_that_of_the_answer() -> None:
    decision, *_ = decide([LICENSE, WOMAN], TEXT[::-1])
    assert decision["accepted"] is True


@pytest.mark.parametrize(
    "person",
    [label("Person"), label("Human", aliases=("Person",)), label("Man", "Adult", "Person"), label("PERSON")],
)
def test_a_label_counts_by_its_name_its_kinds_and_other_words_for_it(person: dict[str, Any]) -> None:
    decision, *_ = decide([LICENSE, person], TEXT)
    assert decision["accepted"] is True


def test_the_surest_label_that_means_it_is_told() -> None:
    people = [
        {**label("Man", "Person"), "Confidence": 81.0},
        {**label("Woman", "Person"), "Confidence": 99.0},
    ]
    decision, *_ = decide([LICENSE, *people, {**label("Boy", "Person"), "Confidence": 85.0}], TEXT)
    assert decision["detail"]["labels"]["found"][1] == {"name": "Person", "seen": "Woman", "confidence": 99.0}


def test_of_two_labels_as_sure_the_one_that_was_required_is_told() -> None:
    decision, *_ = decide([LICENSE, label("Face", "Head", "Person"), label("Person")], TEXT)
    assert decision["detail"]["labels"]["found"][1]["seen"] == "Person"


@pytest.mark.parametrize(("labels", "words"), [("", "New York"), ("Person", " ")])
def test_what_is_not_required_is_not_asked_for(labels: str, words: str) -> None:
    decision, for_labels, for_text = decide([WOMAN], TEXT, rules(labels, words))
    assert decision["accepted"] is True
    assert (bool(for_labels), bool(for_text)) == (bool(labels.strip()), bool(words.strip()))
    assert decision["detail"].keys() == ({"labels"} if labels else {"words"})


def test_a_match_that_requires_nothing_is_a_slip() -> None:
    with pytest.raises(RuleError, match="Nothing is refused or required, neither of labels nor of words"):
        decide([WOMAN], TEXT, rules("", " , ,"))


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"words": {"required": "x", "reason": "NO_MATCH"}}, r"The rule words\.min_confidence is missing"),
        ({"words": "NEW YORK"}, "words must be an object"),
        ({"required": "x"}, "There is no rule required: choose among labels, words"),
    ],
)
def test_a_rule_within_a_rule_is_named_with_it(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        decide([WOMAN], TEXT, rules() | wrong)


def test_the_photo_is_made_ready_once_for_both_questions() -> None:
    upload = uploaded(photo(300, 200, "WEBP"))
    with (
        answering("DetectLabels", {"Labels": [LICENSE, WOMAN]}) as for_labels,
        answering("DetectText", {"TextDetections": TEXT}) as for_text,
        answering("GetObject") as reads,
    ):
        assert match.handler(event(upload, **rules()), CONTEXT)["accepted"] is True
    assert for_labels[0]["Image"] == for_text[0]["Image"]
    assert len(reads) <= 2


def test_a_picture_that_cannot_be_looked_at_is_refused_under_its_own_reason() -> None:
    result = match.handler(event(uploaded(b"no photo"), **rules()), CONTEXT)
    assert (result["accepted"], result["reason"]) == (False, "CORRUPT_IMAGE")


def test_an_error_of_either_question_leaves_under_its_name() -> None:
    upload = uploaded(photo(100, 100))
    with (
        answering("DetectLabels", {"Labels": [LICENSE, WOMAN]}),
        answering("DetectText", error("ThrottlingException", "DetectText")),
        pytest.raises(ThrottledError),
    ):
        match.handler(event(upload, **rules()), SimpleNamespace(aws_request_id="request-1"))
