"""Where moto differs from AWS in what matters here, and how that is mended.

Each mend replaces an attribute of moto while its `with` block lasts, and says why.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.models import CloudFormationBackend
from moto.core.exceptions import JsonRESTError
from moto.events.models import events_backends
from moto.s3 import notifications
from moto.s3.models import FakeBucket
from moto.sqs.models import Queue
from moto.stepfunctions import models as stepfunctions_models
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from happypath.sandbox.host import TooManyRequestsError
from happypath.sandbox.runtime_api import Answer
from happypath.sandbox.serverless import expand

# A function as moto holds it, the payload, the trace header → what the function answered.
Invoke = Callable[[Any, bytes, str | None], Answer]


@contextmanager
def mended(invoke: Invoke, endpoint: str, executions_at_once: int) -> Iterator[None]:
    """Mends moto for one account, served at `endpoint`, whose functions `invoke` runs."""
    with ExitStack() as mends:
        for mend in (
            _functions_run(invoke),
            _queues_are_polled(),
            _objects_announce_themselves_as_on_aws(),
            _executions_have_names_and_turns(executions_at_once),
            _interpreter_keeps_its_clients(endpoint),
            _templates_are_transformed(),
            _stacks_make_what_they_say(),
        ):
            mends.enter_context(mend)
        yield


class _TooManyRequestsException(JsonRESTError):  # noqa: N818  # AWS's name
    code = 429


@contextmanager
def _functions_run(invoke: Invoke) -> Iterator[None]:
    """Everything in moto that invokes a function ends here, and here our function host takes over."""

    def replacement(
        function: Any, body: Any, request_headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        payload = body.encode() if isinstance(body, str) else body or b"{}"
        trace_header = request_headers.get("X-Amzn-Trace-Id")
        if request_headers.get("X-Amz-Invocation-Type") == "DryRun":
            return b""
        if request_headers.get("X-Amz-Invocation-Type") == "Event":
            threading.Thread(target=invoke, args=(function, payload, trace_header), daemon=True).start()
            return b""
        try:
            answer = invoke(function, payload, trace_header)
        except TooManyRequestsError:
            raise _TooManyRequestsException("TooManyRequestsException", "Rate Exceeded.") from None
        if answer.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer.payload

    with patch.object(LambdaFunction, "invoke", replacement):
        yield


@contextmanager
def _queues_are_polled() -> Iterator[None]:
    """moto delivers a message to a mapped function once, inside SendMessage, and never again.

    So no queue is told of its mapping: `happypath.sandbox.poller` delivers, as Lambda's own pollers do.
    """
    # Queue.__init__ assigns the attribute; a property that ignores it stands in its way.
    nothing = property(lambda _: {}, lambda _self, _value: None)
    with patch.object(Queue, "lambda_event_source_mappings", nothing, create=True):
        yield


_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


@contextmanager
def _objects_announce_themselves_as_on_aws() -> Iterator[None]:
    """moto's `Object Created` has one sequencer for all objects, and drops what goes wrong in delivering.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    sequence = itertools.count(time.time_ns())

    def replacement(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        s3_object: dict[str, Any] = {
            "key": key.name,
            "size": key.size,
            "etag": key.etag.strip('"'),
            "sequencer": f"{next(sequence):018X}",
        }
        if bucket.is_versioned:
            s3_object["version-id"] = key.version_id
        event: Any = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": notifications._detail_type(event_name),
            "source": "aws.s3",
            "account": account_id,
            "time": time.time(),
            "region": bucket.region_name,
            "resources": [bucket.arn],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket.name},
                "object": s3_object,
                "request-id": uuid.uuid4().hex[:16].upper(),
                "requester": account_id,
                "source-ip-address": "127.0.0.1",
                "reason": _REASONS.get(name, name),
            },
        }
        for bus in events_backends[account_id][bucket.region_name].event_buses.values():
            for rule in list(bus.rules.values()):
                rule.send_to_targets(event.copy(), transform_input=False)

    with patch.object(notifications, "_send_event_bridge_message", replacement):
        yield


@contextmanager
def _executions_have_names_and_turns(at_once: int) -> Iterator[None]:
    """Three things about executions.

    Without a name, moto's second execution collides with the first. All executions would run at once, each
    in a thread, and time out while they wait for a function; here they take turns. And where the interpreter
    itself fails, moto leaves the execution running for ever; here it ends as `States.Runtime`.
    """
    start: Any = StepFunctionsParserBackend.start_execution
    run: Any = ExecutionWorker._execution_logic
    turns = threading.Semaphore(at_once)

    def start_with_name(
        backend: Any, state_machine_arn: str, name: Any = None, *rest: Any, **more: Any
    ) -> Any:
        return start(backend, state_machine_arn, name or str(uuid.uuid4()), *rest, **more)

    def run_in_turn(worker: Any) -> None:
        with turns:
            try:
                run(worker)
            except Exception as error:
                execution = worker._execution_communication.execution
                execution.exec_status = ExecutionStatus.FAILED
                execution.error, execution.cause = "States.Runtime", repr(error)
                raise

    with (
        patch.object(StepFunctionsParserBackend, "start_execution", start_with_name),
        patch.object(ExecutionWorker, "_execution_logic", run_in_turn),
    ):
        yield


@contextmanager
def _interpreter_keeps_its_clients(endpoint: str) -> Iterator[None]:
    """moto's interpreter makes a new boto3 client for each state; one per service is far faster."""
    make: Any = boto3.client
    clients: dict[tuple[str, str], Any] = {}
    lock = threading.Lock()

    class Boto3:
        @staticmethod
        def client(*, service_name: str, region_name: str, **more: Any) -> Any:
            with lock:
                if (service_name, region_name) not in clients:
                    config = more["config"].merge(Config(max_pool_connections=64))
                    clients[service_name, region_name] = make(
                        service_name=service_name,
                        region_name=region_name,
                        **{**more, "endpoint_url": endpoint, "config": config},
                    )
                return clients[service_name, region_name]

    with patch.object(boto_client, "boto3", Boto3):
        yield


@contextmanager
def _templates_are_transformed() -> Iterator[None]:
    """moto's CloudFormation knows no transforms; AWS's expands `AWS::Serverless-2016-10-31`."""
    create, update = CloudFormationBackend.create_stack, CloudFormationBackend.update_stack

    def create_expanded(backend: Any, *, template: str, **more: Any) -> Any:
        expanded = expand(template, backend.account_id, backend.region_name)
        return create(backend, template=expanded, **more)

    def update_expanded(backend: Any, *, template: str, **more: Any) -> Any:
        expanded = expand(template, backend.account_id, backend.region_name)
        return update(backend, template=expanded, **more)

    with (
        patch.object(CloudFormationBackend, "create_stack", create_expanded),
        patch.object(CloudFormationBackend, "update_stack", update_expanded),
    ):
        yield


@contextmanager
def _stacks_make_what_they_say() -> Iterator[None]:
    """moto's CloudFormation leaves out what matters of two resources.

    A bucket gets no versions and no notifications; a state machine goes to the backend that does not execute.
    """
    create: Any = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_whole(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        bucket = create(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        properties = cloudformation_json.get("Properties", {})
        bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
        if properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration"):
            bucket.set_notification_configuration({"EventBridgeConfiguration": {}})
        return bucket

    with (
        patch.object(FakeBucket, "create_from_cloudformation_json", classmethod(create_whole)),  # type: ignore[arg-type]  # mypy bug?
        patch.object(stepfunctions_models, "stepfunctions_backends", stepfunctions_parser_backends),
    ):
        yield
