"""Signals of several deciders, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.analysis.detected_text import DetectedText
from functions.analysis.region import Region
from functions.decide import repeated, score, signals, text_cover
from functions.decide.signal import Evidence
from functions.decision import MalformedDecisionError
from functions.platform.aws import ThrottledError
from functions.platform.rules import RuleError, read
from tests.functions.account import answering, error
from tests.functions.test_moderation import CONTEXT, event
from tests.functions.test_rekognition import photo, uploaded

percents = st.floats(0, 100)
PLAIN = {"min_confidence": 80, "reason": "NO"}


class Seen:
    """A photo of which a test says what Rekognition finds, in the place of PhotoAnalysis."""

    def __init__(
        self,
        labels: Mapping[str, tuple[float, ...]] | None = None,
        moderated: tuple[float, ...] = (),
        lines: tuple[float, ...] = (),
        words: tuple[tuple[str, float], ...] = (),
    ) -> None:
        self._labels, self._moderated = labels or {}, moderated
        self._lines, self._words = lines, words

    def labels(self, least: float) -> list[Any]:
        return [
            {"Name": name, "Confidence": max(each), "Instances": [{"Confidence": one} for one in each]}
            for name, each in self._labels.items()
            if max(each) >= least
        ]

    def moderation_labels(self, least: float) -> list[Any]:
        return [{"Name": "Alcohol", "Confidence": each} for each in self._moderated if each >= least]

    def words(self, least: float) -> list[DetectedText]:
        return [DetectedText(text, sure) for text, sure in self._words if sure >= least]

    def lines(self, least: float) -> list[Region]:
        return [
            Region(0, 0, 1, 0.1, "text", sure, f"line {number}")
            for number, sure in enumerate(self._lines)
            if sure >= least
        ]


def ask(decider: str, seen: Seen, **rules: Any) -> dict[str, Any]:
    """The signal of one question."""
    (question,) = read(signals.Rules, {"questions": {"it": {"decider": decider, **PLAIN, **rules}}}).questions
    return question.signal(seen)  # type: ignore[arg-type]  # what a decider asks of an analysis


# Each kind of question about something of which Rekognition is as sure as it is given, in percent.
BAD: dict[str, Callable[[float], dict[str, Any]]] = {
    "moderation": lambda sure: ask("moderation", Seen(moderated=(sure, sure / 2))),
    "labels refused": lambda sure: ask("labels", Seen({"Gun": (sure,)}), refused="Gun, Knife"),
    "words refused": lambda sure: ask(
        "words", Seen(words=(("FREE", 100), ("money", sure))), refused="free money"
    ),
    "repeated": lambda sure: ask("repeated", Seen({"Cup": (100, sure)}), label="Cup", most=1),
    "text": lambda sure: ask("text_cover", Seen(lines=(100, sure)), max_percent=15),
}
GOOD: dict[str, Callable[[float], dict[str, Any]]] = {
    "labels required": lambda sure: ask("labels", Seen({"Cup": (sure,), "Tea": (99,)}), required="Cup, Tea"),
    "one of labels": lambda sure: ask("labels", Seen({"Table": (sure,), "Bed": (1,)}), one_of="Bed, Table"),
    "words required": lambda sure: ask("words", Seen(words=(("ad", sure),)), required=["Ad"]),
}


@pytest.mark.parametrize("kind", BAD)
@given(percents, percents)
def test_more_confidence_in_something_bad_never_raises_a_signal(kind: str, one: float, other: float) -> None:
    less, more = (BAD[kind](sure)["score"] for sure in sorted((one, other)))

    assert 1 >= less >= more >= 0


@pytest.mark.parametrize("kind", GOOD)
@given(percents, percents)
def test_more_confidence_in_something_wanted_never_lowers_a_signal(
    kind: str, one: float, other: float
) -> None:
    less, more = (GOOD[kind](sure)["score"] for sure in sorted((one, other)))

    assert 0 <= less <= more <= 1


@pytest.mark.parametrize("kind", [*BAD, *GOOD])
def test_a_half_is_the_limit_at_which_the_decider_itself_decides(kind: str) -> None:
    of = {**BAD, **GOOD}[kind]
    below, at, above = of(79), of(80), of(81)

    bad, good = (above, below) if kind in BAD else (below, above)
    assert (good["reason"], bad["reason"]) == (None, "NO")
    assert bad["score"] < 0.5 < good["score"]
    assert (at["score"], at["reason"]) == (0.5, "NO" if kind in BAD else None)


@pytest.mark.parametrize("kind", BAD)
def test_what_is_found_less_surely_than_is_refused_is_doubtful_and_told(kind: str) -> None:
    doubtful = BAD[kind](60)

    assert (doubtful["score"], doubtful["confidence"], doubtful["reason"]) == (0.75, 60, None)
    assert doubtful["detail"] != BAD[kind](39)["detail"]
    assert BAD[kind](39)["score"] == 1
    assert BAD[kind](100)["score"] == 0


@given(percents, percents)
def test_a_limit_of_any_kind_makes_a_signal(found: float, limit: float) -> None:
    for is_wanted in (True, False):
        assert 0 <= Evidence(found, is_wanted).score(limit) <= 1
        assert Evidence(None, is_wanted).score(limit) == (0 if is_wanted else 1)


def test_a_phrase_that_only_doubtful_words_part_is_found() -> None:
    parted = (("FREE", 99), ("smudge", 45), ("MONEY", 98))
    found = ask("words", Seen(words=parted), refused="free money")

    assert found["reason"] == "NO"
    assert found["score"] == 0.05


@pytest.mark.parametrize(
    ("areas", "score"),
    [
        ([{"left": 0, "top": 0, "width": 100, "height": 5}], 0.05),
        ([{"left": 0, "top": 50, "width": 100, "height": 50}], 1),
        (
            [
                {"left": 0, "top": 50, "width": 9, "height": 50},
                {"left": 0, "top": 0, "width": 9, "height": 9},
            ],
            0.05,
        ),
    ],
)
def test_text_counts_where_it_may_not_be(areas: list[Any], score: float) -> None:
    assert ask("text_cover", Seen(lines=(98,)), max_percent=20, areas=areas)["score"] == score


# What is asked of Rekognition

TEXT = {
    "TextDetections": [
        {"Type": kind, "DetectedText": "SALE", "Confidence": 99.0, "Geometry": {"BoundingBox": BOX}, **ids}
        for BOX in [{"Left": 0.1, "Top": 0.1, "Width": 0.5, "Height": 0.5}]
        for kind, ids in (("LINE", {"Id": 0}), ("WORD", {"Id": 1, "ParentId": 0}))
    ]
}
LABELS = {
    name: {"decider": "labels", "refused": name, "min_confidence": limit, "reason": "NO"}
    for name, limit in (("Gun", "90"), ("Knife", "60"))
}
WORDS = {
    "words": {"decider": "words", "refused": "sale", **PLAIN},
    "text": {"decider": "text_cover", "max_percent": 20, **PLAIN},
}


@pytest.mark.parametrize(
    ("operation", "answer", "questions", "found"),
    [
        ("DetectLabels", {"Labels": [{"Name": "Gun", "Confidence": 45.0}]}, LABELS, [1.0, 1.0]),
        ("DetectText", TEXT, WORDS, [0.025, 0.025]),
    ],
)
def test_questions_of_one_operation_cost_one_call(
    operation: str, answer: Any, questions: Any, found: list[float]
) -> None:
    upload = uploaded(photo(100, 100))
    with answering(operation, answer) as calls:
        result = signals.handler(event(upload, questions=questions), CONTEXT)

    assert len(calls) == 1
    asked = calls[0].get("MinConfidence") or calls[0]["Filters"]["WordFilter"]["MinConfidence"]
    assert asked == (30 if operation == "DetectLabels" else 40)
    assert result["refusal"] is None
    assert [each["name"] for each in result["signals"]] == list(questions)
    assert [each["score"] for each in result["signals"]] == found


def test_a_decider_of_its_own_decides_as_its_signal_does() -> None:
    upload = uploaded(photo(100, 100))
    boxes = [{"Confidence": 97.0}, {"Confidence": 91.0}]
    cups = {"Labels": [{"Name": "Cup", "Confidence": 99.0, "Instances": boxes}]}
    with answering("DetectLabels", cups, cups):
        once, twice = (
            repeated.handler(event(upload, label="cup", most=most, **PLAIN), CONTEXT) for most in (1, 2)
        )
    with answering("DetectText", TEXT):
        text = text_cover.handler(event(upload, max_percent=20, **PLAIN), CONTEXT)

    assert (once["accepted"], once["reason"], once["detail"]["instances"]) == (False, "NO", 2)
    assert twice["accepted"]
    assert (text["accepted"], text["reason"]) == (False, "NO")
    assert (text["detail"]["covered"], text["detail"]["texts"]) == (25.0, ["SALE"])


def test_what_is_throttled_leaves_under_its_name_and_has_been_asked_once() -> None:
    upload = uploaded(photo(100, 100))
    throttled = error("ThrottlingException", "DetectLabels")
    with answering("DetectLabels", throttled) as calls, pytest.raises(ThrottledError):
        signals.handler(event(upload, questions=LABELS), CONTEXT)
    assert len(calls) == 1


def test_a_photo_that_cannot_be_looked_at_is_a_refusal_without_signals() -> None:
    result = signals.handler(event(uploaded(b"no photo"), questions=LABELS), CONTEXT)

    assert (result["refusal"]["reason"], result["signals"]) == ("CORRUPT_IMAGE", [])


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ({}, "rule questions must be an object with a question or more"),
        ({"a": 5}, "rule questions.a.decider must be one of moderation, labels"),
        ({"a": {"decider": ["labels"]}}, "rule questions.a.decider must be one of"),
        ({"a": {"decider": "labels", **PLAIN}}, "Nothing is refused and nothing required"),
        ({"a": {"decider": "labels", "min_confidence": 5}}, "rule questions.a.reason is missing"),
        ({"a": {"decider": "repeated", "most": 0, "label": "Cup", **PLAIN}}, "a.most must be a whole number"),
        ({"a": {"decider": "text_cover", "max_percent": 101, **PLAIN}}, "a.max_percent must be a number"),
        ({"a": {"decider": "text_cover", "max_percent": 1, "areas": [], **PLAIN}}, "must be a list of areas"),
        (
            {"a": {"decider": "text_cover", "max_percent": 1, "areas": [{"left": 5}], **PLAIN}},
            "must have left, top, width, height of each area",
        ),
        (
            {
                "a": {
                    "decider": "text_cover",
                    "max_percent": 1,
                    "areas": [{"left": 50, "top": 0, "width": 51, "height": 5}],
                    **PLAIN,
                }
            },
            "must have areas that lie within the photo",
        ),
        ({"a": {"decider": "labels", "one_of": "Gun", "refused": "gun", **PLAIN}}, "is refused and required"),
    ],
)
def test_a_senseless_question_is_named(questions: Any, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        read(signals.Rules, {"questions": questions})


# The score

RULES = {
    "weights": {"moderation": 1, "words": "0.8", "text": 0.4},
    "publish_from": 0.85,
    "refuse_below": "0.4",
    "reason": "SCORE_TOO_LOW",
}


def signal(name: str, of: float, reason: str | None = None) -> dict[str, Any]:
    return {"name": name, "score": of, "confidence": None, "reason": reason, "detail": {"of": name}}


def scored(*answers: dict[str, Any], refusal: Any = None, **rules: Any) -> dict[str, Any]:
    given = [{"refusal": None, "signals": [each]} for each in answers]
    if refusal:
        given.append({"refusal": refusal, "signals": []})
    return score.handler({**event(uploaded(photo(80, 80)), **{**RULES, **rules}), "answers": given}, CONTEXT)


@pytest.mark.parametrize(
    ("moderation", "words", "text", "total", "verdict", "reason", "worst"),
    [
        (1, 1, 1, 1.0, "publish", None, ["moderation", "text", "words"]),
        (1, 1, 0.625, 0.85, "publish", None, ["text", "moderation", "words"]),
        (0.8499, 1, 1, 0.8499, "review", "NEEDS_REVIEW", ["moderation", "text", "words"]),
        (0.4, 1, 1, 0.4, "review", "NEEDS_REVIEW", ["moderation", "text", "words"]),
        (1, 0.1, 0, 0.0, "refuse", "NO_WORDS", ["words", "text", "moderation"]),
        (0, 0, 0, 0.0, "refuse", "NO_MODERATION", ["moderation", "words", "text"]),
        # None of them refuses it by itself.
        (0.7, 0.7, 0.7, 0.34, "refuse", "SCORE_TOO_LOW", ["moderation", "words", "text"]),
    ],
)
def test_a_score_decides_between_two_thresholds(
    moderation: float, words: float, text: float, total: float, verdict: str, reason: str | None, worst: Any
) -> None:
    given = {"moderation": moderation, "words": words, "text": text}
    result = scored(*(signal(n, s, f"NO_{n.upper()}" if s < 0.5 else None) for n, s in given.items()))

    assert (result["accepted"], result["reason"]) == (verdict == "publish", reason)
    assert (result["detail"]["score"], result["detail"]["verdict"]) == (total, verdict)
    assert [each["name"] for each in result["detail"]["signals"]] == worst
    assert result["detail"]["signals"][0]["detail"] == {"of": worst[0]}
    assert result["detail"]["reasons"] == [f"NO_{name.upper()}" for name in worst if given[name] < 0.5]


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_a_better_signal_never_lowers_the_score(found: list[float]) -> None:
    rules = read(score.Rules, RULES)

    def total(scores: list[float]) -> Any:
        names = ("moderation", "words", "text")
        named = [score.Signal(n, s, None, None, {}) for n, s in zip(names, scores, strict=True)]
        return score.decide(rules, named).detail["score"]

    pairs = [sorted(pair) for pair in zip(found[:3], found[3:], strict=True)]
    assert 0 <= total([worse for worse, _ in pairs]) <= total([better for _, better in pairs]) <= 1


def test_a_photo_that_a_branch_could_not_look_at_is_refused_for_its_reason() -> None:
    refusal = {"accepted": False, "reason": "CORRUPT_IMAGE", "detail": {"message": "cut off"}}

    assert scored(signal("words", 1), refusal=refusal) == refusal


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"weights": {}}, "rule weights must be an object with the weight of each signal"),
        ({"weights": {"words": 2}}, "rule weights must be a number from 0 to 1"),
        ({"weights": {"words": True}}, "rule weights must be a number from 0 to 1"),
        ({"weights": {"words": 1}}, "rule weights must have each signal, .*look at moderation, text"),
        ({"weights": {**RULES["weights"], "labels": 1}}, "look at labels"),  # type: ignore[dict-item]
        ({"publish_from": "nan"}, "rule publish_from must be a number from 0 to 1"),
        ({"publish_from": 0.3}, "refuse_below is 0.4, and must not be above publish_from, 0.3"),
        ({"reason": "no"}, "rule reason must be capital letters"),
    ],
)
def test_a_senseless_rule_of_the_score_is_named(rules: Any, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        scored(signal("moderation", 1), signal("words", 1), signal("text", 1), **rules)


def test_two_signals_of_one_name_are_named() -> None:
    with pytest.raises(RuleError, match="Two signals have the same name"):
        scored(*(signal(name, 1) for name in ("moderation", "words", "text", "text")))


@pytest.mark.parametrize(
    "garbage", [None, "signal", {}, {**signal("words", 1), "score": 2}, signal("words", 1, "no")]
)
def test_what_is_no_signal_is_an_error(garbage: Any) -> None:
    with pytest.raises(MalformedDecisionError):
        scored(garbage)
