"""A workflow that asks a person: v4, as docs/review.md changes it, deployed beside the others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.ingest.record import timestamp, utc_now
from functions.review.review import Review
from functions.upload import Upload, parse_key
from happypath.operations.installation import TERMINAL, Installation
from happypath.operations.review import ReviewQueue, ReviewRefusedError
from happypath.project import ROOT, SAMPLES
from happypath.sandbox.account import OWN_ACCESS_KEY
from happypath.sandbox.direct import call_directly
from tests.outcomes import rows
from tests.roles import make_role
from tests.statemachines.definitions import asks_person, tasks
from tests.statemachines.filled import definition
from tests.waiting import until
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.notices import Subscriber

PAGE = ROOT / "docs" / "review.md"
NAME = "uncertain"
_LAMBDAS = "arn:aws:lambda:us-east-1:123456789012:function"


def states_of_page() -> dict[str, Any]:
    """The states that the page gives to be copied."""
    (block,) = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    found: dict[str, Any] = json.loads(block)
    return found


class Asking:
    """That workflow, and the reviews of the installation."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.installation = driver.installation
        exports = self.installation.client("cloudformation").get_paginator("list_exports").paginate()
        self.role = self.swift = ""
        # Many people are fewer requests for the one process.
        self._direct = Installation(self._direct_client, driver.sandbox.prefix)
        for service in ("cloudformation", "dynamodb"):
            self._direct.client(service)
        self._exports = {each["Name"]: each["Value"] for page in exports for each in page["Exports"]}

    def of(self, reviewer: str) -> ReviewQueue:
        """The reviews, for one person."""
        return ReviewQueue(self._direct, reviewer)

    def _direct_client(self, service: str) -> Any:
        client = self.driver.sandbox.client(service)
        call_directly(client, self.driver.sandbox.application, OWN_ACCESS_KEY)
        return client

    def export(self, name: str) -> str:
        return str(self._exports[f"{self.driver.sandbox.prefix}-{name}"])

    def make(self) -> str:
        """Makes the state machine, with a role that has what the page says."""
        prefix = self.driver.sandbox.prefix
        stepfunctions, iam = self.installation.client("stepfunctions"), self.installation.client("iam")
        v4 = self.installation.state_machines()["v4"]
        definition = json.loads(stepfunctions.describe_state_machine(stateMachineArn=v4)["definition"])
        filled = json.dumps(states_of_page()).replace("${Partition}", "aws")
        filled = filled.replace("${ReviewStateMachineArn}", self.export("ReviewStateMachine"))
        definition["States"] |= json.loads(filled)
        functions = {"Action": "lambda:InvokeFunction", "Resource": f"{_LAMBDAS}:{prefix}-v4-*"}
        self.role = role = make_role(iam, f"{prefix}-{NAME}", {"Effect": "Allow", **functions})
        for policy in ("KeepRecordsPolicy", "FindPlacePolicy", "ReviewPolicy"):
            iam.attach_role_policy(RoleName=f"{prefix}-{NAME}", PolicyArn=self.export(policy))
        made: str = stepfunctions.create_state_machine(
            name=f"{prefix}-{NAME}", definition=json.dumps(definition), roleArn=role
        )["stateMachineArn"]
        return made

    def make_swift(self) -> str:
        """Makes a state machine that asks and records the answer: no photo is looked at, none published."""
        page = json.dumps(states_of_page()).replace(
            "${ReviewStateMachineArn}", self.export("ReviewStateMachine")
        )
        asking = json.loads(page.replace("${Partition}", "aws"))
        v4 = json.loads(definition("v4"))["States"]
        table = self.installation.core["Table"]
        names = ("RecordFailState", "Superseded", "RecordErrorState", "Failed", "RecordingFailed")
        states = {name: asking[name] for name in ("Ask a person", "Review Result?")}
        states |= {name: v4[name] for name in names}
        accepted = json.loads(json.dumps(v4["RecordFailState"]))
        accepted["Parameters"]["UpdateExpression"] = "SET objStatus = :status, finishedAt = :finishedAt"
        values = accepted["Parameters"]["ExpressionAttributeValues"]
        values[":status"] = {"S": "PROCESSED"}
        for unused in (":reason", ":detail"):
            del values[unused]
        states["Resizer"] = accepted
        for state in states.values():
            if "TableName" in state.get("Parameters", {}):
                state["Parameters"]["TableName"] = table
        made: str = self.installation.client("stepfunctions").create_state_machine(
            name=f"swift-{self.driver.new_id()}",
            definition=json.dumps({"StartAt": "Ask a person", "States": states}),
            roleArn=self.role,
        )["stateMachineArn"]
        return made

    def start_one(self) -> tuple[str, str]:
        """Starts a state machine that asks, for an upload → the upload's key, and the execution."""
        key = self.driver.new_key("review-park")
        self.swift = self.swift or self.make_swift()
        (arn,) = self.start(self.swift, [key])
        return key, arn

    def start(self, machine: str, keys: Sequence[str]) -> list[str]:
        """Starts it for uploads that nobody else is told of → the executions."""
        versions = {}
        with self.driver.losing_events():
            for key in keys:
                put = self.installation.client("s3").put_object(
                    Bucket=self.driver.upload_bucket, Key=key, Body=b"photo"
                )
                versions[key] = put["VersionId"]
        return [
            self._start(machine, Upload(self.driver.upload_bucket, key, *parse_key(key), versions[key]))
            for key in keys
        ]

    def _start(self, machine: str, upload: Upload) -> str:
        name = upload.upload_id.removesuffix(".jpg")
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        detail = {**upload.as_detail(), "workflow": "swift"}
        record = {
            "PK": "workflow",
            "SK": upload.key,
            "objStatus": "RECEIVED",
            "executionArn": arn,
            **{each: detail[each] for each in ("key", "bucket", "placeId", "version", "workflow")},
            "receivedAt": timestamp(utc_now()),
        }
        self.installation.client("dynamodb").put_item(
            TableName=self.installation.core["Table"],
            Item={each: {"S": value} for each, value in record.items()},
        )
        given = {"detail": detail, "decision": {"detail": {}}}
        start = self.installation.client("stepfunctions").start_execution
        start(stateMachineArn=machine, name=name, input=json.dumps(given))
        return arn

    def forget(self, machine: str, keys: Sequence[str]) -> None:
        """Removes what `make_swift` and `start` have made; records end as any do whose object goes."""
        for key in keys:
            self.driver.delete(key)
        self.installation.client("stepfunctions").delete_state_machine(stateMachineArn=machine)

    def upload(self, name: str = "wine.jpg") -> str:
        """Uploads a photo of which the models are not sure → its key."""
        key = self.driver.new_key("review-park", name)
        self.driver.upload((SAMPLES / "photos" / "wine.jpg").read_bytes(), key)
        return key

    def upload_again(self, key: str) -> str:
        """Uploads a photo once more under its key → the review of this one, when it waits."""
        before = self.waits(key).id
        self.driver.upload((SAMPLES / "photos" / "wine.jpg").read_bytes(), key)
        wait_until(
            lambda: (self.installation.record(key) or {}).get("review") not in {None, before}, "it is new"
        )
        return self.waits(key).id

    def waits(self, key: str) -> Review:
        """Waits until a person is asked about an upload."""

        def find() -> Review | None:
            return next((each for each in self.of("anybody").waiting() if each.key == key), None)

        return until(find, f"{key} waits for a person")

    def waits_for_verdict(self, review_id: str) -> bool:
        """Whether the state machine has its token there. A verdict of before is found without waking it."""
        where = {"PK": {"S": "review"}, "SK": {"S": review_id}}
        table = self.installation.core["Table"]
        found = self.installation.client("dynamodb").get_item(TableName=table, Key=where)
        return "token" in found.get("Item", {})

    def ended(self, key: str) -> Outcome:
        """Waits for the end of an upload, about which nobody decides but the test."""

        def has_ended() -> bool:
            record = self.installation.record(key) or {}
            arn = record.get("executionArn", "")
            return record.get("objStatus") in TERMINAL and self.installation.execution_ended(arn)

        wait_until(has_ended, f"{key} ends")
        return self.driver.outcome(key)

    def status(self, key: str) -> str:
        return str((self.installation.record(key) or {}).get("objStatus"))


