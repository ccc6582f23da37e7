"""What Step Functions tells X-Ray of an execution: a segment, and subsegments of its states and attempts.

moto's interpreter executes; here it is watched.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment

from functions.platform.trace_header import TraceHeader, new_trace_id
from happypath.sandbox.patches.stepfunctions import DynamoDBTask, LambdaTask
from happypath.sandbox.service_models import service_model
from happypath.sandbox.stepfunctions.casing import boto_service
from happypath.sandbox.stepfunctions.executions import Observer, Outcome, StatesExecution, observed
from happypath.sandbox.xray.recording import Work
from happypath.sandbox.xray.store import Traces

# How X-Ray calls the services of the optimized integrations.
_SERVICES = {"lambda": "Lambda", "dynamodb": "DynamoDB", "events": "EventBridge", "states": "SFN"}
_HTTP_HEADER = "X-Amzn-Trace-Id"
# moto keeps this object for as long as an execution lasts, and hands it to every part of the interpreter.
_WORK = "_happypath_work"
_TRACE = "_happypath_trace"


class ExecutionTrace:
    """The segment of one execution."""

    def __init__(self, traces: Traces, execution: Any) -> None:
        self._traces = traces
        caller = TraceHeader.parse(execution.trace_header)
        self._header = caller or TraceHeader(new_trace_id(), sampled=True)
        self._recorded = self._header.sampled is not False and _is_active(execution.state_machine)
        parent = {} if self._header.parent is None else {"parent_id": self._header.parent}
        self.work = Work(
            execution.state_machine.name,
            {
                "trace_id": self._header.root,
                "origin": "AWS::StepFunctions::StateMachine",
                "resource_arn": execution.state_machine.arn,
                "aws": {
                    "execution_arn": execution.exec_arn,
                    "state_machine_arn": execution.state_machine.arn,
                    "account_id": execution.account_id,
                    "resource_names": [execution.state_machine.name],
                },
                **parent,
            },
        )
        self.tell()

    def header(self, work: Work) -> str:
        """What a service hears that is called by a part of this execution."""
        if not self._recorded:
            return str(self._header)
        return str(TraceHeader(self._header.root, work.id, sampled=True))

    def tell(self) -> None:
        """Tells X-Ray how far the execution is."""
        if self._recorded:
            self._traces.add(self.work.document())

    def end(self, outcome: Outcome) -> None:
        """Records the end."""
        match outcome.status:
            case "FAILED":
                self.work.fail(outcome.error or "States.Runtime", outcome.cause or "")
            case "TIMED_OUT":
                self.work.fail("States.Timeout")
            case "ABORTED":
                self.work.fail(outcome.error or "ExecutionAborted", outcome.cause or "")
        self.work.end()
        self.tell()


def _is_active(state_machine: Any) -> bool:
    configuration = state_machine.tracingConfiguration or {}
    return str(configuration.get("enabled", configuration.get("Enabled", False))).lower() == "true"


@contextmanager
def executions_traced(traces: Traces) -> Iterator[None]:
    """Watches every execution while the block lasts."""
    with ExitStack() as seams:
        for seam in (
            observed(_Segments(traces)),
            _states_are_subsegments(),
            _attempts_are_subsegments(),
            _frames_belong_to_their_states(),
            _who_is_called_hears_who_calls(),
        ):
            seams.enter_context(seam)
        yield


class _Segments(Observer):
    """From the start, so that waiting for a turn is part of it, to the end, before that can be seen."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def starting(self, execution: StatesExecution) -> None:
        trace = ExecutionTrace(self._traces, execution)
        setattr(execution, _TRACE, trace)
        setattr(execution.env, _TRACE, trace)
        setattr(execution.env, _WORK, trace.work)

    def ending(self, execution: StatesExecution, outcome: Outcome) -> None:
        getattr(execution, _TRACE).end(outcome)


@contextmanager
def _states_are_subsegments() -> Iterator[None]:
    evaluate: Any = CommonStateField._eval_body

    def evaluate_traced(state: Any, env: Any) -> None:
        with _part(env, state.name) as work:
            evaluate(state, env)
            # What a state catches has failed it, whatever comes next.
            if work.parts and "cause" in work.parts[-1].fields:
                work.fail_by(work.parts[-1])

    with patch.object(CommonStateField, "_eval_body", evaluate_traced):
        yield


