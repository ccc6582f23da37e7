"""Pages while AWS refuses a call or throttles it: they show what they can, and say what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from starlette.testclient import TestClient

from happypath.console.addresses import execution_page, upload_page
from happypath.console.app import application
from happypath.console.console import Console
from happypath.operations.installation import Installation
from happypath.operations.review import ReviewQueue
from happypath.operations.waiting import wait
from happypath.project import SAMPLES
from tests.console.conftest import ADDRESS
from tests.workflows.asked import ask

if TYPE_CHECKING:
    from happypath.sandbox.sandbox import Sandbox

KEY = "sample-park/denied.jpg"
REVIEW = "denied"
PAGES = [
    "/uploads",
    "/uploads?status=FAILED&text=a",
    "/workflows",
    "/workflows/v4",
    "/workflows.compare?one=v3&other=v4",
    "/accuracy?days=30",
    "/reviews",
    f"/reviews/{REVIEW}",
    "/operations",
    "/operations/failed",
    "/operations/dead",
    "/operations/reconcile",
    "/places",
    "/places?id=sample-park",
    "/faults",
    upload_page(KEY),
    f"{upload_page(KEY)}?view=state&state=Resizer",
    f"{upload_page(KEY)}?view=log",
    f"{upload_page(KEY)}?view=trace",
    f"{upload_page(KEY)}?view=definition",
]
# The calls, and a page that cannot do without each.
CALLS = {
    "dynamodb:Query": "/uploads",
    "dynamodb:BatchGetItem": "/reviews",
    "dynamodb:Scan": "/places",
    "dynamodb:GetItem": "/places?id=sample-park",
    "ssm:GetParameterHistory": "/workflows",
    "states:ListStateMachines": "/workflows",
    "states:DescribeStateMachine": "/workflows/v4",
    "states:DescribeExecution": upload_page(KEY),
    "states:GetExecutionHistory": upload_page(KEY),
    "sqs:GetQueueAttributes": "/operations",
    "logs:FilterLogEvents": f"{upload_page(KEY)}?view=log",
}


@pytest.fixture(scope="module")
def pages(sandbox: Sandbox) -> Iterator[TestClient]:
    """A console whose calls are those of a stranger, which faults hit; the sandbox's own are exempt."""
    session = boto3.Session("stranger", "secret", region_name="us-east-1")

    def client(service: str) -> object:
        return session.client(  # type: ignore[call-overload]
            service, endpoint_url=sandbox.endpoint, config=Config(retries={"total_max_attempts": 1})
        )

    own = Installation(sandbox.client, sandbox.prefix)
    own.put_place("sample-park", "park", "A park")
    own.set_live("v4")
    own.upload((SAMPLES / "photos" / "coffee.jpg").read_bytes(), KEY)
    assert wait(own, KEY, 60, 0.1).status == "PROCESSED"
    asked = ask(own, f"sample-park/{REVIEW}.jpg", (SAMPLES / "photos" / "coffee.jpg").read_bytes(), REVIEW)
    installation = Installation(client, sandbox.prefix)
    console = Console(installation, allow_changes=True, faults=sandbox.faults)
    with sandbox.faults():
        yield TestClient(application(console), base_url=ADDRESS)
    own.set_live("none")
    ReviewQueue(own).approve(REVIEW)
    assert asked.decision(own)["accepted"]


@pytest.mark.parametrize("kind", ["throttle", "denied"])
@pytest.mark.parametrize("call", CALLS)
def test_a_page_shows_what_it_can_and_says_what_is_missing(
    pages: TestClient, sandbox: Sandbox, call: str, kind: str
) -> None:
    said = {"throttle": "Throttl", "denied": "AccessDenied"}[kind]
    with sandbox.faults(f"{call}={kind}"):
        answers = {path: pages.get(path) for path in PAGES}
    for path, answer in answers.items():
        assert answer.status_code == 200, (path, answer.text[:500])
        assert "<h1" in answer.text
        assert "Traceback" not in answer.text
    needing = answers[CALLS[call]].text
    assert "is missing here" in needing
    assert said in needing


def test_an_account_that_cannot_be_reached_is_a_sentence(sandbox: Sandbox) -> None:
    def client(service: str) -> object:
        return boto3.Session("a", "b", region_name="us-east-1").client(  # type: ignore[call-overload]
            service, endpoint_url="http://127.0.0.1:9", config=Config(retries={"total_max_attempts": 1})
        )

    console = Console(Installation(client, "happypath"), allow_changes=False)
    away = TestClient(application(console), base_url=ADDRESS)
    for path in ("/uploads", "/workflows", "/operations", "/places", execution_page("x")):
        answer = away.get(path)
        assert answer.status_code in {200, 502}
        assert "Is AWS_ENDPOINT_URL right, and the sandbox up?" in answer.text
