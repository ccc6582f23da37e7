"""Lambda: what invokes a function, and what is known of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError

from happypath.sandbox.fault_injection.error_responses import ErrorResponse
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.patches.served import Patch, Served


def _error(response: ErrorResponse) -> JsonRESTError:
    error = JsonRESTError(response.code, response.message)
    error.code = response.status
    return error


@contextmanager
def functions_run(served: Served) -> Iterator[None]:
    """Functions run in the sandbox's function host; moto runs them in Docker.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def replacement(
        function: Any, body: Any, request_headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        payload = body.encode() if isinstance(body, str) else body or b"{}"
        trace_header = request_headers.get("X-Amzn-Trace-Id")
        if request_headers.get("X-Amz-Invocation-Type") == "DryRun":
            return b""
        if request_headers.get("X-Amz-Invocation-Type") == "Event":
            threading.Thread(
                target=served.invoke, args=(function, payload, trace_header), daemon=True
            ).start()
            return b""
        try:
            answer = served.invoke(function, payload, trace_header)
        except InvokeError as error:
            raise _error(error.response) from None
        if answer.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer.payload

    with patch.object(LambdaFunction, "invoke", replacement):
        yield


_made = LambdaFunction.__init__
_configuration = LambdaFunction.get_configuration
_updated = LambdaFunction.update_configuration
# Its functions, not its bound methods: classes inherit.
_created_by_stack = vars(LambdaFunction)["create_from_cloudformation_json"].__func__
_updated_by_stack = vars(LambdaFunction)["update_from_cloudformation_json"].__func__


@contextmanager
def functions_have_a_logging_config(_: Served) -> Iterator[None]:
    """A function logs to the group and in the format of its `LoggingConfig`; moto ignores it.

    https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
    """
    with ExitStack() as patches:
        for name, replacement in (
            ("__init__", _make),
            ("get_configuration", _describe),
            ("update_configuration", _update),
            ("create_from_cloudformation_json", classmethod(_create_by_stack)),
            ("update_from_cloudformation_json", classmethod(_update_by_stack)),
        ):
            patches.enter_context(patch.object(LambdaFunction, name, replacement))
        yield


def _set(function: Any, config: Mapping[str, Any] | None) -> None:
    config = config or {}
    function.logs_group_name = config.get("LogGroup") or f"/aws/lambda/{function.function_name}"
    function.log_format = config.get("LogFormat", "Text")


def _make(function: Any, account_id: str, spec: dict[str, Any], *more: Any, **named: Any) -> None:
    _made(function, account_id, spec, *more, **named)
    _set(function, spec.get("LoggingConfig"))


def _describe(function: Any, *given: Any, **named: Any) -> dict[str, Any]:
    logging = {"LogFormat": function.log_format, "LogGroup": function.logs_group_name}
    return {**_configuration(function, *given, **named), "LoggingConfig": logging}


def _update(function: Any, changes: dict[str, Any]) -> dict[str, Any]:
    if "LoggingConfig" in changes:
        _set(function, changes["LoggingConfig"])
    return _updated(function, changes)


def _create_by_stack(cls: Any, name: str, resource: dict[str, Any], *more: Any, **named: Any) -> Any:
    function = _created_by_stack(cls, name, resource, *more, **named)
    _set(function, resource["Properties"].get("LoggingConfig"))
    return function


def _update_by_stack(cls: Any, /, *, cloudformation_json: dict[str, Any], **named: Any) -> Any:
    function = _updated_by_stack(cls, cloudformation_json=cloudformation_json, **named)
    _set(function, cloudformation_json["Properties"].get("LoggingConfig"))
    return function


PATCHES: tuple[Patch, ...] = (functions_run, functions_have_a_logging_config)
