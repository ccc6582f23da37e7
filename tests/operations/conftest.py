"""An installation in memory in which nothing runs by itself: what is put into a queue stays there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest

from functions.ingest.upload_event import UploadEvent, parse
from happypath.cli import display
from happypath.cli import main as cli
from happypath.operations.installation import Installation
from tests import table
from tests.mocked import mocked

# One session for all: making one reads megabytes of descriptions of AWS.
SESSION = boto3.Session("testing", "testing", region_name="us-east-1")
# One client of each service as well: moto answers below them, from the account of the test.
make_client = cache(SESSION.client)
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:happypath-v4"


@dataclass
class Offline(Installation):
    """The installation, and what the tests do to it."""

    prefix: str = "happypath"
    _clients: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._make_client: Any = make_client
        self.client("s3").create_bucket(Bucket="uploads")
        self.client("s3").put_bucket_versioning(
            Bucket="uploads", VersioningConfiguration={"Status": "Enabled"}
        )
        table.make(self.client("dynamodb"), "table")
        table.make(self.client("dynamodb"), "catalogue", "CatalogueTable")
        self.client("stepfunctions").create_state_machine(
            name="happypath-v4",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )
        self.client("ssm").put_parameter(Name="/happypath/live", Value="v4", Type="String")
        queues = {name: self.client("sqs").create_queue(QueueName=name)["QueueUrl"] for name in ("q", "dead")}
        self.__dict__["core"] = {
            "UploadBucket": "uploads",
            "Table": "table",
            "CatalogueTable": "catalogue",
            "LiveParameter": "/happypath/live",
            "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:happypath-alarms",
            "Queue": queues["q"],
            "DeadLetterQueue": queues["dead"],
        }

    def put_photo(self, key: str, body: bytes = b"photo") -> str:
        """Uploads a photo of which no event tells; returns its version."""
        version: str = self.client("s3").put_object(Bucket="uploads", Key=key, Body=body)["VersionId"]
        return version

    def start(self, name: str) -> str:
        """Starts an execution, which runs until it is stopped."""
        arn: str = self.client("stepfunctions").start_execution(stateMachineArn=STATE_MACHINE, name=name)[
            "executionArn"
        ]
        return arn

    def stop(self, execution_arn: str) -> None:
        self.client("stepfunctions").stop_execution(executionArn=execution_arn)

    def put_record(self, name: str, status: str, **attributes: str) -> None:
        """Writes the workflow record of `p/<name>.jpg`, or of another `key`; a number stands for itself."""
        key = attributes.get("key", f"p/{name}.jpg")
        known = {
            "PK": "workflow",
            "SK": key,
            "objStatus": status,
            "placeId": key.partition("/")[0],
            "bucket": "uploads",
            "key": key,
            "receivedAt": "2026-05-01T12:00:00.000Z",
            "executionArn": f"{STATE_MACHINE.replace(':stateMachine:', ':execution:')}:{name}",
        }
        if status == "DELETED" or attributes.get("reason") == "INVALID_KEY":
            del known["executionArn"]
        if attributes.get("reason") == "INVALID_KEY":
            del known["placeId"]
        item = {
            name: {"N" if name == "attempt" else "S": value}
            for name, value in {**known, **attributes}.items()
        }
        self.client("dynamodb").put_item(TableName="table", Item=item)

    def messages(self, queue: str = "Queue") -> list[dict[str, Any]]:
        """Takes everything out of a queue."""
        taken: list[dict[str, Any]] = []
        url, sqs = self.core[queue], self.client("sqs")
        while received := sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            taken += received
            for message in received:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def sent(self) -> list[UploadEvent]:
        """What StartExecution would read in the queue."""
        return [upload_event for message in self.messages() for upload_event in parse(message["Body"])]


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Offline]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mocked():
        yield Offline()


@dataclass(frozen=True)
class Finished:
    """What a command did."""

    status: int
    output: str
    notices: str


class Command:
    """Runs `happypath` with some arguments on the installation in memory."""

    def __init__(
        self, installation: Offline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setattr("happypath.cli.options.Installation", lambda *_: installation)
        # pytest-xdist sets COLUMNS; the consoles are made when they are imported.
        monkeypatch.setattr(display.output, "width", 1000)

    def __call__(self, *arguments: str) -> Finished:
        self._monkeypatch.setattr("sys.argv", ["happypath", *arguments])
        with pytest.raises(SystemExit) as exited:
            cli.main()
        captured = self._capsys.readouterr()
        return Finished(int(exited.value.code or 0), captured.out, captured.err)


@pytest.fixture
def happypath(
    installation: Offline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    return Command(installation, monkeypatch, capsys)
