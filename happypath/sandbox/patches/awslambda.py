"""Lambda: what invokes a function, and what is known of it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.awslambda import responses
from moto.awslambda.models import EventInvokeConfig, LambdaBackend, LambdaFunction, lambda_backends
from moto.core.exceptions import JsonRESTError

from happypath.sandbox.fault_injection.error_responses import ErrorResponse
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.patches.served import Patch, Served

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_REQUEST_BYTES = {"RequestResponse": 6_291_456, "Event": 1_048_576}
# Of the log that an answer may bring: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
_TAIL_BYTES = 4096


def _error(response: ErrorResponse) -> JsonRESTError:
    error = JsonRESTError(response.code, response.message)
    error.code = response.status
    return error


@contextmanager
def functions_run(served: Served) -> Iterator[None]:
    """Functions run in the sandbox's function host; moto runs them in Docker.

    A request without a payload is an empty event, and one that is too large or no JSON is refused. An answer
    says which request it is of, and with `LogType: Tail` brings the end of its log.
    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def replacement(
        function: Any, body: Any, request_headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        payload = (body.encode() if isinstance(body, str) else body) or b"{}"
        kind = request_headers.get("X-Amz-Invocation-Type") or "RequestResponse"
        trace_header = request_headers.get("X-Amzn-Trace-Id")
        if kind == "DryRun":
            return b""
        _check(payload, kind)
        if kind == "Event":
            request = served.invoke_asynchronously(function, payload, trace_header)
            response_headers["x-amzn-RequestId"] = request
            return b""
        try:
            outcome = served.invoke(function, payload, trace_header)
        except InvokeError as error:
            raise _error(error.response) from None
        response_headers["x-amzn-RequestId"] = outcome.request_id
        response_headers["X-Amz-Executed-Version"] = version_of(function)
        if outcome.answer.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        if request_headers.get("X-Amz-Log-Type") == "Tail":
            tail = "\n".join(outcome.written).encode()[-_TAIL_BYTES:]
            response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
        return outcome.answer.payload

    with (
        patch.object(LambdaFunction, "invoke", replacement),
        # It finds answers too large by the size of Python's object; the host counts what was sent.
        patch.object(responses, "sys", SimpleNamespace(getsizeof=lambda _: 0)),
    ):
        yield


def _check(payload: bytes, kind: str) -> None:
    limit = MAX_REQUEST_BYTES.get(kind, MAX_REQUEST_BYTES["RequestResponse"])
    if len(payload) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise _error(ErrorResponse("RequestTooLargeException", 413, message))
    try:
        json.loads(payload)
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise _error(ErrorResponse("InvalidRequestContentException", 400, message)) from None


def version_of(function: Any) -> str:
    """The version of a function as moto holds it, where what is not published has the number 1, too."""
    return str(function.version) if function.function_arn.endswith(f":{function.version}") else "$LATEST"


@contextmanager
def asynchronous_settings(_: Served) -> Iterator[None]:
    """The settings of asynchronous invocations are replaced by a put, and merged by an update.

    moto keeps the first for ever.
    https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionEventInvokeConfig.html
    """

    def put(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        function = backend.get_function(function_name)
        made = EventInvokeConfig(f"{function.function_arn}:$LATEST", function.last_modified, config)
        function.event_invoke_config = [made]
        return made.response()

    def update(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        before = backend.get_function(function_name).event_invoke_config
        return put(backend, function_name, {**(before[0].config if before else {}), **config})

    with (
        patch.object(LambdaBackend, "put_function_event_invoke_config", put),
        patch.object(LambdaBackend, "update_function_event_invoke_config", update),
    ):
        yield


_made = LambdaFunction.__init__
_configuration = LambdaFunction.get_configuration
_updated = LambdaFunction.update_configuration
_code_set = LambdaFunction._set_function_code


@contextmanager
def functions_keep_their_configuration(_: Served) -> Iterator[None]:
    """A function has what it was configured with, by its template as by the API; moto ignores half of it.

    That is `LoggingConfig`, `DeadLetterConfig`, `EphemeralStorage`, `TracingConfig`, `Layers`. What a
    template no longer has goes back to Lambda's default. In a template a variable of the environment may be a
    number: CloudFormation makes it text. An archive that is no ZIP file is refused.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
    """
    with ExitStack() as patches:
        for name, replacement in (
            ("__init__", _make),
            ("get_configuration", _describe),
            ("update_configuration", _update),
            ("_set_function_code", _set_code),
            ("create_from_cloudformation_json", classmethod(_create_by_stack)),
            ("update_from_cloudformation_json", classmethod(_update_by_stack)),
        ):
            patches.enter_context(patch.object(LambdaFunction, name, replacement))
        yield


def _set_log(function: Any, config: Mapping[str, Any] | None) -> None:
    config = config or {}
    function.logs_group_name = config.get("LogGroup") or f"/aws/lambda/{function.function_name}"
    function.log_format = config.get("LogFormat", "Text")


def _set_dead_letter(function: Any, config: Mapping[str, Any] | None) -> None:
    function.dead_letter_target = (config or {}).get("TargetArn") or None


def _set_storage(function: Any, config: Mapping[str, Any] | None) -> None:
    function.ephemeral_storage = int((config or {}).get("Size", 512))


def _set_tracing(function: Any, config: Mapping[str, Any] | None) -> None:
    function.tracing_config = config or {"Mode": "PassThrough"}


# What moto leaves out when a function is updated, and partly when it is made.
_SETTERS = {
    "LoggingConfig": _set_log,
    "DeadLetterConfig": _set_dead_letter,
    "EphemeralStorage": _set_storage,
    "TracingConfig": _set_tracing,
}
# What has a value although a template does not give it.
_DEFAULTS: dict[str, Any] = {
    "Description": "",
    "MemorySize": 128,
    "Timeout": 3,
    "Environment": {"Variables": {}},
    "Layers": [],
    **dict.fromkeys(_SETTERS),
}


def _make(function: Any, account_id: str, spec: dict[str, Any], *more: Any, **named: Any) -> None:
    _made(function, account_id, spec, *more, **named)
    for name in ("LoggingConfig", "DeadLetterConfig"):
        _SETTERS[name](function, spec.get(name))


def _describe(function: Any, *given: Any, **named: Any) -> dict[str, Any]:
    described = _configuration(function, *given, **named)
    described["LoggingConfig"] = {"LogFormat": function.log_format, "LogGroup": function.logs_group_name}
    if function.dead_letter_target:
        described["DeadLetterConfig"] = {"TargetArn": function.dead_letter_target}
    return described


def _update(function: Any, changes: dict[str, Any]) -> dict[str, Any]:
    for name in changes.keys() & _SETTERS.keys():
        _SETTERS[name](function, changes[name])
    return _updated(function, changes)


def _set_code(function: Any, spec: dict[str, Any]) -> None:
    _code_set(function, spec)
    if "ImageUri" not in spec and not zipfile.is_zipfile(io.BytesIO(function.code_bytes)):
        message = "Could not unzip uploaded file. Please check your file, then try to upload again."
        raise _error(ErrorResponse("InvalidParameterValueException", 400, message))


def _as_in_the_api(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A template's properties as CreateFunction takes them."""
    spec: dict[str, Any] = {**properties, "FunctionName": name, "Code": dict(properties["Code"])}
    if "ZipFile" in spec["Code"]:
        archive = LambdaFunction._create_zipfile_from_plaintext_code(spec["Code"]["ZipFile"])
        spec["Code"]["ZipFile"] = base64.b64encode(archive)
    variables = (properties.get("Environment") or {}).get("Variables") or {}
    spec["Environment"] = {"Variables": {key: _text(value) for key, value in variables.items()}}
    spec["Tags"] = {each["Key"]: each["Value"] for each in properties.get("Tags") or ()}
    return spec


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _create_by_stack(
    _cls: Any, name: str, resource: dict[str, Any], account_id: str, region_name: str, /, **_: Any
) -> Any:
    return lambda_backends[account_id][region_name].create_function(
        _as_in_the_api(name, resource["Properties"])
    )


def _update_by_stack(
    _cls: Any,
    /,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    **_: Any,
) -> Any:
    spec = _as_in_the_api(new_resource_name, cloudformation_json["Properties"])
    original_resource.update_configuration({**_DEFAULTS, **spec})
    original_resource.reserved_concurrency = spec.get("ReservedConcurrentExecutions")
    original_resource.update_function_code(spec["Code"])
    return original_resource


PATCHES: tuple[Patch, ...] = (functions_run, functions_keep_their_configuration, asynchronous_settings)
