"""The matcher in the sandbox: what matches is told of and then recorded, whatever goes wrong on the way."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.record import utc_now
from happypath import reconcile
from happypath.sandbox.sandbox import Sandbox
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.photos import document, drawn

NEWER = "arn:aws:states:us-east-1:123456789012:execution:happypath-matcher:a-newer-one"
CONFIRMED = ("Decider", "Match Result?", "Match", "Confirm match")
MATCHED = (*CONFIRMED, "Publish match", "RecordMatchState")
# By which a listener knows an event again.
IDENTITY = ("bucket", "key", "version")
RECORDED_ERROR = ("RecordErrorState", "Failed")

# What the bus has told of executions, by their ARNs.
Told = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def told(sandbox: Sandbox) -> Iterator[Told]:
    """The matcher's events, as somebody else in the account gets them: by a rule of their own."""
    events, sqs = sandbox.client("events"), sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="matches")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["happypath.matcher"], "detail-type": ["Match found"]}
    events.put_rule(Name="matches", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="matches", Targets=[{"Id": "queue", "Arn": arn}])
    received: list[dict[str, Any]] = []

    def of(execution_arn: str) -> list[dict[str, Any]]:
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                received.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in received if event["detail"]["executionArn"] == execution_arn]

    yield of
    events.remove_targets(Rule="matches", Ids=["queue"])
    events.delete_rule(Name="matches")
    sqs.delete_queue(QueueUrl=queue)


def execute(driver: Driver, body: bytes, *faults: str, owner: str | None = None) -> Outcome:
    rules = [f"state:matcher/{fault}" for fault in faults]
    return driver.execute("matcher", body, faults=rules, owner=owner)


@pytest.fixture(scope="module")
def matching() -> bytes:
    """A picture of what the matcher requires as it is deployed in the sandbox."""
    return document("licence-new-york-1")


def test_a_match_is_told_of_once_though_every_task_fails_at_first(
    driver: Driver, told: Told, matching: bytes
) -> None:
    tasks = ("Decider", "Confirm match", "Publish match", "RecordMatchState")
    faults = itertools.product(tasks, ("throttle@1", "error@2", "timeout@3"))
    unnamed = "Publish match=raise:EventBridge.AmazonEventBridgeException@4"
    outcome = execute(driver, matching, *(f"{task}={fault}" for task, fault in faults), unnamed)

    assert (outcome.status, outcome.execution, outcome.path) == ("PROCESSED", "SUCCEEDED", MATCHED)
    assert outcome.attempts == {
        "Decider": 4,
        "Confirm match": 4,
        "Publish match": 5,
        "RecordMatchState": 4,
    }
    assert outcome.record["detail"]["missing"] == {"labels": [], "words": []}
    (event,) = told(outcome.record["executionArn"])
    assert (event["source"], event["detail-type"]) == ("happypath.matcher", "Match found")
    assert event["detail"]["decision"]["detail"] == outcome.record["detail"]
    assert event["detail"]["upload"]["key"] == outcome.record["key"]
    assert outcome.record["executionArn"] in event["resources"]
    assert outcome.photo is None


@pytest.mark.parametrize(
    ("name", "faults", "path", "status", "reason"),
    [
        (
            "no match",
            ("RecordFailState=error@1-10",),
            ("No match", "RecordFailState"),
            "REJECTED",
            "NO_MATCH",
        ),
        ("no match", ("RecordFailState=denied",), ("RecordFailState", "RecordingFailed"), "RECEIVED", None),
        ("no photo", (), ("Unusable picture", "RecordFailState"), "REJECTED", "CORRUPT_IMAGE"),
        (
            "match",
            ("Decider=raise:KeyError", "RecordErrorState=error@1-10"),
            ("Decider", *RECORDED_ERROR),
            "FAILED",
            "KeyError",
        ),
        (
            "match",
            ("Decider=raise:KeyError", "RecordErrorState=denied"),
            ("RecordErrorState", "RecordingFailed"),
            "RECEIVED",
            None,
        ),
        (
            "match",
            ("Decider=raise:States.DataLimitExceeded",),
            ("Decider", *RECORDED_ERROR),
            "FAILED",
            "States.DataLimitExceeded",
        ),
        (
            "match",
            ("Confirm match=denied",),
            (*CONFIRMED, *RECORDED_ERROR),
            "FAILED",
            "DynamoDB.AmazonDynamoDBException",
        ),
        (
            "match",
            ("Confirm match=raise:States.DataLimitExceeded",),
            (*CONFIRMED, *RECORDED_ERROR),
            "FAILED",
            "States.DataLimitExceeded",
        ),
        (
            "match",
            ("Publish match=raise:States.DataLimitExceeded", "RecordErrorState=error@1-10"),
            (*CONFIRMED, "Publish match", *RECORDED_ERROR),
            "FAILED",
            "States.DataLimitExceeded",
        ),
        (
            "match",
            ("Publish match=denied",),
            (*CONFIRMED, "Publish match", *RECORDED_ERROR),
            "FAILED",
            "EventBridge.AccessDeniedException",
        ),
        (
            "match",
            ("Decider=raise:KeyError", "RecordErrorState=raise:DynamoDB.ConditionalCheckFailedException"),
            ("Decider", *RECORDED_ERROR),
            "RECEIVED",
            None,
        ),
    ],
)
def test_what_is_no_match_and_what_fails_is_recorded_and_told_to_nobody(
    name: str,
    faults: tuple[str, ...],
    path: tuple[str, ...],
    status: str,
    reason: str | None,
    driver: Driver,
    told: Told,
    matching: bytes,
) -> None:
    body = {"match": matching, "no match": drawn("JPEG"), "no photo": b"no photo"}[name]
    outcome = execute(driver, body, *faults)

    assert outcome.path[-len(path) :] == path
    assert (outcome.status, outcome.reason) == (status, reason)
    assert outcome.execution == ("FAILED" if path[-1] in {"Failed", "RecordingFailed"} else "SUCCEEDED")
    assert told(outcome.record["executionArn"]) == []


