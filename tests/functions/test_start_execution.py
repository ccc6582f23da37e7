from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.ingest import record as records
from functions.ingest import start_execution
from functions.ingest.live import LiveParameter
from functions.ingest.record import Claim, ContendedError
from functions.ingest.upload_event import MAX_ATTEMPTS, UploadEvent
from functions.platform.aws import client
from functions.upload import Upload
from tests.functions import account
from tests.functions.account import TABLE, answering, error, make_table
from tests.functions.test_upload_event import (
    BUCKET,
    custom_event,
    make_bucket,
    notification,
    s3_event,
    upload,
)

PREFIX = start_execution.SETTINGS.state_machine_prefix
CONTEXT = SimpleNamespace(aws_request_id="request-1")
TRACE_ID = "1-5759e988-bd862e3fe1be46a994272793"
TRACE = f"Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1"
WORKFLOWS = ("v3", "v4")


@pytest.fixture(autouse=True)
def core(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the core stack holds, with v4 live and v3 beside it."""
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    make_table()
    make_bucket()
    for workflow in WORKFLOWS:
        make_workflow(workflow)
    url = client("sqs").create_queue(QueueName="uploads")["QueueUrl"]
    monkeypatch.setattr(start_execution, "SETTINGS", replace(start_execution.SETTINGS, queue_url=url))
    monkeypatch.setattr(
        start_execution, "LIVE", LiveParameter(start_execution.SETTINGS.live_parameter, max_age_s=0)
    )
    set_live("v4")


def make_workflow(workflow: str) -> None:
    client("stepfunctions").create_state_machine(
        name=f"{PREFIX.rpartition(':')[2]}{workflow}",
        definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )


def set_live(value: str) -> None:
    name = start_execution.SETTINGS.live_parameter
    client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def message(body: Any, number: int = 0, **more: Any) -> dict[str, Any]:
    """One SQS message as Lambda hands it over."""
    return {
        "messageId": f"message-{number}",
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:uploads",
        "awsRegion": "us-east-1",
        **more,
    }


def deliver(*bodies: Any) -> list[int]:
    """Delivers messages as one batch; returns the numbers of those that failed."""
    batch = {"Records": [message(body, number) for number, body in enumerate(bodies)]}
    response = start_execution.handler(batch, CONTEXT)
    failed = [str(failure["itemIdentifier"]) for failure in response["batchItemFailures"]]
    return [int(identifier.removeprefix("message-")) for identifier in failed]


def take(body: Any) -> None:
    """Does what another instance does at the same time."""
    start_execution.take(message(body))


def executions(workflow: str = "v4") -> list[dict[str, Any]]:
    """The inputs of a workflow's executions, oldest first."""
    stepfunctions = client("stepfunctions")
    listed = stepfunctions.list_executions(stateMachineArn=f"{PREFIX}{workflow}")["executions"]
    described = [stepfunctions.describe_execution(executionArn=each["executionArn"]) for each in listed]
    return [
        {**json.loads(each["input"]), "arn": each["executionArn"]}
        for each in sorted(described, key=lambda each: each["startDate"])
    ]


def record_of(sort_key: str) -> dict[str, Any]:
    return account.items()[("workflow", sort_key)]


def finish(sort_key: str, status: str) -> None:
    """Does what the end of an execution does."""
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={"PK": {"S": "workflow"}, "SK": {"S": sort_key}},
        UpdateExpression="SET objStatus = :status",
        ExpressionAttributeValues={":status": {"S": status}},
    )


def uploaded(key: str, *, sequencer: str | None = None, body: bytes = b"photo") -> dict[str, Any]:
    """Uploads a photo; returns the event that S3 sends."""
    more = {"version-id": upload(key, body)}
    return s3_event(key, **(more if sequencer is None else {**more, "sequencer": sequencer}))


# One upload


