"""The page of one upload: each way that it can go, what is missing, and values from outside as text."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from botocore.exceptions import ClientError
from starlette.responses import Response
from starlette.testclient import TestClient

from functions.ingest.record import execution_name, fingerprint
from happypath.console import addresses
from happypath.console.console import Console
from happypath.console.jobs import Job
from happypath.operations.executions import name_of
from tests.console.events import BEGAN, entered, event, exited
from tests.console.stepfunctions import Executions
from tests.operations.conftest import Offline

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:happypath-v4-Labels"
DEFINITION: dict[str, Any] = {
    "StartAt": "Look",
    "States": {
        "Look": {
            "Type": "Task",
            "Comment": "Asks what is on the photo.",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": FUNCTION},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}],
            "Next": "Good?",
        },
        "Good?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.decision.accepted", "BooleanEquals": True, "Next": "Keep"}],
            "Default": "Tell",
        },
        "Keep": {"Type": "Succeed"},
        "Tell": {"Type": "Pass", "End": True},
    },
}
BOX = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}


def rejected(reason: str = "NO_PEOPLE", seen: str = "Person") -> list[dict[str, Any]]:
    """Tried twice, then rejected by a box."""
    detail = {"refused": [{"name": seen, "confidence": 99, "boxes": [BOX]}]}
    decision = {"accepted": False, "reason": reason, "detail": detail}
    output = json.dumps({"a": 1, "decision": decision})
    cause = json.dumps({"errorMessage": "try <later>", "errorType": "Slow", "stackTrace": ["line 1\n"]})
    return [
        event(1, 0, "ExecutionStarted", input='{"a": 1}'),
        entered(2, 1, "Task", "Look", '{"a": 1}'),
        event(3, 2, "TaskScheduled", parameters="{}"),
        event(4, 3, "TaskFailed", error="Slow", cause=cause),
        event(5, 4, "TaskScheduled", parameters="{}"),
        event(6, 5, "TaskSucceeded", output="{}"),
        exited(7, 6, "Task", "Look", output),
        entered(8, 7, "Choice", "Good?", output),
        exited(9, 8, "Choice", "Good?", output),
        entered(10, 9, "Pass", "Tell", output),
        exited(11, 10, "Pass", "Tell", output),
        event(12, 11, "ExecutionSucceeded", output=output),
    ]


@pytest.fixture
def executions(installation: Offline) -> Executions:
    fake = Executions(installation.client("stepfunctions"), DEFINITION)
    installation._clients["stepfunctions"] = fake
    installation.core["DistributionBucket"] = "published"
    # Found as a workflow, whatever else there is.
    return fake


def put(installation: Offline, executions: Executions, key: str = "p/cat.jpg", **attributes: Any) -> str:
    """An upload that was rejected, with its execution."""
    version = installation.put_photo(key)
    name = execution_name(key.partition("/")[2], fingerprint("uploads", key, version))
    arn = executions.add(
        name,
        attributes.pop("history", rejected()),
        attributes.pop("execution", "SUCCEEDED"),
        input=json.dumps({"detail": {"key": key, "version": version, "workflow": "v4"}}),
    )
    known = {"key": key, "executionArn": arn, "version": version, "workflow": "v4"}
    installation.put_record(name, attributes.pop("status", "REJECTED"), **{**known, **attributes})
    return name


def test_a_rejected_upload_says_why_and_where(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, reason="NO_PEOPLE")
    text = client.get("/uploads/p/cat.jpg").text
    assert "The photo was refused: no people." in text
    assert re.search(r"Look</bdi></a>: rejected, no people \(refused: Person 99\)", text)
    assert re.search(r"Good\?</bdi></a>: No rule matched, so on to Tell", text)
    assert 'class="state type-task succeeded retried"' in text
    assert 'class="state type-succeed not-reached"' in text
    assert text.count('class="edge default taken"') == 1
    assert 'class="box labels"' in text
    assert 'x="10.000" y="20.000" width="30.000" height="40.000"' in text
    assert "data-live" not in text
    assert "is missing here" not in text


def test_a_photo_that_browsers_do_not_show_is_shown_as_its_rendition(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    decision = {"accepted": True, "reason": None, "detail": {"type": "heic", "width_px": 9, "height_px": 9}}
    output = json.dumps({"decision": decision})
    history = [*rejected()[:6], exited(7, 6, "Task", "Look", output), event(8, 7, "ExecutionSucceeded")]
    put(installation, executions, status="PROCESSED", history=history, uploadId="cat.jpg")
    text = client.get("/uploads/p/cat.jpg").text
    assert "it is HEIC, which browsers do not show." in text
    assert '<img src="/photo?' in text
    item = {"PK": {"S": "p"}, "SK": {"S": "cat.jpg"}, "tileURL": {"S": "t"}, "scaledURL": {"S": "s"}}
    installation.client("dynamodb").put_item(TableName="table", Item=item)
    text = client.get("/uploads/p/cat.jpg").text
    assert "this is its scaled rendition" in text
    # Neither is an address of the web.
    assert "as published" not in text
    item["tileURL"], item["scaledURL"] = {"S": "https://photos.example.com/t"}, {"S": "javascript:alert(1)"}
    installation.client("dynamodb").put_item(TableName="table", Item=item)
    text = client.get("/uploads/p/cat.jpg").text
    assert '<a href="https://photos.example.com/t" rel="noreferrer">as published</a>' in text
    assert "javascript:" not in text
    assert '<img src="/photo?' not in text


def test_a_state_shows_what_it_changed_and_its_attempts(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, reason="NO_PEOPLE")
    text = client.get("/uploads/p/cat.jpg?view=state&state=Look").text
    assert "<code>$.decision</code>" in text
    assert re.search(r"<bdi>Slow</bdi></strong> try &lt;later&gt;", text)
    assert "Asks what is on the photo." in text
    assert "State transitions" in text
    assert 'aria-current="true"' in text
    # Without a state the one that is worth a look.
    assert "Attempts" not in client.get("/uploads/p/cat.jpg?view=state").text
    assert "Nothing of it has run" in client.get("/uploads/p/cat.jpg?view=state&state=Nowhere").text


def test_the_definition_and_the_graph_lead_to_each_other(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, reason="NO_PEOPLE")
    text = client.get("/uploads/p/cat.jpg?view=definition&state=Good%3F").text
    assert re.search(r'<section class="definition chosen">\s*<h3><a href="[^"]*state=Good%3F#panel"', text)
    assert "BooleanEquals" in text
    # A click in the graph stays with the definition.
    assert re.search(r'class="state type-task[^>]*href="[^"]*view=definition&amp;state=Look#panel"', text)


def test_the_graph_is_a_file_of_its_own(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, reason="NO_PEOPLE")
    answer = client.get("/uploads/p/cat.jpg?as=svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "attachment" in answer.headers["content-disposition"]
    assert "script-src" not in answer.headers["content-security-policy"]
    root = ET.fromstring(answer.content)
    assert root.find("{*}style") is not None
    assert "succeeded" in answer.text


def test_an_execution_has_a_page_of_its_own(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    name = put(installation, executions, reason="NO_PEOPLE")
    text = client.get(f"/executions/{name}").text
    assert '<bdi class="key">p/cat.jpg</bdi>' in text
    assert client.get("/executions/no-such").status_code == 404
    assert "no-such" in client.get("/executions/no-such").text


def test_an_older_version_says_that_it_is_older(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    older = put(installation, executions, reason="NO_PEOPLE")
    newer = put(installation, executions, status="PROCESSED")
    text = client.get(f"/executions/{older}").text
    assert "is of a newer execution by now" in text
    text = client.get("/uploads/p/cat.jpg").text
    assert "2 versions of this photo" in text
    assert f"/executions/{older}" in text
    assert newer != older


def test_a_running_upload_moves(client: TestClient, installation: Offline, executions: Executions) -> None:
    put(installation, executions, status="RECEIVED", history=rejected()[:4], execution="RUNNING")
    text = client.get("/uploads/p/cat.jpg").text
    assert 'data-live="/upload.events?key=p%2Fcat.jpg"' in text
    assert 'class="state type-task running"' in text
    assert "waits to try again" in text


def test_an_execution_that_ends_while_its_page_is_made_is_shown_whole(
    client: TestClient, installation: Offline, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put(installation, executions, status="RECEIVED", history=rejected()[:4], execution="RUNNING")
    arn = executions.add(name, rejected()[:4], "RUNNING")
    describe = executions.describe_execution

    def ends(**named: str) -> dict[str, Any]:
        executions.histories[arn] = rejected()
        executions.described[arn] |= {"status": "SUCCEEDED", "stopDate": BEGAN}
        installation.put_record(name, "REJECTED", key="p/cat.jpg", executionArn=arn, reason="NO_PEOPLE")
        return describe(**named)

    monkeypatch.setattr(executions, "describe_execution", ends)
    text = client.get("/uploads/p/cat.jpg").text
    assert '<span class="status rejected">' in text
    assert "The photo was refused: no people." in text
    assert 'class="state type-task running"' not in text
    # It is not loaded again.
    assert "data-live" not in text


def test_a_page_whose_record_a_newer_execution_takes_meanwhile_moves_on(
    client: TestClient, installation: Offline, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put(installation, executions, status="RECEIVED")
    describe = executions.describe_execution

    def replaced(**named: str) -> dict[str, Any]:
        installation.put_record(name, "RECEIVED", key="p/cat.jpg", executionArn=f"{named['executionArn']}-2")
        return describe(**named)

    monkeypatch.setattr(executions, "describe_execution", replaced)
    assert 'data-live="/upload.events?key=p%2Fcat.jpg"' in client.get("/uploads/p/cat.jpg").text


def test_the_end_of_an_execution_is_told_after_its_outcome_and_its_last_event(
    client: TestClient, installation: Offline, executions: Executions, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = put(installation, executions, finishedAt="2026-05-01T12:00:09.000Z", execution="RUNNING")
    looks: list[Callable[[], object]] = []

    def stream(_: object, look: Callable[[], object], __: float) -> Response:
        looks.append(look)
        return Response()

    monkeypatch.setattr("happypath.console.live.stream", stream)
    (arn,) = executions.described
    client.get("/upload.events?key=p%2Fcat.jpg")
    client.get(f"/execution.events?arn={arn}")
    before = [look() for look in looks]
    assert name_of(arn) == name
    executions.described[arn] |= {"status": "SUCCEEDED", "stopDate": BEGAN}
    assert all(look() != was for look, was in zip(looks, before, strict=True))


def test_what_a_job_finds_last_while_its_page_is_made_is_not_missed(
    client: TestClient, console: Console
) -> None:
    job = Job("redrive", "Redrive")

    class Results(list[Any]):
        def __getitem__(self, wanted: Any) -> Any:
            found = super().__getitem__(wanted)
            job.has_ended = True
            return found

    job.results = Results()
    console.jobs._jobs["job"] = job
    assert "data-live" in client.get("/jobs/job").text


def test_a_photo_whose_item_is_gone_or_unknown_has_a_page(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, status="PROCESSED")
    installation.client("dynamodb").update_item(
        TableName="table",
        Key={"PK": {"S": "workflow"}, "SK": {"S": "p/cat.jpg"}},
        UpdateExpression="SET #item = :item, #renditions = :renditions",
        ExpressionAttributeNames={"#item": "item", "#renditions": "renditions"},
        ExpressionAttributeValues={
            ":item": {"S": "cat.jpg"},
            ":renditions": {"M": {"tile": {"S": "p/cat.jpg/tile.png"}}},
        },
    )
    answer = client.get("/uploads/p/cat.jpg")
    assert answer.status_code == 200
    assert "The rendition tile" in answer.text
    assert "as published" not in answer.text
    # It is found where the record says that it is, and nowhere else.
    bucket = installation.core["DistributionBucket"]
    installation.client("s3").create_bucket(Bucket=bucket)
    for name in ("png", "jpg"):
        installation.client("s3").put_object(Bucket=bucket, Key=f"p/cat.jpg/tile.{name}", Body=name.encode())
    shown = client.get("/rendition?key=p/cat.jpg&name=tile")
    assert (shown.content, shown.headers["Content-Type"]) == (b"png", "application/octet-stream")
    assert client.get("/rendition?key=p/cat.jpg&name=scaled").status_code == 404


def test_a_film_is_shown_as_one_and_in_the_parts_that_browsers_ask_for(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, status="PROCESSED", history=rejected()[:4])
    installation.client("dynamodb").update_item(
        TableName=installation.core["Table"],
        Key={"PK": {"S": "workflow"}, "SK": {"S": "p/cat.jpg"}},
        UpdateExpression="SET #renditions = :renditions",
        ExpressionAttributeNames={"#renditions": "renditions"},
        ExpressionAttributeValues={":renditions": {"M": {"redacted": {"S": "p/cat.jpg/redacted.mp4"}}}},
    )
    film = b"\0\0\0 ftypisom" + bytes(range(100))
    bucket = installation.core["DistributionBucket"]
    installation.client("s3").create_bucket(Bucket=bucket)
    installation.client("s3").put_object(Bucket=bucket, Key="p/cat.jpg/redacted.mp4", Body=film)

    assert client.get("/uploads/p/cat.jpg").text.count("<video ") == 2
    whole = client.get("/rendition?key=p/cat.jpg&name=redacted")
    assert (whole.status_code, whole.content, whole.headers["Content-Type"]) == (200, film, "video/mp4")
    part = client.get("/rendition?key=p/cat.jpg&name=redacted", headers={"Range": "bytes=50-59"})
    assert (part.status_code, part.content) == (206, film[50:60])
    assert part.headers["Content-Type"] == "video/mp4"
    assert part.headers["Content-Range"] == f"bytes 50-59/{len(film)}"
    beyond = client.get("/rendition?key=p/cat.jpg&name=redacted", headers={"Range": "bytes=9000-"})
    assert beyond.status_code == 416


def test_what_browsers_do_not_show_is_a_file_to_save(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, status="PROCESSED")
    installation.client("dynamodb").update_item(
        TableName="table",
        Key={"PK": {"S": "workflow"}, "SK": {"S": "p/cat.jpg"}},
        UpdateExpression="SET #renditions = :renditions",
        ExpressionAttributeNames={"#renditions": "renditions"},
        ExpressionAttributeValues={
            ":renditions": {
                "M": {"redacted": {"S": "p/cat.jpg/redacted.dcm"}, "preview": {"S": "p/cat.jpg/preview.png"}}
            },
        },
    )
    page = client.get("/uploads/p/cat.jpg").text
    assert "The rendition preview" in page
    assert "The rendition redacted" not in page
    assert "Redacted is a file" in page
    assert "it is DCM, which browsers do not show: this is its preview rendition" in page


def test_a_failed_upload_can_be_run_again_where_changes_are_allowed(
    client: TestClient, installation: Offline, executions: Executions, console: Console
) -> None:
    history = [*rejected()[:4], event(5, 4, "ExecutionFailed", error="Slow", cause="too <slow>")]
    put(
        installation,
        executions,
        status="FAILED",
        reason="Slow",
        history=history,
        execution="FAILED",
    )
    text = client.get("/uploads/p/cat.jpg").text
    assert "Failed with Slow" in text
    assert 'action="/uploads.redrive"' in text
    assert 'class="state type-task failed' in text
    console.allow_changes = False
    assert "<form" not in client.get("/uploads/p/cat.jpg").text


def test_an_upload_without_a_record_waits(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    installation.put_photo("p/new.jpg")
    text = client.get("/uploads/p/new.jpg").text
    assert "no record of it yet" in text
    assert "data-live" in text
    assert client.get("/uploads/p/never.jpg").status_code == 404


@pytest.mark.parametrize("reason", ["INVALID_KEY", ""])
def test_records_without_an_execution_have_a_page(
    client: TestClient, installation: Offline, executions: Executions, reason: str
) -> None:
    status, more = ("REJECTED", {"reason": reason}) if reason else ("DELETED", {})
    installation.put_record("x", status, key="nobody.jpg", **more)
    answer = client.get("/uploads/nobody.jpg")
    assert answer.status_code == 200
    assert "No execution was started" in answer.text


def test_a_person_is_waited_for(client: TestClient, installation: Offline, executions: Executions) -> None:
    put(installation, executions, status="IN_REVIEW", history=rejected()[:3], execution="RUNNING")
    text = client.get("/uploads/p/cat.jpg").text
    assert "A person is going to look at the photo." in text
    assert "data-live" in text


def test_what_aws_no_longer_keeps_is_said(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    put(installation, executions, status="PROCESSED")
    executions.described.clear()
    executions.histories.clear()
    for view in ("photo", "state", "log", "trace", "definition"):
        answer = client.get(f"/uploads/p/cat.jpg?view={view}")
        assert answer.status_code == 200
        assert "keeps one for 90 days" in answer.text
        assert "no longer has this execution" in answer.text
        assert 'class="state type-task not-reached"' in answer.text


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_a_page_shows_what_it_can(
    client: TestClient, installation: Offline, executions: Executions, code: str
) -> None:
    name = put(installation, executions, reason="NO_PEOPLE")
    refused = ClientError({"Error": {"Code": code, "Message": "no"}}, "GetExecutionHistory")
    for arn in executions.histories:
        executions.histories[arn] = refused  # type: ignore[assignment]
    for view in ("photo", "state", "log", "trace", "definition"):
        answer = client.get(f"/uploads/p/cat.jpg?view={view}")
        assert answer.status_code == 200
        assert "The way through the graph is missing here" in answer.text
        assert code in answer.text
        assert 'class="graph overlaid"' in answer.text
    assert client.get(f"/executions/{name}").status_code == 200


def test_express_executions_are_read_from_their_log(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:express:happypath-v4:cat:0123"
    # Around that time its events are looked for.
    received = datetime.now(UTC).isoformat()
    put(installation, executions, status="PROCESSED", executionArn=arn, receivedAt=received)
    assert "without a log" in client.get("/uploads/p/cat.jpg").text
    group = "/aws/vendedlogs/states/fast"
    logs = installation.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [
        {
            "timestamp": now + each["id"],
            "message": json.dumps(
                {
                    "id": str(each["id"]),
                    "previous_event_id": str(each["previousEventId"]),
                    "type": each["type"],
                    "event_timestamp": str(now),
                    "execution_arn": arn,
                    "details": each.get("someEventDetails", {}),
                }
            ),
        }
        for each in rejected()
    ]
    found = {"events": [*events, {"timestamp": now + 99, "message": "no JSON"}]}
    executions.logging = {
        "destinations": [
            {
                "cloudWatchLogsLogGroup": {
                    "logGroupArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
                }
            }
        ]
    }
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=found["events"])
    text = client.get("/uploads/p/cat.jpg").text
    assert "is missing here" not in text
    assert 'class="state type-task succeeded retried"' in text
    # By its name, which is all that an address has.
    executions.type = "EXPRESS"
    text = client.get("/executions/cat").text
    assert 'class="status succeeded"' in text
    assert 'class="state type-task succeeded retried"' in text
    assert client.get("/executions/ca").status_code == 404
    # So records name it, of which Express workflows may run several.
    put(
        installation,
        executions,
        status="PROCESSED",
        executionArn="arn:aws:states:us-east-1:123456789012:execution:happypath-v4:cat",
        receivedAt=received,
    )
    text = client.get("/uploads/p/cat.jpg").text
    assert "The graph is that of the state machine as it is now." in text
    assert "no longer has this execution" not in text


HOSTILE = [
    "p/<script>alert(1)</script>.jpg",
    "p/\"'><img src=x onerror=alert(1)>.jpg",
    "p/\u202egpj.exe",
    "p/a?b#c&d=e;f +.jpg",
    "p/{{7*7}}.jpg",
    "a/b/../c",
    "..",
    "p/" + "ü" * 500,
    "p/line\nbreak\x01.jpg",
]


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys_and_values_are_text(
    client: TestClient, installation: Offline, executions: Executions, key: str
) -> None:
    hostile = "<script>alert(2)</script>\u202e"
    put(
        installation,
        executions,
        key=key,
        reason=hostile,
        detail=json.dumps({"seen": hostile}),
        placeId=hostile,
        uploadId=hostile,
        workflow=hostile,
        history=rejected(reason=hostile, seen=hostile),
    )
    for view in ("photo", "state&state=Look", "log", "trace", "definition"):
        address = addresses.upload_page(key)
        answer = client.get(f"{address}{'&' if '?' in address else '?'}view={view}")
        assert answer.status_code == 200, answer.text
        assert not re.search(r"<script>|<img src=x", answer.text)
        assert not re.search(r"\u202e|\x01", re.sub(r'value="[^"]*"', "", answer.text))
        assert 'class="state type-task' in answer.text
        assert not re.search(r"\son\w+=", re.sub(r">[^<]*<", "><", re.sub(r'"[^"]*"', '""', answer.text)))


@pytest.mark.parametrize(
    "query", ["state=<script>", "view=<b>", "fold=<script>&fold=Look", "notice=<script>", "look=1"]
)
def test_hostile_questions_are_text(
    client: TestClient, installation: Offline, executions: Executions, query: str
) -> None:
    put(installation, executions, reason="NO_PEOPLE")
    name, _, value = query.partition("=")
    answer = client.get(f"/uploads/p/cat.jpg?{name}={quote(value, safe='&=')}&view=state")
    assert answer.status_code == 200
    assert "<script>" not in answer.text


def test_two_hundred_events_are_a_page_in_no_time(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    """bench measures it; here it only must not be slow by a power."""
    history = rejected()[:6]
    for first in range(7, 207, 2):
        history += [
            event(first, first - 1, "TaskScheduled", parameters="{}"),
            event(first + 1, first, "TaskFailed", error="Slow", cause="{}"),
        ]
    put(installation, executions, status="RECEIVED", history=history, execution="RUNNING")
    client.get("/uploads/p/cat.jpg")
    began = time.process_time()
    assert "102 attempts" in client.get("/uploads/p/cat.jpg?view=state&state=Look").text
    assert time.process_time() - began < 3


def test_only_new_events_are_asked_for(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    history = rejected()[:3]
    for first in range(4, 5004, 2):
        history += [
            event(first, first - 1, "TaskFailed", error="Slow", cause="{}"),
            event(first + 1, first, "TaskScheduled", parameters="{}"),
        ]
    put(installation, executions, status="RECEIVED", history=history, execution="RUNNING")
    assert "2501 attempts" in client.get("/uploads/p/cat.jpg").text
    assert executions.given == len(history)
    history.append(event(5004, 5003, "TaskFailed", error="Slow", cause="{}"))
    history.append(event(5005, 5004, "TaskScheduled", parameters="{}"))
    assert "2502 attempts" in client.get("/uploads/p/cat.jpg").text
    assert executions.given <= len(history) + 200


def test_a_distributed_map_counts_the_items_of_its_run(
    client: TestClient, installation: Offline, executions: Executions
) -> None:
    executions.definition = {
        "StartAt": "All",
        "States": {
            "All": {
                "Type": "Map",
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
                    "StartAt": "One",
                    "States": {"One": {"Type": "Pass", "End": True}},
                },
                "End": True,
            }
        },
    }
    history = [
        event(1, 0, "ExecutionStarted", input="{}"),
        entered(2, 1, "Map", "All"),
        event(3, 2, "MapStateStarted", length=9),
        event(4, 3, "MapRunStarted", mapRunArn="arn:aws:states:us-east-1:1:mapRun:happypath-v4/All:0"),
        event(5, 4, "MapRunSucceeded"),
        event(6, 5, "MapStateSucceeded"),
        exited(7, 6, "Map", "All"),
        event(8, 7, "ExecutionSucceeded"),
    ]
    put(installation, executions, status="PROCESSED", history=history)
    text = client.get("/uploads/p/cat.jpg?view=state&state=All").text
    assert "7 succeeded, 2 timed out" in text
    assert "Map, distributed" in text
    assert 'class="state type-map selected succeeded"' in text


def test_names_of_executions() -> None:
    assert name_of("arn:aws:states:us-east-1:1:express:m:name:id") == "name"
    assert addresses.execution_page("a b/c") == "/executions/a%20b%2Fc"
