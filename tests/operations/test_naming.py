"""Which upload a person means: by its key, its id, or any part of the key that is no other's."""

from __future__ import annotations

import json
import os
from typing import Any
from unicodedata import normalize

import pytest

from happypath.operations.records import UploadNameError, find
from tests.operations.conftest import Command, Offline

COMPOSED, DECOMPOSED = (normalize(form, "café") for form in ("NFC", "NFD"))


def put(installation: Offline, *keys: str) -> None:
    for key in keys:
        installation.put_record("", "PROCESSED", key=key)


def named(installation: Offline, name: str) -> str:
    """The key of the upload that a name means."""
    return str(find(installation, name)["key"])


def refused(installation: Offline, name: str) -> str:
    with pytest.raises(UploadNameError) as error:
        find(installation, name)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        # Its key, its id, and parts of them.
        ("p/IMG_1.JPG", "p/IMG_1.JPG"),
        ("IMG_1.JPG", "p/IMG_1.JPG"),
        ("IMG_1.jpg", "p/IMG_1.jpg"),
        ("p/IMG_1.CR2", "p/IMG_1.CR2"),
        ("CR2", "p/IMG_1.CR2"),
        ("xmp", "p/IMG_1.JPG.xmp"),
        ("q/", "q/mountains-1f2e.jpg"),
        ("mountains", "q/mountains-1f2e.jpg"),
        ("mountains-1f2e", "q/mountains-1f2e.jpg"),
        # What is one key whole is also a part of others.
        ("mountains-", "q/mountains-1f2e.jpg"),
        # A key that names no upload.
        ("IMG_1", "IMG_1"),
        ("a/b/c.jpg", "a/b/c.jpg"),
        ("b/c", "a/b/c.jpg"),
    ],
)
def test_an_upload_is_found_by_what_only_its_key_has(installation: Offline, name: str, key: str) -> None:
    put(installation, "p/IMG_1.JPG", "p/IMG_1.jpg", "p/IMG_1.CR2", "p/IMG_1.JPG.xmp", "IMG_1", "a/b/c.jpg")
    put(installation, "q/mountains-1f2e.jpg")
    record = find(installation, name)
    assert record["key"] == key
    assert record == installation.record(key)


def test_candidates_are_named_when_there_are_several(installation: Offline) -> None:
    put(installation, "p/IMG_1.JPG", "p/IMG_1.CR2", "q/IMG_1.JPG")
    assert refused(installation, "IMG_1") == (
        "IMG_1 may mean p/IMG_1.CR2, p/IMG_1.JPG, q/IMG_1.JPG: name one of them by its key."
    )
    # Two places have that very id; that it is a part of a third key is not asked for.
    put(installation, "r/IMG_1.JPG.xmp")
    assert refused(installation, "IMG_1.JPG") == (
        "IMG_1.JPG may mean p/IMG_1.JPG, q/IMG_1.JPG: name one of them by its key."
    )


def test_of_many_candidates_some_are_named_and_the_others_counted(installation: Offline) -> None:
    put(installation, *(f"p/{number:02}.jpg" for number in range(25)))
    said = refused(installation, ".jpg")
    assert said.count("p/") == 10
    assert " and 15 more: " in said


@pytest.mark.parametrize("name", ["nobody", "", "P/U.JPG", "p/u.jpg/", "x" * 2000, "p/u.jpg "])
def test_what_no_key_has_is_no_upload(installation: Offline, name: str) -> None:
    put(installation, "p/u.jpg", "p/é.jpg")
    assert f"There is no upload {name}, " in refused(installation, name)


def test_an_upload_that_waits_is_said_to_wait_and_is_not_another_whose_key_has_its_key_in_it(
    installation: Offline,
) -> None:
    put(installation, "top/u.jpg")
    installation.put_photo("p/u.jpg")
    assert refused(installation, "p/u.jpg").startswith("p/u.jpg has no record yet: it waits ")


def test_a_name_that_is_not_utf8_is_no_upload(installation: Offline) -> None:
    put(installation, "p/caf.jpg")
    assert r"There is no upload caf\xe9, " in refused(installation, os.fsdecode(b"caf\xe9"))


@pytest.mark.parametrize("there", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("name", ["p/{}.jpg", "{}.jpg", "/{}"])
def test_both_forms_of_a_letter_are_one(installation: Offline, typed: str, there: str, name: str) -> None:
    put(installation, f"p/{there}.jpg", "p/cafe.jpg")
    assert named(installation, name.format(typed)) == f"p/{there}.jpg"


def test_of_two_forms_the_one_that_is_typed_is_meant(installation: Offline) -> None:
    put(installation, f"p/{COMPOSED}.jpg", f"p/{DECOMPOSED}.jpg")
    for typed in (COMPOSED, DECOMPOSED):
        assert named(installation, f"p/{typed}.jpg") == f"p/{typed}.jpg"
    assert "may mean" in refused(installation, f"{COMPOSED}.jpg")


def test_a_record_of_the_time_when_ids_had_no_extensions_is_found(installation: Offline) -> None:
    installation.put_record("u", "FAILED", SK="u")
    installation.put_record("v", "PROCESSED", SK="p/v")
    for name in ("u", "u.jpg", "p/u", "p/u.jpg"):
        record = find(installation, name)
        assert (record["objStatus"], record["key"], record["uploadId"]) == ("FAILED", "p/u.jpg", "u")
    assert find(installation, "p/v.jpg")["uploadId"] == "v"
    # Run again, it has a record of its own, and that counts.
    installation.put_record("u", "PROCESSED")
    for name in ("u", "u.jpg", "p/u", "p/u.jpg"):
        record = find(installation, name)
        assert (record["objStatus"], record["uploadId"]) == ("PROCESSED", "u.jpg")


def test_a_key_takes_one_request_and_anything_else_pages(installation: Offline) -> None:
    # A page of DynamoDB holds a megabyte.
    for number in range(8):
        installation.put_record("", "REJECTED", key=f"p/{number}.jpg", detail=json.dumps("x" * 300_000))
    asked: list[str] = []
    events = installation.client("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name), unique_id="asked")
    try:
        assert named(installation, "p/7.jpg") == "p/7.jpg"
        assert asked == ["GetItem"]
        asked.clear()
        assert named(installation, "7") == "p/7.jpg"
        assert asked[0] == "GetItem"
        assert asked.count("Query") > 1
        assert asked[-1] == "GetItem"
    finally:
        events.unregister("before-call.dynamodb", unique_id="asked")


def test_the_commands_find_uploads_so(installation: Offline, happypath: Command) -> None:
    installation.put_record("mountains-1f2e", "DELETED", finishedAt="2026-05-01T12:00:00.000Z")
    shown = happypath("show", "mountains")
    assert shown.status == 0
    assert "DELETED" in shown.output
    record: dict[str, Any] = json.loads(happypath("show", "mountains", "--json").output)
    assert (record["key"], record["uploadId"]) == ("p/mountains-1f2e.jpg", "mountains-1f2e.jpg")
    installation.put_record("mountains-aaaa", "FAILED")
    for command in (("show", "mountains"), ("trace", "mountains"), ("redrive", "mountains")):
        run = happypath(*command)
        assert (run.status, run.output) == (1, "")
        assert run.notices == (
            "happypath: mountains may mean p/mountains-1f2e.jpg, p/mountains-aaaa.jpg: "
            "name one of them by its key.\n"
        )
    assert (
        happypath("redrive", "mountains-a").output == "p/mountains-aaaa.jpg is in the queue, as attempt 2.\n"
    )
