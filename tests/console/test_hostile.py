"""Values from outside are text on every page, whatever they hold."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from starlette.testclient import TestClient

from functions.upload import KEY_BYTES
from happypath.console.addresses import execution_page, upload_page
from happypath.console.console import Console
from happypath.console.jobs import Job
from happypath.console.security import TOKEN_FIELD, TOKEN_HEADER
from happypath.operations.accuracy.deciders import Decider, Seen, Threshold
from happypath.operations.accuracy.report import Asked, Report
from happypath.operations.accuracy.truth import Label
from happypath.operations.redrive import Sent
from happypath.sandbox.fault_injection.rules import Faults
from tests.console.conftest import ADDRESS
from tests.console.reviews import ask, claimed
from tests.operations.conftest import Offline

BAD = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;\u202egpj.exe\x00\x1b[31m{{7*7}}"
KEY = f"p/{BAD}".replace("\x00", "")
HELD = f"q/{KEY}"
ENDED = "2026-05-01T12:00:00.000Z"
LONG = "p/" + "ü" * ((KEY_BYTES - 2) // 2)


class Tags(HTMLParser):
    """The elements of a page, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def hostile(installation: Offline, console: Console) -> Offline:
    """An installation in which everything that comes from outside is hostile."""
    for number, key in enumerate((KEY, LONG)):
        installation.put_record(
            f"{number}",
            "FAILED",
            key=key,
            reason=BAD.replace("\x00", ""),
            workflow=BAD.replace("\x00", ""),
            detail=json.dumps({BAD: BAD}),
        )
        installation.client("s3").put_object(
            Bucket="uploads", Key=key, Body=b"<script>alert(1)</script>", ContentType="text/html"
        )
    state = f"Go {BAD}"[:80]
    definition = {
        "Comment": BAD,
        "StartAt": state,
        "States": {state: {"Type": "Pass", "Comment": BAD, "Result": {BAD: BAD}, "End": True}},
    }
    machine = installation.state_machines()["v4"]
    installation.client("stepfunctions").update_state_machine(
        stateMachineArn=machine, definition=json.dumps(definition)
    )
    installation.client("stepfunctions").start_execution(
        stateMachineArn=machine, name="0", input=json.dumps({BAD: BAD})
    )
    installation.client("dynamodb").put_item(
        TableName="table",
        Item={
            "PK": {"S": BAD},
            "SK": {"S": "listing"},
            "type": {"S": BAD},
            "name": {"S": BAD},
        },
    )
    installation.client("ssm").put_parameter(
        Name="/happypath/live", Value=f"v4 {BAD}".replace("{{7*7}}", ""), Type="String", Overwrite=True
    )
    console.faults = Faults.parse([f"state:{BAD}=denied"])
    seen = {"score": 0.5, "signals": [{"name": BAD, "score": 0.1, "reason": BAD, "detail": {BAD: BAD}}]}
    held: dict[str, Any] = {"key": HELD, "workflow": BAD, "on_expiry": BAD, "executionArn": BAD}
    for name in ("refused", "held"):
        more: dict[str, Any] = {
            "verdict": name,
            "reason": BAD,
            "note": BAD,
            "reviewer": BAD,
            "decidedAt": ENDED,
        }
        ask(installation, name, seen=seen, **held, **(more if name == "refused" else claimed(BAD)))
    threshold = Threshold(BAD, "", 40.0, 75.0)
    report = Report(BAD, [Decider(BAD, frozenset({BAD}), (threshold,))], Asked(acceptances=0.1))
    for accepted, confidence in ((True, 80.0), (False, 10.0)):
        detail = {BAD: [{"name": BAD, "confidence": confidence}]}
        label = Label(f"{BAD}-{confidence}", accepted)
        report.add(label, Seen("PROCESSED", None, {BAD: [{"reason": BAD, "detail": detail}]}))
    report.failed.append((BAD, BAD))
    measured = Job("accuracy", BAD, {"of": 3, "report": report})
    measured.name, measured.has_ended, measured.results = "measured", True, [BAD]
    console.jobs._jobs["measured"] = measured
    job = Job("redrive", f"Runs {BAD}")
    job.name, job.error, job.has_ended = "job", BAD, True
    job.results = [Sent(KEY, refused=BAD), Sent(LONG, attempt=2)]
    console.jobs._jobs["job"] = job
    return installation