def test_an_upload_becomes_a_record_and_an_execution() -> None:
    event = uploaded("central-park/2026.05 picnic.jpg", sequencer="0A")
    before = datetime.now(UTC)
    assert deliver(event) == []
    version_id = event["detail"]["object"]["version-id"]
    (execution,) = executions()
    arn = execution.pop("arn")
    assert re.fullmatch(r"2026-05-picnic-jpg-[0-9a-f]{32}", arn.rpartition(":")[2])
    assert execution == {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-05-01T12:00:00Z",
        "detail": {
            "bucket": BUCKET,
            "key": "central-park/2026.05 picnic.jpg",
            "placeId": "central-park",
            "ID": "2026.05 picnic.jpg",
            "version": version_id,
            "record": "central-park/2026.05 picnic.jpg",
            "workflow": "v4",
            "sequencer": "0A",
        },
    }
    record = record_of("central-park/2026.05 picnic.jpg")
    received_at = record.pop("receivedAt")
    assert record == {
        "placeId": "central-park",
        "objStatus": "RECEIVED",
        "workflow": "v4",
        "executionArn": arn,
        "bucket": BUCKET,
        "key": "central-park/2026.05 picnic.jpg",
        "version": version_id,
        "sequencer": "0A",
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", received_at)
    assert abs(datetime.fromisoformat(received_at) - before) < timedelta(minutes=1)


def test_every_shape_of_event_means_the_same_upload() -> None:
    key = "café/crème brûlée +1.jpg"
    version_id = upload(key)
    events = [
        custom_event(key, placeId="café", ID="crème brûlée +1"),
        custom_event(key, placeId="café", ID="crème brûlée +1.jpg"),
        custom_event("caf%C3%A9/cr%C3%A8me+br%C3%BBl%C3%A9e+%2B1.jpg"),
        notification(key, versionId=version_id, sequencer="0A"),
        s3_event(key, **{"version-id": version_id, "sequencer": "0A"}),
        s3_event(key),
    ]
    assert deliver(*events) == []
    (execution,) = executions()
    assert execution["source"] == "custom.happyPath"
    assert execution["detail-type"] == "uploadComplete"
    assert execution["detail"]["version"] == version_id
    assert record_of(key)["executionArn"] == execution["arn"]


def test_a_notification_can_tell_of_several_uploads() -> None:
    for key in ("p/one.jpg", "p/two.jpg"):
        upload(key)
    assert deliver(notification("p/one.jpg", "p/two.jpg")) == []
    assert {execution["detail"]["ID"] for execution in executions()} == {"one.jpg", "two.jpg"}


def test_the_trace_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    with answering("StartExecution") as calls:
        deliver(uploaded("p/u.jpg"))
    assert calls[0]["traceHeader"] == TRACE
    assert record_of("p/u.jpg")["traceId"] == TRACE_ID


@pytest.mark.parametrize("header", ["", "Root=é", "Root=1-5759e988", "x" * 257])
def test_a_senseless_trace_harms_nothing(header: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    with answering("StartExecution") as calls:
        assert deliver(uploaded("p/u.jpg")) == []
    assert len(executions()) == 1
    # Step Functions takes no more than 256 ASCII characters.
    assert re.fullmatch(r"[ -~]{1,256}", calls[0].get("traceHeader", "none"))
    assert "traceId" not in record_of("p/u.jpg")


def test_a_photo_that_may_not_be_seen_is_left_to_the_workflow_to_report() -> None:
    with answering("HeadObject", error("403", "HeadObject", 403)):
        assert deliver(s3_event("p/secret.jpg", sequencer="0A")) == []
    (execution,) = executions()
    assert execution["detail"]["version"] is None
    assert "version" not in record_of("p/secret.jpg")


@settings(max_examples=60)
@given(
    upload_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100),
    fingerprint=st.binary(min_size=32, max_size=32).map(bytes.hex),
    attempt=st.integers(2, MAX_ATTEMPTS),
)
@example(upload_id="x" * 100, fingerprint="ab" * 32, attempt=MAX_ATTEMPTS)
def test_any_upload_id_makes_a_name_that_step_functions_takes(
    upload_id: str, fingerprint: str, attempt: int
) -> None:
    first = records.execution_name(upload_id, fingerprint)
    again = records.execution_name(upload_id, fingerprint, attempt)
    assert first.endswith(fingerprint[:32])
    assert again == f"{first}-{attempt}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,80}", again)


def test_the_expected_arn_is_the_one_that_step_functions_gives() -> None:
    deliver(uploaded("p/u.jpg"))
    (execution,) = executions()
    assert execution["arn"] == record_of("p/u.jpg")["executionArn"]


def test_different_uploads_have_different_fingerprints() -> None:
    parts = [("b", "a/b", "c"), ("b", "a", "b/c"), ("b/a", "b", "c"), ("b", "a/bc", ""), ("b", 'a","b', "c")]
    assert len({records.fingerprint(*part) for part in parts}) == len(parts)


# Repetition and order


def test_repeated_events_start_one_execution() -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    assert deliver(event, event) == []
    assert deliver(event) == []
    assert len(executions()) == 1


def test_two_instances_on_one_upload_start_one_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    started_by: list[str] = []
    through = start_execution.start

    def start_second(*arguments: Any) -> None:
        # The other instance receives the repeated event between this one's claim and its start.
        if not started_by:
            started_by.append("other")
            take(event)
        through(*arguments)

    monkeypatch.setattr(start_execution, "start", start_second)
    assert deliver(event) == []
    assert started_by
    (execution,) = executions()
    assert record_of("p/u.jpg")["executionArn"] == execution["arn"]


@pytest.mark.parametrize("status", ["PROCESSED", "REJECTED", "FAILED"])
def test_an_event_replayed_after_the_end_starts_nothing(status: str) -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    deliver(event)
    finish("p/u.jpg", status)
    before = account.items()
    # Not even when Step Functions has forgotten the name, as it does after 90 days.
    with answering("StartExecution") as calls:
        assert deliver(event) == []
    assert calls == []
    assert account.items() == before


def test_a_claim_whose_start_failed_is_started_by_the_next_attempt_as_it_was_claimed() -> None:
    event = uploaded("p/u.jpg")
    with answering("StartExecution", error("ServiceUnavailable", "StartExecution", 503)):
        assert deliver(event) == [0]
    assert executions() == []
    claimed = record_of("p/u.jpg")
    set_live("v3")
    assert deliver(event) == []
    assert len(executions("v4")) == 1
    assert executions("v3") == []
    assert record_of("p/u.jpg") == claimed


def test_an_upload_goes_to_the_workflow_that_is_live() -> None:
    deliver(uploaded("p/one.jpg"))
    set_live("v3")
    deliver(uploaded("p/two.jpg"))
    assert [execution["detail"]["ID"] for execution in executions("v4")] == ["one.jpg"]
    assert [execution["detail"]["ID"] for execution in executions("v3")] == ["two.jpg"]
    assert record_of("p/two.jpg")["workflow"] == "v3"


