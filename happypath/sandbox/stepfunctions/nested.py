"""States that start executions: what they get back, how they fail, and that a child is stopped with them.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut, HeartbeatTimedOut
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from happypath.sandbox.service_models import service_model
from happypath.sandbox.stepfunctions import operations
from happypath.sandbox.stepfunctions.casing import exception, member
from happypath.sandbox.stepfunctions.executions import as_json
from happypath.sandbox.stepfunctions.failures import task_failure
from happypath.sandbox.stepfunctions.integrations import SfnTask, cause_of

logger = logging.getLogger(__name__)

# How long a state that waits for its child looks at nothing else, at first and at most, and how long until it
# looks again. A child may wait for a person, for days.
_GLANCE_S, _LONGEST_GLANCE_S, _PAUSE_S = 0.05, 1.0, 0.001
_LEFT_OUT = {"redriveCount", "redriveDate", "redriveStatus", "redriveStatusReason", "traceHeader"}


class _Child:
    """The execution that a state waits for. Called, it is the child's end, or None while there is none."""

    def __init__(self, task: Any, env: Any, client: Any, arn: str, *, as_text: bool) -> None:
        self._task, self._env, self._client, self._arn, self._as_text = task, env, client, arn, as_text
        self._glance_s = _GLANCE_S
        # Who may not see it, or if it is of an Express workflow, fails here.
        client.describe_execution(executionArn=arn)
        region, account = arn.split(":")[3:5]
        self._execution = operations.find(stepfunctions_parser_backends[account][region], arn)

    def __call__(self) -> Any:
        if not self._execution.over.wait(self._glance_s):
            self._glance_s = min(2 * self._glance_s, _LONGEST_GLANCE_S)
            return None
        described = _described(self._client.describe_execution(executionArn=self._arn), as_text=self._as_text)
        if described["Status"] == "SUCCEEDED":
            return described
        raise FailureEventException(
            task_failure(self._task, self._env, "States.TaskFailed", as_json(described))
        )

    def stop(self) -> None:
        """Stops the child, as well as may be."""
        try:
            self._client.stop_execution(executionArn=self._arn)
        except ClientError as error:
            logger.warning("%s is not stopped with its parent: %s", self._arn, error)


def _described(answer: Mapping[str, Any], *, as_text: bool) -> dict[str, Any]:
    """DescribeExecution's answer as a state gets it; input and output as text, or as what they are."""
    made: dict[str, Any] = {}
    for name, value in sorted(answer.items()):
        if name in _LEFT_OUT or name == "ResponseMetadata":
            continue
        if isinstance(value, datetime):
            made[member(name)] = _ms(value)
        elif isinstance(value, Mapping):
            made[member(name)] = {member(inner): each for inner, each in value.items()}
        elif name in {"input", "output"} and not as_text:
            made[member(name)] = json.loads(value)
        else:
            made[member(name)] = value
    return made


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _client(part: Any, credentials: Any) -> Any:
    # By the module's own name, where others have their patches.
    make = vars(state_task_service_sfn)["boto_client_for"]
    return make(region=part.region, service="stepfunctions", state_credentials=credentials)


def _start(
    _task: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
) -> None:
    parameters = {name[:1].lower() + name[1:]: value for name, value in normalised_parameters.items()}
    given = parameters.get("input")
    if not isinstance(given, str):
        parameters["input"] = as_json({} if given is None else given)
    answer = _client(resource_runtime_part, state_credentials).start_execution(**parameters)
    env.stack.append({"ExecutionArn": answer["executionArn"], "StartDate": _ms(answer["startDate"])})


def _waiting(*, as_text: bool) -> Callable[..., _Child]:
    def child_of(task: Any, env: Any, resource_runtime_part: Any, state_credentials: Any, **_: Any) -> _Child:
        arn = env.stack.pop()["ExecutionArn"]
        client = _client(resource_runtime_part, state_credentials)
        return _Child(task, env, client, arn, as_text=as_text)

    return child_of


def _error(task: Any, env: Any, ex: ClientError) -> Any:
    code = str(ex.response["Error"].get("Code", ""))
    name = exception(code) if code in _known_errors() else "AWSStepFunctionsException"
    return task_failure(task, env, f"StepFunctions.{name}", cause_of(ex, "AWSStepFunctions"))


def _known_errors() -> frozenset[str]:
    return frozenset(each.name for each in service_model("stepfunctions").error_shapes)


@contextmanager
def nested_executions() -> Iterator[None]:
    """`states:startExecution`, and `.sync` and `.sync:2` of it."""
    wait: Any = SfnTask._eval_sync
    from_error: Any = SfnTask._from_error

    def wait_or_stop(task: Any, env: Any, sync_resolver: Any, **more: Any) -> Any:
        outcome = wait(task, env=env, sync_resolver=sync_resolver, **more)
        if outcome is None or isinstance(outcome, CallbackOutcomeTimedOut | HeartbeatTimedOut):
            # The state was stopped, or took too long.
            sync_resolver.stop()
        return outcome

    def fail(task: Any, env: Any, ex: Exception) -> Any:
        return _error(task, env, ex) if isinstance(ex, ClientError) else from_error(task, env=env, ex=ex)

    with (
        patch.object(SfnTask, "_eval_service_task", _start),
        patch.object(SfnTask, "_build_sync_resolver", _waiting(as_text=True)),
        patch.object(SfnTask, "_build_sync2_resolver", _waiting(as_text=False)),
        patch.object(SfnTask, "_eval_sync", wait_or_stop),
        patch.object(SfnTask, "_from_error", fail),
        patch.object(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", _PAUSE_S),
    ):
        yield
