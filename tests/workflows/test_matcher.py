"""Workflows that send an event of what matches: it is sent and then recorded, whatever goes wrong on the way.

What errors lead to in their tasks is in `test_errors.py`, as for all workflows. Here is what listeners hear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from functions.ingest.record import utc_now
from happypath.operations import reconcile
from happypath.project import WORKFLOWS
from happypath.sandbox.sandbox import Sandbox
from tests.outcomes import Row
from tests.roles import document
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.tasks import SUPERSEDED, Task, accepted, on_path, rejected
from tests.workflows.test_errors import passing
from tests.workflows.test_photos import check_outcome

# By which a listener knows an event again.
IDENTITY = ("bucket", "key", "version")

# The events that the bus was sent by executions, by their ARNs.
Told = Callable[[str], list[dict[str, Any]]]


def sending(workflow: str) -> list[Task]:
    """The tasks of a workflow that send events."""
    return [task for task in on_path(accepted(workflow), workflow) if task.resource == "events:putEvents"]


SENDING = [task for workflow in WORKFLOWS for task in sending(workflow)]


def kind_of_event(task: Task) -> dict[str, str]:
    """The source and the type of the events that a task sends."""
    (entry,) = task.state["Parameters"]["Entries"]
    return {"source": entry["Source"], "detail-type": entry["DetailType"]}


def before(task: Task) -> Task:
    """The task that confirms the record, before the event is sent."""
    tasks = on_path(accepted(task.workflow), task.workflow)
    return tasks[tasks.index(task) - 1]


def after(task: Task) -> Task:
    """The task that records that the event was sent."""
    tasks = on_path(accepted(task.workflow), task.workflow)
    return tasks[tasks.index(task) + 1]


@pytest.fixture(scope="module")
def told(sandbox: Sandbox) -> Iterator[Told]:
    """The events, as somebody else in the account gets them: by a rule of their own."""
    events, sqs = sandbox.client("events"), sandbox.client("sqs")
    queue = sqs.create_queue(QueueName="matches")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    by_rules = {
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = document({"Effect": "Allow", **by_rules})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    kinds = [kind_of_event(task) for task in SENDING]
    pattern = {name: sorted({kind[name] for kind in kinds}) for name in ("source", "detail-type")}
    events.put_rule(Name="matches", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="matches", Targets=[{"Id": "queue", "Arn": arn}])
    received: list[dict[str, Any]] = []

    def of(execution_arn: str) -> list[dict[str, Any]]:
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                received.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [event for event in received if event["detail"]["executionArn"] == execution_arn]

    yield of
    events.remove_targets(Rule="matches", Ids=["queue"])
    events.delete_rule(Name="matches")
    sqs.delete_queue(QueueUrl=queue)


def execute(driver: Driver, task: Task, row: Row, *faults: str, owner: str | None = None) -> Outcome:
    return driver.execute_row(task.workflow, row, faults=faults, owner=owner)


@pytest.mark.parametrize("task", SENDING, ids=str)
def test_a_match_is_told_of_once_though_every_task_fails_at_first(
    task: Task, driver: Driver, told: Told
) -> None:
    row = accepted(task.workflow)
    unnamed = f"{task.target}=raise:EventBridge.AmazonEventBridgeException@4"
    outcome = execute(driver, task, row, *passing(task.workflow, row).faults, unnamed)

    check_outcome(outcome, task.workflow, row)
    assert outcome.attempts[task.name] == 5
    (event,) = told(outcome.record["executionArn"])
    assert event.items() >= kind_of_event(task).items()
    assert event["detail"]["decision"]["detail"] == outcome.record["detail"]
    assert event["detail"]["upload"]["key"] == outcome.record["key"]
    assert outcome.record["executionArn"] in event["resources"]


@pytest.mark.parametrize("what", ["rejected", "not confirmed", "not sent"])
@pytest.mark.parametrize("task", SENDING, ids=str)
def test_what_is_no_match_and_what_fails_is_told_to_nobody(
    task: Task, what: str, driver: Driver, told: Told
) -> None:
    row = rejected(task.workflow) if what == "rejected" else accepted(task.workflow)
    faults = {"not confirmed": [f"{before(task).target}=denied"], "not sent": [f"{task.target}=denied"]}
    outcome = execute(driver, task, row, *faults.get(what, []))

    assert outcome.status == ("REJECTED" if what == "rejected" else "FAILED")
    assert told(outcome.record["executionArn"]) == []


@pytest.mark.parametrize("what", ["accepted", "rejected", "failed"])
@pytest.mark.parametrize("task", SENDING, ids=str)
def test_an_execution_that_no_longer_owns_the_record_tells_nobody(
    task: Task, what: str, driver: Driver, told: Told
) -> None:
    newer = f"arn:aws:states:us-east-1:123456789012:execution:happypath-{task.workflow}:a-newer-one"
    row = rejected(task.workflow) if what == "rejected" else accepted(task.workflow)
    faults = [f"{before(task).target}=raise:KeyError"] if what == "failed" else []
    outcome = execute(driver, task, row, *faults, owner=newer)

    assert outcome.status == "RECEIVED"
    assert told(newer) == []


@pytest.mark.parametrize("task", SENDING, ids=str)
def test_a_match_that_is_replaced_while_it_is_told_of_leaves_the_record_alone(
    task: Task, driver: Driver, told: Told
) -> None:
    row = accepted(task.workflow)
    outcome = execute(driver, task, row, f"{after(task).target}=raise:{SUPERSEDED}")

    assert (outcome.status, outcome.execution) == ("RECEIVED", "SUCCEEDED")
    assert outcome.path == (*row.path, after(task).caught(SUPERSEDED))
    assert len(told(outcome.record["executionArn"])) == 1


def upload(driver: Driver, task: Task, name: str) -> str:
    """Uploads a picture that matches; returns its key."""
    row = accepted(task.workflow)
    driver.go_live(task.workflow)
    key = driver.new_key_of(task.workflow, row, f"{name}{row.suffix}")
    driver.upload(driver.picture(row), key)
    return key


def all_have_ended(driver: Driver, key: str) -> bool:
    """Whether an upload has been started, and nothing of it runs."""
    executions = driver.executions_of(key)
    return bool(executions) and all(map(driver.installation.execution_ended, executions))


@pytest.mark.parametrize("what", ["not sent", "not recorded"])
@pytest.mark.parametrize("task", SENDING, ids=str)
def test_a_match_is_processed_when_it_has_been_told_of_and_open_until_then(
    task: Task, what: str, driver: Driver, told: Told
) -> None:
    # Nothing catches the first one.
    fault, first = {
        "not sent": (f"{task.target}=raise:States.Runtime", 0),
        "not recorded": (f"{after(task).target}=denied", 1),
    }[what]
    with driver.sandbox.faults(fault):
        key = upload(driver, task, "open")
        wait_until(partial(all_have_ended, driver, key), "its execution ends")
    (execution,) = driver.executions_of(key)
    outcome = driver.outcome(key, execution)
    assert (outcome.status, outcome.execution) == ("RECEIVED", "FAILED")
    events = told(execution)
    assert len(events) == first

    installation = driver.installation
    (open_,) = (
        each for each in reconcile.find(installation, utc_now() + timedelta(minutes=1)) if each.key == key
    )
    assert open_.state is reconcile.State.NOT_RECORDED
    assert reconcile.fix(installation, open_)
    again = driver.ended(key)

    assert again.status == "PROCESSED"
    events += told(again.record["executionArn"])
    uploads = [tuple(event["detail"]["upload"][name] for name in IDENTITY) for event in events]
    assert uploads == [(again.record["bucket"], key, again.record["version"])] * (first + 1)


@pytest.mark.parametrize("task", SENDING, ids=str)
def test_an_upload_whose_event_comes_twice_is_told_of_once(task: Task, driver: Driver, told: Told) -> None:
    with driver.sandbox.faults("event:upload=duplicate"):
        key = upload(driver, task, "twice")
    outcome = driver.ended(key)
    wait_until(driver.all_events_are_handled, "both events are handled")

    assert outcome.status == "PROCESSED"
    assert len(driver.executions_of(key)) == 1
    assert len(told(outcome.record["executionArn"])) == 1
