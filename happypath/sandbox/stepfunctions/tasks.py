"""Tasks that others do: by a token that a state hands out, or by asking for an activity's next task.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackPoolManager,
)
from moto.stepfunctions.parser.backend.activity import Activity

from happypath.sandbox.stepfunctions.errors import StatesError

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html
_POLL_S, _GLANCE_S = 60.0, 0.02


class Tokens(CallbackPoolManager):
    """The tokens that one run of an execution has handed out."""

    def __init__(self, backend: Any, over: threading.Event) -> None:
        super().__init__(_Queues(backend))  # type: ignore[arg-type]  # of a mapping it needs no more than `get`
        self.over = over
        self._all = _all_tokens(backend)

    def add(self, callback_id: str) -> Any:
        """Hands out a token."""
        endpoint = super().add(callback_id)
        self._all[callback_id] = self
        return endpoint

    def add_activity_task(self, callback_id: str, activity_arn: str, activity_input: str) -> Any:
        """Hands out a token for a task of an activity, which waits for somebody to ask for it."""
        self._all[callback_id] = self
        return super().add_activity_task(callback_id, activity_arn, activity_input)


class _Queues:
    """The activities of an account and region, as the interpreter looks for them."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def get(self, arn: str) -> Activity | None:
        """An activity's waiting tasks; None if there is no such activity."""
        return queue_of(self._backend, arn)


def _all_tokens(backend: Any) -> dict[str, Tokens]:
    tokens: dict[str, Tokens] = vars(backend).setdefault("task_tokens", {})
    return tokens


def queue_of(backend: Any, arn: str) -> Activity | None:
    """An activity's waiting tasks; None if there is no such activity."""
    activity = backend.activities.get(arn)
    if activity is None:
        return None
    queues: dict[str, Activity] = vars(backend).setdefault("activity_queues", {})
    return queues.setdefault(arn, Activity(arn, activity.name))


def _endpoint(backend: Any, token: str) -> Any:
    """Where the state waits that a token is of.

    Raises:
        StatesError: InvalidToken, TaskTimedOut.
    """
    pool = _all_tokens(backend).get(token)
    if pool is None:
        raise StatesError("InvalidToken", "Invalid Token: 'Invalid token'")
    endpoint: Any = pool.get(token)
    if pool.over.is_set() or endpoint.get_outcome() is not None or endpoint.consumer_error is not None:
        raise StatesError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
    return endpoint


def succeed(backend: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html."""
    token, output = request["taskToken"], request["output"]
    try:
        json.loads(output)
    except ValueError as error:
        raise StatesError("InvalidOutput", f"Invalid Output: '{error}'") from None
    _endpoint(backend, token).notify(CallbackOutcomeSuccess(callback_id=token, output=output))
    return {}


def fail(backend: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html."""
    token = request["taskToken"]
    _endpoint(backend, token).notify(
        CallbackOutcomeFailure(callback_id=token, error=request.get("error"), cause=request.get("cause"))
    )
    return {}


def beat(backend: Any, request: Mapping[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskHeartbeat.html."""
    # A state without HeartbeatSeconds does not mind.
    _endpoint(backend, request["taskToken"]).notify_heartbeat()
    return {}


def next_task(backend: Any, arn: str, worker: str | None) -> dict[str, Any]:
    """The next task of an activity, for which a worker waits up to a minute; {} if there is none.

    Raises:
        StatesError: ActivityDoesNotExist.
    """
    deadline = time.monotonic() + _POLL_S
    while time.monotonic() < deadline:
        queue = queue_of(backend, arn)
        if queue is None:
            raise no_activity(arn)
        try:
            task: Any = queue.get_task()
        except IndexError:
            time.sleep(_GLANCE_S)
            continue
        pool = _all_tokens(backend)[task.task_token]
        if not pool.over.is_set():
            endpoint: Any = pool.get(task.task_token)
            endpoint.notify_activity_task_start(worker)
            return {"taskToken": task.task_token, "input": task.task_input}
    return {}


def no_activity(arn: str) -> StatesError:
    """There is no such activity."""
    return StatesError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
