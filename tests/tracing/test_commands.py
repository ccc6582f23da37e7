"""What an operator asks of traces and logs, by the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from happypath.cli import display
from happypath.cli import main as cli
from happypath.operations import trace as traces
from happypath.operations.logs import groups, of_upload
from happypath.sandbox.sandbox import Sandbox
from tests.tracing.uploads import Traced, Uploads, photo

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `happypath` against the sandbox: its exit status, standard output and standard error."""
    for name, value in {
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }.items():
        monkeypatch.setenv(name, value)
    # COLUMNS would be too late: the consoles are made when they are imported.
    monkeypatch.setattr(display.output, "width", 200)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["happypath", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.fixture(scope="module")
def published(uploads: Uploads) -> Iterator[Traced]:
    with uploads.live("v1"):
        yield uploads.ended(uploads.put(photo()))


@pytest.fixture(scope="module")
def failed(uploads: Uploads, published: Traced) -> Traced:
    return uploads.lost()


def flat(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node["children"]:
        yield from flat(child)


def test_trace_shows_an_uploads_waterfall(command: Command, published: Traced) -> None:
    status, out, _ = command("trace", published.record["uploadId"])
    assert status == 0
    assert published.record["traceId"] in out
    for words in (
        "happypath-StartExecution",
        "Resizer",
        "Publish",
        "decode",
        "s3 PutObject",
        "TransactWriteItems",
    ):
        assert words in out
    for words in ("S3", "DynamoDB", "image work", "overhead"):
        assert f"█ {words} " in out.splitlines()[-1]


def test_trace_as_json_is_the_tree(command: Command, published: Traced) -> None:
    status, out, _ = command("trace", published.record["key"], "--json")
    assert status == 0
    shown = json.loads(out)
    assert shown["traceId"] == published.record["traceId"]
    (root,) = shown["segments"]
    ids = {part["id"] for part in published.parts}
    nodes = list(flat(root))
    assert {node["id"] for node in nodes} <= ids
    states = [node["name"] for node in nodes if node["name"] in {"Resizer", "Publish"}]
    assert states == published.states
    for node in nodes:
        assert node["startMs"] >= 0
        for child in node["children"]:
            assert child["startMs"] >= node["startMs"]
    assert sum(shown["shareMs"].values()) == pytest.approx(shown["durationMs"], abs=1)


def test_trace_shows_one_upload_of_a_batch(command: Command, uploads: Uploads, published: Traced) -> None:
    bucket = uploads.installation.core["UploadBucket"]
    keys = [uploads.put_unnoticed(photo()) for _ in range(2)]
    messages = [
        {
            "messageId": key,
            "receiptHandle": key,
            "body": json.dumps(
                {
                    "source": "custom.happyPath",
                    "detail-type": "uploadComplete",
                    "detail": {"bucket": bucket, "key": key},
                }
            ),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:happypath-uploads",
            "awsRegion": "us-east-1",
        }
        for key in keys
    ]
    answer = uploads.installation.client("lambda").invoke(
        FunctionName="happypath-StartExecution", Payload=json.dumps({"Records": messages})
    )
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    first, second = (uploads.ended(key) for key in keys)
    assert first.record["traceId"] == second.record["traceId"]
    for own, other in ((first, second), (second, first)):
        shown = json.loads(command("trace", own.record["uploadId"], "--json")[1])
        nodes = [node for root in shown["segments"] for node in flat(root)]
        ids = {node["id"] for node in nodes}
        assert own.machine["id"] in ids
        assert other.machine["id"] not in ids
        told = {node["annotations"]["uploadId"] for node in nodes if "annotations" in node}
        assert told == {own.record["uploadId"]}


def test_the_record_and_show_name_the_trace(command: Command, published: Traced) -> None:
    _, out, _ = command("show", published.record["uploadId"], "--json")
    assert json.loads(out)["traceId"] == published.record["traceId"]


def test_slowest_finds_the_longest_first(command: Command, published: Traced, failed: Traced) -> None:
    status, out, _ = command("trace", "--slowest", "--limit", "100000", "--json")
    assert status == 0
    found = json.loads(out)
    durations = [each["durationMs"] for each in found]
    assert durations == sorted(durations, reverse=True)
    by_upload = {upload: each for each in found for upload in each["uploads"]}
    for trace, end in ((published, "PROCESSED"), (failed, "FAILED")):
        each = by_upload[trace.record["uploadId"]]
        assert each["traceId"] == trace.record["traceId"]
        assert end in each["statuses"]
        assert "v1" in each["workflows"]
    assert len(json.loads(command("trace", "--slowest", "--limit", "1", "--json")[1])) == 1


def test_an_outcome_that_no_task_annotates_is_the_records(
    command: Command, uploads: Uploads, published: Traced
) -> None:
    """The matcher's matches end like this, and what the state machine itself refuses."""
    with uploads.live("v4"):
        refused = uploads.ended(uploads.put(photo(), "nowhere"))
    assert refused.annotated("status") == {"RECEIVED"}
    _, out, _ = command("trace", "--slowest", "--limit", "100000", "--json")
    by_trace = {each["traceId"]: each for each in json.loads(out)}
    each = by_trace[refused.record["traceId"]]
    assert "REJECTED" in each["statuses"]
    assert "UNKNOWN_PLACE" in each["reasons"]
    if each["uploads"] == [refused.record["uploadId"]]:
        assert each["statuses"] == ["REJECTED"]


def test_a_record_of_another_attempt_says_nothing_of_a_trace(
    uploads: Uploads, published: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = traces.Found(
        trace_id="1-5759e988-" + "b" * 24,
        start=datetime.now(UTC),
        seconds=1.0,
        uploads=[published.record["uploadId"]],
        workflows=["v1"],
        places=[published.record["placeId"]],
        statuses=["RECEIVED"],
        reasons=[],
    )
    monkeypatch.setattr(traces, "_search", lambda *_: iter([found]))
    assert traces.slowest(uploads.installation, timedelta(hours=1), 10) == [found]


def test_errors_finds_what_failed_and_nothing_else(
    command: Command, published: Traced, failed: Traced
) -> None:
    status, out, _ = command("trace", "--errors", "--since", "15m", "--limit", "1000", "--json")
    assert status == 0
    found = {each["traceId"]: each for each in json.loads(out)}
    assert "PhotoNotFoundError" in found[failed.record["traceId"]]["reasons"]
    if published.record["traceId"] != failed.record["traceId"]:
        assert published.record["traceId"] not in found
    _, table, _ = command("trace", "--errors", "--limit", "1000")
    assert failed.record["uploadId"] in table
    assert "FAILED PhotoNotFoundError" in table


def test_errors_finds_what_no_task_could_tell_of(
    command: Command, uploads: Uploads, sandbox: Sandbox, published: Traced
) -> None:
    with sandbox.faults("function:v1-Publish=kill"):
        killed = uploads.ended(uploads.put(photo()))
    assert not {"FAILED"} & killed.annotated("status")
    _, out, _ = command("trace", "--errors", "--limit", "1000", "--json")
    assert killed.record["traceId"] in {each["traceId"] for each in json.loads(out)}


def test_logs_of_an_upload_come_from_all_its_functions(command: Command, published: Traced) -> None:
    status, out, _ = command("show", published.record["uploadId"], "--logs", "--json")
    assert status == 0
    lines = json.loads(out)
    assert [line["function"] for line in lines if line["message"] in {"started", "done"}] == [
        "happypath-StartExecution",
        "happypath-v1-Resize",
        "happypath-v1-Publish",
    ]
    for line in lines:
        assert line["uploadId"] == published.record["uploadId"]
        assert line["placeId"] == published.record["placeId"]
        assert line["executionArn"] == published.record["executionArn"]
        assert line["xray_trace_id"] == published.record["traceId"]
        assert line["function_request_id"]
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)
    _, text, _ = command("show", published.record["uploadId"], "--logs")
    assert len(text.splitlines()) == len(lines)
    assert published.record["traceId"] not in text


def test_logs_tell_of_an_invocation_that_was_cut_short(uploads: Uploads) -> None:
    client = uploads.installation.client("logs")
    function = "happypath-v1-Resize"
    (group,) = groups(uploads.installation, [function])
    stream = f"2026/05/01/{function}[$LATEST]s"
    client.create_log_stream(logGroupName=group, logStreamName=stream)
    now = datetime.now(UTC)

    def begun(upload_id: str, request_id: str, message: str = "begun") -> str:
        return json.dumps(
            {"message": message, "uploadId": upload_id, "placeId": "p", "function_request_id": request_id}
        )

    messages = [
        "START RequestId: r-1 Version: $LATEST",
        begun('a "quoted" name', "r-1"),
        "2026-05-01T12:00:00.000Z r-1 Task timed out after 60.00 seconds",
        "END RequestId: r-1",
        "START RequestId: r-2 Version: $LATEST",
        begun('a "quoted" name', "r-2"),
        json.dumps({"_aws": {}, "uploadId": 'a "quoted" name', "placeId": "p", "function_request_id": "r-2"}),
        begun('a "quoted" name', "r-2", "done"),
        "END RequestId: r-2",
        begun("another", "r-3"),
        json.dumps({"type": "platform.report", "record": {"requestId": "r-1", "status": "timeout"}}),
        json.dumps({"type": "platform.report", "record": {"requestId": "r-2", "status": "success"}}),
    ]
    client.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": int(now.timestamp() * 1000) + n, "message": text} for n, text in enumerate(messages)
        ],
    )
    record = {
        "uploadId": 'a "quoted" name',
        "placeId": "p",
        "workflow": "v1",
        "receivedAt": now.isoformat(),
        "finishedAt": now.isoformat(),
    }
    assert [line.message for line in of_upload(uploads.installation, record)] == [
        "START RequestId: r-1 Version: $LATEST",
        "begun",
        "2026-05-01T12:00:00.000Z r-1 Task timed out after 60.00 seconds",
        "END RequestId: r-1",
        "begun",
        "done",
        "platform.report",
    ]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, "Name one upload"),
        (["--slowest", "--errors"], 2, "Name one upload"),
        (["an-upload", "--errors"], 2, "Name one upload"),
        (["nobodys-upload"], 1, "There is no upload nobodys-upload"),
        (["--slowest", "--since", "soon"], 2, "--since soon is not a time"),
    ],
)
def test_what_cannot_be_shown_is_said(
    command: Command, arguments: list[str], status: int, words: str
) -> None:
    ended, out, err = command("trace", *arguments)
    assert (ended, out) == (status, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_an_upload_without_a_trace(command: Command, uploads: Uploads, published: Traced) -> None:
    table = uploads.installation.core["Table"]
    client = uploads.installation.client("dynamodb")
    for name, traced in (("untraced", {}), ("unsampled", {"traceId": {"S": "1-5759e988-" + "a" * 24}})):
        key = f"p/{name}.jpg"
        client.put_item(
            TableName=table,
            Item={
                "PK": {"S": "workflow"},
                "SK": {"S": key},
                "placeId": {"S": "p"},
                "objStatus": {"S": "PROCESSED"},
                "key": {"S": key},
                **traced,
            },
        )
        try:
            status, _, err = command("trace", name)
        finally:
            client.delete_item(TableName=table, Key={"PK": {"S": "workflow"}, "SK": {"S": key}})
        assert status == 1
        assert "tracing was off" in err if not traced else "it was not sampled" in err
