"""Uploads are run again: the messages of the dead-letter queue, and uploads that failed.

Nothing here starts an execution or writes a record. All of it goes through the queue of uploads, and
`functions.ingest.start_execution` decides, so it can be interrupted and repeated at any time.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from functions.ingest.record import may_run_again
from functions.ingest.upload_event import MAX_ATTEMPTS
from happypath.errors import ExpectedError
from happypath.operations.installation import TERMINAL, Installation, claimed_at
from happypath.operations.records import UploadNameError, find, with_status

_POLL_S = 1.0


class RedriveError(ExpectedError):
    """Something cannot be run again; the message says what and why."""


@dataclass(frozen=True)
class Sent:
    """An upload that was sent to be run again, as which attempt, or why it was not."""

    # Its key; the name that was given, if that means none.
    upload: str
    attempt: int | None = None
    refused: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The element of `redrive --json`."""
        return {"upload": self.upload, "attempt": self.attempt, "refused": self.refused}


@dataclass(frozen=True)
class Moved:
    """How many messages have been moved so far, of how many."""

    moved: int
    of: int


def send(
    installation: Installation,
    bucket: str,
    key: str,
    version: str | None,
    attempt: int,
    restored: str | None = None,
) -> None:
    """Has an upload run: puts the event that means it into the queue of uploads."""
    detail = {"bucket": bucket, "key": key, "version": version, "attempt": attempt, "restored": restored}
    event = {
        "source": "custom.happyPath",
        "detail-type": "uploadComplete",
        "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "detail": detail,
    }
    installation.client("sqs").send_message(
        QueueUrl=installation.core["Queue"], MessageBody=json.dumps(event)
    )


def run_again(installation: Installation, uploads: Iterable[str] | None) -> Iterator[Sent]:
    """Has uploads run again by what is live, named as `happypath show` takes them; None: all that failed."""
    if uploads is None:
        for failed in with_status(installation, "FAILED"):
            yield _sent(installation, failed)
        return
    for upload in uploads:
        try:
            record = find(installation, upload)
        except UploadNameError as error:
            yield Sent(upload, refused=str(error))
        else:
            yield _sent(installation, record)


def _sent(installation: Installation, record: Mapping[str, Any]) -> Sent:
    try:
        return Sent(record["key"], attempt=_run_again(installation, record))
    except RedriveError as error:
        return Sent(record["key"], refused=str(error))


def _run_again(installation: Installation, record: Mapping[str, Any]) -> int:
    """An upload that failed gets a new execution, and so does one that its execution left without an outcome;
    one whose execution was never started gets that."""
    upload, status, attempt = record["key"], record["objStatus"], int(record.get("attempt", 1))
    if not may_run_again(record):
        raise RedriveError(f"{upload} ended as {status}: only what failed is run again.")
    execution = installation.execution(record["executionArn"], claimed_at(record))
    if execution is not None and not execution.has_ended:
        raise RedriveError(f"{upload} is still running: {record['executionArn']}.")
    if status in TERMINAL or execution is not None:
        attempt += 1
    if attempt > MAX_ATTEMPTS:
        raise RedriveError(f"{upload} was run {MAX_ATTEMPTS} times: upload it again under another name.")
    send(
        installation, record["bucket"], record["key"], record.get("version"), attempt, record.get("restored")
    )
    return attempt


def dead_letters(installation: Installation) -> Iterator[Moved]:
    """Moves what is in the dead-letter queue now to the queue of uploads, and yields how far it has come.

    On AWS, SQS itself moves the messages, and goes on when this is interrupted. Elsewhere (a sandbox has no
    message move tasks) they are moved one by one, each sent before it is deleted: an interruption may leave a
    message in both queues, which does no harm.

    Raises:
        RedriveError: SQS gave up.
    """
    source = _attributes(installation, "DeadLetterQueue")
    destination = _attributes(installation, "Queue")
    count = int(source["ApproximateNumberOfMessages"])
    yield Moved(0, count)
    if not count:
        return
    if _is_aws(installation.client("sqs").meta.endpoint_url):
        yield from _moved_by_sqs(installation, source["QueueArn"], destination["QueueArn"], count)
    else:
        yield from _moved_one_by_one(installation, count)


def _is_aws(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws"))


def waiting(installation: Installation, queue: str) -> int:
    """How many messages are in `Queue` or `DeadLetterQueue` of core, with those in hand and delayed."""
    attributes = _attributes(installation, queue)
    return sum(int(value) for name, value in attributes.items() if name.startswith("ApproximateNumber"))


def _attributes(installation: Installation, queue: str) -> dict[str, str]:
    attributes: dict[str, str] = installation.client("sqs").get_queue_attributes(
        QueueUrl=installation.core[queue], AttributeNames=["All"]
    )["Attributes"]
    return attributes


def _moved_by_sqs(installation: Installation, source: str, destination: str, count: int) -> Iterator[Moved]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html."""
    sqs = installation.client("sqs")
    # The destination is named because what EventBridge could not deliver has no source queue to go back to.
    sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
    while True:
        task = sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)["Results"][0]
        moved = task.get("ApproximateNumberOfMessagesMoved", 0)
        yield Moved(moved, task.get("ApproximateNumberOfMessagesToMove", count))
        match task["Status"]:
            case "COMPLETED":
                return
            case "FAILED" | "CANCELLED" as status:
                why = task.get("FailureReason", "no reason was given")
                raise RedriveError(f"The move of the dead letters {status.lower()} after {moved}: {why}.")
        time.sleep(_POLL_S)


def _moved_one_by_one(installation: Installation, count: int) -> Iterator[Moved]:
    # No more than there were: a message that fails again comes back while this goes on.
    sqs = installation.client("sqs")
    moved = 0
    while moved < count:
        messages = sqs.receive_message(
            QueueUrl=installation.core["DeadLetterQueue"],
            MaxNumberOfMessages=min(10, count - moved),
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["AWSTraceHeader"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        if not messages:
            return
        for message in messages:
            trace = message.get("Attributes", {}).get("AWSTraceHeader")
            sqs.send_message(
                QueueUrl=installation.core["Queue"],
                MessageBody=message["Body"],
                MessageAttributes=message.get("MessageAttributes", {}),
                MessageSystemAttributes=(
                    {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}} if trace else {}
                ),
            )
            sqs.delete_message(
                QueueUrl=installation.core["DeadLetterQueue"], ReceiptHandle=message["ReceiptHandle"]
            )
            moved += 1
            yield Moved(moved, count)