@contextmanager
def _attempts_are_subsegments() -> Iterator[None]:
    """Each attempt of a task is a call of its service; the time until the next one is the state's own."""
    attempt: Any = execute_state.ExecutionState._evaluate_with_timeout

    def attempt_traced(state: Any, env: Any) -> None:
        if not isinstance(state, StateTask):
            attempt(state, env)
            return
        resource: Any = state.resource
        service = resource.service_name if isinstance(state, StateTaskService) else "lambda"
        is_sdk = service == "aws-sdk"
        name = _service_id(resource.api_name) if is_sdk else _SERVICES.get(service, service)
        with _part(env, name, namespace="aws") as work:
            operation = getattr(state.resource, "api_action", "invoke")
            work.fields["aws"] = {"operation": f"{operation[:1].upper()}{operation[1:]}"}
            getattr(env, _TRACE).tell()
            try:
                attempt(state, env)
            except Exception as error:
                failure = state._from_error(env=env, ex=error)
                _fail(work, failure)
                raise
            work.fields["http"] = {"response": {"status": 200}}

    with patch.object(execute_state.ExecutionState, "_evaluate_with_timeout", attempt_traced):
        yield


@cache
def _service_id(name: str) -> str:
    """How X-Ray calls the service of an `aws-sdk` integration: by its id.

    >>> _service_id("s3"), _service_id("cloudfront")
    ('S3', 'CloudFront')
    """
    service = boto_service(name)
    if service is None:
        return name
    return str(service_model(service).service_id)


@contextmanager
def _frames_belong_to_their_states() -> Iterator[None]:
    """The interpreter gives each attempt and each branch an environment of its own."""
    open_frame: Any = Environment.open_frame
    open_inner_frame: Any = Environment.open_inner_frame

    def belonging(frame: Any, env: Any) -> Any:
        for name in (_TRACE, _WORK):
            setattr(frame, name, getattr(env, name))
        return frame

    with (
        patch.object(
            Environment,
            "open_frame",
            lambda env, *rest, **more: belonging(open_frame(env, *rest, **more), env),
        ),
        patch.object(
            Environment,
            "open_inner_frame",
            lambda env, *rest, **more: belonging(open_inner_frame(env, *rest, **more), env),
        ),
    ):
        yield


# What is traced on: a function, and an execution that a state starts. By the names of botocore's events.
_TRACED_CALLS = ("lambda.Invoke", "sfn.StartExecution", "sfn.StartSyncExecution")


_caller: ContextVar[str | None] = ContextVar("caller", default=None)


def _say(params: Any, **_: Any) -> None:
    if _caller.get():
        params["headers"][_HTTP_HEADER] = _caller.get()


def _speaking(make: Any) -> Any:
    """Makes clients whose traced calls carry the header."""

    def make_speaking(*arguments: Any, **more: Any) -> Any:
        client = make(*arguments, **more)
        for called in _TRACED_CALLS:
            client.meta.events.register(f"before-call.{called}", _say, unique_id=f"happypath-{called}")
        return client

    return make_speaking


@contextmanager
def _who_is_called_hears_who_calls() -> Iterator[None]:
    """A call names what it is of; who is traced, too, learns from the HTTP header which attempt calls it."""

    def calling(call: Any) -> Any:
        def call_named(task: Any, env: Any, **more: Any) -> None:
            work = getattr(env, _WORK)
            parameters = more["normalised_parameters"]
            if "FunctionName" in parameters:
                work.fields["aws"]["function_name"] = parameters["FunctionName"].rpartition(":")[2]
            if "TableName" in parameters:
                work.fields["aws"]["table_name"] = parameters["TableName"]
            token = _caller.set(getattr(env, _TRACE).header(work))
            try:
                call(task, env=env, **more)
            finally:
                _caller.reset(token)

        return call_named

    modules = (lambda_eval_utils, state_task_service_sfn, state_task_service_aws_sdk)
    tasks = (
        LambdaTask,
        DynamoDBTask,
        state_task_service_sfn.StateTaskServiceSfn,
        state_task_service_aws_sdk.StateTaskServiceAwsSdk,
    )
    with ExitStack() as patches:
        for module in modules:
            make: Any = vars(module)["boto_client_for"]
            patches.enter_context(patch.object(module, "boto_client_for", _speaking(make)))
        for task in tasks:
            call: Any = task._eval_service_task
            patches.enter_context(patch.object(task, "_eval_service_task", calling(call)))
        yield


@contextmanager
def _part(env: Any, name: str, **fields: Any) -> Iterator[Work]:
    """A part of what the environment is at; until it is over, the environment is at this part."""
    whole = getattr(env, _WORK)
    work = whole.begin(name, **fields)
    setattr(env, _WORK, work)
    try:
        yield work
    except FailureEventException as error:
        if work.parts and "cause" in work.parts[-1].fields:
            work.fail_by(work.parts[-1])
        elif "cause" not in work.fields:
            _fail(work, error.failure_event)
        raise
    finally:
        work.end()
        setattr(env, _WORK, whole)


def _fail(work: Work, failure: Any) -> None:
    details: Any = next(iter((failure.event_details or {}).values()), {})
    name = failure.error_name.error_name if failure.error_name else "States.Runtime"
    work.fail(
        name, _message(details.get("cause") or ""), throttled="TooManyRequests" in name or "Throttl" in name
    )


def _message(cause: str) -> str:
    """What a cause says in short: of a function's error its message, without the stack."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
