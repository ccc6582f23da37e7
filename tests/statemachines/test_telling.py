"""Workflows that send an event: a match is told of and then recorded, and no other is told of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.outcomes import Row, rows
from tests.statemachines.cases import NOT_OWNED
from tests.statemachines.definitions import all_tasks, decides, service, states, tasks
from tests.statemachines.interpreter import DETAIL, Interpreter, Run
from tests.statemachines.willing import Done, Raised, accept, answers_of

# Those tasks of the workflows, each between two that hold the record (test_shape.py).
TELLING = [(workflow, name) for workflow, name in all_tasks() if service(tasks(workflow)[name]) == "events"]
DOWN = [Raised("DynamoDB.InternalServerError")] * 11


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as interpreter:
        yield interpreter


def match(workflow: str, task: str) -> Row:
    return next(row for row in rows(workflow) if task in row.path)


def neighbours(workflow: str, task: str) -> tuple[str, str]:
    """The task that asks whether the record is still this execution's, and the one that records."""
    path = match(workflow, task).path
    return path[path.index(task) - 1], path[path.index(task) + 1]


def run(interpreter: Interpreter, workflow: str, task: str, **more: Any) -> Run:
    row = match(workflow, task)
    answers = {**answers_of(workflow, row), **more.pop("answers", {})}
    return interpreter.run(workflow, answers, place=row.listing, **more)


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_a_match_is_told_of_with_its_decision_and_then_recorded(
    interpreter: Interpreter, workflow: str, task: str
) -> None:
    row = match(workflow, task)
    decider = next(name for name in reversed(row.path) if decides(states(workflow)[name]))
    decision = accept(found=[{"name": "Cat"}])
    ended = run(interpreter, workflow, task, answers={decider: [decision]})

    assert (ended.status, ended.path) == ("SUCCEEDED", row.path)
    assert ended.record["objStatus"] == "PROCESSED"
    assert ended.detail == decision["detail"]
    assert "reason" not in ended.record
    assert ended.record["finishedAt"] > "2020"
    (event,) = ended.told
    assert event["Source"].startswith("happypath.")
    assert json.loads(event["Detail"]) == {
        "upload": DETAIL,
        "executionArn": ended.record["executionArn"],
        "decision": decision,
    }


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_no_match_is_told_to_nobody(interpreter: Interpreter, workflow: str, task: str) -> None:
    refused = next(row for row in rows(workflow) if row.reason)
    ended = interpreter.run(workflow, answers_of(workflow, refused), place=refused.listing)

    assert ended.record["objStatus"] == "REJECTED"
    assert ended.told == []


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_nobody_is_told_by_an_execution_that_no_longer_owns_the_record(
    interpreter: Interpreter, workflow: str, task: str
) -> None:
    ended = run(interpreter, workflow, task, owner="arn:aws:states:::execution:happypath-v9:newer")

    assert (ended.status, ended.path[-2:]) == (
        "SUCCEEDED",
        (neighbours(workflow, task)[0], "Superseded"),
    )
    assert ended.record["objStatus"] == "RECEIVED"
    assert ended.told == []


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_an_execution_that_still_owns_the_record_is_confirmed_by_a_write_that_changes_nothing(
    interpreter: Interpreter, workflow: str, task: str
) -> None:
    answers = {task: [Raised("EventBridge.AccessDeniedException")], "RecordErrorState": DOWN}
    ended = run(interpreter, workflow, task, answers=answers)

    assert ended.error == "RecordingFailed"
    assert set(ended.record) == {"PK", "SK", "objStatus", "executionArn"}
    assert ended.record["objStatus"] == "RECEIVED"


@pytest.mark.parametrize(("workflow", "task"), TELLING)
@pytest.mark.parametrize(
    "error",
    ["EventBridge.InternalException", "EventBridge.AccessDeniedException", "States.DataLimitExceeded"],
)
def test_a_match_that_nobody_could_be_told_of_is_a_failure(
    interpreter: Interpreter, workflow: str, task: str, error: str
) -> None:
    ended = run(interpreter, workflow, task, answers={task: [Raised(error)]})

    assert ended.path[-3:] == (task, "RecordErrorState", "Failed")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", error)
    assert ended.told == []


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_telling_is_retried_and_done_once(interpreter: Interpreter, workflow: str, task: str) -> None:
    late = [Raised("EventBridge.InternalException"), Raised("EventBridge.ThrottlingException"), Done()]
    ended = run(interpreter, workflow, task, answers={task: late})

    assert ended.record["objStatus"] == "PROCESSED"
    assert len(ended.waits_s) == 2
    assert len(ended.told) == 1


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_a_match_that_cannot_be_confirmed_is_a_failure_and_not_told_of(
    interpreter: Interpreter, workflow: str, task: str
) -> None:
    confirming, _ = neighbours(workflow, task)
    ended = run(interpreter, workflow, task, answers={confirming: DOWN})

    assert (ended.status, ended.error) == ("FAILED", "DynamoDB.InternalServerError")
    assert ended.path[-3:] == (confirming, "RecordErrorState", "Failed")
    assert ended.told == []


@pytest.mark.parametrize(("workflow", "task"), TELLING)
@pytest.mark.parametrize(
    ("answer", "error", "end"),
    [(DOWN, "RecordingFailed", "RecordingFailed"), ([Raised(NOT_OWNED)], None, "Superseded")],
)
def test_a_match_that_cannot_be_recorded_is_told_of_and_stays_open(
    interpreter: Interpreter, workflow: str, task: str, answer: Any, error: str | None, end: str
) -> None:
    _, recording = neighbours(workflow, task)
    ended = run(interpreter, workflow, task, answers={recording: answer})

    assert (ended.error, ended.path[-2:]) == (error, (recording, end))
    assert ended.record["objStatus"] == "RECEIVED"
    assert len(ended.told) == 1


@pytest.mark.parametrize(("workflow", "task"), TELLING)
def test_an_entry_that_the_bus_does_not_take_is_a_failure(
    interpreter: Interpreter, workflow: str, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure", "ErrorMessage": "no"}]}
    monkeypatch.setattr(interpreter, "events", _Answering(answer))
    ended = run(interpreter, workflow, task)

    assert (ended.status, ended.error) == ("FAILED", "EventBridge.FailedEntry")
    assert len(ended.told) == len(ended.waits_s) + 1 == 7
    assert json.loads(ended.detail["Cause"]) == answer


class _Answering:
    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    def put_events(self, **_: Any) -> dict[str, Any]:
        return dict(self._answer)