PATHS = [
    "/reviews",
    "/reviews/held",
    "/reviews/refused",
    f"/reviews/{quote(BAD)}",
    "/uploads",
    f"/uploads?{urlencode(dict.fromkeys(('text', 'reason', 'workflow', 'place', 'status', 'since'), BAD))}",
    upload_page(KEY),
    upload_page(LONG),
    *(f"{upload_page(KEY)}?view={view}" for view in ("state", "log", "trace", "definition")),
    f"{upload_page(KEY)}?{urlencode({'view': 'state', 'state': f'Go {BAD}'[:80]})}",
    execution_page("0"),
    execution_page(BAD),
    "/workflows",
    "/workflows/v4",
    f"/workflows/v4?{urlencode({'state': BAD})}",
    f"/workflows.compare?{urlencode({'one': 'v4', 'other': BAD})}",
    "/workflows.compare?one=v4&other=v4",
    f"/accuracy?{urlencode({'days': '365', 'workflow': BAD})}",
    "/accuracy?days=365",
    "/jobs/measured",
    "/operations?time=30d",
    "/operations/failed",
    "/places",
    f"/places?{urlencode({'id': BAD})}",
    f"/faults?{urlencode({'target': BAD})}",
    "/jobs/job",
    f"/nothing/{quote(KEY)}",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_hostile_value_is_text(client: TestClient, hostile: Offline, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {200, 404}, answer.text[:300]
    page = Tags(answer.text)
    assert not page.attributes & {"onerror", "onload", "onclick", "style"}
    assert page.tags.count("script") == len(re.findall(r'<script src="/static/[^"]+"', answer.text))
    assert "<img src=x" not in answer.text
    # Neither what turns text around, nor what a terminal would obey, is in what is read.
    assert not re.search("[\u202e\x00\x1b]", page.text)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/uploads", KEY),
        ("/uploads", LONG),
        (upload_page(KEY), KEY),
        (upload_page(LONG), LONG),
        ("/places", BAD),
        ("/workflows", "alert(1)"),
        ("/faults", f"state:{BAD}=denied"),
        ("/jobs/job", BAD),
        ("/reviews", HELD),
        ("/reviews/held", f"{BAD}: {BAD}"),
        ("/reviews/refused", BAD),
        ("/operations?time=30d", "alert(1)"),
    ],
)
def test_it_is_shown_whole_with_what_is_not_seen_made_visible(
    client: TestClient, hostile: Offline, console: Console, path: str, shown: str
) -> None:
    made_visible = shown.replace("\u202e", "\\u202e").replace("\x00", "\\u0000").replace("\x1b", "\\u001b")
    assert made_visible in Tags(client.get(path).text).text


def test_a_file_that_is_no_picture_is_saved_and_never_a_page(client: TestClient, hostile: Offline) -> None:
    answer = client.get("/photo", params={"key": KEY})
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert client.get("/thumbnail", params={"key": KEY}).status_code == 404


def test_a_notice_about_a_hostile_value_is_text(
    client: TestClient, hostile: Offline, console: Console
) -> None:
    own = {"Origin": ADDRESS}
    answer = client.post(
        "/workflows", data={TOKEN_FIELD: console.token, "action": "value", "value": BAD}, headers=own
    )
    assert answer.status_code == 303
    page = client.get(answer.headers["Location"]).text
    assert "cannot be live" in page
    assert "<img src=x" not in page


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)"]
)
def test_a_form_leads_to_no_other_site(client: TestClient, console: Console, back: str) -> None:
    answer = client.post(
        "/workflows", data={TOKEN_FIELD: console.token, "back": back}, headers={"Origin": ADDRESS}
    )
    assert answer.headers["Location"].startswith("/workflows?notice=")


def test_a_photo_of_a_hostile_name_is_uploaded_or_refused_in_words(
    client: TestClient, console: Console
) -> None:
    own = {"Origin": ADDRESS, TOKEN_HEADER: console.token}
    sent = client.put("/uploads.new", params={"place": "p", "name": BAD}, content=b"x", headers=own)
    assert sent.status_code == 400  # it has a slash, as in </script>
    assert "slash" in sent.json()["error"]
    sent = client.put(
        "/uploads.new", params={"place": "p", "name": "ü'\u202e\".jpg"}, content=b"x", headers=own
    )
    assert sent.status_code == 201
    assert sent.json()["page"].isascii()
    for place, name in (
        ("", "a.jpg"),
        ("p//q", "a.jpg"),
        ("p/../q", "a.jpg"),
        ("workflow", "a.jpg"),
        ("p", "x" * 2000),
    ):
        sent = client.put("/uploads.new", params={"place": place, "name": name}, content=b"x", headers=own)
        assert sent.status_code == 400
