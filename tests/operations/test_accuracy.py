"""The numbers of an accuracy report: pure functions over what deciders have said."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from happypath.errors import UsageError
from happypath.operations.accuracy import plot
from happypath.operations.accuracy.curve import Curve, Errors, Sample
from happypath.operations.accuracy.deciders import Decider, Seen, Threshold, asking_all, of, reasons
from happypath.operations.accuracy.evidence import Evidence, evidence
from happypath.operations.accuracy.interval import Share, least_sample
from happypath.operations.accuracy.kept import Kept
from happypath.operations.accuracy.report import Asked, Report
from happypath.operations.accuracy.truth import Label
from happypath.project import ROOT, WORKFLOWS
from tests.statemachines import definitions

CONFIDENCES = st.floats(0, 100).map(lambda each: round(each, 2))
EVIDENCE = st.builds(
    Evidence, st.none() | CONFIDENCES, st.none() | CONFIDENCES, st.sampled_from([False, False, True])
)
SAMPLES = st.lists(st.builds(Sample, EVIDENCE, st.booleans(), st.booleans()), max_size=25)
REFUSING = st.lists(
    st.builds(Sample, st.builds(Evidence, st.none() | CONFIDENCES), st.booleans(), st.booleans()), max_size=25
)


@given(st.integers(1, 2000), st.data())
def test_an_interval_holds_its_rate_and_narrows_with_more(of: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, of)), of)
    low, high = share.interval
    assert 0 <= low <= (share.rate or 0) <= high <= 1
    more = Share(10 * share.count, 10 * of).interval
    assert more[1] - more[0] < high - low
    # What holds of those that are counted holds of the others, the other way round.
    other = Share(of - share.count, of).interval
    assert other == pytest.approx((1 - high, 1 - low))


def test_intervals_are_those_of_the_literature() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    for count, total, interval in (
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (1, 29, (0.0061, 0.1718)),
    ):
        assert Share(count, total).interval == pytest.approx(interval, abs=0.00005)
    assert Share(0, least_sample(0.01)).interval[1] <= 0.01 < Share(0, least_sample(0.01) - 1).interval[1]


@given(SAMPLES, CONFIDENCES)
def test_a_curve_is_what_its_thresholds_do(samples: list[Sample], threshold: float) -> None:
    curve = Curve(samples)
    steps = curve.steps
    assert steps[0].above == 0
    assert steps[-1].until == 100
    assert all(one.until == next_.above for one, next_ in pairwise(steps))
    assert all(one.errors != next_.errors for one, next_ in pairwise(steps))
    step = next(each for each in steps if threshold <= each.until)
    assert curve.at(threshold) == step.errors
    for each in steps:
        assert curve.at(each.middle) == each.errors
    # Each picture counts on one side, whatever the threshold.
    errors = curve.at(threshold)
    assert errors.false_acceptances.of + errors.false_refusals.of == len(samples)
    refused = sum(sample.refuses(threshold) for sample in samples)
    right = errors.false_acceptances.of - errors.false_acceptances.count
    assert refused == right + errors.false_refusals.count


@given(REFUSING)
def test_a_higher_threshold_accepts_more_and_refuses_less(samples: list[Sample]) -> None:
    for one, other in pairwise(Curve(samples).steps):
        assert one.errors.false_acceptances.count <= other.errors.false_acceptances.count
        assert one.errors.false_refusals.count >= other.errors.false_refusals.count


@given(SAMPLES, CONFIDENCES, CONFIDENCES)
def test_between_two_thresholds_is_what_they_do_not_agree_on(
    samples: list[Sample], one: float, other: float
) -> None:
    lower, upper = sorted((one, other))
    curve = Curve(samples)
    found = curve.sorted(lower, upper)
    assert curve.sorted(lower, lower).errors == curve.at(lower)
    assert not curve.sorted(lower, lower).review.count
    # A person takes errors away, and makes none here.
    for threshold in (lower, upper):
        at = curve.at(threshold)
        assert found.errors.false_acceptances.count <= at.false_acceptances.count
        assert found.errors.false_refusals.count <= at.false_refusals.count


@given(SAMPLES, st.floats(0, 1))
def test_the_threshold_for_a_rate_keeps_it_and_none_is_better(samples: list[Sample], rate: float) -> None:
    curve = Curve(samples)
    keeping = [
        step
        for step in curve.steps
        if step.errors.false_acceptances.rate is not None and step.errors.false_acceptances.rate <= rate
    ]
    found = curve.wanted(acceptances=rate)
    assert (found is None) == (not keeping)
    if found is not None:
        assert found in keeping
        assert all(found.errors.false_refusals.count <= each.errors.false_refusals.count for each in keeping)


def test_any_decider_says_what_speaks_against_a_picture_and_what_was_required() -> None:
    # The details of today's deciders, and of one that nobody has written.
    assert evidence({"type": "jpg", "width_px": 3}) == Evidence()
    assert (
        evidence({"refused": [{"name": "Person", "confidence": 91.0, "boxes": [{"left": 0.1}]}]}).against
        == 91
    )
    both = {
        "labels": {"found": [{"confidence": 70}], "missing": []},
        "words": {"found": [], "missing": ["A"]},
    }
    assert evidence(both, "labels") == Evidence(wanted=70)
    assert evidence(both, "words") == Evidence(is_missing=True)
    assert evidence({"labels": {"found": [{"confidence": 70}]}}, "words") == Evidence()
    faces = {"faces": {"seen": [{"kind": "face", "confidence": 40.5}, {"confidence": True}]}}
    assert evidence(faces) == Evidence(against=40.5)


THRESHOLD = Threshold("Moderator", "", 80.0, 80.0)
MODERATOR = Decider("Moderator", frozenset({"FAILED_MODERATION"}), (THRESHOLD,))
SIZE = Decider("Check Dimensions", frozenset({"IMAGE_TOO_SMALL"}))


def seen(*confidences: float, small: bool = False, status: str = "PROCESSED") -> Seen:
    """What is said of a picture of a park."""
    size = [{"reason": "IMAGE_TOO_SMALL" if small else None, "detail": {"type": "jpg"}}]
    if small:
        return Seen("REJECTED", "IMAGE_TOO_SMALL", {"Check Dimensions": size})
    labels = [{"name": f"{each}", "confidence": each} for each in confidences]
    decision = {"reason": "FAILED_MODERATION" if labels else None, "detail": {"labels": labels}}
    return Seen(status, None, {"Check Dimensions": size, "Moderator": [decision]})


def report(*pictures: tuple[Label, Seen], **asked: Any) -> Report:
    found = Report("v4", [SIZE, MODERATOR], Asked(**asked))
    for label, said in pictures:
        found.add(label, said)
    return found


# Two of five that are bad are let in, and one of four that are good is kept out.
KNOWN = (
    (Label("bad-1", False, "FAILED_MODERATION"), seen(95.0, 12.0)),
    (Label("bad-2", False, "FAILED_MODERATION"), seen(61.5)),
    (Label("bad-3", False), seen(80.0)),
    (Label("bad-4", False, "FAILED_MODERATION"), seen()),
    (Label("small", False, "IMAGE_TOO_SMALL"), seen(small=True)),
    (Label("good-1", True), seen(88.0)),
    (Label("good-2", True), seen(70.0)),
    (Label("good-3", True), seen()),
    (Label("good-4", True), seen(79.99)),
)


def test_known_errors_are_counted_exactly() -> None:
    found = report(*KNOWN, acceptances=0.5, acceptance_usd=5.0, refusal_usd=1.0, review=(60.0, 85.0))
    found.add(Label("broken", True), Seen("FAILED", "ThrottledError"))

    whole = found.today.errors
    assert (whole.false_acceptances, whole.false_refusals) == (Share(2, 5), Share(1, 4))
    assert found.asked.usd(whole) == 11
    assert [(each.photo, each.by) for each in found.wrong] == [
        ("bad-2", {}),
        ("bad-4", {}),
        ("good-1", {"Moderator": "FAILED_MODERATION"}),
    ]
    assert found.failed == [("broken", "ThrottledError")]
    size, moderator = found.by_decider
    assert (size.today.false_acceptances, size.today.false_refusals) == (Share(0, 1), Share(0, 4))
    (by_threshold,) = moderator.thresholds
    assert [
        (step.until, step.errors.false_acceptances.count, step.errors.false_refusals.count)
        for step in by_threshold.steps
    ] == [(61.5, 1, 3), (70, 2, 3), (79.99, 2, 2), (80, 2, 1), (88, 3, 1), (95, 3, 0), (100, 4, 0)]
    assert by_threshold.today.errors == moderator.today
    wanted = by_threshold.wanted["falseAcceptances"]
    assert wanted is not None
    assert (wanted.above, wanted.until, wanted.middle) == (79.99, 80, 80)
    assert "Of 4 looked at that is not certain" in str(by_threshold.advice("falseAcceptances"))
    assert by_threshold.cheapest is not None
    assert by_threshold.cheapest.until == 61.5
    pair = by_threshold.pair
    assert pair is not None
    # bad-2, bad-3, good-2 and good-4 lie between.
    assert (pair.review, pair.errors.false_acceptances.count, pair.errors.false_refusals.count) == (
        Share(4, 8),
        1,
        1,
    )


def test_a_picture_without_a_reason_counts_where_only_one_decider_can_be_meant() -> None:
    labels = Decider("Get labels", frozenset({"NO_PEOPLE"}), (Threshold("Get labels", "", 50.0, 50.0),))
    both = seen(90.0)
    both = Seen("PROCESSED", None, {**both.decisions, "Get labels": [{"reason": None, "detail": {}}]})
    found = Report("v9", [SIZE, MODERATOR, labels])
    for label, said in (
        (Label("a", False), both),
        (Label("b", False, "NO_PEOPLE"), both),
        (Label("c", False), seen(small=True)),
    ):
        found.add(label, said)
    assert found.unattributed == 1
    assert found.other_reasons == ["b"]
    assert {each.decider.state: each.today.false_acceptances for each in found.by_decider} == {
        "Check Dimensions": Share(0, 1),
        "Get labels": Share(1, 1),
    }


def test_what_no_threshold_decides_is_refused_at_each() -> None:
    corrupt = Seen(
        "PROCESSED", None, {"Moderator": [{"reason": "CORRUPT_IMAGE", "detail": {"message": "cut off"}}]}
    )
    unknown = Seen("REJECTED", "UNKNOWN_PLACE", {})
    found = report((Label("a", True), corrupt), (Label("b", True), unknown), (Label("c", True), seen()))
    assert found.today.errors.false_refusals == Share(2, 3)
    (moderator,) = (each for each in found.by_decider if each.decider == MODERATOR)
    assert [step.errors.false_refusals for step in moderator.thresholds[0].steps] == [Share(1, 2)]


def test_who_would_be_asked_is_counted_as_review() -> None:
    person = Decider("Ask a person", frozenset({"NEEDS_REVIEW"}))
    asked = Seen("REJECTED", "NEEDS_REVIEW", {"Ask a person": [{"reason": "NEEDS_REVIEW", "detail": {}}]})
    found = Report("v9", [person])
    found.add(Label("a", True), asked)
    found.add(Label("b", False), Seen("PROCESSED", None, {}))
    assert found.today.review == Share(1, 2)
    assert found.today.errors.false_refusals == Share(0, 1)
    assert found.today.errors.false_acceptances == Share(1, 1)
    assert found.by_decider == []


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_the_deciders_of_a_state_machine_are_all_asked(workflow: str) -> None:
    text = definitions.text(workflow).replace("${MinConfidence}", "77")
    definition = json.loads(re.sub(r"\$\{(PublishFrom|RefuseBelow)\}", "0.5", text))
    before = json.dumps(definition)
    lowered = asking_all(definition)
    assert json.dumps(definition) == before
    for old, new in zip(of(definition), of(lowered), strict=True):
        assert (old.state, old.reasons) == (new.state, new.reasons)
        # A score stays as it is.
        assert {each.lower for each in new.thresholds if not each.is_score} <= {0.0}
        assert {each.lower for each in old.thresholds} <= {77.0, 0.5}
        assert old.reasons <= reasons(definition)
    asked = {each.state for each in of(definition) if any(not one.is_score for one in each.thresholds)}
    assert json.dumps(lowered).count('"accepted": true') >= len(asked)


def test_a_score_and_its_signals_have_thresholds_too() -> None:
    rules = {"weights": {"words": 0.8, "text": 0.4}, "publish_from": "0.8", "refuse_below": 0.4}
    questions = {"words": {"reason": "BAD_WORDS", "min_confidence": 70}, "text": {"reason": "TEXT"}}

    def task(rules: Any, **selector: str) -> dict[str, Any]:
        return {"Type": "Task", "Parameters": {"Payload": {"rules": rules}}, "ResultSelector": selector}

    asking = {"States": {"Ask": task({"questions": questions}, **{"signals.$": "$.Payload.signals"})}}
    scoring = task({**rules, "reason": "LOW"}, **{"accepted.$": "$.Payload.accepted"})
    parallel = {"Type": "Parallel", "Branches": [asking]}
    found = Report("ad", of({"States": {"All": parallel, "Score": scoring}}))

    def scored(score: float, words: float, reason: str | None) -> Seen:
        signals = [{"name": "words", "score": words}, {"name": "text", "score": 1.0}]
        detail = {"score": score, "signals": signals}
        return Seen("PROCESSED", None, {"Score": [{"reason": reason, "detail": detail}]})

    for label, said in (
        (Label("a", True), scored(0.95, 0.9, None)),
        (Label("b", True), scored(0.6, 0.3, "NEEDS_REVIEW")),
        (Label("c", False, "BAD_WORDS"), scored(0.3, 0.2, "BAD_WORDS")),
        (Label("d", False, "LOW"), scored(0.85, 0.9, None)),
        (Label("e", True), Seen("REJECTED", None, {"Score": [{"reason": "CORRUPT_IMAGE", "detail": {}}]})),
    ):
        found.add(label, said)
    assert found.today.review == Share(1, 5)
    assert found.today.errors == Errors(Share(1, 2), Share(1, 3))
    score, words, text = found.by_decider
    assert [each.decider.name for each in (score, words, text)] == ["Score", "Score (words)", "Score (text)"]
    assert sorted(score.decider.reasons) == ["BAD_WORDS", "LOW", "TEXT"]
    assert sorted(words.decider.reasons) == ["BAD_WORDS"]
    assert [step.until for step in score.thresholds[0].steps] == [0.3, 0.6, 0.85, 0.95, 1]
    for review, kept in (((0.4, 0.7), Share(1, 5)), ((40.0, 70.0), None)):
        pair = replace(score.thresholds[0], asked=Asked(review=review)).pair
        assert (pair.review if pair else None) == kept
    assert score.thresholds[0].today.errors == found.today.errors
    # Alone the words would have refused b, too.
    assert words.today == Errors(Share(0, 1), Share(1, 2))
    assert schema_errors(found.as_json()) == []


def test_the_plot_is_a_picture_and_nothing_else() -> None:
    name = "<script>alert(1)</script>\x00\u202e & \"'"
    threshold = Threshold(name, "", 40.0, 75.0)
    found = Report(name, [Decider(name, frozenset({"X"}), (threshold,))])
    for number in range(4):
        detail = {"labels": [{"confidence": 20.0 * number + 10}]}
        found.add(
            Label(f"{number}", number % 2 == 0),
            Seen("PROCESSED", None, {name: [{"reason": "X", "detail": detail}]}),
        )
    for text in (plot.svg(found.plotted, found.title), plot.inline(found.plotted, found.title)):
        root = ET.fromstring(text)
        tags = {each.tag.rpartition("}")[2] for each in root.iter()}
        assert tags <= {"svg", "style", "rect", "g", "text", "line", "path"}
        assert not any(
            attribute.lower().startswith(("on", "href", "style"))
            for each in root.iter()
            for attribute in each.attrib
        )
        assert "&lt;script&gt;" in text
        assert not {"\x00", "\u202e"} & set(text)
        assert sum("curve " in each.get("class", "") and "d" in each.attrib for each in root.iter()) == 2
        assert [each.text for each in root.iter() if each.get("class") == "said"] == [
            "today 40",
            "today 75",
        ]


def test_what_was_paid_for_is_kept_and_not_asked_again(tmp_path: Path) -> None:
    photo, file = tmp_path / "a.jpg", tmp_path / "kept.jsonl"
    photo.write_bytes(b"a picture")
    with Kept(file, "v4", "rules") as kept:
        assert kept.missing({"a": (photo, "park")}) == ["a"]
        kept.add(photo, "park", seen(61.5))
    # The process was killed in the middle of a line.
    with file.open("a") as open_file:
        open_file.write('{"sha256": "0')
    with Kept(file, "v4", "rules") as kept:
        assert kept.get(photo, "park") == seen(61.5)
        assert kept.get(photo, "bar") is None
        kept.add(photo, "bar", seen())
    with Kept(file, "v4", "rules") as kept:
        assert kept.missing({1: (photo, "park"), 2: (photo, "bar")}) == []
        photo.write_bytes(b"another")
        assert kept.missing({1: (photo, "park")}) == [1]
    with pytest.raises(UsageError, match=r"is of v4 by other rules than v4 has .*: name another file"):
        Kept(file, "v4", "others")
    for text in ("no JSON\n", '{"workflow": "v4"}\n', "[]\n", file.read_text() + "1\n"):
        file.write_text(text)
        with pytest.raises(UsageError, match="no picture as --keep writes it"):
            Kept(file, "v4", "rules")
    file.write_bytes(b"\xff\xd8\n")
    with pytest.raises(UsageError, match="no picture as --keep writes it"):
        Kept(file, "v4", "rules")


def made_up() -> Report:
    """Pictures that nobody has taken, of which a model is the surer the more they are to be refused."""
    found = Report("v4", [SIZE, MODERATOR])
    chance = Random(18)
    for number in range(300):
        bad = number % 4 == 0
        confidence = round(min(99.9, max(0.0, chance.gauss(82 if bad else 34, 20))), 2)
        said = seen(confidence) if confidence else seen()
        found.add(Label(str(number), not bad, "FAILED_MODERATION" if bad else ""), said)
    return found


def test_the_plot_of_the_docs_is_drawn_as_today() -> None:
    found = made_up()
    drawn = plot.svg(found.plotted, found.title)
    assert (ROOT / "docs" / "accuracy.svg").read_text(encoding="utf-8") == drawn


def schema_errors(said: Any) -> Sequence[str]:
    schema = json.loads((ROOT / "docs" / "accuracy.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    return [str(each.message) for each in validator(schema).iter_errors(said)]


def test_the_json_is_what_its_schema_says() -> None:
    full = report(*KNOWN, acceptances=0.5, refusals=0.0, acceptance_usd=5.0)
    assert schema_errors(full.as_json()) == []
    assert schema_errors(report().as_json()) == []
    assert schema_errors({**full.as_json(), "more": 1})
