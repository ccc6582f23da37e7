"""Step Functions: executions, and the interpreter of their states."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.retry_decl import RetryDecl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_dynamodb,
    state_task_service_events,
    state_task_service_lambda,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.fail import state_fail

from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.service_models import service_model
from happypath.sandbox.stepfunctions.failures import error_name, task_failure

LambdaTask: Any = state_task_service_lambda.StateTaskServiceLambda


DynamoDBTask: Any = state_task_service_dynamodb.StateTaskServiceDynamoDB


EventsTask: Any = state_task_service_events.StateTaskServiceEvents


SfnTask: Any = state_task_service_sfn.StateTaskServiceSfn


AwsSdkTask: Any = state_task_service_aws_sdk.StateTaskServiceAwsSdk


# With the service that each calls; the last calls any.
TASKS = (
    (LambdaTask, "lambda"),
    (DynamoDBTask, "dynamodb"),
    (EventsTask, "events"),
    (SfnTask, "states"),
    (AwsSdkTask, ""),
)


@contextmanager
def states_all(_: Served) -> Iterator[None]:
    """`States.ALL` leaves out `States.Runtime`, and `States.TaskFailed` `States.Timeout`; moto's do not.

    The page says that `States.ALL` leaves out `States.DataLimitExceeded`, too. A catcher does not where a
    task's result is too large: recorded: LocalStack test_states_errors, 21-03-2024.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    retry: Any = RetryDecl._eval_body

    def retry_some(decl: Any, env: Any) -> None:
        env.is_retrying = True
        try:
            retry(decl, env)
        finally:
            env.is_retrying = False

    def matches(decl: Any, env: Any) -> None:
        error = env.stack.pop()
        name = error.error_name if error else None
        names = {each.error_name for each in decl.error_names}
        final = {"States.Runtime"}
        if getattr(env, "is_retrying", False):
            final.add("States.DataLimitExceeded")
        env.stack.append(
            name in names
            or ("States.ALL" in names and name not in final)
            or ("States.TaskFailed" in names and name not in final | {"States.Timeout"})
        )

    with (
        patch.object(RetryDecl, "_eval_body", retry_some),
        patch.object(ErrorEqualsDecl, "_eval_body", matches),
    ):
        yield


@contextmanager
def dynamodb_tasks_fail_as_others(_: Served) -> Iterator[None]:
    """A DynamoDB task that takes too long, or whose result is too large, fails as any other task does.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    in_dynamodb = DynamoDBTask._from_error
    in_any_service: Any = StateTaskService._from_error

    def in_dynamodb_as_in_any(task: Any, env: Any, ex: Exception) -> Any:
        own = isinstance(ex, (TimeoutError, FailureEventException))
        return (in_any_service if own else in_dynamodb)(task, env=env, ex=ex)

    with patch.object(DynamoDBTask, "_from_error", in_dynamodb_as_in_any):
        yield


@contextmanager
def errors_of_services(_: Served) -> Iterator[None]:
    """An error that a service's API does not list is named after the service; moto names it by its code.

    A denied call is `Lambda.AWSLambdaException`, or `DynamoDB.AmazonDynamoDBException`.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    with (
        _named_after_the_service(LambdaTask, "lambda", "Lambda.AWSLambdaException"),
        _named_after_the_service(DynamoDBTask, "dynamodb", "DynamoDB.AmazonDynamoDBException"),
    ):
        yield


@contextmanager
def fail_states_pass_errors_on(_: Served) -> Iterator[None]:
    """A Fail state may name an error of Step Functions itself; moto refuses that.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html
    """
    with patch.object(state_fail, "CustomErrorName", error_name):
        yield


@contextmanager
def errors_of_eventbridge(_: Served) -> Iterator[None]:
    """EventBridge's errors have names, and their cause is text; moto names one, without a text.

    AWS documents only the name of an event that was not accepted; the others are named as Lambda's are.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
    """
    in_any_service: Any = StateTaskService._from_error

    def from_error(task: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, state_task_service_events.SfnFailedEntryCountException):
            return task_failure(task, env, "EventBridge.FailedEntry", json.dumps(ex.cause))
        if isinstance(ex, ClientError):
            code = ex.response["Error"]["Code"]
            name = code if code in _own_errors("events") else "AmazonEventBridgeException"
            return task_failure(task, env, f"EventBridge.{name}", str(ex))
        return in_any_service(task, env=env, ex=ex)

    with patch.object(EventsTask, "_from_error", from_error):
        yield


@cache
def _own_errors(service: str) -> frozenset[str]:
    """The codes of the errors that a service names among its own."""
    shapes = service_model(service).error_shapes
    return frozenset(shape.metadata.get("error", {}).get("code", shape.name) for shape in shapes)


@contextmanager
def _named_after_the_service(integration: Any, service: str, fallback: str) -> Iterator[None]:
    explain: Any = integration._error_cause_from_client_error

    def replacement(error: ClientError) -> tuple[str, str]:
        name, cause = explain(error)
        return (name if error.response["Error"]["Code"] in _own_errors(service) else fallback), cause

    with patch.object(integration, "_error_cause_from_client_error", staticmethod(replacement)):
        yield


@contextmanager
def retries_wait(scale: Callable[[], float]) -> Iterator[None]:
    """Scales the time between a task's attempts, which is all that the interpreter's retriers sleep for.

    This does not correct moto; it shortens the waits for tests. 1 means AWS's own waits.
    """
    with patch.object(
        retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale()))
    ):
        yield


# How errors are named: what the tests of state machines need, which run the interpreter alone.
ERRORS: tuple[Patch, ...] = (
    errors_of_services,
    dynamodb_tasks_fail_as_others,
    fail_states_pass_errors_on,
    states_all,
    errors_of_eventbridge,
)
PATCHES: tuple[Patch, ...] = ERRORS
