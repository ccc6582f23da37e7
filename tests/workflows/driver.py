"""Drives uploads through the sandbox, and tells how each ended."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from functions.ingest import record as records
from functions.upload import InvalidKeyError, Upload, parse_key
from happypath.operations.installation import TERMINAL, Installation, steps
from happypath.operations.review import ReviewQueue
from happypath.project import SANDBOX_STACKS, uploads_of
from happypath.sandbox.sandbox import Sandbox
from tests.live import go_live
from tests.outcomes import PARAMETERS, Row
from tests.roles import document
from tests.waiting import PATIENCE_S, until
from tests.workflows import pictures


@dataclass(frozen=True)
class Published:
    """The place's photo item, and the renditions by name."""

    photo: dict[str, Any] | None
    renditions: dict[str, bytes]


@dataclass(frozen=True)
class Outcome:
    """How one upload ended."""

    record: dict[str, Any]
    execution: str
    error: str | None
    # The states it went through.
    path: tuple[str, ...]
    # How often each of its tasks was tried, and how often a service that its function called was too busy.
    attempts: dict[str, int]
    throttled: dict[str, int]
    # The place's photo item, and the renditions by name: what the world can see.
    photo: dict[str, Any] | None
    renditions: dict[str, bytes]

    @property
    def status(self) -> str:
        return str(self.record["objStatus"])

    @property
    def reason(self) -> str | None:
        return self.record.get("reason")

    @property
    def attempts_unthrottled(self) -> dict[str, int]:
        """Its attempts without those of a slow machine, whose Rekognition throttles whoever waits long."""
        return {task: count - self.throttled.get(task, 0) for task, count in self.attempts.items()}

    @property
    def is_published(self) -> bool:
        return self.photo is not None or bool(self.renditions)


