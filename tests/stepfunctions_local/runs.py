"""Runs all cases of the state machines, in the sandbox or in Step Functions Local."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError, HTTPClientError

from happypath.operations.installation import steps
from happypath.sandbox.sandbox import Sandbox
from tests import waiting
from tests.statemachines import filled
from tests.statemachines.cases import cases
from tests.statemachines.definitions import WORKFLOWS, branches
from tests.statemachines.interpreter import DETAIL
from tests.stepfunctions_local.config import config, machine
from tests.stepfunctions_local.mocking import mocked

# Step Functions Local waits a second, at most, before each of some hundred retries.
_PATIENCE_S = 600.0


@dataclass(frozen=True)
class Run:
    """How the execution of one case ended."""

    status: str
    error: str | None
    path: tuple[str, ...]
    # Status and reason of the record that it asked DynamoDB to write, and which record that is.
    record: tuple[str, str | None] | None
    record_key: Any
    history: list[Any]


@contextmanager
def service() -> Iterator[Any]:
    """Step Functions with the cases: that at STEPFUNCTIONS_LOCAL_ENDPOINT or, without it, the sandbox's."""
    endpoint = os.environ.get("STEPFUNCTIONS_LOCAL_ENDPOINT")
    if endpoint:
        client = boto3.Session("local", "local", region_name="us-east-1").client(
            "stepfunctions", endpoint_url=endpoint
        )
        _await(client)
        yield client
    else:
        with Sandbox(retry_wait_scale=0, iam=False) as sandbox, mocked(config()):
            yield sandbox.client("stepfunctions")


def _await(client: Any) -> None:
    """Waits for a service that has just been started."""
    deadline = time.monotonic() + 60
    while True:
        try:
            client.list_state_machines()
        except (EndpointConnectionError, HTTPClientError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def run_all(stepfunctions: Any) -> dict[tuple[str, str], Run]:
    """Runs every case of every workflow, all at once."""
    started = {
        (workflow, name): arn for workflow in WORKFLOWS for name, arn in _start(stepfunctions, workflow)
    }
    return {case: _ended(stepfunctions, arn) for case, arn in started.items()}


def _start(stepfunctions: Any, workflow: str) -> Iterator[tuple[str, str]]:
    created = stepfunctions.create_state_machine(
        name=machine(workflow),
        definition=_definition(workflow),
        roleArn=f"arn:aws:iam::{filled.ACCOUNT}:role/workflow",
    )
    for case in cases(workflow):
        execution = stepfunctions.start_execution(
            stateMachineArn=f"{created['stateMachineArn']}#{case.name}",
            name=f"{case.name}-{time.time_ns()}"[-80:],
            input=json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": DETAIL}),
        )
        yield case.name, execution["executionArn"]


def _definition(workflow: str) -> str:
    """A workflow's definition as it is deployed, but with short waits.

    Step Functions Local waits before a retry as AWS does, minutes at times.
    """
    definition = json.loads(filled.definition(workflow))
    inner = (branch["States"] for state in definition["States"].values() for branch in branches(state))
    for state in (each for states in (definition["States"], *inner) for each in states.values()):
        for retrier in state.get("Retry", []):
            retrier.pop("MaxDelaySeconds", None)
            retrier |= {"IntervalSeconds": 1, "BackoffRate": 1}
    return json.dumps(definition)


def _ended(stepfunctions: Any, arn: str) -> Run:
    ended = waiting.ended(stepfunctions, arn, _PATIENCE_S)
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    history = [event for page in pages for event in page["events"]]
    record, key = _recorded(history)
    return Run(
        status=ended["status"],
        error=ended.get("error"),
        path=tuple(step.state for step in steps(history)),
        record=record,
        record_key=key,
        history=history,
    )


def _recorded(history: list[Any]) -> tuple[tuple[str, str | None] | None, Any]:
    """What the last call that writes an outcome asks for."""
    for event in reversed(history):
        scheduled = event.get("taskScheduledEventDetails", {})
        if scheduled.get("resource") == "updateItem":
            asked = json.loads(scheduled["parameters"])
            values = asked["ExpressionAttributeValues"]
            if ":status" in values:
                return (values[":status"]["S"], values.get(":reason", {}).get("S")), asked["Key"]
    return None, None