def test_a_key_may_have_a_workflow_of_its_own() -> None:
    set_live("v4 q/=v3 q/held=none")
    assert deliver(uploaded("p/one.jpg"), uploaded("q/two.jpg"), uploaded("q/held.jpg")) == []
    assert [execution["detail"]["ID"] for execution in executions("v4")] == ["one.jpg"]
    assert [execution["detail"]["ID"] for execution in executions("v3")] == ["two.jpg"]
    assert ("workflow", "q/held.jpg") not in account.items()


def test_a_claim_on_a_workflow_that_does_not_exist_is_given_up() -> None:
    set_live("v9")
    event = uploaded("p/u.jpg")
    assert deliver(event) == [0]
    assert account.items() == {}
    set_live("v4")
    assert deliver(event) == []
    assert record_of("p/u.jpg")["workflow"] == "v4"


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        ("0A", "0B", "RECEIVED"),
        ("0A", "0B", "PROCESSED"),
        ("0A", "0B", "REJECTED"),
        ("0A", "0B", "FAILED"),
        ("0A", "0a", "PROCESSED"),
        (None, None, "PROCESSED"),
    ],
)
def test_a_newer_version_takes_the_record_over(first: str | None, second: str | None, status: str) -> None:
    deliver(uploaded("p/u.jpg", sequencer=first, body=b"old"))
    finish("p/u.jpg", status)
    account.put("p", "u.jpg", tileURL="https://photos.example.com/t")
    account.put("p", "other.jpg", tileURL="https://photos.example.com/t")
    account.put("p", "listing", type="park")
    event = uploaded("p/u.jpg", sequencer=second, body=b"new")
    assert deliver(event) == []
    old, new = executions()
    assert old["arn"] != new["arn"]
    items = account.items()
    assert items["workflow", "p/u.jpg"]["executionArn"] == new["arn"]
    assert items["workflow", "p/u.jpg"]["objStatus"] == "RECEIVED"
    assert items["workflow", "p/u.jpg"]["version"] == event["detail"]["object"]["version-id"]
    # The old version's photo is gone, and no other.
    assert set(items) == {("workflow", "p/u.jpg"), ("p", "other.jpg"), ("p", "listing")}


@pytest.mark.parametrize("sequencers", [("0A", "0B"), ("0A", "0A"), (None, None), ("0A", None)])
def test_an_older_event_after_a_newer_upload_starts_nothing(
    sequencers: tuple[str | None, str | None],
) -> None:
    old = uploaded("p/u.jpg", sequencer=sequencers[0], body=b"old")
    new = uploaded("p/u.jpg", sequencer=sequencers[1], body=b"new")
    assert deliver(new, old) == []
    (execution,) = executions()
    assert execution["detail"]["version"] == new["detail"]["object"]["version-id"]
    assert record_of("p/u.jpg")["executionArn"] == execution["arn"]


ALIKE = ("p/u.jpg", "p/u.JPG", "p/u.jpeg", "p/u", "p/u.jpg.xmp", "p/u.jpg/", "q/u.jpg", "u.jpg", "/u.jpg")


@pytest.mark.parametrize("order", [ALIKE, ALIKE[::-1]])
def test_however_alike_two_keys_are_each_is_an_upload(order: tuple[str, ...]) -> None:
    for place in ("p", "q"):
        for upload_id in ("u.jpg", "u.JPG", "u"):
            account.put(place, upload_id, tileURL="published before")
    photos = account.items()
    events = [uploaded(key, sequencer=f"0{number}") for number, key in enumerate(order)]
    assert deliver(*events, *reversed(events)) == []
    items = account.items()
    impossible = {"p/u.jpg/", "u.jpg", "/u.jpg"}
    records = {sort_key: item for (partition, sort_key), item in items.items() if partition == "workflow"}
    assert {sort_key: item["objStatus"] for sort_key, item in records.items()} == {
        key: "REJECTED" if key in impossible else "RECEIVED" for key in ALIKE
    }
    assert all(item["key"] == sort_key for sort_key, item in records.items())
    assert sorted(each["detail"]["key"] for each in executions()) == sorted({*ALIKE} - impossible)
    # And none touched another's photo.
    assert photos.items() <= items.items()


@pytest.mark.parametrize(("shows", "stays"), [("avatars/p1/me.jpg", False), ("avatars/p1/other.jpg", True)])
def test_a_newer_version_removes_the_item_that_shows_the_older_one_and_no_other(
    shows: str, stays: bool
) -> None:
    key = "avatars/p1/me.jpg"
    take(uploaded(key, sequencer="0A"))
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={"PK": {"S": "workflow"}, "SK": {"S": key}},
        UpdateExpression="SET objStatus = :processed, #item = :item",
        ExpressionAttributeNames={"#item": "item"},
        ExpressionAttributeValues={":processed": {"S": "PROCESSED"}, ":item": {"S": "p1"}},
    )
    account.put("avatars", "p1", key=shows)
    take(uploaded(key, sequencer="0B"))

    record = record_of(key)
    assert (record["objStatus"], record["sequencer"], "item" in record) == ("RECEIVED", "0B", False)
    assert (("avatars", "p1") in account.items()) is stays


