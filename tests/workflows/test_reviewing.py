"""How people meet a review: events, mails, the API as its page says; and the token that wakes it, nowhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from functions.outcome import sentence
from happypath.cli import main as cli
from happypath.console import addresses
from happypath.console.app import application
from happypath.console.console import Console
from happypath.console.pages.upload import VIEWS
from happypath.operations.review import ReviewQueue
from happypath.project import ROOT, SAMPLES
from happypath.sandbox.apigateway.issuer import REVIEWERS
from tests.console.conftest import ADDRESS
from tests.waiting import PATIENCE_S, until
from tests.workflows.api import Person
from tests.workflows.asked import Asked, ask
from tests.workflows.driver import Driver

ACCOUNT = "123456789012"
PHOTO = (SAMPLES / "photos" / "coffee-small.jpg").read_bytes()


class Listener:
    """A queue, and all that has come into it."""

    def __init__(self, driver: Driver, name: str) -> None:
        self._sqs = driver.installation.client("sqs")
        self.url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": self.arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self._sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        self.bodies: list[str] = []

    def heard(self) -> list[Any]:
        while messages := self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for each in messages:
                self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
                self.bodies.append(each["Body"])
        return [json.loads(each) for each in self.bodies]


@contextmanager
def all_events(driver: Driver) -> Iterator[Listener]:
    """Whatever is sent to the default bus, while the block lasts."""
    events, listener = driver.installation.client("events"), Listener(driver, "reviewing-events")
    events.put_rule(Name="reviewing", EventPattern=json.dumps({"account": [ACCOUNT]}))
    try:
        events.put_targets(Rule="reviewing", Targets=[{"Id": "all", "Arn": listener.arn}])
        yield listener
    finally:
        events.remove_targets(Rule="reviewing", Ids=["all"])
        events.delete_rule(Name="reviewing")


@contextmanager
def mails(driver: Driver) -> Iterator[Listener]:
    """What a person is sent who reviews."""
    sns, listener = driver.installation.client("sns"), Listener(driver, "reviewing-mails")
    topic = next(
        each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith("-reviews")
    )
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=listener.arn)["SubscriptionArn"]
    try:
        yield listener
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)


def told(listener: Listener, review: Asked, reminders: int) -> dict[str, Any]:
    """Waits for the event of a review → its detail."""

    def find() -> dict[str, Any] | None:
        for event in listener.heard():
            detail = event["detail"]
            if (detail.get("review"), detail.get("reminders")) == (review.id, reminders):
                assert (event["source"], event["detail-type"]) == ("happypath", "Photo in review")
                return dict(detail)
        return None

    return until(find, f"{review.id} is told with reminder {reminders}")


def as_the_page_says(driver: Driver, url: str, folder: Path) -> str:
    """What the commands of docs/api.md about reviews print; they take the review that waits longest."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", page, re.M | re.S)
    (script,) = [each for each in blocks if each.startswith("REVIEWER=")]
    script = script.replace("http://127.0.0.1:4566", driver.sandbox.endpoint)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"API={url}\n{script}"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "no_proxy": "*"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + (folder / "reviews.json").read_text(encoding="utf-8")