def need(driver: Driver, sid: str) -> None:
    """Comes to what a statement of the stack is for, as far as that goes without it."""
    if sid == "LearnOfItsEnd":
        with pytest.raises(ClientError, match="not authorized to create managed-rule"), asking(driver):
            pass
        return
    with asking(driver) as made:
        key, arn = made.start_one()
        stepfunctions = driver.installation.client("stepfunctions")

        def is_asked_or_over() -> bool:
            if stepfunctions.describe_execution(executionArn=arn)["status"] != "RUNNING":
                return True
            asked = next((each.id for each in made.of("a").waiting() if each.key == key), None)
            return asked is not None and made.waits_for_verdict(asked)

        wait_until(is_asked_or_over, f"{key} waits, or cannot")
        with suppress(ReviewRefusedError):
            made.of("a").approve(key)


def every_way(driver: Driver) -> None:
    """All that the stack does with its rights."""
    with asking(driver) as made:
        give_up(made)
        # Whoever waits for a review stops it when it is stopped itself.
        _, arn = made.start_one()
        driver.installation.client("stepfunctions").stop_execution(executionArn=arn)


def stop(driver: Driver, workflow: str) -> None:
    """Stops an execution of a workflow that waits for a person, if it asks any: it stops the review then."""
    asks = {name for name, task in tasks(workflow).items() if asks_person(task)}
    made = Asking(driver)
    for row in [row for row in rows(workflow) if asks & set(row.path)][:1]:
        driver.go_live(workflow)
        key = driver.new_key_of(workflow, row)
        driver.upload(driver.picture(row), key)
        review = made.waits(key)
        driver.installation.client("stepfunctions").stop_execution(executionArn=review.execution_arn)
        wait_until(partial(_is_over, made, review.id), f"the review of {key} is over")


