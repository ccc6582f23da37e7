"""Runs a state machine through moto's interpreter, with answers in place of what its tasks call.

Two things differ from moto: errors have the names that they have on AWS, as in the sandbox, and the waits
before retries are noted instead of waited for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from types import SimpleNamespace
from typing import Any, Self, TypeAlias, cast
from unittest.mock import patch

import boto3
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_dynamodb,
    state_task_service_events,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from happypath.operations.installation import steps
from happypath.sandbox.patches import states_evaluation, states_language
from happypath.sandbox.patches.stepfunctions import ERRORS, TASKS
from happypath.sandbox.stepfunctions.failures import task_failure
from happypath.sandbox.stepfunctions.integrations import AwsSdkTask, SfnTask, aws_sdk_integrations
from tests import table
from tests.mocked import mocked
from tests.statemachines.definitions import decides, is_lambda, output, tasks
from tests.statemachines.filled import ACCOUNT, REGION, TABLE, definition
from tests.statemachines.willing import Answered, Answers, Done, Lost, Raised, willing

DETAIL = {
    "bucket": "uploads",
    "key": "the-place/photo.jpg",
    "placeId": "the-place",
    "ID": "photo.jpg",
    "version": "1",
    "record": "the-place/photo.jpg",
}
Item: TypeAlias = dict[str, Any]
INTEGRATIONS = tuple(dict.fromkeys([*(task for task, _ in TASKS), AwsSdkTask]))
_RECORD: Item = {"PK": {"S": "workflow"}, "SK": {"S": DETAIL["record"]}}


@dataclass(frozen=True)
class Run:
    """An execution that has ended, and the record that it left."""

    status: str
    error: str | None
    cause: str | None
    path: tuple[str, ...]
    output: dict[str, Any]
    record: dict[str, str]
    # What each function was asked, in order: (task, payload).
    asked: list[tuple[str, Any]]
    # What the event bus was told, in order.
    told: list[dict[str, Any]]
    waits_s: list[float]
    history: Sequence[Any] = field(repr=False, default=())

    @property
    def detail(self) -> Any:
        return json.loads(self.record["detail"])


class Interpreter:
    """moto's Step Functions, open for one test after another; use it in a `with` statement."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(mocked({"stepfunctions": {"execute_state_machine": True}}))
            # Parsing takes longer than running.
            parse = staticmethod(cache(AmazonStateLanguageParser.parse))
            stack.enter_context(patch.object(AmazonStateLanguageParser, "parse", parse))
            for named in (*ERRORS, *states_language.PATCHES, *states_evaluation.PATCHES):
                stack.enter_context(named(cast(Any, None)))
            stack.enter_context(aws_sdk_integrations())
            self.dynamodb = boto3.client("dynamodb", region_name=REGION)
            self.events: Any = boto3.client("events", region_name=REGION)
            self._stepfunctions = boto3.client("stepfunctions", region_name=REGION)
            table.make(self.dynamodb, TABLE)
            self._runs = 0
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cache  # noqa: B019  # as below
    def client(self, service: str) -> Any:
        """A client of the account in memory."""
        return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]  # any service

    def run(
        self,
        workflow: str,
        answers: Answers | None = None,
        *,
        place: Mapping[str, Any] | None = None,
        owner: str | None = None,
    ) -> Run:
        """Runs one upload through a workflow.

        `answers` says what tasks are answered, attempt by attempt, others being willing; `place` is the
        listing's attributes, None for a place that is not listed; `owner` is the execution that owns the
        record, this one unless given.
        """
        self._put_items(place, owner or self.next_arn(workflow))
        ended = self.execute(workflow, {"detail": DETAIL}, answers)
        return replace(ended, record=self._record())

    def next_arn(self, machine: str) -> str:
        """The ARN that the next execution of a state machine is going to have."""
        return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:happypath-{machine}:{self._runs + 1}"

    def execute(
        self,
        machine: str,
        given: Mapping[str, Any],
        answers: Answers | None = None,
        *,
        on_account: bool = False,
    ) -> Run:
        """Runs any state machine with an input; the run is without a record.

        `on_account`: integrations with AWS's SDK are called, and not answered with nothing.
        """
        arn = self.next_arn(machine)
        self._runs += 1
        waits_s: list[float] = []
        calls = _Calls(machine, answers or {}, on_account=on_account)
        bus = SimpleNamespace(put_events=calls.listening(self.events))
        with ExitStack() as patches:
            for replaced, name, by in (
                (lambda_eval_utils, "_invoke_lambda_function", calls.invoke),
                # What was started has ended, and whoever waits is woken.
                (SfnTask, "_eval_integration_pattern", lambda *_, **__: None),
                (AwsSdkTask, "_eval_integration_pattern", lambda *_, **__: None),
                (retrier_decl, "time", SimpleNamespace(sleep=waits_s.append)),
                (WaitFunction, "_wait_interval", lambda _, env, wait_seconds: waits_s.append(wait_seconds)),
                (state_task_service_dynamodb, "boto_client_for", lambda **_: self.dynamodb),
                (state_task_service_events, "boto_client_for", lambda **_: bus),
                (state_task_service_aws_sdk, "boto_client_for", lambda service, **_: self.client(service)),
                *((task, "_eval_service_task", calls.answering(task)) for task in INTEGRATIONS),
            ):
                patches.enter_context(patch.object(replaced, name, by))
            self._stepfunctions.start_execution(
                stateMachineArn=self._machine(machine),
                name=arn.rpartition(":")[2],
                input=json.dumps(given),
            )
            ended = self._wait(arn)
        pages = self._stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn)
        history = [event for page in pages for event in page["events"]]
        return Run(
            status=ended["status"],
            error=ended.get("error"),
            cause=ended.get("cause"),
            path=tuple(step.state for step in steps(history)),
            output=json.loads(ended.get("output") or "{}"),
            record={},
            asked=calls.asked,
            told=calls.told,
            waits_s=waits_s,
            history=history,
        )

    @cache  # noqa: B019  # one interpreter lives as long as its tests
    def _machine(self, workflow: str) -> str:
        machine = self._stepfunctions.create_state_machine(
            name=f"happypath-{workflow}",
            definition=definition(workflow),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        )
        return machine["stateMachineArn"]

    def _put_items(self, place: Mapping[str, Any] | None, owner: str) -> None:
        record = {**_RECORD, "objStatus": {"S": "RECEIVED"}, "executionArn": {"S": owner}}
        self.dynamodb.put_item(TableName=TABLE, Item=record)
        listing: Item = {"PK": {"S": DETAIL["placeId"]}, "SK": {"S": "listing"}}
        if place is None:
            self.dynamodb.delete_item(TableName=TABLE, Key=listing)
        else:
            self.dynamodb.put_item(TableName=TABLE, Item={**listing, **place})

    def _record(self) -> dict[str, str]:
        item = self.dynamodb.get_item(TableName=TABLE, Key=_RECORD)["Item"]
        return {name: value["S"] for name, value in item.items()}

    def _wait(self, arn: str) -> Any:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            ended = self._stepfunctions.describe_execution(executionArn=arn)
            if ended["status"] != "RUNNING":
                return ended
            time.sleep(0.005)
        raise TimeoutError(f"{arn} does not end")


