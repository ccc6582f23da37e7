"""Where faults are injected into the sandbox: requests to the account, tasks of state machines, events.

(Faults of functions get in where functions run: `happypath.sandbox.function_host.host`.)
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from html import escape
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEventException,
)

from happypath.sandbox.eventbridge import targets
from happypath.sandbox.fault_injection.error_responses import ErrorResponse, error_response
from happypath.sandbox.fault_injection.rules import FAULT_MESSAGE, Fault, Faults, Kind, endings
from happypath.sandbox.operations import operation
from happypath.sandbox.patches.stepfunctions import TASKS
from happypath.sandbox.stepfunctions.failures import task_failure
from happypath.sandbox.wsgi import Environ, Wsgi

# What a task gets that has asked for a result: no task returns this.
GARBAGE = "garbage"

_EVENTS = {"aws.s3", "custom.happyPath"}


@contextmanager
def injected(faults: Faults) -> Iterator[None]:
    """Lets faults into the state machines and events of the account while the block lasts."""
    with ExitStack() as hooks:
        for integration, service in TASKS:
            hooks.enter_context(_tasks_fail(integration, service, faults))
        hooks.enter_context(_events_come_twice(faults))
        yield


@contextmanager
def _tasks_fail(integration: Any, service: str, faults: Faults) -> Iterator[None]:
    """At the place where the interpreter calls the service: after TaskStarted, inside TimeoutSeconds."""
    call: Any = integration._eval_service_task

    def call_or_fail(task: Any, env: Any, **more: Any) -> None:
        machine = env.states.context_object.context_object_data["StateMachine"]["Name"]
        fault = faults.hit(*_state_names(machine, task.name)) if faults else None
        if fault is not None:
            _fail(fault, task, env, service or task.resource.api_name)
        call(task, env=env, **more)
        if fault is not None and fault.kind is Kind.GARBAGE:
            env.stack[-1] = _garbage(env.stack[-1])

    with patch.object(integration, "_eval_service_task", call_or_fail):
        yield


def _state_names(machine: str, state: str) -> tuple[str, ...]:
    """The names of a state in rules: alone, and with its workflow before it, with and without the prefix.

    Either may hold hyphens, so that each part of the machine's name that ends it may be the workflow.

    >>> _state_names("team-a-my-flow", "Resizer")[:3]
    ('state:Resizer', 'state:team-a-my-flow/Resizer', 'state:a-my-flow/Resizer')
    >>> _state_names("team-a-my-flow", "Resizer")[3:]
    ('state:my-flow/Resizer', 'state:flow/Resizer')
    """
    return f"state:{state}", *(f"state:{end}/{state}" for end in endings(machine))


def _fail(fault: Fault, task: Any, env: Any, service: str) -> None:
    no = error_response(service, fault.kind)
    if no is not None:
        raise _client_error(no)
    match fault.kind:
        case Kind.DELAY:
            fault.delay()
        case Kind.TIMEOUT:
            # As if TimeoutSeconds had passed.
            raise TimeoutError
        case Kind.RAISE:
            # In Lambda's shape, which is what a state machine gets to read.
            cause = json.dumps({"errorType": fault.error, "errorMessage": FAULT_MESSAGE})
            raise FailureEventException(task_failure(task, env, fault.error, cause))


def _client_error(no: ErrorResponse) -> ClientError:
    metadata: Any = {"HTTPStatusCode": no.status, "RequestId": str(uuid.uuid4())}
    return ClientError(
        {"Error": {"Code": no.code, "Message": no.message}, "ResponseMetadata": metadata}, "a task"
    )


def _garbage(result: Any) -> Any:
    """A function's garbage is its payload; a table answers with an item of another shape.

    EventBridge's answer is read by nobody: the interpreter itself looks whether it took all events. So it is
    with an execution that was started, which the interpreter waits for.
    """
    if "ExecutionArn" in result:
        return result
    return {**result, "Payload": GARBAGE} if "Payload" in result else {"Item": {GARBAGE: GARBAGE}}


@contextmanager
def _events_come_twice(faults: Faults) -> Iterator[None]:
    """EventBridge promises to deliver at least once: the same event, with the same id."""
    send = targets.to_queue

    def send_once_or_twice(delivery: targets.Delivery) -> None:
        send(delivery)
        if faults and delivery.event["source"] in _EVENTS and faults.hit("event:upload"):
            send(delivery)

    with patch.dict(targets.KINDS, {("sqs", ""): send_once_or_twice}):
        yield


def refusing(account: Wsgi, faults: Faults, own_access_key: str) -> Wsgi:
    """The account's WSGI application, with faults in its operations.

    Requests signed with `own_access_key` are the sandbox's own, and none of them is refused.
    """

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        called = operation(environ) if faults and not _is_signed_by(own_access_key, environ) else None
        fault = faults.hit(called) if called else None
        if fault is None:
            return account(environ, start_response)
        service = called.partition(":")[0] if called else ""
        no = error_response(service, fault.kind)
        if no is None:
            fault.delay()
            return account(environ, start_response)
        # The connection is kept: what is left of the request must not be taken for the next one.
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body, headers = (_xml if service == "s3" else _json)(no, str(uuid.uuid4()))
        start_response(f"{no.status} {no.code}", [*headers, ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _is_signed_by(access_key: str, environ: Environ) -> bool:
    return f"Credential={access_key}/" in environ.get("HTTP_AUTHORIZATION", "")


def _json(no: ErrorResponse, request_id: str) -> tuple[bytes, list[tuple[str, str]]]:
    body = json.dumps({"__type": no.code, "message": no.message})
    return body.encode(), [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("x-amzn-ErrorType", no.code),
        ("x-amzn-RequestId", request_id),
    ]


def _xml(no: ErrorResponse, request_id: str) -> tuple[bytes, list[tuple[str, str]]]:
    body = (
        f"<Error><Code>{escape(no.code)}</Code><Message>{escape(no.message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )
    return body.encode(), [("Content-Type", "application/xml"), ("x-amz-request-id", request_id)]