def _is_over(made: Asking, review_id: str) -> bool:
    return not made.of("anybody").show(review_id).is_open


def give_up(made: Asking) -> tuple[str, str]:
    """Has a verdict of which nobody is told, as after many failures → the upload's key, and its execution."""
    undone = Subscriber(made.installation, "reviews-undone")
    undone.take()
    key, arn = made.start_one()
    review = made.waits(key)
    until(lambda: made.waits_for_verdict(review.id), "the state machine waits for a verdict")
    with made.driver.sandbox.faults("function:review-Waking=raise"):
        made.of("ann").approve(key)
        # An execution's end may be given up meanwhile, too.
        until(
            lambda: any("DDBStreamBatchInfo" in each["Body"] for each in undone.take()),
            "the verdict is given up",
        )
    return key, arn


@contextmanager
def asking(driver: Driver) -> Iterator[Asking]:
    """The workflow, live, while the block lasts."""
    made = Asking(driver)
    driver.installation.put_place("review-park", "park", "A park")
    arn = made.make()
    driver.go_live(NAME)
    try:
        yield made
    finally:
        driver.go_live("none")
        for each in filter(None, (arn, made.swift)):
            driver.installation.client("stepfunctions").delete_state_machine(stateMachineArn=each)
        iam = driver.installation.client("iam")
        role = f"{driver.sandbox.prefix}-{NAME}"
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
        iam.delete_role_policy(RoleName=role, PolicyName="own")
        iam.delete_role(RoleName=role)
