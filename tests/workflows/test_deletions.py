"""What was published of an object goes with it, whenever it is deleted, and comes back with it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import happypath.cli.main  # noqa: F401  # it adds every command
from functions.catalogue.entries import generation
from functions.catalogue.search import search
from happypath.cli import options
from tests.outcomes import Row
from tests.workflows import comings_and_goings, deletions
from tests.workflows.driver import Driver, Published, wait_until
from tests.workflows.photos import drawn
from tests.workflows.pictures import answers
from tests.workflows.tasks import PUBLISHING

pytestmark = pytest.mark.timeout(300)
NOTHING = Published(None, {})


def is_published(driver: Driver, key: str, version: str | None = None) -> bool:
    record = driver.installation.record(key)
    shown = driver.published(key)
    return (
        record is not None
        and record["objStatus"] == "PROCESSED"
        and version in {None, record["version"]}
        and shown.photo is not None
        and len(shown.renditions) == 2
    )


def test_what_is_deleted_goes_and_comes_back_when_its_delete_marker_goes(driver: Driver) -> None:
    key = driver.new_key(name="gone & back.jpg")
    published = deletions.publish(driver, key)
    version = published["version"]
    deletions.catalogue(driver, published)
    assert len(deletions.items_of(driver, key)) > 3
    marker = driver.delete(key)
    record = deletions.wait_deleted(driver, key)

    assert driver.published(key) == NOTHING
    assert deletions.items_of(driver, key) == []
    assert record["deletedAt"] >= record["finishedAt"]
    driver.delete(key, VersionId=marker)
    wait_until(lambda: is_published(driver, key), "it is back")
    assert driver.outcome(key).record["version"] == version


def test_of_two_versions_the_older_is_shown_when_the_newer_is_deleted_for_good(driver: Driver) -> None:
    key = driver.new_key()
    older = deletions.publish(driver, key)
    driver.upload(drawn("JPEG", 90, 60), key)
    wait_until(lambda: driver.outcome(key).record["version"] != older["version"], "the newer is claimed")
    newer = driver.ended_record(key)
    driver.delete(key, VersionId=newer["version"])
    wait_until(lambda: is_published(driver, key, older["version"]), "the older is shown")
    assert driver.published(key).photo["height"] == 90  # type: ignore[index]  # it is there


@pytest.mark.parametrize("workflow", PUBLISHING)
def test_what_is_deleted_while_it_runs_is_never_published(driver: Driver, workflow: str) -> None:
    with deletions.about_to_publish(driver, workflow) as key:
        driver.delete(key)
        wait_until(lambda: driver.outcome(key).status == "DELETED", "its record says so")
    deletions.wait_idle(driver)

    assert (driver.ended(key).status, driver.published(key)) == ("DELETED", NOTHING)


@pytest.mark.parametrize("workflow", PUBLISHING)
def test_what_is_deleted_while_it_runs_is_not_published_if_nobody_tells(
    driver: Driver, workflow: str
) -> None:
    with deletions.about_to_publish(driver, workflow) as key, driver.losing_events():
        driver.delete(key)

    assert (driver.ended(key).status, driver.published(key)) == ("DELETED", NOTHING)
    assert "deletion" not in driver.outcome(key).record


def test_a_replaced_photo_whose_successor_is_refused_is_seen_no_longer(driver: Driver) -> None:
    key = driver.new_key()
    first = deletions.publish(driver, key)
    driver.upload(b"no photo", key)
    wait_until(lambda: driver.outcome(key).record["version"] != first["version"], "the newer is claimed")
    assert driver.ended(key).status == "REJECTED"
    deletions.wait_idle(driver)

    assert driver.published(key) == NOTHING
    assert "deletion" not in driver.outcome(key).record


def test_a_key_that_is_uploaded_again_while_it_is_deleted_waits_and_is_shown(driver: Driver) -> None:
    key = driver.new_key()
    deletions.publish(driver, key)
    with driver.sandbox.faults("state:deletion/Delete rendition=delay:3600"):
        driver.delete(key)
        wait_until(lambda: "deletion" in driver.outcome(key).record, "its record is locked")
        driver.upload(drawn("JPEG", 90, 60), key)
        held = "held: what was published under the key is being removed"
        wait_until(lambda: driver.start_execution_log(held, key) != [], "the newer waits")
        assert driver.outcome(key).status == "DELETED"
    wait_until(lambda: is_published(driver, key), "the newer is shown")


def test_a_refused_key_is_recorded_as_deleted_and_a_comparisons_photo_not_at_all(driver: Driver) -> None:
    key, dry = driver.new_id("no-folder.jpg"), f".dry-run/{driver.new_id()}/a.jpg"
    driver.upload(b"anything", key)
    driver.upload(b"anything", dry)
    assert driver.ended(key).reason == "INVALID_KEY"
    driver.delete(dry)
    driver.delete(key)
    deletions.wait_deleted(driver, key)

    assert driver.installation.record(dry) is None


# The catalogue


def labelled(driver: Driver, label: str) -> bytes:
    """A picture like no other, which shows this."""
    picture = drawn("PNG", 90, 90) + label.encode()
    row = Row("slope.png", path=(), shows=(label,), reads=())
    driver.sandbox.rekognition.record(picture, {**answers(row), "DetectFaces": {"FaceDetails": []}})
    return picture


def found(driver: Driver, query: str) -> list[tuple[str, str]]:
    """Keys and versions."""
    return [(each["key"], each["version"]) for each in search(deletions.tables(driver), query).found]


def test_what_is_deleted_or_replaced_while_it_is_catalogued_is_found_no_more(driver: Driver) -> None:
    driver.go_live("v1 catalogue/=catalogue")
    gone, replaced = (driver.new_key("catalogue", f"{name}.png") for name in ("gone", "replaced"))
    with driver.sandbox.faults("state:catalogue/Index=delay:3600"):
        driver.upload(labelled(driver, "Goner"), gone)
        driver.upload(labelled(driver, "Elder"), replaced)
        for key in (gone, replaced):
            wait_until(lambda key=key: deletions.items_of(driver, key) != [], "its entries are there")  # type: ignore[misc]
        older = driver.outcome(replaced).record["version"]
        driver.delete(gone)
        wait_until(
            lambda: (driver.installation.record(gone) or {})["objStatus"] == "DELETED", "its record says so"
        )
        driver.upload(labelled(driver, "Younger"), replaced)
        wait_until(
            lambda: (driver.installation.record(replaced) or {})["version"] != older, "the newer is claimed"
        )
    newer = driver.ended_record(replaced)
    deletions.wait_idle(driver)

    assert [found(driver, f"label:{each}") for each in ("Goner", "Elder")] == [[], []]
    assert found(driver, "label:Younger") == [(replaced, newer["version"])]
    assert deletions.items_of(driver, gone) == []
    own = generation(driver.upload_bucket, replaced, newer["version"])
    assert all(own in item for item in deletions.items_of(driver, replaced))


def test_what_is_there_already_is_catalogued_and_stays_whose_it_is(driver: Driver) -> None:
    folder = driver.new_key(name="already")
    keys = [f"{folder}/{number}.png" for number in range(2)]
    records = {key: deletions.publish(driver, key, labelled(driver, "Veteran")) for key in keys}
    throttled = ("states:StartExecution=throttle@1", "dynamodb:BatchWriteItem=throttle@1")
    with driver.sandbox.faults(*throttled, "function:catalogue-Index=kill@1"):
        code, said = run(driver, "catalogue", "--existing", "--key-prefix", folder, "--yes", "--json")

    assert code == 0, said
    assert {each["key"]: each["status"] for each in json.loads(said)} == dict.fromkeys(keys, "CATALOGUED")
    assert sorted(found(driver, "label:Veteran workflow:v1")) == [
        (key, record["version"]) for key, record in records.items()
    ]
    assert {key: driver.installation.record(key) for key in keys} == records
    again = run(driver, "catalogue", "--existing", "--key-prefix", folder, "--yes", "--json")
    assert (again[0], json.loads(again[1])) == (0, [])
    driver.delete(keys[0])
    deletions.wait_deleted(driver, keys[0])
    assert deletions.items_of(driver, keys[0]) == []
    assert found(driver, "label:Veteran") == [(keys[1], records[keys[1]]["version"])]


# The command


def run(driver: Driver, *arguments: str, answer: str = "") -> tuple[int, str]:
    environment = {
        "AWS_ENDPOINT_URL": driver.sandbox.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
    }
    ended = CliRunner().invoke(options.app, arguments, input=answer, env=environment)
    return ended.exit_code, ended.stdout if "--json" in arguments else ended.output


def test_the_command_deletes_and_says_what_went(driver: Driver) -> None:
    keys = [driver.new_key(name=f"by-command-{number}.jpg") for number in range(2)]
    for key in keys:
        deletions.publish(driver, key)
    # By a part of its key, and by its key; the same twice is one.
    code, said = run(driver, "delete", keys[0].removeprefix("the-park/"), keys[1], keys[1], "--yes", "--json")

    assert code == 0, said
    assert [{**each, "renditions": sorted(each["renditions"])} for each in json.loads(said)] == [
        {
            "key": key,
            "was": "PROCESSED",
            "version": driver.outcome(key).record["version"],
            "item": True,
            "renditions": [f"{key}/scaled.jpg", f"{key}/tile.jpg"],
        }
        for key in keys
    ]
    for key in keys:
        assert (driver.outcome(key).status, driver.published(key)) == ("DELETED", NOTHING)


def test_the_command_asks_first_and_takes_no_for_an_answer(driver: Driver) -> None:
    key = driver.new_key(name="asked.jpg")
    deletions.publish(driver, key)
    code, said = run(driver, "delete", key, answer="n\n")

    assert code != 0
    assert "its item at the place and 2 renditions" in said
    assert is_published(driver, key)
    assert run(driver, "delete", key, answer="y\n")[0] == 0
    assert driver.published(key) == NOTHING


def test_an_upload_that_waits_is_deleted_and_never_published(driver: Driver) -> None:
    driver.go_live("none")
    key = driver.new_key(name="held.jpg")
    driver.upload(drawn("JPEG", 90, 90), key)
    wait_until(lambda: driver.start_execution_log("held: no workflow is live", key) != [], "it is held")
    code, said = run(driver, "delete", key, "--yes")
    assert (code, "nothing was published of it" in said) == (0, True), said
    driver.go_live("v1")

    assert (driver.ended(key).status, driver.published(key)) == ("DELETED", NOTHING)


# Everything at once


@pytest.mark.timeout(900)  # it may wait for 300 s twice, on a slow machine
def test_what_is_published_and_what_is_found_is_what_lies_in_the_bucket(driver: Driver) -> None:
    """500 uploads and deletions of 50 keys, with faults; events come twice, late and in any order."""
    crowd = comings_and_goings.run(driver, seed=16, count=500, keys=50)

    assert crowd.wrong() == []
    assert set(crowd.done) == {
        "uploaded",
        "marked as deleted",
        "deleted for good",
        "a marker removed",
        "catalogued beside",
    }