def test_a_newer_version_takes_over_the_record_of_its_own_place() -> None:
    deliver(uploaded("here/u.jpg", sequencer="0A"), uploaded("there/u.jpg", sequencer="0A"))
    before = record_of("here/u.jpg")
    account.put("here", "u.jpg", tileURL="kept")
    account.put("there", "u.jpg", tileURL="removed")
    deliver(uploaded("there/u.jpg", sequencer="0B", body=b"new"))
    assert record_of("here/u.jpg") == before
    assert record_of("there/u.jpg")["executionArn"] == executions()[-1]["arn"]
    assert ("here", "u.jpg") in account.items()
    assert ("there", "u.jpg") not in account.items()


def test_a_record_that_changes_during_the_claim_is_looked_at_again() -> None:
    events = [uploaded("p/u.jpg", sequencer=f"0{digit}", body=digit.encode()) for digit in "ABC"]
    deliver(events[0])
    interrupted: list[Any] = []

    def in_between(changes: Callable[[], object]) -> Callable[..., bool]:
        through = records._replace

        def replace_after_changes(*arguments: Any) -> bool:
            if not interrupted:
                interrupted.append(arguments)
                changes()
            return through(*arguments)

        return replace_after_changes

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "_replace", in_between(lambda: take(events[2])))
        assert deliver(events[1]) == []
    assert len(interrupted) == 1
    # The newest owns the record, and the one that it overtook was never started.
    assert [execution["detail"]["sequencer"] for execution in executions()] == ["0A", "0C"]
    assert record_of("p/u.jpg")["sequencer"] == "0C"


def test_a_record_that_never_stands_still_is_left_for_the_next_attempt() -> None:
    def claim(number: int) -> Claim:
        photo = Upload(BUCKET, "p/u.jpg", "p", "u.jpg", f"version-{number}")
        return Claim(photo, "v4", f"{PREFIX}v4:u-{number}", "2026-05-01T12:00:00.000Z")

    assert records.claim(TABLE, claim(0), newer=lambda seen: False) == claim(0)
    conflict = error(
        "TransactionCanceledException",
        "TransactWriteItems",
        CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}],
    )
    with (
        answering("TransactWriteItems", *[conflict] * 10) as calls,
        pytest.raises(ContendedError, match=r"p/u\.jpg"),
    ):
        records.claim(TABLE, claim(1), newer=lambda seen: True)
    assert 1 < len(calls) < 10
    claimed = records.claim(TABLE, claim(1), newer=lambda seen: True)
    assert claimed == replace(claim(1), replaced=claim(0).execution_arn)


def test_a_takeover_that_dynamodb_refuses_fails_the_message() -> None:
    deliver(uploaded("p/u.jpg", sequencer="0A", body=b"old"))
    before = account.items()
    rejection = error(
        "TransactionCanceledException", "TransactWriteItems", CancellationReasons=[{"Code": "Other"}]
    )
    event = uploaded("p/u.jpg", sequencer="0B", body=b"new")
    with answering("TransactWriteItems", rejection):
        assert deliver(event) == [0]
    assert account.items() == before
    assert deliver(event) == []
    assert record_of("p/u.jpg")["sequencer"] == "0B"


def test_a_claim_that_was_taken_over_is_not_given_up() -> None:
    deliver(uploaded("p/u.jpg"))
    before = account.items()
    photo = Upload(BUCKET, "p/u.jpg", "p", "u.jpg", "older")
    records.release(TABLE, Claim(photo, "v4", f"{PREFIX}v4:older", "2026-05-01T12:00:00.000Z"))
    assert account.items() == before


# An upload that is run again


def again(event: dict[str, Any], attempt: int = 2) -> dict[str, Any]:
    """The event by which an operator has the upload of S3's event run again."""
    stored = event["detail"]["object"]
    return custom_event(stored["key"], version=stored["version-id"], attempt=attempt)


@pytest.mark.parametrize("status", ["FAILED", "RECEIVED"])
def test_a_failed_upload_is_run_again_once_through_the_live_workflow(status: str) -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    deliver(event)
    (first,) = executions()
    finish("p/u.jpg", status)
    set_live("v3")
    assert deliver(again(event), again(event)) == []
    assert deliver(again(event), event) == []
    (second,) = executions("v3")
    assert second["arn"].rpartition(":")[2] == f"{first['arn'].rpartition(':')[2]}-2"
    assert second["detail"] == {**first["detail"], "workflow": "v3"}
    record = record_of("p/u.jpg")
    assert (record["objStatus"], record["attempt"], record["executionArn"]) == (
        "RECEIVED",
        "2",
        second["arn"],
    )
    assert record["sequencer"] == "0A"
    assert len(executions("v4")) == 1


def test_attempts_are_counted_on() -> None:
    event = uploaded("p/u.jpg")
    deliver(event)
    for attempt in (2, 3):
        finish("p/u.jpg", "FAILED")
        deliver(again(event, attempt), again(event, attempt - 1))
    assert [each["arn"].rpartition("-")[2] for each in executions()[1:]] == ["2", "3"]
    finish("p/u.jpg", "FAILED")
    before = account.items()
    assert deliver(again(event, 2), again(event, 3), event) == []
    assert account.items() == before