@pytest.mark.timeout(300)
def test_people_are_told_decide_by_the_api_and_never_see_the_token(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue, began = ReviewQueue(driver.installation, "test"), datetime.now(UTC) - timedelta(seconds=1)
    for left in queue.waiting():
        queue.approve(left.id)
    ann = Person(driver.sandbox, "ann")
    rita = Person(driver.sandbox, "rita", REVIEWERS)
    with ExitStack() as opened:
        events, letters = opened.enter_context(all_events(driver)), opened.enter_context(mails(driver))
        first = ask(
            driver.installation, driver.new_key('a "park"', "<b>1.jpg"), PHOTO, driver.new_id("first")
        )
        late = ask(driver.installation, driver.new_key(), PHOTO, driver.new_id("late"), reminder_s=1)
        waits, reminded = told(events, first, 0), [told(events, late, number) for number in (0, 1)]
        assert waits["key"] == first.key
        assert (waits["status"], waits["sentence"]) == ("IN_REVIEW", sentence("IN_REVIEW"))
        assert len({each["id"] for each in (waits, *reminded)}) == 3
        assert reminded[1]["waiting"] == waits["waiting"] + 1

        def sentences() -> list[str]:
            return [str(json.loads(each["Message"])) for each in letters.heard()]

        def written(review: Asked, words: str) -> list[str]:
            return [each for each in sentences() if each.startswith(f"{review.key} {words} for a person")]

        until(lambda: written(first, "waits") and written(late, "still waits"), "the mails are sent")
        # A reminder writes another token.
        seen = [
            first.token,
            late.token,
            *(token for review in (first, late) if (token := token_of(driver, review))),
        ]
        (holding,) = (text for text in items(driver) if first.token in text)
        assert json.loads(holding)["PK"] == {"S": "review"}
        answers = [as_anybody_sees_it(driver, first, monkeypatch, capsys)]

        assert ann.get("/reviews").json()["message"] == "You may not decide about photos."
        assert requests.get(f"{ann.url}/reviews", timeout=60).status_code == 401
        shown = rita.get(f"/reviews/{first.id}")
        # The photo is seen by whoever has that address, for some minutes.
        photo = requests.get(shown.json()["photo"], timeout=60)
        assert (photo.content, photo.headers["content-disposition"]) == (PHOTO, "attachment")
        answers += [shown.text, as_the_page_says(driver, rita.url, tmp_path)]
        decision = first.decision(driver.installation)
        assert (decision["reason"], decision["detail"]["reviewer"]) == ("REFUSED_BY_REVIEWER", "rita")
        assert decision["detail"]["note"] == "Open a curtain."
        approved = rita.post(f"/reviews/{late.id}/approve")
        assert approved.json()["verdict"] == "approved"
        assert late.decision(driver.installation)["accepted"]
        again = rita.post(f"/reviews/{late.id}/claim")
        assert (again.status_code, "was approved by you" in again.json()["message"]) == (409, True)
        answers += [approved.text, again.text, json.dumps(decision)]
        events.heard()
        everything = [*answers, *events.bodies, *letters.bodies, *logs(driver, began), *traces(driver, began)]
    everything += [json.dumps(each, default=str) for each in ends(driver, (first, late))]
    assert not [text for text in everything if any(token in text for token in seen)]
    assert len(seen) >= 3
    # With a verdict it is gone from its item as well.
    until(lambda: not any(token_of(driver, each) for each in (first, late)), "the tokens are removed")
    assert not [text for text in items(driver) if any(token in text for token in seen)]


def token_of(driver: Driver, review: Asked) -> str | None:
    item = driver.installation.client("dynamodb").get_item(
        TableName=driver.installation.core["Table"], Key={"PK": {"S": "review"}, "SK": {"S": review.id}}
    )["Item"]
    found = item.get("token", {}).get("S")
    return None if found is None else str(found)


def as_anybody_sees_it(
    driver: Driver, review: Asked, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """All that commands print and pages of the console show of a review that waits."""
    pages = TestClient(application(Console(driver.installation, allow_changes=True)), base_url=ADDRESS)
    upload = addresses.upload_page(review.key)
    paths = ["/reviews", addresses.review_page(review.id), "/uploads", "/uploads.json", "/operations"]
    paths += [f"{upload}?view={view}" for view in VIEWS]
    found = []
    for path in paths:
        answer = pages.get(path)
        assert answer.status_code == 200, path
        found.append(answer.text)
    assert "&lt;b&gt;1.jpg" in found[0]
    monkeypatch.setattr("happypath.cli.options.Installation", lambda *_: driver.installation)
    for arguments in (
        ["review"],
        ["review", "--json"],
        ["review", "show", review.id],
        ["review", "show", review.id, "--json"],
        ["show", review.key, "--logs"],
        ["show", review.key, "--json"],
        ["runs", "--json"],
    ):
        monkeypatch.setattr("sys.argv", ["happypath", *arguments])
        with pytest.raises(SystemExit):
            cli.main()
        captured = capsys.readouterr()
        found += [captured.out, captured.err]
    assert review.id in "".join(found[len(paths) :])
    return "\n".join(found)


def logs(driver: Driver, since: datetime) -> Iterator[str]:
    """Every line of every log group."""
    client, number = driver.installation.client("logs"), 0
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            lines = client.get_paginator("filter_log_events").paginate(
                logGroupName=group["logGroupName"], startTime=int(since.timestamp() * 1000)
            )
            for each in (event for lines_page in lines for event in lines_page["events"]):
                number += 1
                yield each["message"]
    assert number > 5


def traces(driver: Driver, since: datetime) -> Iterator[str]:
    """Every segment of every trace."""
    xray, number = driver.installation.client("xray"), 0
    summaries = xray.get_paginator("get_trace_summaries").paginate(
        StartTime=since, EndTime=datetime.now(UTC) + timedelta(minutes=1)
    )
    ids = [each["Id"] for page in summaries for each in page["TraceSummaries"]]
    for at in range(0, len(ids), 5):
        for trace in xray.batch_get_traces(TraceIds=ids[at : at + 5])["Traces"]:
            for segment in trace["Segments"]:
                number += 1
                yield segment["Document"]
    assert number > 2


def ends(driver: Driver, reviews: tuple[Asked, ...]) -> Iterator[Any]:
    """What Step Functions says of executions without their histories."""
    for review in reviews:
        yield driver.installation.client("stepfunctions").describe_execution(executionArn=review.arn)


def items(driver: Driver) -> Iterator[str]:
    pages = (
        driver.installation.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=driver.installation.core["Table"])
    )
    for page in pages:
        yield from (json.dumps(each, default=str) for each in page["Items"])
