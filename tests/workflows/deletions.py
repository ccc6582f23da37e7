"""Uploads that are deleted: before, while and after they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from functions.catalogue.entries import write_part
from functions.catalogue.index import index
from functions.catalogue.tables import Tables
from functions.upload import Upload
from happypath.operations import reconcile
from tests.statemachines import filled
from tests.statemachines.definitions import is_lambda, tasks
from tests.workflows.driver import Driver, wait_until
from tests.workflows.photos import drawn
from tests.workflows.tasks import accepted


def tables(driver: Driver) -> Tables:
    """The catalogue of a driver's sandbox."""
    core = driver.installation.core
    return Tables(driver.installation.client("dynamodb"), core["CatalogueTable"], core["Table"])


def catalogue(driver: Driver, record: Mapping[str, Any]) -> None:
    """Has an upload found by a word, as if a run beside its own had looked at it."""
    place, _, upload_id = record["key"].partition("/")
    upload = Upload(record["bucket"], record["key"], place, upload_id, record["version"])
    write_part(tables(driver), upload, 0, [], "catalogued", workflow="v1", at=datetime.now(UTC), type="jpg")
    index(tables(driver), upload)


def items_of(driver: Driver, key: str) -> list[str]:
    """What the catalogue has of a key, each item's PK and SK in one."""
    pages = driver.installation.client("dynamodb").get_paginator("scan")
    return [
        f"{item['PK']['S']} {item['SK']['S']}"
        for page in pages.paginate(TableName=driver.installation.core["CatalogueTable"])
        for item in page["Items"]
        if key in {item.get("key", {}).get("S"), item["PK"]["S"].partition("#")[2]}
    ]


def publish(driver: Driver, key: str, body: bytes | None = None) -> dict[str, Any]:
    """Uploads a photo to a workflow that publishes any, and waits for its end."""
    driver.go_live("v1")
    driver.upload(drawn("JPEG", 90, 90) if body is None else body, key)
    return driver.ended_record(key)


@contextmanager
def about_to_publish(driver: Driver, workflow: str) -> Iterator[str]:
    """The key of an upload that its workflow accepted, which is published when the block is over."""
    row = accepted(workflow)
    driver.go_live(workflow)
    key = driver.new_key_of(workflow, row, f"running{row.suffix}")
    publishing = next(
        name
        for name, task in tasks(workflow).items()
        if is_lambda(task) and filled.handler(workflow, name) == "functions.publish.publish.handler"
    )
    with driver.sandbox.faults(f"state:{workflow}/{publishing}=delay:3600"):
        driver.upload(driver.picture(row), key)
        # Its renditions are what comes before.
        wait_until(lambda: bool(driver.published(key).renditions), f"{key} is about to be published")
        yield key


def wait_deleted(driver: Driver, key: str) -> dict[str, Any]:
    """Waits until all of a deleted upload is gone, and returns its record."""
    found: dict[str, Any] = {}

    def is_gone() -> bool:
        found.clear()
        found.update(driver.installation.record(key) or {})
        return found.get("objStatus") == "DELETED" and "deletion" not in found

    wait_until(is_gone, f"{key} is deleted")
    return found


def wait_idle(driver: Driver) -> None:
    """Waits until no deletion runs."""
    arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{driver.sandbox.prefix}-deletion"
    client = driver.installation.client("stepfunctions")

    def runs() -> bool:
        listed = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")
        return bool(listed["executions"])

    wait_until(lambda: not runs(), "every deletion has ended")


def end_all(driver: Driver) -> None:
    """Ends the deletions that could not end, so that no upload of their keys waits for ever."""
    wait_idle(driver)
    for upload in list(reconcile.find(driver.installation, datetime.now(UTC))):
        if upload.state is reconcile.State.UNFINISHED_DELETION:
            reconcile.fix(driver.installation, upload)
    wait_idle(driver)


def delete_all_the_ways(driver: Driver) -> None:
    """What comes to every call of the state machine; where one is denied, it goes on to nothing."""
    key = driver.new_key(name="deleted.jpg")
    catalogue(driver, publish(driver, key))
    marker = driver.delete(key)
    wait_idle(driver)
    driver.delete(key, VersionId=marker)
    with about_to_publish(driver, "v1") as running:
        driver.delete(running)


def publish_what_was_replaced(driver: Driver, workflow: str) -> None:
    """Publish looks at a version that is not the current one any longer."""
    with about_to_publish(driver, workflow) as key:
        driver.put_quietly(key, b"newer")
    driver.ended_record(key)


def publish_over(driver: Driver, workflow: str) -> None:
    """A photo is published over another one of its key."""
    driver.go_live(workflow)
    row = accepted(workflow)
    key = driver.new_key_of(workflow, row)
    driver.upload(driver.picture(row), key)
    driver.ended(key)
    # The same, so that it is accepted, too: it is another version.
    driver.upload(driver.picture(row), key)


def publish_what_is_gone(driver: Driver, workflow: str) -> None:
    """Publish finds no object, and nobody has told of the deletion."""
    with about_to_publish(driver, workflow) as key, driver.losing_events():
        driver.delete(key)
    driver.ended_record(key)
