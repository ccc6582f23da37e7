"""An installation of the time when ids had no extensions (docs/deploying.md): nothing published is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from functions.ingest.record import utc_now
from functions.upload import without_extension
from happypath.operations import reconcile
from happypath.operations.records import find
from happypath.operations.redrive import Sent, run_again
from tests.workflows.driver import Driver, wait_until
from tests.workflows.photos import drawn
from tests.workflows.test_photos import check_published

PLACE = "the-park"


@pytest.fixture(autouse=True, scope="module")
def _v1_is_live(driver: Driver) -> None:
    driver.go_live("v1")


@dataclass(frozen=True)
class Former:
    """An upload as it was recorded and published then."""

    driver: Driver
    key: str
    # Whether another place's upload had the id already.
    taken: bool = False

    @property
    def id(self) -> str:
        return without_extension(self.key.partition("/")[2])

    @property
    def sort_key(self) -> str:
        return f"{PLACE}/{self.id}" if self.taken else self.id

    def is_untouched(self) -> bool:
        """Whether its photo is listed and its files lie where they lay then."""
        photo = self.driver.installation.photo(PLACE, self.id)
        return photo is not None and photo["tileURL"] == self._address("tile") and self._files() == _FILES

    def _address(self, rendition: str) -> str:
        return f"https://photos.example.com/{PLACE}/{self.id}-{rendition}.jpg"

    def _files(self) -> dict[str, bytes]:
        s3, bucket = (
            self.driver.installation.client("s3"),
            self.driver.installation.core["DistributionBucket"],
        )
        return {
            name: s3.get_object(Bucket=bucket, Key=f"{PLACE}/{self.id}-{name}.jpg")["Body"].read()
            for name in _FILES
        }

    def record(self, status: str, **attributes: Any) -> None:
        """Puts its object, of which no event tells, and its record."""
        version = self.driver.put_quietly(self.key, drawn("JPEG", 900, 850))
        arn = f"arn:aws:states:us-east-1:123456789012:execution:happypath-v1:{self.id}"
        known = {
            "PK": "workflow",
            "SK": self.sort_key,
            "placeId": PLACE,
            "objStatus": status,
            "workflow": "v1",
            "executionArn": arn,
            "bucket": self.driver.upload_bucket,
            "key": self.key,
            "version": version,
            "receivedAt": "2026-05-01T12:00:00.000Z",
        }
        self._put({**known, **attributes})

    def publish(self) -> None:
        """Puts its photo item and its files."""
        urls = {f"{name}URL": self._address(name) for name in _FILES}
        self._put({"PK": PLACE, "SK": self.id, "type": "photo", **urls})
        for name, body in _FILES.items():
            self.driver.installation.client("s3").put_object(
                Bucket=self.driver.installation.core["DistributionBucket"],
                Key=f"{PLACE}/{self.id}-{name}.jpg",
                Body=body,
            )

    def _put(self, item: dict[str, str]) -> None:
        self.driver.installation.client("dynamodb").put_item(
            TableName=self.driver.installation.core["Table"],
            Item={name: {"S": value} for name, value in item.items()},
        )

    def open(self) -> list[reconcile.OpenUpload]:
        """What `reconcile` says of it."""
        found = reconcile.find(self.driver.installation, utc_now())
        return [each for each in found if each.key == self.key]


_FILES = {"tile": b"the tile of then", "scaled": b"the scaled photo of then"}


@pytest.fixture(params=[False, True], ids=["id", "place and id"])
def former(driver: Driver, request: pytest.FixtureRequest) -> Former:
    return Former(driver, driver.new_key(PLACE), taken=request.param)


def test_what_was_published_stays_and_is_found(former: Former) -> None:
    former.record("PROCESSED")
    former.publish()
    assert former.open() == []
    for name in (former.key, former.id, former.key.partition("/")[2]):
        assert find(former.driver.installation, name)["key"] == former.key
    assert former.is_untouched()


def test_uploaded_again_it_is_published_beside_what_was(former: Former) -> None:
    former.record("PROCESSED")
    former.publish()
    former.driver.upload(drawn("JPEG", 950, 900), former.key)
    check_published(former.driver.ended(former.key))
    assert former.is_untouched()
    assert former.open() == []
    assert find(former.driver.installation, former.id)["objStatus"] == "PROCESSED"


def test_what_failed_then_can_be_run_again(former: Former) -> None:
    former.record("FAILED", reason="KeyError")
    assert list(run_again(former.driver.installation, [former.key])) == [Sent(former.key, attempt=2)]
    outcome = former.driver.ended(former.key)
    check_published(outcome)
    assert outcome.record["attempt"] == 2
    assert former.open() == []
    # Sent once more, as `redrive --failed` does, nothing comes of it.
    before = former.driver.outcome(former.key)
    former.driver.send(
        {
            "source": "custom.happyPath",
            "detail-type": "uploadComplete",
            "detail": {
                "bucket": before.record["bucket"],
                "key": former.key,
                "version": before.record["version"],
                "attempt": 2,
            },
        }
    )
    wait_until(former.driver.all_events_are_handled, "it is handled")
    assert former.driver.outcome(former.key) == before
    assert len(former.driver.executions_of(former.key)) == 1


def test_what_was_left_without_an_outcome_is_run_by_reconcile(former: Former) -> None:
    former.record("RECEIVED")
    (found,) = former.open()
    assert found.state is reconcile.State.NOT_STARTED
    assert reconcile.fix(former.driver.installation, found)
    check_published(former.driver.ended(former.key))
    assert former.open() == []


def test_what_another_upload_of_the_name_had_displaced_is_run_by_reconcile(former: Former) -> None:
    raw = replace(former, key=former.key.replace(".jpg", ".CR2"))
    raw.record("REJECTED", reason="UNSUPPORTED_TYPE")
    former.driver.put_quietly(former.key, drawn("JPEG", 900, 850))
    assert raw.open() == []
    (found,) = former.open()
    assert found.state is reconcile.State.NO_RECORD
    assert reconcile.fix(former.driver.installation, found)
    check_published(former.driver.ended(former.key))
    assert find(former.driver.installation, raw.key)["objStatus"] == "REJECTED"


def test_an_execution_on_its_way_ends_in_the_record_that_it_has(former: Former) -> None:
    driver = former.driver
    stepfunctions = driver.installation.client("stepfunctions")
    machine = driver.installation.state_machines()["v1"]
    former.record("RECEIVED")
    detail = {
        "bucket": driver.upload_bucket,
        "key": former.key,
        "placeId": PLACE,
        "ID": former.id,
        "record": former.sort_key,
    }
    arn = find(driver.installation, former.key)["executionArn"]
    stepfunctions.start_execution(
        stateMachineArn=machine, name=arn.rpartition(":")[2], input=json.dumps({"detail": detail})
    )
    wait_until(lambda: driver.installation.execution_ended(arn), "it ends")
    record = driver.installation.record(former.sort_key)
    assert record is not None
    assert record["objStatus"] == "PROCESSED"
    assert driver.installation.photo(PLACE, former.id) is not None
    assert former.open() == []