class _Calls:
    """What the tasks of one execution call; one after the other, as they are run."""

    def __init__(self, workflow: str, answers: Answers, *, on_account: bool) -> None:
        self._on_account = on_account
        self._tasks = tasks(workflow)
        good = {
            name: [willing(state)]
            for name, state in tasks(workflow).items()
            if is_lambda(state) or decides(state)
        }
        self._answers: Mapping[str, Sequence[Any]] = {**good, **answers}
        self._turns: dict[str, int] = {}
        # The task that a thread calls for, and what that is answered: branches run at once.
        self._now = threading.local()
        self.asked: list[tuple[str, Any]] = []
        self.told: list[dict[str, Any]] = []

    def answering(self, integration: Any) -> Callable[..., None]:
        """The interpreter's call of a service, with the task's answer in its place."""
        call = integration._eval_service_task

        def answer(task: Any, env: Any, **more: Any) -> None:
            answers = self._answers.get(task.name, [Done()])
            turn = self._turns.get(task.name, 0)
            self._turns[task.name] = turn + 1
            now = answers[min(turn, len(answers) - 1)]
            self._now.task, self._now.answer = task.name, now
            if isinstance(now, Lost):
                call(task, env=env, **more)
            if isinstance(now, Raised):
                raise FailureEventException(task_failure(task, env, now.error, now.cause()))
            if isinstance(now, Answered):
                now.after()
                env.stack.append(dict(now.result))
            elif integration is SfnTask:
                env.stack.append({"Status": "SUCCEEDED", "Output": output(self._tasks[task.name], now)})
            elif integration is AwsSdkTask and not self._on_account:
                env.stack.append({})
            else:
                call(task, env=env, **more)

        return answer

    def invoke(self, parameters: dict[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        """Lambda's Invoke."""
        payload = json.loads(parameters["Payload"])
        self.asked.append((self._now.task, payload))
        answer = self._now.answer
        answered = answer(payload) if callable(answer) else answer
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answered}

    def listening(self, events: Any) -> Callable[..., Any]:
        """EventBridge's PutEvents, noting what it is told."""

        def put_events(**parameters: Any) -> Any:
            self.told.extend(parameters["Entries"])
            return events.put_events(**parameters)

        return put_events
