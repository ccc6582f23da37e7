"""An upload is deleted from its page, after a page that says what goes with it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from happypath.console.console import Console
from tests.operations.conftest import Offline

HOSTILE = "p/<script>alert(1)</script> \"'&.jpg"


@pytest.fixture(autouse=True)
def _deployed(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "is_deployed", lambda name: name == "deletion")


def put(installation: Offline, key: str = "p/u.jpg") -> None:
    version = installation.put_photo(key)
    installation.put_record("u", "PROCESSED", key=key, version=version)
    item: Any = {"PK": "p", "SK": key.partition("/")[2], "key": key, "tileURL": "https://x/p/u.jpg/tile.jpg"}
    installation.client("dynamodb").put_item(
        TableName="table", Item={name: {"S": value} for name, value in item.items()}
    )


def confirm(client: TestClient, key: str) -> str:
    return client.get("/uploads.delete", params={"key": key}).text


def is_there(installation: Offline, key: str) -> bool:
    listed = installation.client("s3").list_objects_v2(Bucket="uploads").get("Contents", [])
    return key in {each["Key"] for each in listed}


def test_the_page_says_what_goes_and_the_button_deletes(client: TestClient, installation: Offline) -> None:
    put(installation)
    text = confirm(client, "p/u.jpg")
    assert "its item at the place" in text
    assert "p/u.jpg/tile.jpg" in text
    assert is_there(installation, "p/u.jpg")
    token = re.findall(r'name="([^"]+)" value="([^"]+)"', text)
    answer = client.post("/uploads.delete", data={**dict(token), "key": "p/u.jpg"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/uploads/p/u.jpg?notice=")
    assert not is_there(installation, "p/u.jpg")


def test_an_upload_that_waits_is_deleted_and_not_one_whose_key_has_its_key_in_it(
    client: TestClient, installation: Offline
) -> None:
    put(installation, "top/u.jpg")
    installation.put_photo("p/u.jpg")
    text = confirm(client, "p/u.jpg")
    assert "top/u.jpg" not in text
    token = re.findall(r'name="([^"]+)" value="([^"]+)"', text)
    client.post("/uploads.delete", data={**dict(token), "key": "p/u.jpg"})
    assert not is_there(installation, "p/u.jpg")
    assert is_there(installation, "top/u.jpg")


def test_a_key_is_shown_as_text(client: TestClient, installation: Offline) -> None:
    put(installation, HOSTILE)
    assert "<script>alert" not in confirm(client, HOSTILE)


def test_without_a_form_of_ours_nothing_is_deleted(client: TestClient, installation: Offline) -> None:
    put(installation)
    assert client.post("/uploads.delete", data={"key": "p/u.jpg"}).status_code == 403
    assert is_there(installation, "p/u.jpg")


def test_a_console_that_only_reads_offers_no_button(
    client: TestClient, installation: Offline, console: Console
) -> None:
    put(installation)
    console.allow_changes = False
    assert "<form" not in confirm(client, "p/u.jpg")


def test_what_is_gone_or_unknown_is_said(client: TestClient, installation: Offline) -> None:
    installation.put_record("u", "DELETED")
    assert "is deleted already" in confirm(client, "p/u.jpg")
    installation.put_record("u", "REJECTED")
    assert "is refused and gone already" in confirm(client, "p/u.jpg")
    assert "There is no upload" in confirm(client, "p/never.jpg")


def test_without_the_stack_of_deletions_nothing_is_deleted(
    client: TestClient, installation: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(installation)
    monkeypatch.setattr(installation, "is_deployed", lambda _: False)
    assert "happypath deploy deletion" in confirm(client, "p/u.jpg")
