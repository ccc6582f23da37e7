"""Service integrations: what a state calls, in the words of the service's API, and what it gets back.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unittest.mock import patch

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_dynamodb,
    state_task_service_lambda,
    state_task_service_sfn,
    state_task_service_sns,
    state_task_service_sqs,
)

from happypath.sandbox.service_models import service_model
from happypath.sandbox.stepfunctions.casing import boto_service, exception, member, type_name
from happypath.sandbox.stepfunctions.executions import as_json
from happypath.sandbox.stepfunctions.failures import task_failure

AwsSdkTask: Any = state_task_service_aws_sdk.StateTaskServiceAwsSdk
SfnTask: Any = state_task_service_sfn.StateTaskServiceSfn


class UnsupportedError(Exception):
    """An integration names what there is not; the message says what."""


@cache
def _operation(service: str, action: str) -> Any:
    """The description of an operation, by the service's name in boto3 and the integration's action.

    Raises:
        UnsupportedError: the service has no such operation.
    """
    model = service_model(service)
    for name in model.operation_names:
        if name[:1].lower() + name[1:] == action:
            return model.operation_model(name)
    raise UnsupportedError(f"The service {service} has no operation {action}.")


def to_api(parameters: Mapping[str, Any], shape: Any, at: str = "") -> dict[str, Any]:
    """A state's parameters as the API takes them.

    Its names are those of the SDK for Java. What is text in the API and something else in the state is sent
    as JSON; so is what is bytes.

    Raises:
        UnsupportedError: the API has no parameter of that name.
    """
    members = {member(name): name for name in shape.members} if shape else {}
    made = {}
    for name, value in parameters.items():
        if name not in members:
            raise UnsupportedError(f"The field '{at}{name}' is not supported by Step Functions.")
        made[members[name]] = _value_to_api(value, shape.members[members[name]], f"{at}{name}.")
    return made


def _value_to_api(value: Any, shape: Any, at: str) -> Any:
    match shape.type_name, value:
        case "structure", Mapping() if not getattr(shape, "is_document_type", False):
            return to_api(value, shape, at)
        case "list", list():
            return [_value_to_api(each, shape.member, at) for each in value]
        case "map", Mapping():
            return {name: _value_to_api(each, shape.value, at) for name, each in value.items()}
        case "string", _ if value is not None and not isinstance(value, str):
            return as_json(value)
        case "blob", _ if value is not None:
            return as_json(value).encode()
    return value


def from_api(value: Any, shape: Any) -> Any:
    """An API's answer as a state gets it: names of the SDK for Java, times and bodies as text."""
    match shape and shape.type_name, value:
        case "structure", Mapping():
            return {
                member(name): from_api(each, shape.members[name])
                for name, each in value.items()
                if name in shape.members and each is not None
            }
        case "list", list():
            return [from_api(each, shape.member) for each in value]
        case "map", Mapping():
            return {name: from_api(each, shape.value) for name, each in value.items()}
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, StreamingBody):
        return value.read().decode(errors="replace")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return _as_instant(value) if isinstance(value, datetime) else value


def _as_instant(time: datetime) -> str:
    """A time as Java's Instant shows it: without a fraction where there is none."""
    kept = "milliseconds" if time.microsecond else "seconds"
    return time.astimezone(UTC).isoformat(timespec=kept).replace("+00:00", "Z")


def error_of(operation: Any, error: ClientError) -> tuple[str, str]:
    """The name and cause of an error of an `aws-sdk` integration.

    An error that the API lists has its name there; others are called after the service.
    """
    model = operation.service_model
    prefix = type_name(model.service_id)
    code = str(error.response["Error"].get("Code", ""))
    listed = operation.error_shapes
    if "AccessDenied" not in code:
        # Of the whole service, too; that somebody is denied, only where the operation itself lists it.
        listed = [*listed, *model.error_shapes]
    shapes = {each.metadata.get("error", {}).get("code", each.name): each.name for each in listed}
    name = shapes.get(code) or (code if code in shapes.values() else None)
    if name is None and code == "404" and len(operation.error_shapes) == 1:
        # A HEAD is answered without a body that says what was not found.
        name = operation.error_shapes[0].name
    metadata = error.response["ResponseMetadata"]
    said = [
        f"Service: {prefix}",
        f"Status Code: {metadata['HTTPStatusCode']}",
        f"Request ID: {metadata.get('RequestId', '')}",
    ]
    if "HostId" in metadata:
        said.append(f"Extended Request ID: {metadata['HostId']}")
    cause = f"{error.response['Error'].get('Message', '')} ({', '.join(said)}) (SDK Attempt Count: 1)"
    return f"{prefix}.{exception(name) if name else f'{prefix}Exception'}", cause


def _service_of(task: Any) -> str:
    service = boto_service(task.resource.api_name)
    if service is None:
        raise UnsupportedError(f"There is no service {task.resource.api_name}.")
    return service


def _operation_of(task: Any) -> Any:
    return _operation(_service_of(task), task.resource.api_action)


def _check(task: Any) -> None:
    """Refuses a definition that names no operation."""
    try:
        _operation_of(task)
    except UnsupportedError as error:
        resource = task.resource.resource_arn
        raise ValueError(f"The resource provided {resource} is not recognized. {error}") from None


