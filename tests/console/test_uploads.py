"""The list of uploads."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.operations.conftest import Offline

HOSTILE = "p/<script>alert(1)</script> \"'&\u202egpj.exe"


def test_an_empty_installation_says_what_to_do(client: TestClient) -> None:
    assert "No uploads yet" in client.get("/uploads").text


def test_uploads_are_listed_newest_first_and_as_text(client: TestClient, installation: Offline) -> None:
    for number, status in enumerate(["PROCESSED", "FAILED", "REJECTED"]):
        installation.put_record(str(number), status, receivedAt=f"2026-05-01T12:00:0{number}.000Z")
    installation.put_record("x", "FAILED", key=HOSTILE, receivedAt="2026-05-02T12:00:00.000Z")
    text = client.get("/uploads").text
    assert "<script>alert" not in text
    assert "\u202e" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &#34;&#39;&amp;\\u202egpj.exe" in text
    found = client.get("/uploads.json").json()["uploads"]
    assert [each["key"] for each in found] == [HOSTILE, "p/2.jpg", "p/1.jpg", "p/0.jpg"]


def test_an_upload_that_goes_from_one_status_to_another_meanwhile_is_listed_once(
    client: TestClient, installation: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.put_record("cat", "FAILED", reason="Slow")
    dynamodb = installation.client("dynamodb")
    query = dynamodb.query

    def redriven(**asked: Any) -> Any:
        answer = query(**asked)
        if answer["Items"]:
            installation.put_record("cat", "RECEIVED", attempt="2")
        return answer

    monkeypatch.setattr(dynamodb, "query", redriven)
    found = client.get("/uploads.json").json()["uploads"]
    assert [each["key"] for each in found] == ["p/cat.jpg"]
