"""Labelled pictures handed over to the console: what it refuses before any of them is looked at."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from happypath.console.console import Console
from happypath.console.security import TOKEN_FIELD, TOKEN_HEADER

BATCH = "0123456789abcdef"
FORM = {
    "workflow": "v4",
    "place": "park",
    "batch": BATCH,
    "truth": "photo,accepted\nsub/a b.jpg,yes\n",
    "paid": "on",
}


@pytest.fixture
def said(client: TestClient, console: Console) -> TestClient:
    for name in ("sub/a b.jpg", "truth.csv"):
        done = client.put(
            "/workflows.compare/photo",
            params={"batch": BATCH, "name": name},
            headers={TOKEN_HEADER: console.token},
            content=b"a picture",
        )
        assert done.status_code == 201
    return client


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"workflow": "v99"}, "v99 is no workflow that is deployed"),
        ({"place": "a/b"}, "Say which place the photos are of"),
        ({"truth": ""}, "the labels, line 1: the column photo is missing"),
        ({"truth": "photo,accepted\nb.jpg,no"}, "the labels, line 2: b.jpg: there is no such picture"),
        ({"truth": "photo,accepted\ntruth.csv,no"}, "sub_a_b.jpg has no label: write a line for it"),
        ({"truth": "photo,accepted,placeType\na,no,park"}, "leave out the column placeType"),
        ({"batch": "none"}, "there is no such picture among those"),
        ({"acceptances": "101"}, "is no rate in percent"),
        ({"refusals": "few"}, "is no rate in percent"),
        ({"paid": ""}, "Rekognition looks up to 1 times at these pictures, for up to $0.00"),
    ],
)
def test_what_makes_no_sense_is_said(
    said: TestClient, console: Console, change: dict[str, str], complaint: str
) -> None:
    form = {name: value for name, value in {**FORM, **change}.items() if value or name == "truth"}
    answer = said.post("/accuracy", data={**form, TOKEN_FIELD: console.token})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/accuracy?notice=")
    notice = console.notice(answer.headers["location"].rpartition("=")[2])
    assert notice is not None
    assert notice.failed
    assert complaint in notice.text
    assert not console.jobs.newest()


def test_the_job_says_what_cannot_be_measured(said: TestClient, console: Console) -> None:
    answer = said.post("/accuracy", data={**FORM, TOKEN_FIELD: console.token})
    (job,) = console.jobs.newest()
    assert answer.headers["location"] == f"/jobs/{job.name}"
    console.jobs.close()
    page = said.get(f"/jobs/{job.name}")
    assert "0 of 1 pictures are looked at" in page.text
    assert "v4 is not deployed" in page.text