class Driver:
    """Everything that tests ask of the sandbox."""

    def __init__(self, sandbox: Sandbox, installation: Installation) -> None:
        self.sandbox = sandbox
        self.installation = installation
        self._numbers = itertools.count(1)
        self.reviews = ReviewQueue(installation, "arn:aws:iam::123456789012:user/ann")
        # Tests run in several threads, in which clients can be used, but not made.
        for service in ("dynamodb", "events", "lambda", "logs", "s3", "sqs", "ssm", "stepfunctions"):
            self.installation.client(service)
        # Objects here tell nobody of themselves: for executions that are started by hand.
        self._quiet_bucket = "photos-by-hand"
        s3 = self.installation.client("s3")
        s3.create_bucket(Bucket=self._quiet_bucket)
        s3.put_bucket_versioning(Bucket=self._quiet_bucket, VersioningConfiguration={"Status": "Enabled"})
        # The tasks' roles are for the bucket of uploads; this one lets everybody do what they do there.
        objects = f"arn:aws:s3:::{self._quiet_bucket}"
        actions = [
            f"s3:{each}" for each in ("GetObject", "GetObjectVersion", "DeleteObjectVersion", "ListBucket")
        ]
        tasks = {"Action": actions, "Resource": [objects, f"{objects}/*"]}
        s3.put_bucket_policy(
            Bucket=self._quiet_bucket, Policy=document({"Effect": "Allow", "Principal": "*", **tasks})
        )

    @property
    def upload_bucket(self) -> str:
        return self.installation.core["UploadBucket"]

    def new_id(self, name: str = "upload") -> str:
        """An upload id that no other test has."""
        return f"{next(self._numbers):04d}-{name}"

    def new_key(self, place: str = "the-park", name: str = "upload.jpg") -> str:
        """A key that no other test has."""
        return f"{place}/{self.new_id(name)}"

    def new_key_of(self, workflow: str, row: Row, name: str = "upload.jpg") -> str:
        """A key that no other test has, for an upload of a workflow's table: where it wants its uploads."""
        folder = uploads_of(workflow).removesuffix("/").replace("<placeId>", pictures.place_id(row))
        return self.new_key(re.sub(r"<\w+>", lambda _: self.new_id("someone"), folder), name)

    def go_live(self, workflows: str) -> None:
        """Makes new uploads go to `workflows`, at once."""
        go_live(self.installation, workflows)

    def upload(self, body: bytes, key: str) -> None:
        """Uploads a photo, as a user does."""
        self.installation.upload(body, key)

    def put_quietly(self, key: str, body: bytes) -> str:
        """Puts an object into the upload bucket whose event gets lost, and returns its version."""
        with self.losing_events():
            put = self.installation.client("s3").put_object(Bucket=self.upload_bucket, Key=key, Body=body)
        return str(put["VersionId"])

    def delete(self, key: str, **which: str) -> str:
        """Deletes an object, or a version of it for good; returns the version, or the delete marker's."""
        s3 = self.installation.client("s3")
        return str(s3.delete_object(Bucket=self.upload_bucket, Key=key, **which)["VersionId"])

    @contextmanager
    def losing_events(self) -> Iterator[None]:
        """The upload bucket tells nobody of what happens in it, while the block lasts."""
        s3 = self.installation.client("s3")
        configure = partial(s3.put_bucket_notification_configuration, Bucket=self.upload_bucket)
        configure(NotificationConfiguration={})
        try:
            yield
        finally:
            configure(NotificationConfiguration={"EventBridgeConfiguration": {}})

    def send(self, event: dict[str, Any]) -> None:
        """Sends an event to the queue of uploads."""
        self.installation.client("sqs").send_message(
            QueueUrl=self.installation.core["Queue"], MessageBody=json.dumps(event)
        )

    def poison(self) -> str:
        """Sends a message that no attempt can help, and returns its id."""
        event = {"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}
        sent = self.installation.client("sqs").send_message(
            QueueUrl=self.installation.core["Queue"], MessageBody=json.dumps(event)
        )
        return str(sent["MessageId"])

    def all_events_are_handled(self) -> bool:
        """Whether nothing is left in the queue of uploads."""
        attributes = self.installation.client("sqs").get_queue_attributes(
            QueueUrl=self.installation.core["Queue"], AttributeNames=["All"]
        )["Attributes"]
        names = ("", "NotVisible", "Delayed")
        return not any(int(attributes[f"ApproximateNumberOfMessages{name}"]) for name in names)

    def dead_letters(self) -> set[str]:
        """The ids of the messages in the dead-letter queue."""
        received = self.installation.client("sqs").receive_message(
            QueueUrl=self.installation.core["DeadLetterQueue"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return {message["MessageId"] for message in received.get("Messages", [])}

    def start_execution_log(self, *words: str) -> list[dict[str, Any]]:
        """The log lines of StartExecution, parsed, that hold all of these words."""
        pages = (
            self.installation.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{self.sandbox.prefix}-StartExecution")
        )
        lines = (event["message"] for page in pages for event in page["events"])
        return [
            json.loads(line)
            for line in lines
            if line.startswith("{") and all(json.dumps(word)[1:-1] in line for word in words)
        ]

    def execute(
        self,
        version: str,
        body: bytes | None,
        *,
        place: str = "the-park",
        key: str = "",
        faults: Iterable[str] = (),
        owner: str | None = None,
        review: str = "approve",
    ) -> Outcome:
        """Claims an upload as StartExecution does, starts a version for it, and waits for the end.

        Without a body there is no such object. `owner` is the execution that owns the record by then. The key
        is a new one of the place, unless given.
        """
        detail = {**self.put_by_hand(place, body, key), "workflow": version}
        key = detail["key"]
        identity = records.fingerprint(self._quiet_bucket, key, detail["version"] or "")
        name = records.execution_name(detail["ID"], identity)
        machine = f"{self.sandbox.prefix}-{version}"
        arn = f"arn:aws:states:us-east-1:123456789012:execution:{machine}:{name}"
        record = {
            "PK": "workflow",
            "SK": key,
            "placeId": detail["placeId"],
            "objStatus": "RECEIVED",
            "workflow": version,
            "executionArn": owner or arn,
            "bucket": self._quiet_bucket,
            "key": key,
            "version": detail["version"],
            "receivedAt": records.timestamp(records.utc_now()),
        }
        self.installation.client("dynamodb").put_item(
            TableName=self.installation.core["Table"],
            Item={name: {"S": value} for name, value in record.items() if value},
        )
        with self.sandbox.faults(*faults):
            self.installation.client("stepfunctions").start_execution(
                stateMachineArn=arn.rpartition(":")[0].replace(":execution:", ":stateMachine:"),
                name=name,
                input=json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail}),
            )
            wait_until(lambda: self._has_ended(key, arn, review), f"{arn} ends")
        return self.outcome(key, arn)

    def execute_row(
        self,
        workflow: str,
        row: Row,
        *,
        no_photo: bool = False,
        faults: Iterable[str] = (),
        owner: str | None = None,
    ) -> Outcome:
        """Executes a workflow as `execute` does, for an upload of its table."""
        return self.execute(
            workflow,
            None if no_photo else self.picture(row),
            key=self.new_key_of(workflow, row),
            faults=faults,
            owner=owner,
            review=row.review,
        )

    def picture(self, row: Row) -> bytes:
        """A row's picture, of which Rekognition says from now on what the row wants it to."""
        return pictures.given(self.sandbox.rekognition, row)

    def put_by_hand(self, place: str, body: bytes | None, key: str = "") -> dict[str, Any]:
        """Puts an object where nobody hears of it, and returns the `detail` that a task is given of it.

        Without a body there is no such object.
        """
        key = key or self.new_key(place)
        version = None
        if body is not None:
            put = self.installation.client("s3").put_object(Bucket=self._quiet_bucket, Key=key, Body=body)
            version = put["VersionId"]
        return Upload(self._quiet_bucket, key, *parse_key(key), version).as_detail()

    def _has_ended(self, key: str, arn: str, review: str) -> bool:
        self._decide(key, review)
        return self.installation.execution_ended(arn)

    def _decide(self, key: str, review: str) -> None:
        """Approves or refuses an upload, if a person is asked about it."""
        record = self.installation.record(key) or {}
        asked = self.reviews.about(record)
        if asked is None or asked.verdict:
            return
        if review == "approve":
            self.reviews.approve(asked.id)
        elif review == "refuse":
            self.reviews.refuse(asked.id, "NOT_FOR_US", "Not with a bottle.")

    def ended_record(self, key: str, review: str = "approve") -> dict[str, Any]:
        """Waits for the end of an upload, and returns its record; a person does what `review` says."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            self._decide(key, review)
            found.update(self._record_if_ended(key) or {})
            return bool(found)

        wait_until(has_ended, f"{key} ends")
        return found

    def all_end(self, keys: Iterable[str], patience_s: float) -> None:
        """Waits for the ends of many uploads."""
        open_ = list(keys)

        def none_is_open() -> bool:
            # To ask is work for the sandbox, too: as long as one is open the others need no look.
            while open_ and self._record_if_ended(open_[-1]):
                open_.pop()
            return not open_

        wait_until(none_is_open, "every upload has ended", patience_s)

    def _record_if_ended(self, key: str) -> dict[str, Any] | None:
        record = self.installation.record(key)
        if record is None or record["objStatus"] not in TERMINAL:
            return None
        arn = record.get("executionArn")
        return record if arn is None or self.installation.execution_ended(arn) else None

    def ended(self, key: str, review: str = "approve") -> Outcome:
        """Waits for the end of an upload; a person who is asked does what `review` says."""
        # Not read again: by then a newer upload may have claimed it, whose execution is not started yet.
        record = self.ended_record(key, review)
        return self._outcome(record, record.get("executionArn"))

    def outcome(self, key: str, execution_arn: str | None = None) -> Outcome:
        """How an upload stands now."""
        record = self.installation.record(key)
        assert record is not None, f"{key} has no record"
        return self._outcome(record, execution_arn or record.get("executionArn"))

    def _outcome(self, record: dict[str, Any], arn: str | None) -> Outcome:
        described = self.installation.execution(arn) if arn else None
        history: list[Any] = self.installation.history(arn) if arn else []
        published = self.published(record["key"])
        return Outcome(
            record=record,
            execution=described.status if described else "NONE",
            error=described.error if described else None,
            path=tuple(step.state for step in steps(history)),
            attempts=_of_tasks(history, lambda event: event["type"] == "TaskScheduled"),
            throttled=_of_tasks(
                history,
                lambda event: event.get("taskFailedEventDetails", {}).get("error") == "ThrottledError",
            ),
            photo=published.photo,
            renditions=published.renditions,
        )

    def published(self, key: str) -> Published:
        """What the world can see of an upload."""
        try:
            place, upload_id = parse_key(key)
        except InvalidKeyError:
            return Published(None, self._renditions(key))
        # Its own item, or its folder's, which may show another photo.
        items = (self.installation.photo(place, each) for each in (upload_id, upload_id.partition("/")[0]))
        photo = next((each for each in items if each and each.get("key", key) == key), None)
        return Published(photo, self._renditions(key))

    def executions_of(self, key: str) -> list[str]:
        """The executions, of any version, that were started for uploads of this key."""
        name = readable_name(key)
        found = self.installation.executions(None, None)
        return [each["executionArn"] for each in found if named_in(each["name"]) == name]

    def _renditions(self, key: str) -> dict[str, bytes]:
        s3, bucket = self.installation.client("s3"), self.installation.core["DistributionBucket"]
        prefix = f"{key}/"
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        found = {}
        for each in listed:
            # It may go between the two questions.
            with suppress(s3.exceptions.NoSuchKey):
                body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                found[each["Key"].removeprefix(prefix)] = body
        return found


def readable_name(key: str) -> str:
    """How the names of the executions of an upload begin."""
    return records.execution_name(key.partition("/")[2], "").removesuffix("-")


def named_in(execution: str) -> str:
    """The beginning of an execution's name, which goes on with a hash and perhaps an attempt."""
    return re.sub(r"-[0-9a-f]{32}(-\d+)?$", "", execution)


@contextmanager
def opened(retry_wait_scale: float = 0.001) -> Iterator[Driver]:
    """A driver of a sandbox of its own, with everything deployed, for commands outside of tests."""
    with Sandbox(retry_wait_scale=retry_wait_scale) as sandbox:
        for stack in SANDBOX_STACKS:
            sandbox.deploy(stack, PARAMETERS.get(stack))
        driver = Driver(sandbox, Installation(sandbox.client, sandbox.prefix))
        pictures.put_places(driver.installation)
        yield driver


def wait_until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Waits for a condition; fails the test when it does not come to hold."""
    until(holds, what, patience_s)


def _of_tasks(history: list[Any], counts: Callable[[Any], bool]) -> dict[str, int]:
    """How many such events there are of each task."""
    found: dict[str, int] = {}
    # By an event's id: what runs at once is told apart by the event that each one says is before it.
    state: dict[int, str] = {}
    for event in history:
        state[event["id"]] = state.get(event["previousEventId"], "")
        if "stateEnteredEventDetails" in event:
            state[event["id"]] = event["stateEnteredEventDetails"]["name"]
        elif counts(event):
            name = state[event["id"]]
            found[name] = found.get(name, 0) + 1
    return found
