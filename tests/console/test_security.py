"""Requests that no page of the console makes are refused, and change nothing."""

from __future__ import annotations

import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from happypath.console.app import application
from happypath.console.console import Console
from happypath.console.security import TOKEN_HEADER
from tests.console.conftest import ADDRESS

CHANGING = [
    (method, route.path)
    for route in application(Console(None, allow_changes=True)).routes  # type: ignore[arg-type]
    if isinstance(route, Route)
    for method in sorted((route.methods or set()) - {"GET", "HEAD"})
]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "a@127.0.0.1",
        "127.0.0.1:x",
        "0.0.0.0",
        "",
    ],
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/uploads", headers={"Host": host})
    assert answer.status_code == 403
    assert "localhost only" in answer.text


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8400", "localhost:8400", "[::1]:8400", "LOCALHOST:9000", "localhost"]
)
def test_this_machine_is_answered_by_any_of_its_names(client: TestClient, host: str) -> None:
    answer = client.get("/uploads", headers={"Host": host, "Origin": f"http://{host}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://127.0.0.1:8401",
        "https://127.0.0.1:8400",
        "http://localhost:8400",
    ],
)
def test_a_foreign_origin_is_refused(client: TestClient, origin: str) -> None:
    answer = client.get("/uploads", headers={"Origin": origin})
    assert (answer.status_code, "not of this console" in answer.text) == (403, True)


def test_a_picture_on_another_site_is_not_served_and_a_link_from_there_is(client: TestClient) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/uploads", headers=foreign | {"Sec-Fetch-Mode": "no-cors"}).status_code == 403
    assert client.get("/uploads", headers=foreign | {"Sec-Fetch-Mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("path", ["/uploads", "/no-such-page", "/static/console.css", "/photo?key=x"])
def test_every_answer_has_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_page_has_no_script_or_style_within(client: TestClient) -> None:
    text = client.get("/uploads").text
    assert "<style" not in text
    assert " style=" not in text
    assert " on" not in {word[:3] for word in text.split("<") if "=" in word[:6]}
    assert all("src=" in part.partition(">")[0] for part in text.split("<script")[1:])


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_a_change_needs_the_token_the_origin_and_the_permission(
    client: TestClient, console: Console, method: str, path: str
) -> None:
    own = {"Origin": ADDRESS, TOKEN_HEADER: console.token}
    path = path.replace("{key:key}", "park/a.jpg").replace("{name}", "v4")

    def refused(headers: dict[str, str], **body: object) -> str:
        answer = client.request(method, path, headers=headers, **body)  # type: ignore[arg-type]
        assert answer.status_code == 403
        return answer.text

    assert "not of this console" in refused(own | {"Origin": "http://evil.example"})
    assert "localhost only" in refused(own | {"Host": "evil.example"})
    assert "load it again" in refused({"Origin": ADDRESS})
    assert "load it again" in refused(own | {TOKEN_HEADER: "guessed"})
    assert "load it again" in refused({"Origin": ADDRESS}, data={"token": "guessed"})
    console.allow_changes = False
    assert "read-only" in refused(own)
