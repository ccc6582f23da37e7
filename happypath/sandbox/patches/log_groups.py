"""A function's `LoggingConfig`, which moto does not know: it logs to the group that it says, and tells of it.

https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaFunction

_made = LambdaFunction.__init__
_configuration = LambdaFunction.get_configuration
_updated = LambdaFunction.update_configuration
# Its functions, not its bound methods: classes inherit.
_created_by_stack = vars(LambdaFunction)["create_from_cloudformation_json"].__func__
_updated_by_stack = vars(LambdaFunction)["update_from_cloudformation_json"].__func__


@contextmanager
def functions_log_where_they_say() -> Iterator[None]:
    """Keeps `LoggingConfig`, however a function is made or changed."""
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
