"""`happypath redrive`: what failed runs again, nothing is lost on the way, and nothing else runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.ingest.upload_event import MAX_ATTEMPTS
from happypath.operations import redrive
from happypath.operations.redrive import Moved, RedriveError, Sent, dead_letters, run_again
from tests.operations.conftest import Command, Offline

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793"


# Uploads


@pytest.mark.parametrize("named", ["u", "p/u", "u.jpg", "p/u.jpg"])
def test_a_failed_upload_gets_its_next_attempt(installation: Offline, named: str) -> None:
    installation.put_record("u", "FAILED", version="v1", reason="KeyError")
    assert list(run_again(installation, [named])) == [Sent("p/u.jpg", attempt=2)]
    (upload_event,) = installation.sent()
    assert (upload_event.bucket, upload_event.key, upload_event.version_id, upload_event.attempt) == (
        "uploads",
        "p/u.jpg",
        "v1",
        2,
    )
    assert (upload_event.source, upload_event.detail_type) == ("custom.happyPath", "uploadComplete")


def test_attempts_are_counted_on(installation: Offline) -> None:
    installation.put_record("u", "FAILED", attempt="7")
    assert list(run_again(installation, ["u"])) == [Sent("p/u.jpg", attempt=8)]
    (upload_event,) = installation.sent()
    assert (upload_event.version_id, upload_event.attempt) == (None, 8)


def test_an_upload_whose_execution_ended_without_an_outcome_gets_another(installation: Offline) -> None:
    execution = installation.start("u")
    installation.put_record("u", "RECEIVED", executionArn=execution)
    (running,) = run_again(installation, ["u"])
    assert running.refused == f"p/u.jpg is still running: {execution}."
    installation.stop(execution)
    assert list(run_again(installation, ["u"])) == [Sent("p/u.jpg", attempt=2)]
    assert [upload_event.attempt for upload_event in installation.sent()] == [2]


def test_an_upload_that_was_never_started_is_started_as_it_was_claimed(installation: Offline) -> None:
    installation.put_record("u", "RECEIVED", attempt="3")
    assert list(run_again(installation, ["u"])) == [Sent("p/u.jpg", attempt=3)]
    assert [upload_event.attempt for upload_event in installation.sent()] == [3]


@pytest.mark.parametrize("status", ["PROCESSED", "REJECTED", "DELETED"])
def test_an_upload_with_a_good_end_is_left_alone(installation: Offline, status: str) -> None:
    installation.put_record("u", status)
    (sent,) = run_again(installation, ["u"])
    assert sent.refused == f"p/u.jpg ended as {status}: only what failed is run again."
    assert installation.sent() == []


def test_there_is_an_end_to_attempts(installation: Offline) -> None:
    installation.put_record("u", "FAILED", attempt=str(MAX_ATTEMPTS))
    (sent,) = run_again(installation, ["u"])
    assert "upload it again" in (sent.refused or "")
    assert installation.sent() == []


def test_one_that_is_refused_does_not_stop_the_others(installation: Offline, happypath: Command) -> None:
    installation.put_record("good", "PROCESSED")
    installation.put_record("bad", "FAILED")
    run = happypath("redrive", "good", "bad", "nobody")
    assert run.status == 1
    assert run.output == "p/bad.jpg is in the queue, as attempt 2.\n"
    good, nobody = run.notices.splitlines()
    assert "p/good.jpg ended as PROCESSED" in good
    assert "no upload nobody" in nobody
    assert [upload_event.key for upload_event in installation.sent()] == ["p/bad.jpg"]


def test_all_that_failed_is_run_again_at_once(installation: Offline, happypath: Command) -> None:
    for number in range(3):
        installation.put_record(f"bad-{number}", "FAILED")
    installation.put_record("good", "PROCESSED")
    installation.put_record("late", "RECEIVED")
    run = happypath("redrive", "--failed", "--json")
    assert run.status == 0
    assert json.loads(run.output) == [
        {"upload": f"p/bad-{number}.jpg", "attempt": 2, "refused": None} for number in range(3)
    ]
    assert {upload_event.key for upload_event in installation.sent()} == {f"p/bad-{n}.jpg" for n in range(3)}


def test_nothing_that_failed_is_nothing_to_run(installation: Offline, happypath: Command) -> None:
    installation.put_record("good", "PROCESSED")
    run = happypath("redrive", "--failed")
    assert (run.status, run.output, run.notices) == (0, "", "No upload ended as FAILED.\n")


def test_all_and_some_do_not_go_together(happypath: Command) -> None:
    run = happypath("redrive", "--failed", "u")
    assert (run.status, run.output) == (2, "")
    assert "--failed" in run.notices


# The dead-letter queue


def bury(installation: Offline, count: int) -> set[str]:
    """Puts messages into the dead-letter queue; returns their bodies."""
    bodies = {json.dumps({"message": number}) for number in range(count)}
    for body in bodies:
        installation.client("sqs").send_message(
            QueueUrl=installation.core["DeadLetterQueue"],
            MessageBody=body,
            MessageAttributes={
                "ERROR_CODE": {"DataType": "String", "StringValue": "SDK_CLIENT_ERROR"},
                "bytes": {"DataType": "Binary", "BinaryValue": b"\xff"},
            },
            MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
        )
    return bodies


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint is not AWS, though it looks so in memory."""
    monkeypatch.setattr(redrive, "_is_aws", lambda endpoint: False)