def _normalise(task: Any, parameters: dict[str, Any], *_: Any, **__: Any) -> None:
    made = to_api(parameters, _operation_of(task).input_shape)
    parameters.clear()
    parameters.update(made)


@contextmanager
def aws_sdk_integrations() -> Iterator[None]:
    """`aws-sdk` integrations of every service: their names, parameters, answers and errors."""
    from_error: Any = AwsSdkTask._from_error
    call: Any = AwsSdkTask._eval_service_task

    def call_and_read(task: Any, env: Any, **more: Any) -> None:
        call(task, env=env, **more)
        env.stack.append(from_api(env.stack.pop(), _operation_of(task).output_shape))

    def fail(task: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, ClientError):
            name, cause = error_of(_operation_of(task), ex)
            return task_failure(task, env, name, cause)
        if isinstance(ex, UnsupportedError):
            return task_failure(task, env, "States.Runtime", str(ex))
        return from_error(task, env=env, ex=ex)

    with (
        patch.object(AwsSdkTask, "_validate_service_integration_is_supported", _check),
        patch.object(AwsSdkTask, "_get_boto_service_name", _service_of),
        patch.object(
            AwsSdkTask, "_get_boto_service_action", lambda task: xform_name(_operation_of(task).name)
        ),
        patch.object(AwsSdkTask, "_normalise_parameters", _normalise),
        patch.object(AwsSdkTask, "_eval_service_task", call_and_read),
        patch.object(AwsSdkTask, "_from_error", fail),
    ):
        yield


@contextmanager
def sqs_errors() -> Iterator[None]:
    """An error of SQS that its API lists has its name there; others are `SQS.AmazonSQSException`."""
    task_class: Any = state_task_service_sqs.StateTaskServiceSqs
    from_error: Any = task_class._from_error

    def fail(task: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, ClientError):
            return from_error(task, env=env, ex=ex)
        model = service_model("sqs")
        code = str(ex.response["Error"].get("Code", "")).rpartition(".")[2]
        known = {each.name for each in model.error_shapes}
        return task_failure(
            task,
            env,
            f"SQS.{exception(code) if code in known else 'AmazonSQSException'}",
            cause_of(ex, "AmazonSQS"),
        )

    with patch.object(task_class, "_from_error", fail):
        yield


def cause_of(error: ClientError, service: str) -> str:
    """What an optimized integration says of an error of its service."""
    metadata = error.response["ResponseMetadata"]
    return (
        f"{error.response['Error'].get('Message', '')} (Service: {service}; "
        f"Status Code: {metadata['HTTPStatusCode']}; Error Code: {error.response['Error'].get('Code', '')}; "
        f"Request ID: {metadata.get('RequestId', '')}; Proxy: null)"
    )


class _Answered(threading.local):
    """How the last call of this thread was answered."""

    response: Any = None


_answered = _Answered()


def _note(http_response: Any, **_: Any) -> None:
    _answered.response = http_response


@contextmanager
def answers_with_their_http() -> Iterator[None]:
    """Optimized integrations of Lambda, DynamoDB, SQS and SNS add how HTTP answered; EventBridge's do not."""
    modules = (
        lambda_eval_utils,
        state_task_service_dynamodb,
        state_task_service_sqs,
        state_task_service_sns,
        state_task_service_sfn,
    )
    tasks: tuple[Any, ...] = (
        state_task_service_lambda.StateTaskServiceLambda,
        state_task_service_dynamodb.StateTaskServiceDynamoDB,
        state_task_service_sqs.StateTaskServiceSqs,
        state_task_service_sns.StateTaskServiceSns,
        SfnTask,
    )

    def noting(make: Any) -> Any:
        def make_noted(*arguments: Any, **more: Any) -> Any:
            client = make(*arguments, **more)
            client.meta.events.register("after-call", _note, unique_id="happypath-answered")
            return client

        return make_noted

    def adding(call: Any) -> Any:
        def call_and_add(task: Any, env: Any, **more: Any) -> None:
            _answered.response = None
            call(task, env=env, **more)
            if _answered.response is not None:
                env.stack[-1] = {**env.stack[-1], **http_of(_answered.response)}

        return call_and_add

    with ExitStack() as patches:
        for module in modules:
            make: Any = vars(module)["boto_client_for"]
            patches.enter_context(patch.object(module, "boto_client_for", noting(make)))
        for task in tasks:
            call: Any = task._eval_service_task
            patches.enter_context(patch.object(task, "_eval_service_task", adding(call)))
        yield


# As AWS writes them in what it adds.
_HEADERS = {
    "x-amzn-requestid": "x-amzn-RequestId",
    "content-length": "Content-Length",
    "content-type": "Content-Type",
    "date": "Date",
    "connection": "connection",
    "x-amz-crc32": "x-amz-crc32",
    "x-amz-executed-version": "X-Amz-Executed-Version",
    "x-amzn-trace-id": "X-Amzn-Trace-Id",
}


def http_of(response: Any) -> dict[str, Any]:
    """`SdkHttpMetadata` and `SdkResponseMetadata` of an answer."""
    headers = {
        _HEADERS[name.lower()]: str(value)
        for name, value in response.headers.items()
        if name.lower() in _HEADERS
    }
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": response.status_code,
        },
        "SdkResponseMetadata": {"RequestId": headers.get("x-amzn-RequestId", "")},
    }