@pytest.mark.parametrize("status", ["PROCESSED", "REJECTED"])
def test_an_upload_with_a_good_end_is_not_run_again(status: str) -> None:
    event = uploaded("p/u.jpg")
    deliver(event)
    finish("p/u.jpg", status)
    account.put("p", "u.jpg", tileURL="https://photos.example.com/t")
    before = account.items()
    assert deliver(again(event)) == []
    assert account.items() == before
    assert len(executions()) == 1


def test_an_upload_that_is_published_at_the_last_moment_is_not_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = uploaded("p/u.jpg")
    deliver(event)
    take_over = records._replace

    def publish_first(*arguments: Any) -> bool:
        finish("p/u.jpg", "PROCESSED")
        account.put("p", "u.jpg", tileURL="https://photos.example.com/t")
        return take_over(*arguments)

    monkeypatch.setattr(records, "_replace", publish_first)
    assert deliver(again(event)) == []
    assert record_of("p/u.jpg")["objStatus"] == "PROCESSED"
    assert ("p", "u.jpg") in account.items()
    assert len(executions()) == 1


def test_an_old_version_is_not_run_again_over_a_newer_one() -> None:
    old, new = uploaded("p/u.jpg", body=b"old"), uploaded("p/u.jpg", body=b"new")
    deliver(old, new)
    finish("p/u.jpg", "FAILED")
    before = account.items()
    assert deliver(again(old)) == []
    assert account.items() == before
    assert deliver(again(new)) == []
    assert record_of("p/u.jpg")["attempt"] == "2"


# An upload whose object is gone


