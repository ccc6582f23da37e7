"""Avatars: an Express workflow, whose executions may run twice, and are known by their log alone."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from happypath.operations import executions, logs, reconcile
from happypath.operations.waiting import Watch
from happypath.project import usually_live
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.photos import drawn, sample
from tests.workflows.tasks import accepted, rejected

WORKFLOW = "avatar"


@pytest.fixture(autouse=True)
def _live(driver: Driver) -> None:
    driver.go_live(usually_live())


def avatar_key(driver: Driver, name: str = "me.jpg") -> str:
    return f"avatars/{driver.new_id('player')}/{name}"


def exists(driver: Driver, key: str) -> bool:
    """Whether any version of the object is there."""
    s3 = driver.installation.client("s3")
    page = s3.list_object_versions(Bucket=driver.upload_bucket, Prefix=key)
    return bool(page.get("Versions") or page.get("DeleteMarkers"))


def item(driver: Driver, key: str) -> dict[str, Any] | None:
    """What shows the newest avatar of the player of this key."""
    return driver.installation.photo("avatars", key.split("/")[1])


def uploaded(driver: Driver, body: bytes, key: str) -> Outcome:
    driver.upload(body, key)
    return driver.ended(key)


def test_an_accepted_avatar_is_a_small_square_that_the_players_item_shows(driver: Driver) -> None:
    key = avatar_key(driver)
    outcome = uploaded(driver, sample("mountains"), key)

    assert (outcome.status, outcome.record["workflow"]) == ("PROCESSED", WORKFLOW)
    (name,) = outcome.renditions
    with Image.open(io.BytesIO(outcome.renditions[name])) as thumbnail:
        assert (name, thumbnail.size) == ("avatar.jpg", (128, 128))
    shown = item(driver, key)
    assert shown is not None
    assert (shown["key"], shown["type"]) == (key, "avatar")
    assert shown["avatarURL"].endswith(f"/{key}/avatar.jpg")
    assert exists(driver, key)
    # What a workflow writes starts nothing.
    assert driver.executions_of(f"{key}/avatar.jpg") == []


def test_a_refused_avatar_is_gone_for_good_and_its_record_says_why(driver: Driver) -> None:
    key = avatar_key(driver)
    outcome = uploaded(driver, sample("wine"), key)

    assert (outcome.status, outcome.reason) == ("REJECTED", "FAILED_MODERATION")
    assert not exists(driver, key)
    assert item(driver, key) is None
    assert not outcome.is_published
    # It stays what it is when all events are handled.
    wait_until(driver.all_events_are_handled, "all events are handled")
    assert driver.outcome(key).status == "REJECTED"


def test_other_uploads_of_the_same_bucket_go_where_they_went(driver: Driver) -> None:
    key = driver.new_key("the-park", "avatars.jpg")
    outcome = uploaded(driver, sample("mountains"), key)

    assert outcome.record["workflow"] != WORKFLOW
    assert set(outcome.renditions) == {"tile.jpg", "scaled.jpg"}


def start_again(driver: Driver, outcome: Outcome) -> str:
    """Starts an execution of the same name and input, as Step Functions may, and StartExecution too."""
    arn = outcome.record["executionArn"]
    described = executions.describe(driver.installation, arn)
    assert described is not None
    started = driver.installation.client("stepfunctions").start_execution(
        stateMachineArn=executions.machine_of(arn), name=described.name, input=described.input
    )
    return str(started["executionArn"])


def ends(driver: Driver, arn: str) -> executions.Execution:
    wait_until(lambda: driver.installation.execution_ended(arn), f"{arn} ends")
    found = executions.describe(driver.installation, arn)
    assert found is not None
    return found


@pytest.mark.parametrize("body", [sample("mountains"), sample("wine")], ids=["accepted", "refused"])
def test_two_runs_at_once_have_one_result(driver: Driver, body: bytes) -> None:
    """The same input, twice at once: no step of one minds that the other has done it, or is doing it."""
    row = accepted(WORKFLOW) if body == sample("mountains") else rejected(WORKFLOW)
    key = driver.new_key_of(WORKFLOW, row)
    detail = driver.put_by_hand("", body, key)
    name = f"twice-{driver.new_id()}"
    machine = f"arn:aws:states:us-east-1:123456789012:stateMachine:{driver.sandbox.prefix}-{WORKFLOW}"
    driver.installation.client("dynamodb").put_item(
        TableName=driver.installation.core["Table"],
        Item={
            each: {"S": value}
            for each, value in {
                "PK": "workflow",
                "SK": key,
                "objStatus": "RECEIVED",
                "executionArn": executions.arn_of(machine, name),
                "receivedAt": "2026-05-01T12:00:00.000Z",
                "placeId": "avatars",
                "bucket": detail["bucket"],
                "key": key,
                "version": detail["version"],
            }.items()
        },
    )
    stepfunctions = driver.installation.client("stepfunctions")

    def start(_: int) -> str:
        given = json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": detail})
        started = stepfunctions.start_execution(stateMachineArn=machine, name=name, input=given)
        return str(started["executionArn"])

    # Both wait for their first function, and so go side by side.
    with driver.sandbox.faults(f"state:{WORKFLOW}/Moderator=delay:0.3"), ThreadPoolExecutor(2) as pool:
        arns = list(pool.map(start, range(2)))
        statuses = [ends(driver, arn).status for arn in arns]

    assert len(set(arns)) == 2
    record = driver.installation.record(key)
    assert record is not None
    published = driver.published(key)
    if body == sample("mountains"):
        assert statuses == ["SUCCEEDED", "SUCCEEDED"]
        assert record["objStatus"] == "PROCESSED"
        assert set(published.renditions) == {"avatar.jpg"}
        assert published.photo is not None
        assert published.photo["key"] == key
    else:
        assert "SUCCEEDED" in statuses
        assert (record["objStatus"], record["reason"]) == ("REJECTED", "FAILED_MODERATION")
        assert (published.photo, published.renditions) == (None, {})
        versions = driver.installation.client("s3").list_object_versions(Bucket=detail["bucket"], Prefix=key)
        assert "Versions" not in versions
        assert "DeleteMarkers" not in versions


@pytest.mark.parametrize("body", [sample("mountains"), sample("wine")], ids=["accepted", "refused"])
def test_a_run_that_comes_much_later_changes_nothing(driver: Driver, body: bytes) -> None:
    key = avatar_key(driver)
    before = uploaded(driver, body, key)
    shown = item(driver, key)
    ends(driver, start_again(driver, before))

    after = driver.outcome(key)
    assert after.record == before.record
    assert (after.renditions, item(driver, key)) == (before.renditions, shown)


def test_an_event_that_comes_twice_has_one_result(driver: Driver) -> None:
    """Its message is received again while the execution runs: ingest starts another one of that name."""
    key = avatar_key(driver)
    with driver.sandbox.faults("event:upload=duplicate", f"state:{WORKFLOW}/Moderator=delay:0.5"):
        driver.upload(sample("mountains"), key)
        outcome = driver.ended(key)
        wait_until(driver.all_events_are_handled, "all events are handled")
    arns = driver.executions_of(key)
    for arn in arns:
        ends(driver, arn)
    assert 1 <= len(arns) <= 2
    assert driver.outcome(key).status == outcome.status == "PROCESSED"
    assert set(outcome.renditions) == {"avatar.jpg"}


def test_a_newer_avatar_takes_the_players_item_and_the_older_stays_a_record(driver: Driver) -> None:
    first = avatar_key(driver, "a.jpg")
    second = first.replace("a.jpg", "b.jpg")
    uploaded(driver, drawn(), first)
    # S3 counts in seconds: of one second the greater key is the newer one.
    uploaded(driver, sample("mountains"), second)

    shown = item(driver, second)
    assert shown is not None
    assert shown["key"] == second
    assert driver.outcome(first).status == "PROCESSED"
    assert driver.published(first).photo is None


def test_a_deleted_avatar_is_no_longer_shown_and_one_that_is_not_shown_takes_nothing_along(
    driver: Driver,
) -> None:
    first = avatar_key(driver, "a.jpg")
    second = first.replace("a.jpg", "b.jpg")
    for key in (first, second):
        uploaded(driver, sample("mountains"), key)
    s3 = driver.installation.client("s3")

    def is_deleted(key: str) -> bool:
        record = driver.installation.record(key)
        bucket = driver.installation.core["DistributionBucket"]
        left = s3.list_objects_v2(Bucket=bucket, Prefix=f"{key}/").get("Contents")
        return record is not None and record["objStatus"] == "DELETED" and not left

    s3.delete_object(Bucket=driver.upload_bucket, Key=first)
    wait_until(lambda: is_deleted(first), "the older one is deleted")
    shown = item(driver, second)
    assert shown is not None
    assert shown["key"] == second
    s3.delete_object(Bucket=driver.upload_bucket, Key=second)
    wait_until(lambda: is_deleted(second), "the newer one is deleted")
    assert item(driver, second) is None


def test_an_execution_is_found_by_its_name_its_record_and_in_lists(driver: Driver) -> None:
    key = avatar_key(driver)
    outcome = uploaded(driver, sample("mountains"), key)
    installation, arn = driver.installation, outcome.record["executionArn"]

    found = executions.find(installation, executions.name_of(arn))
    assert (found.status, found.detail["key"]) == ("SUCCEEDED", key)
    assert found.stopped is not None
    assert found.stopped > found.started
    assert [step.state for step in installation.steps(arn)] == list(outcome.path)
    listed = [each for each in installation.executions(WORKFLOW, "SUCCEEDED") if each["name"] == found.name]
    assert [each["status"] for each in listed] == ["SUCCEEDED"]
    assert [each for each in installation.executions(WORKFLOW, "FAILED") if each["name"] == found.name] == []
    assert executions.describe(installation, f"{arn}-not") is None
    assert installation.execution(f"{arn}-not") is None
    # Log lines of functions say the execution as the record does.
    lines = logs.of_upload(installation, outcome.record)
    assert {line.fields.get("executionArn") for line in lines} >= {arn}


def test_an_execution_that_recorded_nothing_is_found_and_run_again(driver: Driver) -> None:
    key = avatar_key(driver)
    # What no state catches.
    with driver.sandbox.faults(f"state:{WORKFLOW}/Moderator=raise:States.Runtime@1"):
        driver.upload(sample("mountains"), key)
        wait_until(lambda: driver.installation.record(key) is not None, "it is claimed")
        record = driver.installation.record(key)
        assert record is not None
        wait_until(lambda: driver.installation.execution_ended(record["executionArn"]), "it ends")
    clock = iter([0.0, 100.0, 200.0])
    look = Watch(driver.installation, key, lambda: next(clock)).look()
    assert look.unrecorded is not None
    assert (look.unrecorded.status, look.unrecorded.error) == ("FAILED", "States.Runtime")
    until = datetime.now(UTC) + timedelta(minutes=1)
    (open_,) = [each for each in reconcile.find(driver.installation, until) if each.key == key]
    assert open_.state is reconcile.State.NOT_RECORDED
    assert reconcile.fix(driver.installation, open_)
    wait_until(lambda: driver.outcome(key).status == "PROCESSED", "it is run again")
    assert driver.ended(key).record["attempt"] == 2
