"""Every way through a state machine ends in the record that it should, whatever a task answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.statemachines.definitions import VERSIONS, WORKFLOWS, all_tasks, tasks
from tests.statemachines.interpreter import (
    DETAIL,
    RENDITIONS,
    Interpreter,
    Item,
    Raised,
    Refused,
    accept,
    reject,
)

CAFE: Item = {"type": {"S": "cafe"}}
PARK: Item = {"type": {"S": "park"}}
# Each task once, in the version that brought it: it is the same in those that follow (test_shape.py).
LAMBDA_TASKS = [
    ("v1", "Resizer"),
    ("v1", "Publish"),
    ("v2", "Moderator"),
    ("v3", "Check Dimensions"),
    ("v4", "Get labels"),
    ("matcher", "Decider"),
]


def function(version: str, task: str) -> str:
    """The name that the interpreter gives a task's function."""
    arn: str = tasks(version)[task]["Parameters"]["FunctionName"]
    return arn.removeprefix("${").removesuffix("FunctionArn}")


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as interpreter:
        yield interpreter


def test_each_lambda_task_is_among_those_that_are_tried() -> None:
    calling = {name for version, name in all_tasks() if "lambda" in tasks(version)[name]["Resource"]}

    assert {name for _, name in LAMBDA_TASKS} == calling


@pytest.mark.parametrize("version", VERSIONS)
def test_a_photo_is_published(interpreter: Interpreter, version: str) -> None:
    ended = interpreter.run(version, place=CAFE)

    assert ended.status == "SUCCEEDED"
    assert ended.path[-2:] == ("Resizer", "Publish")
    assert [payload["detail"] for _, payload in ended.asked] == [DETAIL] * len(ended.asked)
    assert {payload["executionArn"] for _, payload in ended.asked} == {ended.record["executionArn"]}
    assert ended.asked[-1][1]["renditions"] == RENDITIONS
    assert ended.output["publication"] == {"published": True}


@pytest.mark.parametrize("kind", ["restaurant", "cafe", "bar"])
def test_places_to_eat_and_drink_are_looked_at_for_people(interpreter: Interpreter, kind: str) -> None:
    ended = interpreter.run(
        "v4", {"People": reject("NO_PEOPLE_ALLOWED", labels=["Person"])}, place={"type": {"S": kind}}
    )

    assert ended.path[-4:] == ("Get labels", "Check for people", "Refused for people", "RecordFailState")
    assert ended.record["reason"] == "NO_PEOPLE_ALLOWED"


def test_parks_are_moderated(interpreter: Interpreter) -> None:
    ended = interpreter.run("v4", {"Moderation": reject("FAILED_MODERATION", labels=["Alcohol"])}, place=PARK)

    assert ended.path[-4:] == ("Moderator", "Moderation Result?", "Refused by moderation", "RecordFailState")
    assert "People" not in dict(ended.asked)


@pytest.mark.parametrize(
    ("version", "answers", "reason"),
    [
        ("v2", {"Moderation": reject("FAILED_MODERATION", labels=["Alcohol"])}, "FAILED_MODERATION"),
        ("v3", {"Moderation": reject("FAILED_MODERATION", labels=["Alcohol"])}, "FAILED_MODERATION"),
        ("v3", {"Dimensions": reject("IMAGE_TOO_SMALL", labels=["Alcohol"])}, "IMAGE_TOO_SMALL"),
        ("v4", {"Dimensions": reject("UNSUPPORTED_TYPE", labels=["Alcohol"])}, "UNSUPPORTED_TYPE"),
    ],
)
def test_a_rejecting_decision_is_recorded_and_is_no_failure(
    interpreter: Interpreter, version: str, answers: Any, reason: str
) -> None:
    ended = interpreter.run(version, answers, place=PARK)

    assert ended.status == "SUCCEEDED"
    assert ended.record["objStatus"] == "REJECTED"
    assert ended.record["reason"] == reason
    assert ended.detail == {"labels": ["Alcohol"]}
    assert ended.record["finishedAt"] > "2020"
    assert "Resize" not in dict(ended.asked)


def test_a_place_that_nobody_listed_is_a_refusal(interpreter: Interpreter) -> None:
    ended = interpreter.run("v4", place=None)

    assert ended.status == "SUCCEEDED"
    assert ended.path[-3:] == ("Place type?", "Unknown place", "RecordFailState")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("REJECTED", "UNKNOWN_PLACE")
    assert ended.detail == {"placeId": "cafe-one"}


