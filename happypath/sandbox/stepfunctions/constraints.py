"""What Step Functions demands of a request: the API reference's constraints, names, and ARNs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html, and its siblings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from happypath.sandbox.service_models import service_model
from happypath.sandbox.stepfunctions.errors import StatesError, invalid_arn, validation

_FORBIDDEN = re.compile(
    r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff\U0010ffff]"""
)
_ALIAS_NAME = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"
_RESOURCES = {"stateMachine", "execution", "express", "activity", "mapRun"}


def check_request(operation: str, request: Mapping[str, Any]) -> None:
    """Checks a request against the service's own description: what is required, lengths, ranges, choices.

    Lengths are those of the text in UTF-8, as the API reference says of inputs.

    Raises:
        StatesError: ValidationException, which names each constraint that is not kept, or
            SerializationException: what is there is of another type.
    """
    shape = service_model("stepfunctions").operation_model(operation).input_shape
    broken = list(_broken(shape, request)) if shape else []
    if broken:
        count = f"{len(broken)} validation error{'s' if len(broken) > 1 else ''} detected: "
        raise validation(count + "; ".join(broken))


def _broken(shape: Any, request: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for name, member in shape.members.items():
        value, where = request.get(name), f"{at}{name}"
        if value is not None:
            yield from _unkept(member, value, where)
        elif name in shape.required_members or (at and name in {"key", "value"}):
            yield f"Value null at '{where}' failed to satisfy constraint: Member must not be null"


def _unkept(member: Any, value: Any, at: str) -> Iterator[str]:
    kind, expected = member.type_name, _TYPES.get(member.type_name)
    if expected and (not isinstance(value, expected) or isinstance(value, bool) is not (kind == "boolean")):
        raise StatesError("SerializationException", f"{at}: a {kind} is expected, not {json.dumps(value)}.")
    if kind == "structure":
        yield from _broken(member, value, f"{at}.")
    elif kind == "list":
        for number, each in enumerate(value, 1):
            yield from _unkept(member.member, each, f"{at}.{number}.member")
    else:
        said = "" if member.metadata.get("sensitive") else f" '{value}'"
        for constraint in _constraints(member, value):
            yield f"Value{said} at '{at}' failed to satisfy constraint: Member must {constraint}"


_TYPES: Mapping[str, type] = {"string": str, "integer": int, "boolean": bool, "structure": dict, "list": list}


def _constraints(member: Any, value: Any) -> Iterator[str]:
    rules = member.metadata
    if member.type_name == "string":
        length = len(value.encode("utf-8", "surrogatepass"))
        if length < rules.get("min", 0):
            yield f"have length greater than or equal to {rules['min']}"
        if length > rules.get("max", length):
            yield f"have length less than or equal to {rules['max']}"
        if rules.get("enum") and value not in rules["enum"]:
            # Whatever the order, which AWS itself does not keep.
            yield f"satisfy enum value set: [{', '.join(rules['enum'])}]"
    elif member.type_name == "integer":
        if value < rules.get("min", value):
            yield f"have value greater than or equal to {rules['min']}"
        if value > rules.get("max", value):
            yield f"have value less than or equal to {rules['max']}"


def check_name(name: str) -> None:
    """Checks the name of a state machine, activity or execution.

    Raises:
        StatesError: InvalidName; it has a character that names may not have.
    """
    if _FORBIDDEN.search(name):
        raise StatesError("InvalidName", f"Invalid Name: '{name}'")


def check_alias_name(name: str) -> None:
    """Checks the name of an alias, which could not be told from a version if it were a number.

    Raises:
        StatesError: ValidationException.
    """
    if not re.match(_ALIAS_NAME, name):
        raise validation(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_ALIAS_NAME}"
        )


def check_arn(arn: str, *resources: str) -> None:
    """Checks that a text is an ARN of Step Functions, and of one of these kinds of resources.

    Raises:
        StatesError: InvalidArn.
    """
    parts = arn.split(":")
    if parts[0] != "arn":
        raise invalid_arn(f"Invalid ARN prefix: {arn}")
    if len(parts) < 7 or parts[2] != "states" or parts[5] not in _RESOURCES:
        raise invalid_arn(f"Invalid ARN: {arn}")
    if parts[5] not in resources:
        raise invalid_arn(f"Resource type not valid in this context: {parts[5]}")


def execution_input(text: str) -> str:
    """The input of an execution, which is any JSON.

    Raises:
        StatesError: InvalidExecutionInput.
    """
    try:
        json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        reason = str(error) if text.strip() else "Invalid execution input."
        raise StatesError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'"
        ) from None
    return text


def _no_constant(name: str) -> Any:
    raise ValueError(f"Unrecognized token '{name}'")
