"""The matcher: a match is told of and then recorded, and no other is told of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.statemachines.interpreter import (
    DETAIL,
    Interpreter,
    Raised,
    Refused,
    accept,
    reject,
)

CONFIRMED = ("Decider", "Match Result?", "Match", "Confirm match")
MATCHED = (*CONFIRMED, "Publish match", "RecordMatchState")
# Confirm match works, and then nothing can be recorded.
SECOND_REFUSED: Any = {"update_item": [None, *[Refused("InternalServerError", 500)] * 11]}
NEWER = "arn:aws:states:::execution:happypath-v9:newer"


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as interpreter:
        yield interpreter


def test_a_match_is_told_of_with_its_decision_and_then_recorded(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", {"Match": accept(found={"labels": ["Cat"]})})

    assert (ended.status, ended.path) == ("SUCCEEDED", MATCHED)
    assert ended.record["objStatus"] == "PROCESSED"
    assert ended.detail == {"found": {"labels": ["Cat"]}}
    assert "reason" not in ended.record
    assert ended.record["finishedAt"] > "2020"
    (event,) = ended.told
    assert (event["Source"], event["DetailType"]) == ("happypath.matcher", "Match found")
    assert json.loads(event["Detail"]) == {
        "upload": DETAIL,
        "executionArn": ended.record["executionArn"],
        "decision": {"accepted": True, "reason": None, "detail": {"found": {"labels": ["Cat"]}}},
    }


def test_no_match_is_recorded_and_nobody_is_told(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", {"Match": reject("NO_MATCH", missing={"labels": ["Cat"]})})

    assert ended.status == "SUCCEEDED"
    assert ended.path[-2:] == ("No match", "RecordFailState")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("REJECTED", "NO_MATCH")
    assert ended.detail == {"missing": {"labels": ["Cat"]}}
    assert ended.told == []


def test_what_is_no_picture_does_not_go_the_way_of_those_that_do_not_match(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", {"Match": reject("CORRUPT_IMAGE", size_bytes=0)})

    assert ended.path[-2:] == ("Unusable picture", "RecordFailState")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("REJECTED", "CORRUPT_IMAGE")
    assert ended.told == []


def test_nobody_is_told_by_an_execution_that_no_longer_owns_the_record(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", owner=NEWER)

    assert (ended.status, ended.path) == ("SUCCEEDED", (*CONFIRMED, "Superseded"))
    assert ended.record["objStatus"] == "RECEIVED"
    assert ended.told == []


def test_an_execution_that_still_owns_the_record_is_confirmed_by_a_write_that_changes_nothing(
    interpreter: Interpreter,
) -> None:
    ended = interpreter.run("matcher", events=[Refused("AccessDeniedException")], dynamodb=SECOND_REFUSED)

    assert ended.error == "RecordingFailed"
    assert set(ended.record) == {"PK", "SK", "objStatus", "executionArn"}
    assert ended.record["objStatus"] == "RECEIVED"


TOLD_LATE: Any = [
    Refused("InternalException", 500),
    Refused("ThrottlingException"),
    # EventBridge names no such error among its own.
    Refused("ServiceUnavailable", 503),
]


def test_telling_is_retried_and_done_once(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", events=TOLD_LATE)

    assert (ended.status, ended.path) == ("SUCCEEDED", MATCHED)
    assert len(ended.waits_s) == len(TOLD_LATE)
    assert len(ended.told) == 1


@pytest.mark.parametrize(
    ("refused", "error", "attempts"),
    [
        (Refused("InternalException", 500), "EventBridge.InternalException", 7),
        (Refused("ServiceUnavailable", 503), "EventBridge.AmazonEventBridgeException", 3),
        (Refused("AccessDeniedException"), "EventBridge.AccessDeniedException", 1),
    ],
)
def test_a_match_that_nobody_could_be_told_of_is_a_failure(
    interpreter: Interpreter, refused: Refused, error: str, attempts: int
) -> None:
    ended = interpreter.run("matcher", events=[refused] * attempts)

    assert (ended.status, ended.error) == ("FAILED", error)
    assert len(ended.waits_s) == attempts - 1
    assert ended.path == (*CONFIRMED, "Publish match", "RecordErrorState", "Failed")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", error)
    assert ended.detail["Error"] == error
    assert ended.told == []


def test_a_match_that_cannot_be_confirmed_is_a_failure_and_not_told_of(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", dynamodb={"update_item": [Refused("InternalServerError", 500)] * 11})

    assert (ended.status, ended.error) == ("FAILED", "DynamoDB.InternalServerError")
    assert ended.path == (*CONFIRMED, "RecordErrorState", "Failed")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", "DynamoDB.InternalServerError")
    assert ended.told == []


def test_a_match_that_cannot_be_recorded_is_told_of_and_stays_open(
    interpreter: Interpreter,
) -> None:
    ended = interpreter.run("matcher", dynamodb=SECOND_REFUSED)

    assert (ended.status, ended.error) == ("FAILED", "RecordingFailed")
    assert ended.path == (*MATCHED, "RecordingFailed")
    assert ended.record["objStatus"] == "RECEIVED"
    assert len(ended.told) == 1


def test_an_entry_that_the_bus_does_not_take_is_a_failure(
    interpreter: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "no"}]}
    monkeypatch.setattr(interpreter, "_events", _Answering(answer))
    ended = interpreter.run("matcher")

    assert (ended.status, ended.error) == ("FAILED", "EventBridge.FailedEntry")
    assert len(ended.told) == 7
    assert json.loads(ended.detail["Cause"]) == answer


class _Answering:
    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def put_events(self, **_: Any) -> dict[str, Any]:
        return dict(self._answer)


def test_an_error_of_the_decider_is_recorded_by_its_name(interpreter: Interpreter) -> None:
    ended = interpreter.run("matcher", {"Match": [Raised("AccessDeniedError")]})

    assert (ended.status, ended.record["objStatus"]) == ("FAILED", "FAILED")
    assert ended.record["reason"] == "AccessDeniedError"
    assert ended.told == []