@pytest.mark.parametrize("kind", ["museum", "Park", 'bar"', ""])
def test_a_place_of_another_type_is_a_refusal(interpreter: Interpreter, kind: str) -> None:
    ended = interpreter.run("v4", place={"type": {"S": kind}})

    assert ended.status == "SUCCEEDED"
    assert ended.path[-3:] == ("Place type?", "Unsupported place type", "RecordFailState")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("REJECTED", "UNSUPPORTED_PLACE_TYPE")
    assert ended.detail == {"placeId": "cafe-one", "type": kind}


@pytest.mark.parametrize("place", [{}, {"type": {"N": "5"}}, {"type": {"M": {"S": {"S": "park"}}}}])
def test_a_place_whose_type_is_missing_or_no_text_is_a_refusal(interpreter: Interpreter, place: Item) -> None:
    ended = interpreter.run("v4", place=place)

    assert ended.status == "SUCCEEDED"
    assert ended.path[-3:] == ("Place type?", "Place without type", "RecordFailState")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("REJECTED", "UNSUPPORTED_PLACE_TYPE")
    assert ended.detail == {"placeId": "cafe-one", "type": None}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("reason", ["CORRUPT_IMAGE", "UNSUPPORTED_TYPE", "IMAGE_TOO_LARGE"])
def test_what_the_resizer_refuses_is_recorded_as_a_refusal(
    interpreter: Interpreter, version: str, reason: str
) -> None:
    detail = {"message": 'not "a" photo', "size_bytes": 0}
    ended = interpreter.run(version, {"Resize": [Raised(reason, json.dumps(detail))]}, place=CAFE)

    assert ended.status == "SUCCEEDED"
    assert ended.path[-4:] == ("Resizer", "Read refusal", "Refused as unreadable", "RecordFailState")
    assert (ended.record["objStatus"], ended.record["reason"], ended.detail) == ("REJECTED", reason, detail)
    assert ended.waits_s == []


@pytest.mark.parametrize(("version", "task"), LAMBDA_TASKS)
def test_an_error_is_recorded_by_its_name_and_fails_the_execution(
    interpreter: Interpreter, version: str, task: str
) -> None:
    ended = interpreter.run(version, {function(version, task): [Raised("KeyError", "no")]}, place=CAFE)

    assert (ended.status, ended.error) == ("FAILED", "KeyError")
    assert ended.path[-3:] == (task, "RecordErrorState", "Failed")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", "KeyError")
    assert ended.detail["Error"] == "KeyError"
    assert json.loads(ended.detail["Cause"])["errorMessage"] == "no"
    assert ended.waits_s == []


@pytest.mark.parametrize(("version", "task"), LAMBDA_TASKS)
@pytest.mark.parametrize(
    ("refused", "error", "attempts"),
    [
        (Refused("TooManyRequestsException", 429), "Lambda.TooManyRequestsException", 9),
        (Raised("ThrottledError"), "ThrottledError", 9),
        (Refused("ServiceException", 500), "Lambda.ServiceException", 6),
        (Raised("ServiceUnavailableError"), "ServiceUnavailableError", 6),
        (Raised("Sandbox.Timedout"), "Sandbox.Timedout", 3),
        (Refused("ResourceNotFoundException", 404), "Lambda.ResourceNotFoundException", 1),
    ],
)
def test_what_passes_is_retried_so_often_and_then_recorded(
    interpreter: Interpreter, version: str, task: str, refused: Any, error: str, attempts: int
) -> None:
    name = function(version, task)
    ended = interpreter.run(version, {name: [refused]}, place=CAFE)

    assert len([each for each, _ in ended.asked if each == name]) == attempts
    assert len(ended.waits_s) == attempts - 1
    assert (ended.status, ended.error, ended.record["reason"]) == ("FAILED", error, error)


def test_one_retry_is_enough_when_the_service_is_back(interpreter: Interpreter) -> None:
    ended = interpreter.run("v1", {"Resize": [Refused("TooManyRequestsException", 429), RENDITIONS]})

    assert (ended.status, ended.path) == ("SUCCEEDED", ("Resizer", "Publish"))


