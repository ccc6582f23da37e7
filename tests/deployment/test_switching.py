"""Versions come and go by the real SAM CLI while uploads keep coming, and none is lost."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from typing import Any

import pytest
from PIL import Image

from happypath.operations.installation import TERMINAL, Installation
from happypath.operations.waiting import wait
from tests.deployment.conftest import Command
from tests.statemachines.definitions import VERSIONS

pytestmark = [pytest.mark.sam, pytest.mark.timeout(600)]


def photo() -> bytes:
    body = io.BytesIO()
    Image.new("RGB", (900, 900), "teal").save(body, "JPEG")
    return body.getvalue()


class Uploader:
    """Uploads a photo every so many seconds while its `with` block lasts."""

    def __init__(self, installation: Installation, every_s: float) -> None:
        self._installation = installation
        self._every_s = every_s
        self._body = photo()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._upload)
        self.sent: list[str] = []

    def _upload(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due += self._every_s
            key = f"the-park/steady-{len(self.sent):05d}.jpg"
            self._installation.upload(self._body, key)
            self.sent.append(key)

    def __enter__(self) -> Uploader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def records(installation: Installation) -> dict[str, dict[str, Any]]:
    """Every workflow record, by key."""
    pages = (
        installation.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=installation.core["Table"],
            KeyConditionExpression="PK = :workflow",
            ExpressionAttributeValues={":workflow": {"S": "workflow"}},
        )
    )
    return {
        item["SK"]["S"]: {name: next(iter(value.values())) for name, value in item.items()}
        for page in pages
        for item in page["Items"]
    }


def wait_until_all_ended(installation: Installation, expected: int) -> dict[str, dict[str, Any]]:
    deadline = time.monotonic() + 180
    while True:
        found = records(installation)
        if sum(record["objStatus"] in TERMINAL for record in found.values()) >= expected:
            return found
        assert time.monotonic() < deadline, Counter(record["objStatus"] for record in found.values())
        time.sleep(1)


def test_no_upload_is_lost_from_nothing_to_the_newest_version_and_back(
    happypath: Command, installation: Installation
) -> None:
    happypath("deploy", "core", "--yes", "--parameter", "HoldSeconds=1")
    installation.put_place("the-park", "park", "The park")

    with Uploader(installation, every_s=0.2) as uploader:
        for version in VERSIONS:
            deployed = happypath("deploy", version, "--yes")
            assert f"Successfully created/updated stack - happypath-{version}" in deployed.stdout
            happypath("live", version)
            time.sleep(6)  # every warm instance knows
        newest, before = VERSIONS[-1], VERSIONS[-2]
        assert f"{newest} is live" in happypath("destroy", newest, "--yes", status=1).stderr
        happypath("live", "--back")
        assert (
            installation.client("ssm").get_parameter(Name="/happypath/live")["Parameter"]["Value"] == before
        )
        time.sleep(8)

    ended = wait_until_all_ended(installation, len(uploader.sent))
    assert sorted(ended) == uploader.sent
    assert {record["objStatus"] for record in ended.values()} == {"PROCESSED"}
    assert {record["workflow"] for record in ended.values()} == set(VERSIONS)
    assert ended[uploader.sent[-1]]["workflow"] == before

    # By exactly one version: each upload has one execution in all the state machines together.
    executions = Counter(each["executionArn"] for each in installation.executions(None, None))
    assert executions == Counter(record["executionArn"] for record in ended.values())
    for record in ended.values():
        assert f":happypath-{record['workflow']}:" in record["executionArn"]


def test_a_split_of_500_uploads_is_what_it_says(happypath: Command, installation: Installation) -> None:
    happypath("live", "v3=90", "v4=10")
    time.sleep(6)
    before = len(records(installation))
    body = photo()
    keys = [f"the-park/split-{number:03d}.jpg" for number in range(500)]
    for key in keys:
        installation.upload(body, key)

    ended = wait_until_all_ended(installation, before + len(keys))
    went = Counter(ended[key]["workflow"] for key in keys)
    assert set(went) == {"v3", "v4"}
    # The 99% interval of a binomial distribution with 500 trials of 0.1.
    assert 33 <= went["v4"] <= 68


def test_a_second_installation_fits_beside_it(happypath: Command, installation: Installation) -> None:
    happypath("deploy", "core", "--yes", "--prefix", "team-b", "--parameter", "HoldSeconds=1")
    happypath("deploy", "v1", "--yes", "--prefix", "team-b")
    happypath("live", "v1", "--prefix", "team-b")
    other = Installation(installation.client, "team-b")
    other.upload(photo(), "a-place/theirs.jpg")
    theirs = wait(other, "a-place/theirs.jpg", 60).record
    assert theirs is not None
    assert (theirs["objStatus"], theirs["workflow"]) == ("PROCESSED", "v1")
    assert installation.record("a-place/theirs.jpg") is None
    assert other.core.keys() == installation.core.keys()
    assert not set(other.core.values()) & set(installation.core.values())
