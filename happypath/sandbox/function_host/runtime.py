"""A stand-in for AWS's runtime interface client, where `awslambdaric` has no wheel.

Speaks the same API in the same shapes. The launcher loads it from its file.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

_PREFIX = "/2018-06-01/runtime"


class Context:
    """What a handler may ask about its invocation, under the names of Lambda's own context object.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    def __init__(self, headers: http.client.HTTPMessage) -> None:
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends this invocation."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


def _error(error: BaseException) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": error.kind if isinstance(error, _RuntimeError) else type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> None:
    connection.request("POST", _PREFIX + path, body, {"Content-Type": "application/json"})
    connection.getresponse().read()


class _RuntimeError(Exception):
    """What Lambda's runtime itself says of a function; `kind` is its name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _marshalled(result: Any) -> bytes:
    """A handler's result as JSON.

    Raises:
        _RuntimeError: it cannot be.
    """
    try:
        return json.dumps(result).encode()
    except (TypeError, ValueError) as error:
        raise _RuntimeError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _load(name: str) -> Callable[[Any, Context], Any]:
    """The handler of that name.

    Raises:
        _RuntimeError: there is none.
    """
    module, _, attribute = name.rpartition(".")
    if not module:
        raise _RuntimeError(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack"
        )
    try:
        imported = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module}': {error}"
        raise _RuntimeError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module}': {error}"
        raise _RuntimeError("Runtime.UserCodeSyntaxError", message) from error
    handler: Callable[[Any, Context], Any] | None = getattr(imported, attribute, None)
    if handler is None:
        raise _RuntimeError("Runtime.HandlerNotFound", f"Handler '{attribute}' missing on module '{module}'")
    return handler


def main(arguments: Sequence[str]) -> None:
    """Imports the handler and serves invocations until the API goes away; `arguments` end with its name."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = _load(arguments[1])
    except _RuntimeError as error:
        traceback.print_exc()
        said = {"errorMessage": str(error), "errorType": error.kind, "requestId": "", "stackTrace": []}
        _post(connection, "/init/error", json.dumps(said).encode())
        sys.exit(1)
    except Exception as error:
        traceback.print_exc()
        _post(connection, "/init/error", json.dumps(_error(error)).encode())
        sys.exit(1)
    while True:
        connection.request("GET", f"{_PREFIX}/invocation/next")
        response = connection.getresponse()
        event = json.loads(response.read())
        context = Context(response.headers)
        os.environ["_X_AMZN_TRACE_ID"] = response.headers.get("Lambda-Runtime-Trace-Id", "")
        try:
            kind, body = "response", _marshalled(handler(event, context))
        except Exception as error:
            traceback.print_exc()
            kind, body = "error", json.dumps(_error(error)).encode()
        sys.stdout.flush()
        _post(connection, f"/invocation/{context.aws_request_id}/{kind}", body)