@pytest.mark.parametrize(
    ("name", "end"), [("match", "Superseded"), ("no match", "Superseded"), ("failure", "Failed")]
)
def test_an_execution_that_no_longer_owns_the_record_leaves_it_alone_and_tells_nobody(
    name: str, end: str, driver: Driver, told: Told, matching: bytes
) -> None:
    faults = ("Decider=raise:KeyError",) if name == "failure" else ()
    outcome = execute(driver, drawn("JPEG") if name == "no match" else matching, *faults, owner=NEWER)

    assert outcome.path[-1] == end
    assert outcome.status == "RECEIVED"
    assert told(NEWER) == []


def test_a_match_that_is_replaced_while_it_is_told_of_leaves_the_record_alone(
    driver: Driver, told: Told, matching: bytes
) -> None:
    refused = "RecordMatchState=raise:DynamoDB.ConditionalCheckFailedException"
    outcome = execute(driver, matching, refused)

    assert (outcome.status, outcome.execution) == ("RECEIVED", "SUCCEEDED")
    assert outcome.path == (*MATCHED, "Superseded")
    assert len(told(outcome.record["executionArn"])) == 1


def all_have_ended(driver: Driver, key: str) -> bool:
    """Whether an upload has been started, and nothing of it runs."""
    executions = driver.executions_of(key)
    return bool(executions) and all(map(driver.installation.execution_ended, executions))


@pytest.mark.parametrize(
    ("fault", "end", "first"),
    [
        # Nothing catches this one.
        ("Publish match=raise:States.Runtime", "Publish match", 0),
        ("RecordMatchState=denied", "RecordingFailed", 1),
    ],
)
def test_a_match_is_processed_when_it_has_been_told_of_and_open_until_then(
    fault: str, end: str, first: int, driver: Driver, told: Told, matching: bytes
) -> None:
    driver.go_live("matcher")
    key = driver.new_key("documents", "open.png")
    with driver.sandbox.faults(f"state:matcher/{fault}"):
        driver.upload(matching, key)
        wait_until(partial(all_have_ended, driver, key), "its execution ends")
    (execution,) = driver.executions_of(key)
    outcome = driver.outcome(key, execution)
    assert (outcome.status, outcome.execution, outcome.path[-1]) == ("RECEIVED", "FAILED", end)
    events = told(execution)
    assert len(events) == first

    installation = driver.installation
    (open_,) = (
        each for each in reconcile.find(installation, utc_now() + timedelta(minutes=1)) if each.key == key
    )
    assert open_.state is reconcile.State.NOT_RECORDED
    assert reconcile.fix(installation, open_)
    again = driver.ended(key)

    assert again.status == "PROCESSED"
    events += told(again.record["executionArn"])
    uploads = [tuple(event["detail"]["upload"][name] for name in IDENTITY) for event in events]
    assert uploads == [(again.record["bucket"], key, again.record["version"])] * (first + 1)


def test_the_decider_that_answers_garbage_is_an_error(driver: Driver, told: Told, matching: bytes) -> None:
    outcome = execute(driver, matching, "Decider=garbage")

    assert outcome.path[-3:] == ("Malformed decision", *RECORDED_ERROR)
    assert (outcome.status, outcome.reason) == ("FAILED", "MalformedDecision")


def test_an_upload_whose_event_comes_twice_is_told_of_once(
    driver: Driver, told: Told, matching: bytes
) -> None:
    driver.go_live("matcher")
    key = driver.new_key("documents", "twice.png")
    with driver.sandbox.faults("event:upload=duplicate"):
        driver.upload(matching, key)
    outcome = driver.ended(key)
    wait_until(driver.all_events_are_handled, "both events are handled")

    assert outcome.status == "PROCESSED"
    assert len(driver.executions_of(key)) == 1
    assert len(told(outcome.record["executionArn"])) == 1
