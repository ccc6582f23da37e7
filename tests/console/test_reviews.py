"""Reviews in the console: what waits, one of them, and what a person does with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from functions.ingest.record import timestamp
from happypath.console.console import Console
from tests.console.reviews import TOKEN, ask, claimed
from tests.operations.conftest import Offline


def shown(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert TOKEN not in answer.text
    return str(answer.text)


def act(client: TestClient, console: Console, what: str, name: str, **fields: str) -> tuple[str, str]:
    """Sends a form of a review's page → the address that is shown next, and what is said there."""
    sent = {"token": console.token, "id": name, "back": f"/reviews/{name}", **fields}
    answer = client.post(f"/reviews.{what}", data=sent)
    assert answer.status_code == 303
    where = answer.headers["location"]
    (said,) = re.findall(r'<p class="notice [^>]*>(.*?)</p>', shown(client, where), re.S)
    return where.partition("?")[0], said


def test_what_waits_is_listed_the_oldest_first_with_who_has_it(
    client: TestClient, console: Console, installation: Offline
) -> None:
    assert "Nothing waits for a person" in shown(client, "/reviews")
    you = console.reviews.reviewer
    ask(installation, "younger", minutes_ago=3, **claimed("ann"))
    ask(installation, "older", minutes_ago=125, **claimed(you))
    ask(installation, "lapsed", minutes_ago=200, **claimed("bob", minutes_ago=61))
    ask(installation, "decided", minutes_ago=300, verdict="approved", reviewer="ann", status="DECIDED")
    rows = re.findall(r"<tr>.*?</tr>", shown(client, "/reviews"), re.S)[1:]
    texts = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]
    assert texts == [
        "the-shop/lapsed.jpg 3 h ago nobody ad",
        "the-shop/older.jpg 2 h ago you, 1 min ago ad",
        "the-shop/younger.jpg 3 min ago ann , 1 min ago ad",
    ]


def test_a_review_shows_the_photo_boxes_and_signals_against_their_limits(
    client: TestClient, installation: Offline
) -> None:
    page = shown(client, f"/reviews/{ask(installation, 'r1')}")
    assert 'src="/photo?key=the-shop%2Fr1.jpg&amp;version=v-1"' in page
    assert re.search(
        r'<rect class="box faces"[^>]* x="10.000" y="20.000" width="30.000" height="40.000"', page
    )
    names = re.findall(r"<li><p><strong><bdi>(.*?)</bdi>", page)
    # As they were said, the worst first; the whole before its parts.
    assert names == ["all together", "words", "labels", "Face"]
    assert "forbidden words" in page
    assert "publish from 85 %, refuse below 40 %" in page
    assert re.search(r'<line x1="85.0".*<line x1="40.0"', page)
    assert '<option value="forbidden words">' in page
    assert 'href="/reviews/r1"' in shown(client, "/uploads/the-shop/r1.jpg")
    # Each key stands on what it presses.
    assert re.findall(r'data-key="(\w)"', page) == ["a", "c", "r"]


def test_what_is_decided_leads_to_the_next_that_nobody_else_has(
    client: TestClient, console: Console, installation: Offline
) -> None:
    for minutes, name in ((9, "r1"), (8, "r2"), (7, "r3")):
        ask(installation, name, minutes_ago=minutes, **(claimed("ann") if name == "r2" else {}))
    assert act(client, console, "claim", "r1") == (
        "/reviews/r1",
        "the-shop/r1.jpg is claimed: it is yours to decide.",
    )
    assert re.findall(r'data-key="(\w)"', shown(client, "/reviews/r1")) == ["j", "a", "p", "r"]
    assert act(client, console, "pass", "r1") == ("/reviews/r3", "the-shop/r1.jpg waits for somebody else.")
    assert act(client, console, "approve", "r3") == ("/reviews/r1", "the-shop/r3.jpg is approved.")
    where, said = act(client, console, "refuse", "r1", reason="too dark", note="Open the <curtain>")
    # What is left is ann's.
    assert (where, said) == ("/reviews", "the-shop/r1.jpg is refused.")
    page = shown(client, "/reviews/r1")
    assert "TOO_DARK" in page
    assert "Open the &lt;curtain&gt;" in page
    assert console.reviews.show("r1").reviewer == console.reviews.reviewer
    assert console.reviews.show("r3").verdict == "approved"


def test_what_somebody_else_did_meanwhile_is_said_and_nothing_is_changed(
    client: TestClient, console: Console, installation: Offline
) -> None:
    ask(installation, "theirs", **claimed("ann"))
    ended = timestamp(datetime.now(UTC))
    done: dict[str, Any] = {"status": "DECIDED", "reviewer": "ann", "decidedAt": ended, "reason": "TOO_DARK"}
    ask(installation, "refused", verdict="refused", **done)
    ask(installation, "expired", verdict="expired", status="EXPIRED", decidedAt=ended)
    for name, said in (("theirs", "claimed by ann"), ("refused", "refused by ann"), ("expired", "expired")):
        assert "data-key" not in shown(client, f"/reviews/{name}").partition('id="decide"')[2]
        before = console.reviews.show(name)
        for what in ("claim", "pass", "approve", "refuse"):
            where, why = act(client, console, what, name, reason="x")
            assert where == f"/reviews/{name}"
            assert said in why
        assert console.reviews.show(name) == before


def test_a_refusal_needs_a_reason(client: TestClient, console: Console, installation: Offline) -> None:
    ask(installation, "r1")
    assert "needs a reason" in act(client, console, "refuse", "r1", reason=" ")[1]
    assert console.reviews.show("r1").is_open


def test_a_console_that_only_reads_offers_no_verdict(
    client: TestClient, console: Console, installation: Offline
) -> None:
    ask(installation, "r1")
    console.allow_changes = False
    page = shown(client, "/reviews/r1")
    assert "This console is read-only." in page
    assert "<form" not in page


@pytest.mark.parametrize("name", ["none", "%F0%9F%93%B7", "..%20", "%3Cscript%3E", "n" * 1500])
def test_what_is_not_there_is_not_found(client: TestClient, name: str) -> None:
    answer = client.get(f"/reviews/{name}")
    assert answer.status_code == 404
    assert "<script>" not in answer.text.replace("<script src", "")


@pytest.mark.parametrize(
    "seen", [None, [], "words", 7, {"score": "NaN"}, {"a": {"b": [[{"score": 1e400}]]}}, {"score": True}]
)
def test_whatever_the_models_said_is_shown(client: TestClient, installation: Offline, seen: Any) -> None:
    page = shown(client, f"/reviews/{ask(installation, 'r1', seen=seen)}")
    assert "All that they said" in page
