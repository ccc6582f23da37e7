"""Runs a state machine through moto's interpreter, with answers in place of the functions.

Three things differ from moto: States.ALL leaves out what it leaves out on AWS, EventBridge's errors have
names, and the waits before retries are noted instead of waited for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from string import Template
from types import SimpleNamespace
from typing import Any, Self, TypeAlias
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
    state_task_service_events,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from happypath.sandbox.mends import events_fail_by_name, states_all_leaves_out_two
from tests import table
from tests.statemachines.definitions import text

REGION = "us-east-1"
TABLE = "table"
DETAIL = {
    "bucket": "uploads",
    "key": "cafe-one/photo.jpg",
    "placeId": "cafe-one",
    "ID": "photo.jpg",
    "version": "1",
    "record": "cafe-one/photo.jpg",
}
Item: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Raised:
    """A function that raised, in the shape that Lambda answers with."""

    error: str
    message: str = "it went wrong"

    def response(self) -> dict[str, Any]:
        payload = {"errorMessage": self.message, "errorType": self.error, "requestId": "1", "stackTrace": []}
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}


@dataclass(frozen=True)
class Refused:
    """A service that answers a call with an error of its own: Lambda instead of the function, or DynamoDB."""

    code: str
    status: int = 400

    def error(self, operation: str) -> ClientError:
        metadata: Any = {"HTTPStatusCode": self.status, "RequestId": "1"}
        return ClientError(
            {"Error": {"Code": self.code, "Message": "no"}, "ResponseMetadata": metadata}, operation
        )


# What a function answers, each time it is asked; the last answer repeats.
Answers: TypeAlias = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Run:
    """An execution that has ended, and the record that it left."""

    status: str
    error: str | None
    cause: str | None
    path: tuple[str, ...]
    output: dict[str, Any]
    record: dict[str, str]
    # What each function was asked, in order: (name, payload).
    asked: list[tuple[str, Any]]
    # What the event bus was told, in order.
    told: list[dict[str, Any]]
    waits_s: list[float]

    @property
    def detail(self) -> Any:
        return json.loads(self.record["detail"])


def accept(**detail: Any) -> list[Any]:
    return [{"accepted": True, "reason": None, "detail": detail}]


def reject(reason: str, **detail: Any) -> list[Any]:
    return [{"accepted": False, "reason": reason, "detail": detail}]


RENDITIONS = {
    "width": 1200,
    "height": 900,
    "tile": {"key": "cafe-one/photo-tile.jpg", "width": 400, "height": 400, "bytes": 1},
    "scaled": {"key": "cafe-one/photo-scaled.jpg", "width": 600, "height": 450, "bytes": 1},
}
WILLING: Answers = {
    "Dimensions": accept(width_px=1200, height_px=900),
    "Moderation": accept(labels=[]),
    "People": accept(labels=[]),
    "Match": accept(found={}),
    "Resize": [RENDITIONS],
    "Publish": [{"published": True, "tileURL": "https://t", "scaledURL": "https://s"}],
}


class Interpreter:
    """moto's Step Functions, open for one test after another; use it in a `with` statement."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
            # Parsing takes longer than running.
            parse = staticmethod(cache(AmazonStateLanguageParser.parse))
            stack.enter_context(patch.object(AmazonStateLanguageParser, "parse", parse))
            stack.enter_context(states_all_leaves_out_two())
            stack.enter_context(events_fail_by_name())
            self._dynamodb = boto3.client("dynamodb", region_name=REGION)
            self._events = boto3.client("events", region_name=REGION)
            self._stepfunctions = boto3.client("stepfunctions", region_name=REGION)
            table.make(self._dynamodb, TABLE)
            self._runs = 0
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(
        self,
        version: str,
        answers: Answers | None = None,
        *,
        place: Item | None = None,
        dynamodb: Mapping[str, Sequence[Refused | None]] | None = None,
        events: Sequence[Refused] = (),
        owner: str | None = None,
    ) -> Run:
        """Runs one upload through a version.

        `answers` replaces some of the functions' willing ones; `place` is the listing item's attributes, None
        for a place that is not listed; `dynamodb` holds errors for its operations, and `events` for
        PutEvents, answered one by one before the real thing (None lets a call through); `owner` is the
        execution that owns the record, this one unless given.
        """
        self._runs += 1
        arn = f"arn:aws:states:{REGION}:123456789012:execution:happypath-{version}:{self._runs}"
        self._put_items(place, owner or arn)
        asked: list[tuple[str, Any]] = []
        waits_s: list[float] = []
        invoke = _functions({**WILLING, **(answers or {})}, asked)
        told: list[dict[str, Any]] = []
        table = _refusing(self._dynamodb, dynamodb or {}, "get_item", "update_item")
        bus = _refusing(_listening(self._events, told), {"put_events": events}, "put_events")
        with (
            patch.object(lambda_eval_utils, "_invoke_lambda_function", invoke),
            patch.object(retrier_decl, "time", SimpleNamespace(sleep=waits_s.append)),
            patch.object(state_task_service_dynamodb, "boto_client_for", lambda **_: table),
            patch.object(state_task_service_events, "boto_client_for", lambda **_: bus),
        ):
            self._stepfunctions.start_execution(
                stateMachineArn=self._machine(version),
                name=str(self._runs),
                input=json.dumps({"detail": DETAIL}),
            )
            ended = self._wait(arn)
        history = self._stepfunctions.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        return Run(
            status=ended["status"],
            error=ended.get("error"),
            cause=ended.get("cause"),
            path=tuple(
                event["stateEnteredEventDetails"]["name"]
                for event in history
                if "stateEnteredEventDetails" in event
            ),
            output=json.loads(ended.get("output") or "{}"),
            record=self._record(),
            asked=asked,
            told=told,
            waits_s=waits_s,
        )

    @cache  # noqa: B019  # one interpreter lives as long as its tests
    def _machine(self, version: str) -> str:
        machine = self._stepfunctions.create_state_machine(
            name=f"happypath-{version}",
            definition=_definition(version),
            roleArn="arn:aws:iam::123456789012:role/r",
        )
        return machine["stateMachineArn"]

    def _put_items(self, place: Item | None, owner: str) -> None:
        record = {**_RECORD, "objStatus": {"S": "RECEIVED"}, "executionArn": {"S": owner}}
        self._dynamodb.put_item(TableName=TABLE, Item=record)
        listing: Item = {"PK": {"S": DETAIL["placeId"]}, "SK": {"S": "listing"}}
        if place is None:
            self._dynamodb.delete_item(TableName=TABLE, Key=listing)
        else:
            self._dynamodb.put_item(TableName=TABLE, Item={**listing, **place})

    def _record(self) -> dict[str, str]:
        item = self._dynamodb.get_item(TableName=TABLE, Key=_RECORD)["Item"]
        return {name: value["S"] for name, value in item.items()}

    def _wait(self, arn: str) -> Any:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ended = self._stepfunctions.describe_execution(executionArn=arn)
            if ended["status"] != "RUNNING":
                return ended
            time.sleep(0.005)
        raise TimeoutError(f"{arn} does not end")


