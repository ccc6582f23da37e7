"""Who calls what in the sandbox: the permissions that each function and state machine turns out to need.

A function's processes sign with its name for an access key, so that requests say whose they are. The rules
from calls to permissions are AWS's:

- S3, https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html:
  with a versionId it is `s3:GetObjectVersion` and not `s3:GetObject`; and who may not list the bucket
  (`s3:ListBucket`) is told that a missing object is forbidden.
- DynamoDB, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html:
  a transaction needs what its parts need.
- Rekognition, https://docs.aws.amazon.com/rekognition/latest/dg/security_iam_service-with-iam.html:
  it reads an object with the caller's permissions.
"""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from functions.ingest.record import PARTITION
from happypath.sandbox.injection import Environ, Wsgi, operation
from happypath.sandbox.patches.stepfunctions import TASKS

_PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


@dataclass(frozen=True, order=True)
class Permission:
    """An IAM action on a resource; in a table, on items of one partition, or of any (`*`)."""

    action: str
    resource: str
    partition: str = "*"


@dataclass
class Calls:
    """The permissions that were needed so far, by the name of the function or state machine."""

    region: str
    account_id: str
    needed: dict[str, set[Permission]] = field(default_factory=dict)
    # How often each operation (`s3:GetObject`) was called by whom; of a transaction, each part counts.
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, caller: str, permissions: Iterable[Permission]) -> None:
        """Notes what a call needs."""
        with self._lock:
            self.needed.setdefault(caller, set()).update(permissions)

    def note(self, caller: str, called: str, environ: Environ, body: bytes) -> None:
        """Notes a function's request and counts it; one that makes no sense is the account's to refuse."""
        parts = 1
        try:
            needed = list(self.of_request(called, environ, body))
            if called == "dynamodb:TransactWriteItems":
                parts = len(json.loads(body)["TransactItems"])
        except (AttributeError, KeyError, TypeError, ValueError):
            # As with a service that nothing here calls: it would be missing in every policy.
            needed = [Permission(called, "?")]
        self.add(caller, needed)
        with self._lock:
            self.requests[caller, called] += parts

    def of_request(self, called: str, environ: Environ, body: bytes) -> Iterator[Permission]:
        """What a request needs; `called` is such as `s3:GetObject`."""
        service, _, name = called.partition(":")
        if service == "s3":
            yield from self._of_s3(name, environ)
            return
        arguments = json.loads(body or b"{}")
        match service:
            case "dynamodb":
                yield from self._of_dynamodb(name, arguments)
            case "rekognition":
                yield Permission(called, "*")
                stored = arguments.get("Image", {}).get("S3Object")
                if stored:
                    yield Permission("s3:GetObject", f"arn:aws:s3:::{stored['Bucket']}/*")
                if stored and "Version" in stored:
                    yield Permission("s3:GetObjectVersion", f"arn:aws:s3:::{stored['Bucket']}/*")
            case "ssm":
                yield Permission(called, self._arn("ssm", f"parameter{arguments['Name']}"))
            case "sqs":
                queue = urlsplit(arguments["QueueUrl"]).path.rpartition("/")[2]
                yield Permission(called, self._arn("sqs", queue))
            case "states":
                yield Permission(called, arguments["stateMachineArn"])
            case _:
                # Nothing here calls another service; one that came would be missing in every policy.
                yield Permission(called, "?")

    def _of_s3(self, name: str, environ: Environ) -> Iterator[Permission]:
        bucket = environ["PATH_INFO"].lstrip("/").partition("/")[0]
        objects = f"arn:aws:s3:::{bucket}/*"
        if name in {"GetObject", "HeadObject"}:
            versioned = "versionId" in parse_qs(environ.get("QUERY_STRING", ""))
            yield Permission("s3:GetObjectVersion" if versioned else "s3:GetObject", objects)
            yield Permission("s3:ListBucket", f"arn:aws:s3:::{bucket}")
        else:
            yield Permission(f"s3:{name}", objects)

    def _of_dynamodb(self, name: str, arguments: dict[str, Any]) -> Iterator[Permission]:
        if name == "TransactWriteItems":
            for each in arguments["TransactItems"]:
                for part, operand in each.items():
                    yield self._on_table(_PARTS[part], operand)
        else:
            yield self._on_table(name, arguments)

    def _on_table(self, name: str, arguments: dict[str, Any]) -> Permission:
        key = arguments.get("Key") or arguments.get("Item") or {}
        # All others are of places, of which there is no end.
        partition = PARTITION if key.get("PK") == {"S": PARTITION} else "*"
        table = self._arn("dynamodb", f"table/{arguments['TableName']}")
        return Permission(f"dynamodb:{name}", table, partition)

    def of_task(self, service: str, action: str, arguments: dict[str, Any]) -> Permission:
        """What a task state needs; `arguments` are those of the call."""
        if service == "lambda":
            return Permission("lambda:InvokeFunction", arguments["FunctionName"])
        if service == "events":
            # One state tells one bus.
            bus = arguments["Entries"][0].get("EventBusName", "default")
            return Permission("events:PutEvents", self._arn("events", f"event-bus/{bus}"))
        return self._on_table(action[0].upper() + action[1:], arguments)

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


def noting(account: Wsgi, calls: Calls, is_function: Callable[[str], bool]) -> Wsgi:
    """The account's WSGI application, noting the requests whose access key is a function's name."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        signature = environ.get("HTTP_AUTHORIZATION", "")
        caller = signature.partition("Credential=")[2].partition("/")[0]
        called = operation(environ) if is_function(caller) else None
        if called:
            body = b""
            if not called.startswith("s3:"):
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                environ["wsgi.input"] = io.BytesIO(body)
            calls.note(caller, called, environ, body)
        return account(environ, start_response)

    return answer


@contextmanager
def tasks_noted(calls: Calls) -> Iterator[None]:
    """Notes what the task states of state machines call while the block lasts."""
    with ExitStack() as hooks:
        for integration, service in TASKS:
            hooks.enter_context(_noted(integration, service, calls))
        yield


@contextmanager
def _noted(integration: Any, service: str, calls: Calls) -> Iterator[None]:
    call: Any = integration._eval_service_task

    def note_and_call(task: Any, env: Any, *, normalised_parameters: dict[str, Any], **more: Any) -> None:
        machine = env.states.context_object.context_object_data["StateMachine"]["Name"]
        calls.add(machine, [calls.of_task(service, task.resource.api_action, normalised_parameters)])
        call(task, env=env, normalised_parameters=normalised_parameters, **more)

    with patch.object(integration, "_eval_service_task", note_and_call):
        yield