@pytest.mark.usefixtures("by_hand")
def test_dead_letters_are_moved_whole(installation: Offline) -> None:
    bodies = bury(installation, 23)
    assert list(dead_letters(installation)) == [Moved(number, 23) for number in range(24)]
    messages = installation.messages()
    assert {message["Body"] for message in messages} == bodies
    assert len(messages) == 23
    assert installation.messages("DeadLetterQueue") == []
    for message in messages:
        assert message["Attributes"]["AWSTraceHeader"] == TRACE
        assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "SDK_CLIENT_ERROR"
        assert message["MessageAttributes"]["bytes"]["BinaryValue"] == b"\xff"


@pytest.mark.usefixtures("by_hand")
def test_a_message_that_comes_back_does_not_keep_it_going(installation: Offline) -> None:
    bury(installation, 3)
    steps = []
    for moved in dead_letters(installation):
        steps.append(moved.moved)
        bury(installation, 1)
    assert steps == [0, 1, 2, 3]
    assert len(installation.messages()) == 3


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("operation", ["send_message", "delete_message"])
def test_an_interruption_loses_nothing(
    installation: Offline, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = bury(installation, 12)
    sqs = installation.client("sqs")
    # What was received and not deleted is visible again at once.
    sqs.set_queue_attributes(
        QueueUrl=installation.core["DeadLetterQueue"], Attributes={"VisibilityTimeout": "0"}
    )
    goes_on = getattr(sqs, operation)
    calls = []

    def interrupted(**parameters: Any) -> Any:
        calls.append(parameters)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return goes_on(**parameters)

    with monkeypatch.context() as patched:
        patched.setattr(sqs, operation, interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(dead_letters(installation))
    moved = {message["Body"] for message in installation.messages()}
    left = {message["Body"] for message in installation.messages("DeadLetterQueue")}
    assert moved | left == bodies
    # Of the one in hand there may be two, which does no harm.
    assert (len(moved), len(left)) == ((4, 8) if operation == "send_message" else (5, 8))


@pytest.mark.usefixtures("by_hand")
def test_the_command_tells_how_many(installation: Offline, happypath: Command) -> None:
    bury(installation, 2)
    assert happypath("redrive").output == "2 of 2 dead letters are in the queue of uploads again.\n"
    assert json.loads(happypath("redrive", "--json").output) == {"moved": 0, "of": 0}
    empty = happypath("redrive")
    assert (empty.status, empty.output, empty.notices) == (0, "", "The dead-letter queue is empty.\n")


class Tasks:
    """SQS's message move tasks, which moto does not have."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.started: dict[str, str] = {}

    def start_message_move_task(self, **parameters: str) -> dict[str, str]:
        self.started = parameters
        return {"TaskHandle": "handle"}

    def list_message_move_tasks(self, **parameters: Any) -> dict[str, Any]:
        assert parameters == {"SourceArn": self.started["SourceArn"], "MaxResults": 1}
        return {"Results": [self._answers.pop(0)]}


@pytest.fixture
def on_aws(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(redrive, "_POLL_S", 0)

    def answering(*answers: dict[str, Any]) -> Tasks:
        tasks = Tasks(*answers)
        sqs = installation.client("sqs")
        for name in ("start_message_move_task", "list_message_move_tasks"):
            monkeypatch.setattr(sqs, name, getattr(tasks, name))
        return tasks

    return answering


def test_on_aws_sqs_moves_the_messages(installation: Offline, on_aws: Any) -> None:
    bury(installation, 3)
    tasks = on_aws(
        {"Status": "RUNNING"},
        {
            "Status": "RUNNING",
            "ApproximateNumberOfMessagesMoved": 2,
            "ApproximateNumberOfMessagesToMove": 4,
        },
        {
            "Status": "COMPLETED",
            "ApproximateNumberOfMessagesMoved": 4,
            "ApproximateNumberOfMessagesToMove": 4,
        },
    )
    assert list(dead_letters(installation)) == [Moved(0, 3), Moved(0, 3), Moved(2, 4), Moved(4, 4)]
    assert tasks.started == {
        "SourceArn": "arn:aws:sqs:us-east-1:123456789012:dead",
        "DestinationArn": "arn:aws:sqs:us-east-1:123456789012:q",
    }


def test_a_move_that_fails_on_aws_says_why(installation: Offline, on_aws: Any, happypath: Command) -> None:
    bury(installation, 3)
    failed = {"Status": "FAILED", "ApproximateNumberOfMessagesMoved": 1, "FailureReason": "AccessDenied"}
    on_aws(failed)
    with pytest.raises(RedriveError, match="failed after 1: AccessDenied"):
        list(dead_letters(installation))
    on_aws(failed)
    run = happypath("redrive")
    assert (run.status, run.output) == (1, "")
    assert "AccessDenied" in run.notices


@pytest.mark.parametrize(
    ("endpoint", "is_aws"),
    [
        ("https://sqs.eu-west-1.amazonaws.com", True),
        ("https://queue.amazonaws.com.cn", True),
        ("https://vpce-1.sqs.us-east-1.vpce.amazonaws.com", True),
        ("https://sqs.eu-west-1.api.aws", True),
        ("http://127.0.0.1:4566", False),
        ("http://localhost:4566/amazonaws.com", False),
    ],
)
def test_aws_is_told_from_a_sandbox(endpoint: str, is_aws: bool) -> None:
    assert redrive._is_aws(endpoint) is is_aws