@pytest.mark.parametrize(("version", "task"), LAMBDA_TASKS)
@pytest.mark.parametrize(
    "garbage",
    [
        None,
        "accepted",
        [],
        {},
        {"accepted": "yes"},
        {"accepted": False},
        {"accepted": False, "reason": 7, "detail": {}},
    ],
)
def test_a_malformed_result_publishes_nothing_and_fails(
    interpreter: Interpreter, version: str, task: str, garbage: Any
) -> None:
    ended = interpreter.run(version, {function(version, task): [garbage]}, place=CAFE)

    if task == "Resizer":
        # Publish is the one to look at the renditions, and gets what there was.
        assert ended.asked[-1][1]["renditions"] == garbage
    elif task == "Publish":
        assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    else:
        assert ended.path[-3:] == ("Malformed decision", "RecordErrorState", "Failed")
        assert (ended.status, ended.error) == ("FAILED", "MalformedDecision")
        assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", "MalformedDecision")


@pytest.mark.parametrize(("version", "task"), LAMBDA_TASKS)
def test_a_result_that_is_too_large_is_recorded(interpreter: Interpreter, version: str, task: str) -> None:
    large = accept(noise="x" * 300_000)
    ended = interpreter.run(version, {function(version, task): large}, place=CAFE)

    assert ended.status == "FAILED"
    assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", "States.DataLimitExceeded")


def test_finding_the_place_is_retried(interpreter: Interpreter) -> None:
    throttled = [Refused("ProvisionedThroughputExceededException"), Refused("InternalServerError", 500)]
    ended = interpreter.run("v4", place=CAFE, dynamodb={"get_item": throttled})

    assert ended.status == "SUCCEEDED"
    assert len(ended.waits_s) == 2


def test_a_table_that_cannot_be_read_is_recorded_at_once(interpreter: Interpreter) -> None:
    ended = interpreter.run("v4", place=CAFE, dynamodb={"get_item": [Refused("ResourceNotFoundException")]})

    assert ended.path[-3:] == ("Get place type from DynamoDB", "RecordErrorState", "Failed")
    assert ended.record["reason"] == "DynamoDB.ResourceNotFoundException"
    assert ended.waits_s == []


# Every workflow has the one or the other of these two functions.
REFUSING: Any = {"Resize": [Raised("CORRUPT_IMAGE", "{}")], "Match": reject("NO_MATCH")}
FAILING: Any = {"Resize": [Raised("KeyError")], "Match": [Raised("KeyError")]}


@pytest.mark.parametrize("version", WORKFLOWS)
@pytest.mark.parametrize(("answers", "status"), [(REFUSING, "REJECTED"), (FAILING, "FAILED")])
def test_recording_outlasts_an_outage(
    interpreter: Interpreter, version: str, answers: Any, status: str
) -> None:
    outage = [Refused("AccessDeniedException"), *[Refused("ServiceUnavailable", 503)] * 9]
    ended = interpreter.run(version, answers, place=CAFE, dynamodb={"update_item": outage})

    assert ended.record["objStatus"] == status
    assert len(ended.waits_s) == 10


@pytest.mark.parametrize("version", WORKFLOWS)
@pytest.mark.parametrize("answers", [REFUSING, FAILING])
def test_a_record_that_cannot_be_written_fails_the_execution_under_a_name_of_its_own(
    interpreter: Interpreter, version: str, answers: Any
) -> None:
    ended = interpreter.run(
        version, answers, place=CAFE, dynamodb={"update_item": [Refused("InternalServerError", 500)] * 11}
    )

    assert (ended.status, ended.error) == ("FAILED", "RecordingFailed")
    assert json.loads(ended.cause or "")["Error"] == "DynamoDB.InternalServerError"
    assert ended.record["objStatus"] == "RECEIVED"


@pytest.mark.parametrize("version", WORKFLOWS)
@pytest.mark.parametrize(
    ("answers", "status", "end"), [(REFUSING, "SUCCEEDED", "Superseded"), (FAILING, "FAILED", "Failed")]
)
def test_an_execution_that_no_longer_owns_the_record_leaves_it_alone(
    interpreter: Interpreter, version: str, answers: Any, status: str, end: str
) -> None:
    ended = interpreter.run(
        version, answers, place=CAFE, owner="arn:aws:states:::execution:happypath-v9:newer"
    )

    assert (ended.status, ended.path[-1]) == (status, end)
    assert ended.record["objStatus"] == "RECEIVED"
    assert "reason" not in ended.record
    assert ended.waits_s == []
