"""Uploads end as the tables of expected outcomes say, in every workflow, by the path that they say."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, TypeAlias

import pytest
import requests
from PIL import Image

from functions.publish.distribution import media_type
from functions.upload import parse_key
from happypath.project import WORKFLOWS
from tests.outcomes import Row, rows
from tests.statemachines.definitions import tasks
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.tasks import publishes

# What is made of a photo where no rule says so.
USUAL: dict[str, Any] = {
    "tile": {"fit": "cover", "width_px": 400, "height_px": 400},
    "scaled": {"fit": "inside", "width_px": 600},
}


def rules_of(workflow: str, task: str) -> dict[str, Any]:
    """The rules of a task, none of one that the workflow has not."""
    state = tasks(workflow).get(task, {"Parameters": {"Payload": {}}})
    rules: dict[str, Any] = state["Parameters"]["Payload"].get("rules", {})
    return rules


# A workflow, and the number of a row in its table.
Case: TypeAlias = tuple[str, int]
CASES = [
    pytest.param((workflow, number), id=f"{workflow}-{row}")
    for workflow in WORKFLOWS
    for number, row in enumerate(rows(workflow))
]


@pytest.fixture(scope="module")
def keys(driver: Driver) -> dict[Case, str]:
    """All rows, uploaded to their workflows in turn; the uploads of one run while the next are made."""
    found: dict[Case, str] = {}

    def all_are_claimed() -> bool:
        return all(driver.installation.record(key) for key in found.values())

    for workflow in WORKFLOWS:
        driver.go_live(workflow)
        for number, row in enumerate(rows(workflow)):
            key = driver.new_key_of(workflow, row, f"{workflow}{row.suffix}")
            driver.upload(driver.picture(row), key)
            found[workflow, number] = key
        wait_until(all_are_claimed, "all are claimed")
    return found


@pytest.mark.parametrize("case", CASES)
def test_an_upload_ends_as_its_table_says(case: Case, keys: dict[Case, str], driver: Driver) -> None:
    workflow, number = case
    row, key = rows(workflow)[number], keys[case]
    outcome = driver.ended(key, row.review)

    check_outcome(outcome, workflow, row)
    assert set(outcome.attempts_unthrottled.values()) == {1}
    record = outcome.record
    place_id, _ = parse_key(key)
    assert (record["workflow"], record["placeId"], record["key"]) == (workflow, place_id, key)
    assert f":happypath-{workflow}:" in record["executionArn"]
    assert record["version"]
    assert record["receivedAt"] <= record["finishedAt"]


def check_outcome(outcome: Outcome, workflow: str, row: Row) -> None:
    """Whether an upload ended as its row says, by the path that it says, and is to be seen if it should."""
    assert (outcome.status, outcome.reason) == (row.status, row.reason), outcome.record
    assert outcome.execution == "SUCCEEDED"
    assert outcome.path == row.path
    assert outcome.record.get("detail", {}).items() >= row.detail.items()
    if row.reason or not publishes(workflow):
        assert not outcome.is_published
    else:
        assert "detail" not in outcome.record
        check_published(outcome)


def check_published(outcome: Outcome) -> None:
    """Whether the renditions are there that the workflow's rules say, in the size that they say."""
    workflow = outcome.record["workflow"]
    assert outcome.photo is not None
    assert outcome.photo["type"] == rules_of(workflow, "Publish").get("type", "photo")
    keys = outcome.record["renditions"]
    assert set(outcome.renditions) == {key.rpartition("/")[2] for key in keys.values()}
    if "Resizer" not in outcome.path:
        assert set(keys) >= {"redacted"}
    else:
        check_sizes(outcome, rules_of(workflow, "Resizer").get("renditions", USUAL))
    for name, key in keys.items():
        # The address that viewers get answers, with the headers of the template's policy.
        viewed = requests.get(outcome.photo[f"{name}URL"], timeout=30)
        assert viewed.content == outcome.renditions[key.rpartition("/")[2]]
        assert viewed.headers["Content-Type"] == media_type(key)
        if media_type(key).startswith("image/"):
            with Image.open(io.BytesIO(viewed.content)) as rendition:
                assert media_type(key) == Image.MIME[rendition.format or ""]
        assert viewed.headers["X-Content-Type-Options"] == "nosniff"


def check_sizes(outcome: Outcome, wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Whether the renditions are those that the rules want, in their sizes."""
    assert outcome.photo is not None
    assert set(outcome.renditions) == {f"{name}.jpg" for name in wanted}
    for name, rule in wanted.items():
        with Image.open(io.BytesIO(outcome.renditions[f"{name}.jpg"])) as rendition:
            assert rendition.format == "JPEG"
            width, height = rendition.size
        if rule["fit"] == "cover":
            assert (width, height) == (rule["width_px"], rule["height_px"])
        else:
            assert width == min(rule["width_px"], outcome.photo["width"])