_RECORD: Item = {"PK": {"S": "workflow"}, "SK": {"S": DETAIL["record"]}}


def _definition(version: str) -> str:
    # `sam deploy` fills in what the template says; any name will do here.
    names = {name: name.removesuffix("FunctionArn") for name in Template(text(version)).get_identifiers()}
    definition = text(version)
    for name, value in {**names, "TableName": TABLE}.items():
        definition = definition.replace(f"${{{name}}}", value)
    return definition


def _functions(answers: Answers, asked: list[tuple[str, Any]]) -> Callable[..., Any]:
    given: dict[str, int] = {}

    def invoke(parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        function = parameters["FunctionName"]
        asked.append((function, json.loads(parameters["Payload"])))
        turn = given.get(function, 0)
        given[function] = turn + 1
        answer = answers[function][min(turn, len(answers[function]) - 1)]
        if isinstance(answer, Refused):
            raise answer.error("Invoke")
        if isinstance(answer, Raised):
            return answer.response()
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer}

    return invoke


def _listening(events: Any, told: list[dict[str, Any]]) -> Any:
    """EventBridge, and what it is told."""

    def put_events(**parameters: Any) -> Any:
        told.extend(parameters["Entries"])
        return events.put_events(**parameters)

    return SimpleNamespace(put_events=put_events)


def _refusing(client: Any, errors: Mapping[str, Sequence[Refused | None]], *operations: str) -> Any:
    """A service with these operations, after the given errors; None among them is a call that works."""
    waiting = {operation: list(each) for operation, each in errors.items()}

    def calling(operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            refused = waiting[operation].pop(0) if waiting.get(operation) else None
            if refused:
                raise refused.error(operation)
            return getattr(client, operation)(**parameters)

        return call

    return SimpleNamespace(**{each: calling(each) for each in operations})
