"""An upload is its object's key and version, and nothing coarser: however alike two keys are, neither touches
the other's record or photo, and what is gone is not published."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import normalize

import pytest

from functions.ingest.record import utc_now
from happypath.operations.reconcile import find as open_uploads
from happypath.operations.records import find
from tests.workflows.driver import Driver, Published, wait_until
from tests.workflows.photos import drawn
from tests.workflows.test_photos import check_published

# As a camera's RAW file, a film, an editor's list of changes and a description begin.
RAW = b"II*\0\x10\0\0\0CR\x02\0" + bytes(4_000)
FILM = b"\0\0\0\x14ftypqt  " + bytes(4_000)
CHANGES = b'<?xml version="1.0"?><!DOCTYPE plist><plist version="1.0"><dict/></plist>'
DESCRIPTION = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"


@pytest.fixture(autouse=True, scope="module")
def _v4_is_live(driver: Driver) -> None:
    driver.go_live("v4")


def photo() -> bytes:
    return drawn("JPEG", 900, 850)


def named(driver: Driver, *extensions: str) -> list[str]:
    """Keys of one name."""
    key = driver.new_key(name="IMG")
    return [f"{key}{extension}" for extension in extensions]


@pytest.mark.parametrize("order", [1, -1], ids=["the photo first", "the photo last"])
@pytest.mark.parametrize(
    ("extension", "beside"),
    [
        (".CR2", RAW),
        (".AAE", CHANGES),
        (".MOV", FILM),
        (".JPG.xmp", DESCRIPTION),
        (".xmp", DESCRIPTION),
        ("", b""),
    ],
    ids=["a RAW file", "an AAE", "a Live Photo's film", "an XMP", "another XMP", "nothing"],
)
def test_what_lies_beside_a_photo_has_its_own_end(
    driver: Driver, extension: str, beside: bytes, order: int
) -> None:
    key, other = named(driver, ".JPG", extension)
    for each, body in [(key, photo()), (other, beside)][::order]:
        driver.upload(body, each)
        driver.ended(each)

    outcome = driver.outcome(key)
    check_published(outcome)
    assert (outcome.record["workflow"], outcome.record["key"]) == ("v4", key)
    refused = driver.outcome(other)
    assert refused.status == "REJECTED"
    assert not refused.is_published
    assert [len(driver.executions_of(each)) for each in (key, other)] == [1, 1]


@pytest.mark.parametrize(
    ("extensions", "bodies"),
    [
        # A Live Photo: its photo and its film at once.
        ((".JPG", ".MOV"), (photo, lambda: FILM)),
        ((".jpg", ".JPG", ".jpeg", ".Jpg"), (photo,) * 4),
        ((".jpg", ".png", ".webp"), tuple(lambda kind=kind: drawn(kind) for kind in ("JPEG", "PNG", "WEBP"))),
    ],
    ids=["a Live Photo", "case variants", "types"],
)
def test_keys_of_one_name_at_once_are_as_many_uploads(
    driver: Driver, extensions: tuple[str, ...], bodies: tuple[Callable[[], bytes], ...]
) -> None:
    keys = named(driver, *extensions)
    for key, body in zip(keys, [each() for each in bodies], strict=True):
        driver.upload(body, key)
    outcomes = {key: driver.ended(key) for key in keys}

    for key, outcome in outcomes.items():
        assert outcome.record["key"] == key
        if key.endswith(".MOV"):
            assert outcome.status == "REJECTED"
        else:
            check_published(outcome)
    assert len({each.record["executionArn"] for each in outcomes.values()}) == len(keys)
    assert not [each for each in open_uploads(driver.installation, utc_now()) if each.key in keys]


def test_two_places_may_use_the_same_upload_id(driver: Driver) -> None:
    upload_id = driver.new_id("photo.jpg")
    keys = [f"{place}/{upload_id}" for place in ("the-cafe", "the-park")]
    for key in keys:
        driver.upload(photo(), key)
    for key in keys:
        check_published(driver.ended(key))


@pytest.mark.parametrize("live", ["none", "v4"])
@pytest.mark.parametrize("for_good", [False, True], ids=["by a delete marker", "for good"])
def test_an_upload_that_was_deleted_before_its_start_is_not_published(
    driver: Driver, live: str, for_good: bool
) -> None:
    key = driver.new_key()
    s3 = driver.installation.client("s3")
    driver.go_live(live)
    try:
        # Where a workflow is live, the event comes when the object is gone.
        version = driver.put_quietly(key, photo()) if live == "v4" else None
        if version is None:
            driver.upload(photo(), key)
            version = s3.head_object(Bucket=driver.upload_bucket, Key=key)["VersionId"]
            wait_until(
                lambda: driver.start_execution_log("held: no workflow is live", key) != [], "it is held"
            )
        s3.delete_object(Bucket=driver.upload_bucket, Key=key, **({"VersionId": version} if for_good else {}))
        if live == "v4":
            driver.send(
                {
                    "source": "aws.s3",
                    "detail-type": "Object Created",
                    "detail": {
                        "bucket": {"name": driver.upload_bucket},
                        "object": {"key": key, "version-id": version, "sequencer": "0A"},
                    },
                }
            )
    finally:
        driver.go_live("v4")
    outcome = driver.ended(key)

    assert (outcome.status, outcome.execution, outcome.reason) == ("DELETED", "NONE", None)
    assert outcome.record["version"] == version
    assert outcome.record["receivedAt"] <= outcome.record["finishedAt"]
    assert not outcome.is_published
    assert driver.executions_of(key) == []

    # Uploaded again, it is a new upload.
    driver.upload(photo(), key)
    wait_until(lambda: len(driver.executions_of(key)) == 1, "it is started")
    check_published(driver.ended(key))


def test_a_deleted_photo_is_not_run_again_and_not_open(driver: Driver) -> None:
    key = driver.new_key()
    with driver.sandbox.faults("state:v4/Check Dimensions=raise:KeyError"):
        driver.upload(photo(), key)
        assert driver.ended(key).status == "FAILED"
    driver.installation.client("s3").delete_object(Bucket=driver.upload_bucket, Key=key)
    driver.send(
        {
            "source": "custom.happyPath",
            "detail-type": "uploadComplete",
            "detail": {"bucket": driver.upload_bucket, "key": key, "attempt": 2},
        }
    )
    wait_until(lambda: driver.outcome(key).status == "DELETED", "it is looked at again")
    assert len(driver.executions_of(key)) == 1
    assert driver.published(key) == Published(None, {})
    assert not [each for each in open_uploads(driver.installation, utc_now()) if each.key == key]


@pytest.mark.parametrize(("typed", "uploaded"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_is_found_in_either_form(driver: Driver, typed: str, uploaded: str) -> None:
    key = driver.new_key(name="café.jpg")
    driver.upload(photo(), normalize(uploaded, key))  # type: ignore[arg-type]
    outcome = driver.ended(normalize(uploaded, key))  # type: ignore[arg-type]
    check_published(outcome)
    for name in (key, key.partition("/")[2], key.partition("/")[2].removesuffix(".jpg")):
        assert find(driver.installation, normalize(typed, name)) == outcome.record  # type: ignore[arg-type]


def test_a_key_with_a_control_character_is_an_upload_as_any(driver: Driver) -> None:
    key = driver.new_key(name="a\x01b.jpg")
    driver.upload(photo(), key)
    check_published(driver.ended(key))
    assert not [each for each in open_uploads(driver.installation, utc_now()) if each.key == key]
