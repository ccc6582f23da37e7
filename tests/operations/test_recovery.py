"""What went wrong in a sandbox is put right by the commands: the upload ends, once, and is published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from happypath.operations import reconcile
from happypath.operations.installation import TERMINAL, Installation
from happypath.operations.live import changes
from happypath.operations.reconcile import State
from happypath.operations.redrive import Moved, Sent, dead_letters, run_again
from tests.live import go_live
from tests.waiting import until
from tests.workflows.photos import drawn

if TYPE_CHECKING:
    from happypath.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def installation(sandbox: Sandbox) -> Iterator[Installation]:
    """The sandbox with v1 live."""
    installation = Installation(sandbox.client, sandbox.prefix)
    was = changes(installation)[0].value
    go_live(installation, "v1")
    yield installation
    go_live(installation, was)


def ended(installation: Installation, key: str, attempt: int) -> dict[str, Any]:
    """Waits for the outcome of an attempt, and the end of its execution."""

    def outcome() -> dict[str, Any] | None:
        record = installation.record(key)
        if record is None or record["objStatus"] not in TERMINAL or record.get("attempt", 1) != attempt:
            return None
        return record if installation.execution_ended(record["executionArn"]) else None

    record: dict[str, Any] = until(outcome, f"attempt {attempt} of {key} has ended")
    return record


def upload_unnoticed(installation: Installation, key: str) -> None:
    """Uploads a photo while S3's events go nowhere."""
    rule = {"Name": f"{installation.prefix}-uploaded"}
    installation.client("events").disable_rule(**rule)
    installation.upload(drawn("JPEG"), key)
    installation.client("events").enable_rule(**rule)


def open_upload(installation: Installation, key: str) -> reconcile.OpenUpload:
    (found,) = (
        upload
        for upload in reconcile.find(installation, datetime.now(UTC) + timedelta(hours=1))
        if upload.key == key
    )
    return found


def check_published(installation: Installation, record: dict[str, Any]) -> None:
    assert record["objStatus"] == "PROCESSED"
    assert "reason" not in record
    assert installation.photo("the-park", record["uploadId"])
    assert {key.rpartition("/")[2] for key in installation.outputs(record)} == {"tile.jpg", "scaled.jpg"}


def test_an_upload_that_failed_is_run_again(sandbox: Sandbox, installation: Installation) -> None:
    with sandbox.faults("state:v1/Resizer=raise:KeyError"):
        installation.upload(drawn("JPEG"), "the-park/failing.jpg")
        failed = ended(installation, "the-park/failing.jpg", attempt=1)
    assert (failed["objStatus"], failed["reason"]) == ("FAILED", "KeyError")

    assert list(run_again(installation, ["failing"])) == [Sent("the-park/failing.jpg", attempt=2)]
    record = ended(installation, "the-park/failing.jpg", attempt=2)

    check_published(installation, record)
    assert record["executionArn"] == f"{failed['executionArn']}-2"
    assert record["version"] == failed["version"]


def test_an_upload_whose_event_was_lost_is_found_and_run(installation: Installation) -> None:
    upload_unnoticed(installation, "the-park/unnoticed.jpg")
    found = open_upload(installation, "the-park/unnoticed.jpg")
    assert found.state is State.NO_RECORD

    assert reconcile.fix(installation, found)

    check_published(installation, ended(installation, "the-park/unnoticed.jpg", attempt=1))


def test_an_upload_whose_end_was_not_recorded_is_found_and_run(
    sandbox: Sandbox, installation: Installation
) -> None:
    with sandbox.faults("state:v1/Resizer=raise:KeyError", "state:v1/RecordErrorState=denied"):
        installation.upload(drawn("JPEG"), "the-park/unrecorded.jpg")
        claimed = until(lambda: installation.record("the-park/unrecorded.jpg"), "it is claimed")
        until(lambda: installation.execution_ended(claimed["executionArn"]), "its execution has ended")
    found = open_upload(installation, "the-park/unrecorded.jpg")
    assert (found.state, found.attempt) == (State.NOT_RECORDED, 2)

    assert reconcile.fix(installation, found)

    check_published(installation, ended(installation, "the-park/unrecorded.jpg", attempt=2))


def test_a_dead_letter_is_sent_back_and_run(installation: Installation) -> None:
    upload_unnoticed(installation, "the-park/dead-letter.jpg")
    sqs, queue = installation.client("sqs"), installation.core["DeadLetterQueue"]
    sqs.purge_queue(QueueUrl=queue)
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": installation.core["UploadBucket"]},
            "object": {"key": "the-park/dead-letter.jpg"},
        },
    }
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(event))

    assert list(dead_letters(installation)) == [Moved(0, 1), Moved(1, 1)]

    check_published(installation, ended(installation, "the-park/dead-letter.jpg", attempt=1))
