"""From the upload to the start of its execution: exactly once, whatever happens on the way."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any
from urllib.parse import quote_plus

import pytest

from happypath.operations.records import find
from tests.workflows.driver import Driver, named_in, readable_name, wait_until
from tests.workflows.photos import drawn, sample
from tests.workflows.test_photos import check_published


@pytest.fixture(autouse=True, scope="module")
def _v1_is_live(driver: Driver) -> None:
    driver.go_live("v1")


@pytest.fixture
def key(driver: Driver) -> str:
    return driver.new_key()


@pytest.fixture(scope="module")
def poison(driver: Driver) -> list[str]:
    """The ids of messages that no attempt can help, sent before the first test that asks for them."""
    return [driver.poison() for _ in range(3)]


def s3_event(driver: Driver, key: str, version_id: str, sequencer: str) -> dict[str, Any]:
    """What EventBridge delivers for an object of the upload bucket."""
    detail = {
        "bucket": {"name": driver.upload_bucket},
        "object": {"key": key, "version-id": version_id, "sequencer": sequencer},
    }
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def test_an_event_that_comes_twice_starts_one_execution(driver: Driver, key: str) -> None:
    with driver.sandbox.faults("event:upload=duplicate@1"):
        driver.upload(drawn("JPEG"), key)
        outcome = driver.ended(key)
        wait_until(driver.all_events_are_handled, "both events are handled")

    check_published(outcome)
    assert outcome.execution == "SUCCEEDED"
    assert len(driver.executions_of(key)) == 1


def test_an_event_that_comes_again_after_the_end_changes_nothing(driver: Driver, key: str) -> None:
    driver.upload(drawn("JPEG"), key)
    before = driver.ended(key)
    driver.send(s3_event(driver, key, before.record["version"], before.record["sequencer"]))
    wait_until(driver.all_events_are_handled, "the event is handled")

    assert driver.outcome(key) == before
    assert len(driver.executions_of(key)) == 1


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [(drawn("JPEG"), b"no photo", "REJECTED"), (b"no photo", drawn("JPEG"), "PROCESSED")],
    ids=["good-then-bad", "bad-then-good"],
)
def test_of_two_photos_under_one_key_the_newer_has_the_record(
    first: bytes, second: bytes, status: str, driver: Driver, key: str
) -> None:
    driver.upload(first, key)
    # Had both their events in the queue at once, the older might come second, and start nothing.
    wait_until(lambda: len(driver.executions_of(key)) == 1, "the first is started")
    driver.upload(second, key)
    newest = driver.installation.client("s3").head_object(Bucket=driver.upload_bucket, Key=key)["VersionId"]
    wait_until(lambda: len(driver.executions_of(key)) == 2, "both are started")
    executions = driver.executions_of(key)
    wait_until(lambda: all(map(driver.installation.execution_ended, executions)), "both end")
    outcome = driver.ended(key)

    assert outcome.record["version"] == newest
    assert outcome.status == status
    assert (outcome.photo is not None) == (status == "PROCESSED")


def test_a_slow_execution_leaves_the_photo_of_a_newer_upload_alone(driver: Driver, key: str) -> None:
    # As long as the block lasts.
    with driver.sandbox.faults("function:v1-Resize=delay:50@1"):
        driver.upload(drawn("JPEG", 900, 900), key)
        wait_until(lambda: driver.sandbox.faults.unmet() == [], "the first is delayed")
        driver.upload(sample("coffee"), key)
        wait_until(lambda: len(driver.executions_of(key)) == 2, "both are started")
        newer = driver.ended(key)
        executions = driver.executions_of(key)
        assert not all(map(driver.installation.execution_ended, executions))
    wait_until(lambda: all(map(driver.installation.execution_ended, executions)), "both end")

    assert driver.outcome(key) == newer
    check_published(newer)


def test_an_older_event_after_a_newer_upload_starts_nothing(driver: Driver, key: str) -> None:
    older = driver.put_quietly(key, b"no photo")
    driver.upload(drawn("JPEG"), key)
    before = driver.ended(key)
    driver.send(s3_event(driver, key, older, sequencer="0" * 15 + "1"))
    wait_until(driver.all_events_are_handled, "the event is handled")

    assert driver.outcome(key) == before
    assert len(driver.executions_of(key)) == 1


# Applications of the time when ids had no extensions name an upload without.
@pytest.mark.parametrize("extension", ["", ".jpg"])
def test_an_application_may_announce_its_upload_itself(driver: Driver, extension: str) -> None:
    key = driver.new_key(name="größer+.jpg")
    driver.upload(drawn("JPEG"), key)
    detail = {
        "bucket": driver.upload_bucket,
        "key": quote_plus(key, safe="/"),
        "placeId": "the-park",
        "ID": key.partition("/")[2].removesuffix(".jpg") + extension,
    }
    driver.installation.client("events").put_events(
        Entries=[{"Source": "custom.happyPath", "DetailType": "uploadComplete", "Detail": json.dumps(detail)}]
    )
    outcome = driver.ended(key)
    wait_until(driver.all_events_are_handled, "both events are handled")

    check_published(outcome)
    assert len(driver.executions_of(key)) == 1


@pytest.mark.parametrize(
    "rule",
    [
        # Nothing was done.
        "function:StartExecution=raise@1",
        "function:StartExecution=throttle@1",
        "function:StartExecution=kill@1",
        # All was done, and nobody heard of it.
        "function:StartExecution=timeout@1",
        "function:StartExecution=garbage@1",
        # The record was claimed, and no more: the SDK's own three attempts are not enough.
        "states:StartExecution=throttle@1-3",
        "dynamodb:PutItem=error@1-3",
    ],
)
def test_a_start_that_goes_wrong_is_made_again_and_once(rule: str, driver: Driver, key: str) -> None:
    with driver.sandbox.faults(rule):
        driver.upload(drawn("JPEG"), key)
        outcome = driver.ended(key)
        wait_until(driver.all_events_are_handled, "the message is handled")

    check_published(outcome)
    assert len(driver.executions_of(key)) == 1


@pytest.mark.parametrize("key", ["{}.jpg", "a//{}.jpg", "/{}.jpg", "workflow/{}.jpg", "{}/"])
def test_a_key_that_names_no_upload_is_a_recorded_refusal(key: str, driver: Driver) -> None:
    key = key.format(driver.new_id())
    driver.upload(drawn("JPEG"), key)
    outcome = driver.ended(key)

    assert (outcome.status, outcome.reason) == ("REJECTED", "INVALID_KEY")
    assert find(driver.installation, key) == outcome.record
    assert outcome.record["detail"]["key"] == key
    assert "executionArn" not in outcome.record
    assert not outcome.is_published


def test_a_hundred_uploads_wait_while_no_workflow_is_live_and_all_end_when_one_is(
    driver: Driver, poison: list[str]
) -> None:
    driver.go_live("none")
    photo = drawn("JPEG", 90, 90)
    keys = {driver.new_key() for _ in range(100)}
    for key in keys:
        driver.upload(photo, key)

    def held() -> set[str]:
        return {line["key"] for line in driver.start_execution_log("held: no workflow is live")}

    wait_until(lambda: held() >= keys, "all are held")
    assert not any(driver.installation.record(key) for key in keys)

    driver.go_live("v1")
    outcomes = [driver.ended(key) for key in sorted(keys)]
    assert {outcome.status for outcome in outcomes} == {"PROCESSED"}
    started = Counter(named_in(each["name"]) for each in driver.installation.executions("v1", None))
    assert {started[readable_name(key)] for key in keys} == {1}


def test_a_message_that_cannot_be_handled_ends_in_the_dead_letter_queue(
    driver: Driver, poison: list[str]
) -> None:
    wait_until(lambda: driver.dead_letters() >= set(poison), "all receives are used up")

    for message_id in poison:
        failures = driver.start_execution_log("the message failed", message_id)
        assert sorted(line["receiveCount"] for line in failures) == ["1", "2", "3", "4", "5"]
