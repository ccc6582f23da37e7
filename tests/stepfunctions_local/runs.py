"""Runs all cases of MockConfigFile.json, in the sandbox or in Step Functions Local."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from string import Template
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError, HTTPClientError

from happypath.sandbox.sandbox import Sandbox
from tests.statemachines import definitions
from tests.stepfunctions_local.cases import FILE, ROUTES, cases, machine
from tests.stepfunctions_local.mocking import mocked

_ACCOUNT = "us-east-1:123456789012"
_PATIENCE_S = 110.0
_DETAIL = {
    "bucket": "uploads",
    "key": "the-place/photo.jpg",
    "placeId": "the-place",
    "ID": "photo.jpg",
    "version": "1",
    "record": "the-place/photo.jpg",
}


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
        config = json.loads(FILE.read_text(encoding="utf-8"))
        with Sandbox(retry_wait_scale=0) as sandbox, mocked(config):
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
    """Runs every case of every version, all at once."""
    started = {
        (version, case.name): arn for version in ROUTES for case, arn in _start(stepfunctions, version)
    }
    deadline = time.monotonic() + _PATIENCE_S
    return {case: _ended(stepfunctions, arn, deadline) for case, arn in started.items()}


def _start(stepfunctions: Any, version: str) -> Iterator[tuple[Any, str]]:
    created = stepfunctions.create_state_machine(
        name=machine(version),
        definition=_definition(version),
        roleArn="arn:aws:iam::123456789012:role/workflow",
    )
    for case in cases(version):
        execution = stepfunctions.start_execution(
            stateMachineArn=f"{created['stateMachineArn']}#{case.name}",
            name=f"{case.name}-{time.time_ns()}",
            input=json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": _DETAIL}),
        )
        yield case, execution["executionArn"]


def _definition(version: str) -> str:
    """A version's definition with its names filled in, as `sam deploy` does, and with short waits.

    Step Functions Local waits before a retry as AWS does, a minute at times.
    """
    text = definitions.text(version)
    functions = {
        name: f"arn:aws:lambda:{_ACCOUNT}:function:{machine(version)}-{name.removesuffix('FunctionArn')}"
        for name in Template(text).get_identifiers()
    }
    for name, value in {**functions, "TableName": "happypath"}.items():
        text = text.replace(f"${{{name}}}", value)
    definition = json.loads(text)
    for state in definition["States"].values():
        for retrier in state.get("Retry", []):
            retrier.pop("MaxDelaySeconds", None)
            retrier |= {"IntervalSeconds": 1, "BackoffRate": 1}
    return json.dumps(definition)


def _ended(stepfunctions: Any, arn: str, deadline: float) -> Run:
    while (ended := stepfunctions.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, f"{arn} does not end"
        time.sleep(0.05)
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
    history = [event for page in pages for event in page["events"]]
    record, key = _recorded(history)
    return Run(
        status=ended["status"],
        error=ended.get("error"),
        path=tuple(
            event["stateEnteredEventDetails"]["name"]
            for event in history
            if "stateEnteredEventDetails" in event
        ),
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
