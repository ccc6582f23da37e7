"""`happypath reconcile`: it lists every upload without an outcome, and no other, and can have them run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.upload import DRY_RUN
from happypath.operations import objects, reconcile
from happypath.operations.installation import Execution, NotDeployedError
from happypath.operations.reconcile import OpenUpload, State, find, fix
from tests.operations.conftest import Command, Offline

SOON = timedelta(hours=1)


def open_uploads(installation: Offline, until: datetime | None = None) -> dict[str, State]:
    """The state of each open upload, by its key."""
    found = list(find(installation, until or datetime.now(UTC) + SOON))
    assert len({upload.key for upload in found}) == len(found)
    return {upload.key: upload.state for upload in found}


# What is open


def test_an_empty_installation_has_nothing_open(installation: Offline) -> None:
    assert open_uploads(installation) == {}


@pytest.mark.parametrize("status", ["PROCESSED", "REJECTED", "FAILED"])
def test_an_upload_with_an_outcome_is_closed(installation: Offline, status: str) -> None:
    installation.put_record("u", status, version=installation.put_photo("p/u.jpg"))
    assert open_uploads(installation) == {}


# Deletions


def make_deletions(installation: Offline) -> None:
    installation.client("stepfunctions").create_state_machine(
        name="happypath-deletion",
        definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/deletion",
    )


def deletions_started(installation: Offline) -> list[Any]:
    """The inputs of the deletions that were started."""
    client = installation.client("stepfunctions")
    listed = client.list_executions(stateMachineArn=installation.deletions())["executions"]
    found = [client.describe_execution(executionArn=each["executionArn"])["input"] for each in listed]
    return [json.loads(each) for each in found]


def test_what_is_published_without_an_object_is_open_and_put_right_by_a_deletion(
    installation: Offline,
) -> None:
    # In the order of their bytes, in which S3 and the table list: some there, some gone.
    for name in ("a", "b", "z", "é", "\U0001f600"):
        installation.put_record(name, "PROCESSED", version=installation.put_photo(f"p/{name}.jpg"))
    for name in ("a", "é"):
        installation.client("s3").delete_object(Bucket="uploads", Key=f"p/{name}.jpg")
    assert open_uploads(installation) == {"p/a.jpg": State.NOT_DELETED, "p/é.jpg": State.NOT_DELETED}
    make_deletions(installation)
    for upload in find(installation, datetime.now(UTC) + SOON):
        assert fix(installation, upload)
    assert {each["detail"]["object"]["key"] for each in deletions_started(installation)} == {
        "p/a.jpg",
        "p/é.jpg",
    }
    assert installation.sent() == []


def test_the_command_says_what_was_started(installation: Offline, happypath: Command) -> None:
    installation.put_record("gone", "PROCESSED", version="v1")
    installation.put_photo("p/new.jpg")
    make_deletions(installation)
    lines = happypath("reconcile", "--older-than", "0s", "--fix").output.splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in lines] == [
        ("NOT_DELETED", "deletion"),
        ("NO_RECORD", "queue"),
    ]


@pytest.mark.parametrize("status", ["REJECTED", "FAILED", "DELETED"])
def test_what_shows_nothing_may_be_gone(installation: Offline, status: str) -> None:
    installation.put_record("u", status, version="v1")
    assert open_uploads(installation) == {}


def test_a_deletion_that_is_over_and_not_done_is_open_until_it_is(installation: Offline) -> None:
    deletion = installation.start("deletion")
    installation.put_record("u", "DELETED", version="v1", deletion=deletion)
    assert open_uploads(installation) == {}
    installation.stop(deletion)
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    assert (upload.state, upload.execution_arn) == (State.UNFINISHED_DELETION, deletion)
    make_deletions(installation)
    assert fix(installation, upload)
    assert deletions_started(installation) == [
        {"detail": {"bucket": {"name": "uploads"}, "object": {"key": "p/u.jpg"}}, "unfinished": deletion}
    ]


def test_an_object_that_is_there_again_is_open(installation: Offline) -> None:
    installation.put_record("u", "DELETED", version=installation.put_photo("p/u.jpg"))
    assert open_uploads(installation) == {"p/u.jpg": State.NOT_RESTORED}


def test_without_the_stack_of_deletions_it_says_what_to_deploy(installation: Offline) -> None:
    installation.put_record("u", "PROCESSED", version="v1")
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    with pytest.raises(NotDeployedError, match="happypath deploy deletion"):
        fix(installation, upload)


def test_a_restored_version_is_run_again_as_restored(installation: Offline) -> None:
    version = installation.put_photo("p/u.jpg")
    installation.put_record("u", "RECEIVED", version=version, restored="deletion-1")
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    assert fix(installation, upload)
    (sent,) = installation.sent()
    assert (sent.version_id, sent.restored) == (version, "deletion-1")


# Uploads


def test_an_upload_of_which_the_table_knows_nothing_is_open(installation: Offline) -> None:
    version = installation.put_photo("p/é +%20.jpg")
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    assert (upload.state, upload.key, upload.version) == (State.NO_RECORD, "p/é +%20.jpg", version)


def test_a_newer_version_without_a_record_is_open(installation: Offline) -> None:
    installation.put_record("u", "PROCESSED", version=installation.put_photo("p/u.jpg", b"old"))
    newer = installation.put_photo("p/u.jpg", b"new")
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    assert (upload.state, upload.version, upload.attempt) == (State.OLDER_RECORD, newer, 1)


def test_a_claim_is_open_until_its_outcome(installation: Offline) -> None:
    version = installation.put_photo("p/u.jpg")
    installation.put_record("u", "RECEIVED", version=version, attempt="2")
    (upload,) = find(installation, datetime.now(UTC))
    assert (upload.state, upload.attempt) == (State.NOT_STARTED, 2)
    execution = installation.start("u")
    (upload,) = find(installation, datetime.now(UTC))
    assert upload.state is State.RUNNING
    installation.stop(execution)
    (upload,) = find(installation, datetime.now(UTC))
    assert (upload.state, upload.version, upload.attempt) == (State.NOT_RECORDED, version, 3)
    assert upload.execution_arn == execution


def test_a_claim_is_open_even_when_its_photo_is_gone(installation: Offline) -> None:
    installation.put_record("u", "RECEIVED", version="v1")
    assert open_uploads(installation) == {"p/u.jpg": State.NOT_STARTED}


def test_an_outcome_that_comes_while_one_looks_counts(
    installation: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.put_record("u", "RECEIVED")
    installation.put_record("v", "RECEIVED")

    def just_ended(execution_arn: str, _: object) -> Execution:
        name = execution_arn.rpartition(":")[2]
        if name == "u":
            installation.put_record("u", "PROCESSED")
        else:
            # A newer upload took the record over.
            installation.put_record("v", "RECEIVED", executionArn="another")
        return Execution("SUCCEEDED")

    monkeypatch.setattr(installation, "execution", just_ended)
    assert open_uploads(installation) == {}


def test_what_is_in_time_is_left_out(installation: Offline) -> None:
    installation.put_photo("p/photo.jpg")
    installation.put_record("claimed", "RECEIVED", receivedAt="2026-05-01T12:00:00.001Z")
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert open_uploads(installation, noon) == {}
    assert open_uploads(installation, noon + timedelta(seconds=1)) == {"p/claimed.jpg": State.NOT_STARTED}
    assert set(open_uploads(installation)) == {"p/claimed.jpg", "p/photo.jpg"}


def test_what_was_deleted_or_replaced_needs_no_outcome(installation: Offline) -> None:
    installation.put_photo("p/deleted.jpg")
    installation.client("s3").delete_object(Bucket="uploads", Key="p/deleted.jpg")
    installation.put_photo("p/u.jpg", b"old")
    installation.put_record("u", "PROCESSED", version=installation.put_photo("p/u.jpg", b"new"))
    assert open_uploads(installation) == {}


def test_what_is_replaced_while_one_looks_needs_no_outcome(installation: Offline) -> None:
    installation.put_photo("p/u.jpg", b"old")
    (listed,) = objects.current_objects(installation, datetime.now(UTC) + SOON)
    installation.put_record("u", "PROCESSED", version=installation.put_photo("p/u.jpg", b"new"))
    assert list(reconcile._without_record(installation, [listed])) == []


def test_without_versions_a_record_is_of_its_object(installation: Offline) -> None:
    installation.client("s3").create_bucket(Bucket="plain")
    installation.core["UploadBucket"] = "plain"
    for name in ("known", "unknown"):
        installation.client("s3").put_object(Bucket="plain", Key=f"p/{name}.jpg", Body=b"photo")
    installation.put_record("known", "PROCESSED", bucket="plain")
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    assert (upload.key, upload.version) == ("p/unknown.jpg", None)


def test_however_alike_two_keys_are_each_needs_an_outcome(installation: Offline) -> None:
    keys = ["p/u", "p/u.CR2", "p/u.JPG", "p/u.jpg", "p/u.jpg.xmp", "q/u.jpg", "u", "u.jpg"]
    versions = {key: installation.put_photo(key) for key in keys}
    while keys:
        assert open_uploads(installation) == dict.fromkeys(keys, State.NO_RECORD)
        key = keys.pop()
        installation.put_record("", "PROCESSED", key=key, version=versions[key])
    assert open_uploads(installation) == {}


@pytest.mark.parametrize("key", ["picnic.jpg", "a/b/", "place/", "workflow/u.jpg", "x" * 1024])
def test_a_key_that_no_workflow_can_use_has_its_outcome_when_it_is_refused(
    installation: Offline, key: str
) -> None:
    version = installation.put_photo(key)
    assert open_uploads(installation) == {key: State.NO_RECORD}
    installation.put_record("", "REJECTED", key=key, reason="INVALID_KEY", version=version)
    # Again, under the same key: there is one refusal for all versions.
    installation.put_photo(key, b"again")
    assert open_uploads(installation) == {}


def test_a_photo_that_is_compared_is_no_upload(installation: Offline) -> None:
    # `happypath compare` keeps it while it looks at it, and no event of it starts a run.
    installation.put_photo(f"{DRY_RUN}/photo.jpg")
    assert open_uploads(installation) == {}


# Records of the time when ids had no extensions


def test_a_former_record_counts_as_long_as_its_object_has_no_other(installation: Offline) -> None:
    versions = {key: installation.put_photo(key) for key in ("p/u.jpg", "q/u.jpg", "p/v.jpg", "w.jpg")}
    installation.put_record("u", "PROCESSED", SK="u", version=versions["p/u.jpg"])
    # Another place's upload had taken the id.
    installation.put_record("u", "REJECTED", SK="q/u", key="q/u.jpg", version=versions["q/u.jpg"])
    installation.put_record("", "REJECTED", SK="/w.jpg", key="w.jpg", reason="INVALID_KEY")
    # A RAW file had taken the record of the photo.
    installation.put_record("v", "REJECTED", SK="v", key="p/v.CR2", version="v1")
    assert open_uploads(installation) == {"p/v.jpg": State.NO_RECORD}
    newer = installation.put_photo("p/u.jpg", b"newer")
    assert open_uploads(installation) == {"p/u.jpg": State.OLDER_RECORD, "p/v.jpg": State.NO_RECORD}
    installation.put_record("u", "PROCESSED", version=newer)
    assert open_uploads(installation) == {"p/v.jpg": State.NO_RECORD}


def test_a_former_claim_is_open_until_its_object_has_a_record_of_its_own(installation: Offline) -> None:
    version = installation.put_photo("p/u.jpg")
    installation.put_record("u", "RECEIVED", SK="u", version=version)
    installation.stop(installation.start("u"))
    (upload,) = find(installation, datetime.now(UTC) + SOON)
    assert (upload.state, upload.key, upload.attempt) == (State.NOT_RECORDED, "p/u.jpg", 2)
    installation.put_record("u", "PROCESSED", version=version, attempt="2")
    assert open_uploads(installation) == {}


@pytest.mark.slow
def test_hundreds_of_former_records_are_found(installation: Offline) -> None:
    for number in range(130):
        version = installation.put_photo(f"p/{number}.jpg")
        installation.put_record("", "PROCESSED", SK=f"{number}", key=f"p/{number}.jpg", version=version)
    assert open_uploads(installation) == {}


# Any number


@pytest.mark.slow
def test_it_goes_through_pages_of_objects(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "40")
    for number in range(130):
        version = installation.put_photo(f"p/{number:03}.jpg")
        if number % 10:
            installation.put_record(f"{number:03}", "PROCESSED", version=version)
    looked: list[int] = []
    found = [upload.key for upload in find(installation, datetime.now(UTC) + SOON, looked.append)]
    assert found == [f"p/{number:03}.jpg" for number in range(0, 130, 10)]
    # 117 records, in one page, and batches of objects.
    assert looked == [117, 100, 30]


def test_it_goes_through_pages_of_records(installation: Offline) -> None:
    # A page of DynamoDB holds a megabyte.
    for number in range(8):
        installation.put_record(f"{number}", "RECEIVED", detail="x" * 300_000)
    looked: list[int] = []
    assert len(list(find(installation, datetime.now(UTC), looked.append))) == 8
    assert sum(looked) == 8
    assert len(looked) > 1


@pytest.mark.slow
def test_it_looks_no_further_than_it_is_asked(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "100")
    for number in range(210):
        installation.put_photo(f"p/{number:03}.jpg")
    looked: list[int] = []
    next(find(installation, datetime.now(UTC) + SOON, looked.append))
    assert looked == [0, 100]


def slow(give: Callable[..., Any], at_once: int) -> Callable[..., Any]:
    """A BatchGetItem that gives only so many items at once, and at times none."""
    calls = []

    def batch_get_item(RequestItems: dict[str, Any]) -> Any:  # noqa: N803  # boto3's own name
        calls.append(RequestItems)
        ((table, request),) = RequestItems.items()
        keys = request["Keys"]
        now, later = (keys[:at_once], keys[at_once:]) if len(calls) % 2 else ([], keys)
        answer = give(RequestItems={table: {**request, "Keys": now}}) if now else {"Responses": {}}
        return {**answer, "UnprocessedKeys": {table: {**request, "Keys": later}} if later else {}}

    return batch_get_item


def test_it_asks_again_for_what_dynamodb_left_out(
    installation: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits_s: list[float] = []
    monkeypatch.setattr("happypath.operations.records.time.sleep", waits_s.append)
    for number in range(20):
        installation.put_record(f"{number}", "PROCESSED", version=installation.put_photo(f"p/{number}.jpg"))
    dynamodb = installation.client("dynamodb")
    monkeypatch.setattr(dynamodb, "batch_get_item", slow(dynamodb.batch_get_item, at_once=6))
    assert open_uploads(installation) == {}
    assert waits_s == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]


# What is done about it


def test_an_open_upload_is_sent_to_be_run_unless_it_is_running(installation: Offline) -> None:
    def upload(state: State, version: str | None, attempt: int) -> OpenUpload:
        return OpenUpload(state, "uploads", "p/ü+.jpg", version, datetime.now(UTC), attempt)

    assert fix(installation, upload(State.NO_RECORD, "v1", 1))
    assert fix(installation, upload(State.NOT_RECORDED, None, 3))
    assert not fix(installation, upload(State.RUNNING, "v1", 1))
    sent = installation.sent()
    assert [(each.key, each.version_id, each.attempt) for each in sent] == [
        ("p/ü+.jpg", "v1", 1),
        ("p/ü+.jpg", None, 3),
    ]


def test_the_command_lists_and_its_status_says_whether_there_was_anything(
    installation: Offline, happypath: Command
) -> None:
    nothing = happypath("reconcile")
    assert (nothing.status, nothing.output) == (0, "")
    assert "open uploads: 0." in nothing.notices
    installation.put_record("u", "RECEIVED")
    execution = installation.start("running")
    installation.put_record("running", "RECEIVED", executionArn=execution)
    listed = happypath("reconcile", "--older-than", "1d")
    assert listed.status == 1
    assert [line.split()[0::3] for line in sorted(listed.output.splitlines())] == [
        ["NOT_STARTED", "p/u.jpg"],
        ["RUNNING", "p/running.jpg"],
    ]
    assert "open uploads: 2." in listed.notices
    assert installation.sent() == []


def test_the_command_can_have_them_run(installation: Offline, happypath: Command) -> None:
    installation.put_record("u", "RECEIVED")
    installation.put_record("running", "RECEIVED", executionArn=installation.start("running"))
    fixed = happypath("reconcile", "--fix", "--json")
    assert fixed.status == 1
    assert {each["key"]: (each["state"], each["sent"]) for each in json.loads(fixed.output)} == {
        "p/u.jpg": ("NOT_STARTED", True),
        "p/running.jpg": ("RUNNING", False),
    }
    assert [upload_event.key for upload_event in installation.sent()] == ["p/u.jpg"]
    assert json.loads(happypath("reconcile", "--json", "--older-than", "9999d").output) == []


def test_while_none_is_live_there_is_nothing_to_fix(installation: Offline, happypath: Command) -> None:
    installation.put_record("u", "RECEIVED")
    installation.set_live("none")
    refused = happypath("reconcile", "--fix")
    assert (refused.status, refused.output) == (2, "")
    assert "happypath live" in refused.notices
    assert happypath("reconcile").status == 1
    assert installation.sent() == []


def test_what_is_to_wait_is_not_sent_again(installation: Offline, happypath: Command) -> None:
    installation.put_record("u", "RECEIVED")
    installation.put_photo("held/photo.jpg")
    installation.set_live("v4 held/=none")
    fixed = happypath("reconcile", "--fix", "--older-than", "0s", "--json")
    assert {each["key"]: each["sent"] for each in json.loads(fixed.output)} == {
        "p/u.jpg": True,
        "held/photo.jpg": False,
    }
    assert [upload_event.key for upload_event in installation.sent()] == ["p/u.jpg"]


@pytest.mark.parametrize("time", ["", "15", "m", "-1m", "1.5h", "15 m", "99999d", "1w"])
def test_a_senseless_time_is_refused(happypath: Command, time: str) -> None:
    run = happypath("reconcile", f"--older-than={time}")
    assert (run.status, run.output) == (2, "")
    assert "15m" in run.notices