def remove(event: dict[str, Any], *, for_good: bool = False) -> None:
    """Deletes the object of S3's event."""
    stored = event["detail"]["object"]
    which = {"VersionId": stored["version-id"]} if for_good else {}
    client("s3").delete_object(Bucket=BUCKET, Key=stored["key"], **which)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is measured."""
    counted: list[Any] = []
    monkeypatch.setattr(start_execution, "measure", lambda *reason, **metrics: counted.append(metrics))
    return counted


@pytest.mark.parametrize("for_good", [False, True])
@pytest.mark.parametrize("live", ["v4", "none"])
def test_an_upload_that_was_deleted_ends_without_an_execution(
    live: str, for_good: bool, counted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    set_live(live)
    event = uploaded("p/u.jpg", sequencer="0A")
    remove(event, for_good=for_good)
    assert deliver(event, event) == []
    ((keys, record),) = account.items().items()
    assert keys == ("workflow", "p/u.jpg")
    assert abs(datetime.fromisoformat(record.pop("receivedAt")) - datetime.now(UTC)) < timedelta(minutes=1)
    assert record.pop("finishedAt") == record.pop("deletedAt")
    assert record == {
        "placeId": "p",
        "objStatus": "DELETED",
        "bucket": BUCKET,
        "key": "p/u.jpg",
        "version": event["detail"]["object"]["version-id"],
        "sequencer": "0A",
        "traceId": TRACE_ID,
    }
    assert executions() == []
    assert counted == []


def test_a_key_that_was_deleted_and_uploaded_again_is_a_new_upload() -> None:
    first = uploaded("p/u.jpg", sequencer="0A")
    remove(first)
    deliver(first)
    second = uploaded("p/u.jpg", sequencer="0C")
    assert deliver(second, first) == []
    (execution,) = executions()
    record = record_of("p/u.jpg")
    assert (record["objStatus"], record["executionArn"]) == ("RECEIVED", execution["arn"])
    assert record["version"] == second["detail"]["object"]["version-id"]
    assert "finishedAt" not in record


@pytest.mark.parametrize("status", ["PROCESSED", "REJECTED", "FAILED", "RECEIVED"])
def test_a_newer_version_that_was_deleted_takes_the_record_over_as_well(status: str) -> None:
    deliver(uploaded("p/u.jpg", sequencer="0A", body=b"old"))
    finish("p/u.jpg", status)
    account.put("p", "u.jpg", tileURL="https://photos.example.com/t")
    event = uploaded("p/u.jpg", sequencer="0B", body=b"new")
    remove(event)
    assert deliver(event, event) == []
    ((keys, record),) = account.items().items()
    assert keys == ("workflow", "p/u.jpg")
    assert (record["objStatus"], record["version"]) == ("DELETED", event["detail"]["object"]["version-id"])
    assert len(executions()) == 1


def test_an_older_version_that_is_gone_leaves_the_newer_ones_record() -> None:
    old, new = (uploaded("p/u.jpg", sequencer=f"0{n}", body=n.encode()) for n in "AB")
    remove(old, for_good=True)
    deliver(new)
    before = account.items()
    assert deliver(old) == []
    assert account.items() == before


def test_of_an_older_version_that_is_gone_the_newer_one_is_started() -> None:
    old, new = (uploaded("p/u.jpg", sequencer=f"0{n}", body=n.encode()) for n in "AB")
    remove(old, for_good=True)
    assert deliver(old) == []
    assert record_of("p/u.jpg")["objStatus"] == "DELETED"
    assert deliver(new) == []
    (execution,) = executions()
    assert execution["detail"]["version"] == new["detail"]["object"]["version-id"]


@pytest.mark.parametrize("status", ["PROCESSED", "RECEIVED"])
def test_a_newer_version_that_is_gone_leaves_the_record_and_the_photo_of_the_current_one(status: str) -> None:
    old = uploaded("p/u.jpg", sequencer="0A", body=b"old")
    deliver(old)
    finish("p/u.jpg", status)
    account.put("p", "u.jpg", tileURL="https://photos.example.com/t")
    new = uploaded("p/u.jpg", sequencer="0B", body=b"new")
    remove(new, for_good=True)
    before = account.items()
    assert deliver(new, old, new) == []
    assert account.items() == before


def test_of_a_newer_version_that_is_gone_the_current_one_is_started() -> None:
    old, new = (uploaded("p/u.jpg", sequencer=f"0{n}", body=n.encode()) for n in "AB")
    remove(new, for_good=True)
    assert deliver(new) == []
    assert record_of("p/u.jpg")["objStatus"] == "DELETED"
    assert deliver(old, new) == []
    (execution,) = executions()
    assert execution["detail"]["version"] == old["detail"]["object"]["version-id"]
    assert record_of("p/u.jpg")["executionArn"] == execution["arn"]


def test_what_was_claimed_and_deleted_before_its_start_ends() -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    with answering("StartExecution", error("ThrottlingException", "StartExecution")):
        assert deliver(event) == [0]
    assert record_of("p/u.jpg")["objStatus"] == "RECEIVED"
    remove(event)
    assert deliver(event) == []
    assert record_of("p/u.jpg")["objStatus"] == "DELETED"
    assert "executionArn" not in record_of("p/u.jpg")
    assert executions() == []


@pytest.mark.parametrize("status", ["PROCESSED", "REJECTED", "FAILED"])
def test_what_ended_before_it_was_deleted_keeps_its_end(status: str) -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    deliver(event)
    finish("p/u.jpg", status)
    account.put("p", "u.jpg", tileURL="https://photos.example.com/t")
    remove(event)
    before = account.items()
    assert deliver(event) == []
    assert account.items() == before


@pytest.mark.parametrize("version", [True, False])
def test_an_upload_that_failed_and_is_gone_ends_when_it_is_run_again(
    version: bool, counted: list[Any]
) -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    deliver(event)
    finish("p/u.jpg", "FAILED")
    remove(event)
    run_again = again(event) if version else custom_event("p/u.jpg", attempt=2)
    assert deliver(run_again, run_again) == []
    record = record_of("p/u.jpg")
    assert (record["objStatus"], record["attempt"], record["sequencer"]) == ("DELETED", "2", "0A")
    assert record["version"] == event["detail"]["object"]["version-id"]
    assert len(executions()) == 1
    assert counted == []


def test_a_deleted_photo_that_is_restored_can_be_run() -> None:
    event = uploaded("p/u.jpg", sequencer="0A")
    marker = client("s3").delete_object(Bucket=BUCKET, Key="p/u.jpg")["VersionId"]
    deliver(event)
    client("s3").delete_object(Bucket=BUCKET, Key="p/u.jpg", VersionId=marker)
    assert deliver(again(event, attempt=1)) == []
    (execution,) = executions()
    assert record_of("p/u.jpg")["executionArn"] == execution["arn"]


def test_in_a_bucket_without_versions_what_was_claimed_and_deleted_ends_too() -> None:
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    upload("p/u.jpg")
    with answering("StartExecution", error("ThrottlingException", "StartExecution")):
        assert deliver(s3_event("p/u.jpg", sequencer="0A")) == [0]
    client("s3").delete_object(Bucket=BUCKET, Key="p/u.jpg")
    assert deliver(s3_event("p/u.jpg", sequencer="0A"), custom_event("p/u.jpg")) == []
    assert record_of("p/u.jpg")["objStatus"] == "DELETED"
    assert executions() == []


# An upload that meets a deletion, or is current again


def change(sort_key: str, expression: str, **values: str) -> None:
    """Does what a deletion does to a record."""
    given: Any = {f":{name}": {"S": value} for name, value in values.items()}
    more: Any = {"ExpressionAttributeValues": given} if given else {}
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={"PK": {"S": "workflow"}, "SK": {"S": sort_key}},
        UpdateExpression=expression,
        **more,
    )


def lock(sort_key: str) -> None:
    change(sort_key, "SET objStatus = :status, deletion = :arn", status="DELETED", arn="arn:deletion")


def test_while_what_was_published_is_removed_a_newer_upload_waits() -> None:
    deliver(uploaded("p/u.jpg", sequencer="0A"))
    lock("p/u.jpg")
    before = account.items()
    newer = uploaded("p/u.jpg", sequencer="0B", body=b"newer")
    with answering("SendMessage") as held:
        assert deliver(newer) == []
    assert (account.items(), [json.loads(each["MessageBody"]) for each in held]) == (before, [newer])
    change("p/u.jpg", "REMOVE deletion")
    assert deliver(newer) == []
    assert record_of("p/u.jpg")["version"] == newer["detail"]["object"]["version-id"]
    assert len(executions()) == 2


def test_a_takeover_does_not_overtake_a_deletion_that_begins_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver(uploaded("p/u.jpg", sequencer="0A"))
    change("p/u.jpg", "SET objStatus = :status", status="DELETED")
    newer = uploaded("p/u.jpg", sequencer="0B", body=b"newer")
    taking = records._replace

    def replaced(*arguments: Any) -> bool:
        lock("p/u.jpg")
        return taking(*arguments)

    monkeypatch.setattr(records, "_replace", replaced)
    with answering("SendMessage") as held:
        assert deliver(newer) == []
    assert record_of("p/u.jpg")["objStatus"] == "DELETED"
    assert [json.loads(each["MessageBody"]) for each in held] == [newer]


def test_a_version_that_is_current_again_runs_again_once_for_each_deletion() -> None:
    first = uploaded("p/u.jpg", sequencer="0A")
    version = first["detail"]["object"]["version-id"]
    deliver(first)
    for restored in ("deletion-1", "deletion-2"):
        change("p/u.jpg", "SET objStatus = :status", status="DELETED")
        again = custom_event("p/u.jpg", version=version, restored=restored)
        assert deliver(again, again, first) == []
        assert (record_of("p/u.jpg")["objStatus"], record_of("p/u.jpg")["restored"]) == ("RECEIVED", restored)
        finish("p/u.jpg", "PROCESSED")
        assert deliver(again, first) == []
        assert record_of("p/u.jpg")["objStatus"] == "PROCESSED"
    assert len({each["arn"] for each in executions()}) == len(executions()) == 3


def test_the_two_events_of_one_version_run_it_once() -> None:
    first = uploaded("p/u.jpg", sequencer="0A")
    again = custom_event("p/u.jpg", version=first["detail"]["object"]["version-id"], restored="deletion-1")
    for events in ((first, again), (again, first)):
        assert deliver(*events) == []
    assert len(executions()) == 1


@pytest.mark.parametrize(
    ("status", "leaves"),
    [("RECEIVED", True), ("PROCESSED", True), ("FAILED", True), ("REJECTED", False), ("DELETED", False)],
)
def test_what_a_replaced_upload_may_leave_is_given_to_the_deletions(status: str, *, leaves: bool) -> None:
    make_workflow("deletion")
    deliver(uploaded("p/ü.jpg", sequencer="0A"))
    finish("p/ü.jpg", status)
    former = record_of("p/ü.jpg")["executionArn"]
    newer = uploaded("p/ü.jpg", sequencer="0B", body=b"newer")
    assert deliver(newer, newer) == []
    started = [{name: each[name] for name in each if name != "arn"} for each in executions("deletion")]
    assert (
        started
        == [
            {
                "detail": {"bucket": {"name": BUCKET}, "object": {"key": "p/ü.jpg"}},
                "writer": former,
                "path": "p/%C3%BC.jpg",
            }
        ]
        * leaves
    )


def test_an_upload_that_was_claimed_and_is_gone_hands_its_execution_to_the_deletions() -> None:
    make_workflow("deletion")
    event = uploaded("p/u.jpg", sequencer="0A")
    deliver(event)
    former = record_of("p/u.jpg")["executionArn"]
    remove(event)
    assert deliver(event) == []
    assert record_of("p/u.jpg")["objStatus"] == "DELETED"
    assert [each["writer"] for each in executions("deletion")] == [former]


def test_a_key_that_no_workflow_can_use_is_refused_again_after_its_object_was_deleted() -> None:
    event = uploaded("no-folder.jpg")
    deliver(event)
    change("no-folder.jpg", "SET objStatus = :status", status="DELETED")
    remove(event)
    assert deliver(event) == []
    assert record_of("no-folder.jpg")["objStatus"] == "DELETED"
    assert deliver(uploaded("no-folder.jpg")) == []
    assert record_of("no-folder.jpg")["objStatus"] == "REJECTED"


# What never reaches a workflow


@pytest.mark.parametrize(
    "key",
    [
        "picnic.jpg",
        "a//c.jpg",
        "place/",
        "/picnic.jpg",
        "place/..",
        "workflow/u.jpg",
        "p/listing",
        "p/" + "x" * 1022,
        "x" * 1024,
    ],
)
def test_an_impossible_key_ends_in_a_record_at_once(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    set_live("none")
    event = s3_event(key, **{"version-id": "v1"})
    assert deliver(event, event) == []
    ((keys, record),) = account.items().items()
    assert keys == ("workflow", key)
    detail = json.loads(record.pop("detail"))
    assert detail["key"] == key
    assert detail["message"]
    assert record.pop("receivedAt") == record.pop("finishedAt")
    assert record == {
        "objStatus": "REJECTED",
        "reason": "INVALID_KEY",
        "bucket": BUCKET,
        "key": key,
        "version": "v1",
        "traceId": TRACE_ID,
    }
    assert executions() == []


def test_an_impossible_key_is_recorded_and_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, int]] = []
    monkeypatch.setattr(
        start_execution, "measure", lambda reason, **metrics: counted.append((reason, metrics["Rejected"]))
    )
    event = s3_event("picnic.jpg", **{"version-id": "v1"})
    # As when the table is away for a moment: the message comes again.
    with answering("PutItem", error("InternalServerError", "PutItem")):
        assert deliver(event) != []
    assert counted == []
    deliver(event)
    before = account.items()
    deliver(event)
    assert account.items() == before
    assert counted == [("INVALID_KEY", 1)]


def test_an_unknown_message_fails_alone_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    good = uploaded("p/u.jpg")
    contradiction = custom_event("p/u.jpg", placeId="elsewhere")
    assert deliver("not JSON", good, {"source": "aws.ec2"}, contradiction) == [0, 2, 3]
    assert len(executions()) == 1
    logged = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert [re.search(r"not JSON|neither|elsewhere", line) is not None for line in logged] == [True] * 3
    assert [getattr(line, "messageId", None) for line in caplog.records if line.levelname == "ERROR"] == [
        "message-0",
        "message-2",
        "message-3",
    ]


def test_a_batch_of_nothing_but_failures_is_answered_too() -> None:
    assert deliver("one", "two") == [0, 1]


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("GetParameter", "ThrottlingException", 400),
        ("PutItem", "ProvisionedThroughputExceededException", 400),
        ("PutItem", "TransactionConflictException", 400),
        ("StartExecution", "ThrottlingException", 400),
        ("StartExecution", "ExecutionLimitExceeded", 400),
        ("StartExecution", "StateMachineDeleting", 400),
        ("HeadObject", "SlowDown", 503),
    ],
)
def test_trouble_with_a_service_fails_the_message_and_the_retry_succeeds(
    operation: str, code: str, status: int
) -> None:
    upload("p/u.jpg")
    event = s3_event("p/u.jpg")
    with answering(operation, error(code, operation, status)):
        assert deliver(event) == [0]
    assert executions() == []
    assert deliver(event) == []
    (execution,) = executions()
    assert record_of("p/u.jpg")["executionArn"] == execution["arn"]


def test_a_senseless_parameter_fails_the_message(caplog: pytest.LogCaptureFixture) -> None:
    set_live("v4 and v5")
    assert deliver(uploaded("p/u.jpg")) == [0]
    assert account.items() == {}
    assert start_execution.SETTINGS.live_parameter in caplog.text


# Waiting while no workflow is live


def test_while_none_is_live_a_message_goes_back_into_the_queue(caplog: pytest.LogCaptureFixture) -> None:
    set_live("none")
    event = uploaded("p/u.jpg")
    attributes = {
        "word": {"stringValue": "a", "binaryValue": None, "dataType": "String"},
        "bytes": {"binaryValue": "AAE=", "stringValue": None, "dataType": "Binary"},
    }
    held = message(
        event,
        messageAttributes=attributes,
        attributes={"ApproximateReceiveCount": "3", "AWSTraceHeader": TRACE},
    )
    with answering("SendMessage") as calls:
        response = start_execution.handler({"Records": [held]}, CONTEXT)
    assert response == {"batchItemFailures": []}
    assert calls == [
        {
            "QueueUrl": start_execution.SETTINGS.queue_url,
            "MessageBody": held["body"],
            "DelaySeconds": 30,
            "MessageAttributes": {
                "word": {"DataType": "String", "StringValue": "a"},
                "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
            },
            "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
        }
    ]
    assert account.items() == {}
    assert executions() == []
    assert "no workflow is live" in caplog.text


def test_a_held_upload_starts_once_a_workflow_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_execution, "SETTINGS", replace(start_execution.SETTINGS, hold_seconds=0))
    set_live("none")
    body: Any = uploaded("p/u.jpg")
    for _ in range(6):
        assert deliver(body) == []
        received = client("sqs").receive_message(
            QueueUrl=start_execution.SETTINGS.queue_url, MessageSystemAttributeNames=["All"]
        )["Messages"]
        assert [each["Attributes"]["ApproximateReceiveCount"] for each in received] == ["1"]
        body = received[0]["Body"]
    set_live("v4")
    assert deliver(body) == []
    assert len(executions()) == 1


def test_a_message_that_cannot_be_held_fails() -> None:
    set_live("none")
    with answering("SendMessage", error("ServiceUnavailable", "SendMessage", 503)):
        assert deliver(uploaded("p/u.jpg")) == [0]


# A split


def test_a_split_sends_each_upload_the_same_way_each_time() -> None:
    set_live("v3=1 v4=1")
    events = [uploaded(f"p/{number}.jpg") for number in range(12)]
    assert deliver(*events) == []
    first = {name: {each["detail"]["ID"] for each in executions(name)} for name in WORKFLOWS}
    assert first["v3"]
    assert first["v4"]
    assert first["v3"] | first["v4"] == {f"{number}.jpg" for number in range(12)}
    assert not first["v3"] & first["v4"]
    # Even when all that was recorded is lost.
    client("dynamodb").delete_table(TableName=TABLE)
    make_table()
    assert deliver(*events) == []
    assert {name: {each["detail"]["ID"] for each in executions(name)} for name in WORKFLOWS} == first


def test_the_clock_is_the_callers() -> None:
    upload("p/u.jpg")
    moment = datetime(2026, 5, 1, 14, 30, 1, 2345, tzinfo=UTC)
    live = LiveParameter(start_execution.SETTINGS.live_parameter)
    upload_event = UploadEvent(BUCKET, "p/u.jpg")
    assert start_execution.ingest(upload_event, start_execution.SETTINGS, live, now=lambda: moment)
    assert record_of("p/u.jpg")["receivedAt"] == "2026-05-01T14:30:01.002Z"


def test_a_failing_service_is_told_to_the_caller() -> None:
    upload("p/u.jpg")
    live = LiveParameter(start_execution.SETTINGS.live_parameter)
    with (
        answering("StartExecution", error("ThrottlingException", "StartExecution")),
        pytest.raises(ClientError, match="ThrottlingException"),
    ):
        start_execution.ingest(UploadEvent(BUCKET, "p/u.jpg"), start_execution.SETTINGS, live)
