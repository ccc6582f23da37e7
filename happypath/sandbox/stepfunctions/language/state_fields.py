"""The fields of states: which there are in which query language, and what they may hold.

https://states-language.net/spec.html#state-types
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from happypath.sandbox.stepfunctions.language import jsonata, jsonpath
from happypath.sandbox.stepfunctions.language.comparisons import COMPARISONS, is_number, timestamp
from happypath.sandbox.stepfunctions.language.diagnostics import Diagnostic, schema

# (location, value, query language) → what is wrong.
Check = Callable[[str, Any, str], Iterator[Diagnostic]]

_LARGEST = 99_999_999
_TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")
_EXPRESSION = re.compile(r"\{%.*%\}", re.DOTALL)
_INTRINSIC = re.compile(r"States\.\w+\(.*\)", re.DOTALL)


def _expected(kind: str, at: str) -> Iterator[Diagnostic]:
    yield schema(f"Expected value of type {kind}", at)


def _anything(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    yield from ()


def _is(kind: type, name: str) -> Check:
    def check(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
        if not isinstance(value, kind):
            yield from _expected(name, at)

    return check


_text = _is(str, "String")
_mapping = _is(dict, "Object")


def _whole(least: int, most: int = _LARGEST) -> Check:
    """A whole number, for which an expression may stand in JSONata."""

    def check(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
        if language == "JSONata" and isinstance(value, str):
            yield from _expression(at, value)
        elif isinstance(value, bool) or not isinstance(value, int):
            yield from _expected("Integer", at)
        elif value < least:
            yield schema(f"Value is less than the minimum: {least}", at)
        elif value > most:
            yield schema(f"Value is greater than the maximum: {most}", at)

    return check


def _number(least: float, most: float = _LARGEST) -> Check:
    def check(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
        if language == "JSONata" and isinstance(value, str):
            yield from _expression(at, value)
        elif not is_number(value):
            yield from _expected("Number", at)
        elif not least <= value <= most:
            yield schema(f"Value must be between {least:g} and {most:g}", at)

    return check


def _expression(at: str, value: Any) -> Iterator[Diagnostic]:
    if not isinstance(value, str) or not _EXPRESSION.fullmatch(value):
        yield schema("The value must be a JSONata expression, enclosed in '{%' and '%}'", at)
        return
    try:
        jsonata.check(value[2:-2].strip())
    except jsonata.QueryError as error:
        yield schema(f"The JSONata expression is not valid: {error}", at)


def _is_path(value: Any) -> bool:
    """Whether a text is a path: into the input, the context object (`$$`), or a variable (`$name`)."""
    if not isinstance(value, str) or not value.startswith("$"):
        return False
    try:
        if value.startswith("$$"):
            jsonpath.check(value[1:])
        elif re.match(r"\$[^\W\d]", value):
            jsonpath.check(jsonpath.variable(value).path)
        else:
            jsonpath.check(value)
    except jsonpath.InvalidPathError:
        return False
    return True


def _path(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if value is not None and not _is_path(value):
        yield schema("Value is not a valid JSONPath", at)


def _reference(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    """A path to one place. ResultPath is one into the input alone, or null."""
    if at.endswith("/ResultPath"):
        if value is None:
            return
        is_own = isinstance(value, str) and re.match(r"\$($|[.\[])", value)
        if not is_own or not jsonpath.is_reference(value):
            yield schema("Value is not a Reference Path", at)
    elif not _is_path(value):
        yield schema("Value is not a Reference Path", at)


def _path_or_function(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if not _is_path(value) and not _is_function(value):
        yield schema("Value is not a valid JSONPath or a valid intrinsic function call", at)


def _is_function(value: Any) -> bool:
    return isinstance(value, str) and bool(_INTRINSIC.fullmatch(value.strip()))


def _template(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    """A payload template: what is filled in, from paths (`name.$`) or expressions."""
    if language == "JSONata":
        yield from _expressions(at, value)
    else:
        yield from _paths(at, value)


def _paths(at: str, value: Any) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for each in value:
            yield from _paths(at, each)
    if not isinstance(value, dict):
        return
    for name, each in value.items():
        if not name.endswith(".$"):
            yield from _paths(at, each)
            continue
        if not _is_path(each) and not _is_function(each):
            yield schema(
                f"The value for the field '{name}' must be a valid JSONPath or a valid intrinsic function "
                "call",
                at,
            )
        if name.removesuffix(".$") in value:
            yield schema(f"Duplicate field '{name.removesuffix('.$')}'", at)


def _expressions(at: str, value: Any) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _expressions(f"{at}[{index}]", each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _expressions(f"{at}/{name}", each)
    elif isinstance(value, str) and value.startswith("{%"):
        yield from _expression(at, value)


def _object(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    if isinstance(value, dict):
        yield from _template(at, value, language)
    elif language == "JSONata" and isinstance(value, str):
        yield from _expression(at, value)
    else:
        yield from _expected("Object", at)


def _assign(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    if not isinstance(value, dict):
        yield from _expected("Object", at)
        return
    for name in value:
        bare = name.removesuffix(".$") if language == "JSONPath" else name
        if not re.fullmatch(r"[^\W\d]\w{0,79}", bare) or bare == "states":
            yield schema(f"'{bare}' is not a valid variable name", at)
    yield from _template(at, value, language)


def _resource(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if not isinstance(value, str) or not re.fullmatch(r"arn:[^:]*:[^:]*:[^:]*:[^:]*:.+", value):
        yield schema("Value is not a valid resource ARN", at)


def _timestamp(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    if language == "JSONata" and isinstance(value, str) and value.startswith("{%"):
        yield from _expression(at, value)
    elif timestamp(value) is None:
        yield schema("String does not match RFC3339 timestamp", at)


def _words(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    """Text, which may be an expression."""
    if not isinstance(value, str):
        yield from _expected("String", at)
    elif language == "JSONata":
        yield from _expressions(at, value)


def _end(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if value is not True:
        yield schema("Value must be true", at)


def _state_machines(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        yield from _expected("Array", at)
    elif not value:
        yield schema("Value cannot be empty", at)


def _items(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    if isinstance(value, list):
        yield from _template(at, value, language)
    else:
        yield from _expression(at, value)


def _each(check: Check) -> Check:
    def check_all(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
        if not isinstance(value, list):
            yield from _expected("Array", at)
            return
        for index, each in enumerate(value):
            here = f"{at}[{index}]"
            if isinstance(each, dict):
                yield from check(here, each, language)
            else:
                yield from _expected("Object", here)
        yield from _all_is_last(at, value)

    return check_all


def _all_is_last(at: str, handlers: list[Any]) -> Iterator[Diagnostic]:
    """`States.ALL` stands alone, and in the last retrier or catcher."""
    for index, each in enumerate(handlers):
        errors = each.get("ErrorEquals") if isinstance(each, dict) else None
        if not isinstance(errors, list) or "States.ALL" not in errors:
            continue
        if len(errors) > 1 or index < len(handlers) - 1:
            message = "States.ALL must appear alone in the ErrorEquals array, and in the last of them"
            yield schema(message, f"{at}[{index}]/ErrorEquals")


def _errors(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        yield from _expected("Array", at)
    elif not value:
        yield schema("Value cannot be empty", at)


def _jitter(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if value not in {"FULL", "NONE"}:
        yield schema("The field 'JitterStrategy' should have one of these values: [FULL, NONE]", at)


def checked(
    at: str, value: Mapping[str, Any], fields: Mapping[str, Check], language: str
) -> Iterator[Diagnostic]:
    """Checks each field of an object; those that are not known are not supported."""
    for name, each in value.items():
        if name in fields:
            yield from fields[name](f"{at}/{name}", each, language)
        else:
            yield schema(f"Field '{name}' is not supported", at)


def _required(at: str, value: Mapping[str, Any], *names: str) -> Iterator[Diagnostic]:
    missing = [name for name in names if name not in value]
    if missing:
        yield schema(f"These fields are required: [{', '.join(missing)}]", at)


_RETRIER: Mapping[str, Check] = {
    "Comment": _text,
    "ErrorEquals": _errors,
    "IntervalSeconds": _whole(1),
    "MaxAttempts": _whole(0),
    "BackoffRate": _number(1),
    "MaxDelaySeconds": _whole(1, 31_622_400),
    "JitterStrategy": _jitter,
}
_CATCHER: Mapping[str, Check] = {
    "Comment": _text,
    "ErrorEquals": _errors,
    "Next": _text,
    "Assign": _assign,
}
_OF_LANGUAGE: Mapping[str, Mapping[str, Check]] = {
    "JSONPath": {"ResultPath": _reference},
    "JSONata": {"Output": _template},
}


def _retrier(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    yield from _required(at, value, "ErrorEquals")
    yield from checked(at, value, _RETRIER, language)


def _catcher(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    yield from _required(at, value, "ErrorEquals", "Next")
    yield from checked(at, value, {**_CATCHER, **_OF_LANGUAGE[language]}, language)


def _rules(at: str, value: Any, language: str) -> Iterator[Diagnostic]:
    if not isinstance(value, list):
        yield from _expected("Array", at)
        return
    if not value:
        yield schema("Value cannot be empty", at)
    for index, rule in enumerate(value):
        yield from _rule(f"{at}[{index}]", rule, language, is_inner=False)


def _rule(at: str, rule: Any, language: str, *, is_inner: bool) -> Iterator[Diagnostic]:
    if not isinstance(rule, dict):
        yield from _expected("Object", at)
        return
    fields: dict[str, Check] = {"Comment": _text}
    if not is_inner:
        yield from _required(at, rule, "Next")
        fields |= {"Next": _text, "Assign": _assign}
    if language == "JSONata":
        yield from _required(at, rule, "Condition")
        yield from checked(at, rule, {**fields, "Condition": _condition, "Output": _template}, language)
        return
    yield from _comparison(at, rule, fields)


def _condition(at: str, value: Any, language: str) -> Iterator[Diagnostic]:  # noqa: ARG001  # is a Check
    if not isinstance(value, bool):
        yield from _expression(at, value)


def _comparison(at: str, rule: Mapping[str, Any], fields: Mapping[str, Check]) -> Iterator[Diagnostic]:
    rest = {name: value for name, value in rule.items() if name not in fields}
    yield from checked(at, {name: rule[name] for name in rule if name in fields}, fields, "JSONPath")
    if len(rest) == 1 and (name := next(iter(rest))) in {"And", "Or", "Not"}:
        inner = [rest[name]] if name == "Not" else rest[name]
        if not isinstance(inner, list) or not inner:
            yield from _expected("Array", f"{at}/{name}")
            return
        for index, each in enumerate(inner):
            here = f"{at}/{name}" if name == "Not" else f"{at}/{name}[{index}]"
            yield from _rule(here, each, "JSONPath", is_inner=True)
        return
    operators = [name for name in rest if name != "Variable"]
    if "Variable" not in rest or len(operators) != 1:
        yield schema("A Choice Rule needs And, Or, Not, or Variable and one comparison", at)
        return
    yield from _path(f"{at}/Variable", rest["Variable"], "JSONPath")
    yield from _operand(f"{at}/{operators[0]}", operators[0], rest[operators[0]])


def _operand(at: str, operator: str, value: Any) -> Iterator[Diagnostic]:
    name = operator.removesuffix("Path")
    is_path = name != operator and not name.startswith("Is")
    if (name != "IsPresent" and name not in COMPARISONS) or (is_path and name == "StringMatches"):
        yield schema(f"Field '{operator}' is not supported", at.rpartition("/")[0])
    elif is_path:
        yield from _path(at, value, "JSONPath")
    elif name.startswith(("Is", "Boolean")):
        yield from _is(bool, "Boolean")(at, value, "JSONPath")
    elif name.startswith("Numeric"):
        if not is_number(value):
            yield from _expected("Number", at)
    elif name.startswith("Timestamp"):
        yield from _timestamp(at, value, "JSONPath")
    else:
        yield from _text(at, value, "JSONPath")


_COMMON: Mapping[str, Check] = {"Type": _anything, "Comment": _text, "QueryLanguage": _anything}
_MOVING: Mapping[str, Check] = {"Next": _text, "End": _end, "Assign": _assign}
_HANDLING: Mapping[str, Check] = {"Retry": _each(_retrier), "Catch": _each(_catcher)}
_FILTERS: Mapping[str, Check] = {"InputPath": _path, "OutputPath": _path}
_RESULTS: Mapping[str, Check] = {"ResultPath": _reference, "ResultSelector": _object}
_OUTPUT: Mapping[str, Check] = {"Output": _template}
# type → fields in both languages, in JSONPath, in JSONata
_STATES: Mapping[str, tuple[Mapping[str, Check], Mapping[str, Check], Mapping[str, Check]]] = {
    "Task": (
        {
            **_MOVING,
            **_HANDLING,
            "Resource": _resource,
            "TimeoutSeconds": _whole(1),
            "HeartbeatSeconds": _whole(1),
            "Credentials": _mapping,
        },
        {
            **_FILTERS,
            **_RESULTS,
            "Parameters": _template,
            "TimeoutSecondsPath": _reference,
            "HeartbeatSecondsPath": _reference,
        },
        {**_OUTPUT, "Arguments": _template},
    ),
    "Pass": (
        {**_MOVING, "Result": _anything},
        {**_FILTERS, "ResultPath": _reference, "Parameters": _template},
        _OUTPUT,
    ),
    "Wait": (
        {**_MOVING, "Seconds": _whole(0), "Timestamp": _timestamp},
        {**_FILTERS, "SecondsPath": _reference, "TimestampPath": _reference},
        _OUTPUT,
    ),
    "Succeed": ({}, _FILTERS, _OUTPUT),
    "Fail": (
        {"Error": _words, "Cause": _words},
        {"ErrorPath": _path_or_function, "CausePath": _path_or_function},
        {},
    ),
    "Choice": ({"Choices": _rules, "Default": _text, "Assign": _assign}, _FILTERS, _OUTPUT),
    "Parallel": (
        {**_MOVING, **_HANDLING, "Branches": _state_machines},
        {**_FILTERS, **_RESULTS, "Parameters": _template},
        {**_OUTPUT, "Arguments": _template},
    ),
    "Map": (
        {
            **_MOVING,
            **_HANDLING,
            "ItemProcessor": _mapping,
            "Iterator": _mapping,
            "ItemSelector": _object,
            "ItemReader": _mapping,
            "ItemBatcher": _mapping,
            "ResultWriter": _mapping,
            "Label": _text,
            "MaxConcurrency": _whole(0),
            "ToleratedFailureCount": _whole(0),
            "ToleratedFailurePercentage": _number(0, 100),
        },
        {
            **_FILTERS,
            **_RESULTS,
            "ItemsPath": _reference,
            "Parameters": _object,
            "MaxConcurrencyPath": _reference,
            "ToleratedFailureCountPath": _reference,
            "ToleratedFailurePercentagePath": _reference,
        },
        {**_OUTPUT, "Items": _items},
    ),
}
_REQUIRED = {"Task": ["Resource"], "Choice": ["Choices"], "Parallel": ["Branches"]}
_ENDING = frozenset({"Task", "Pass", "Wait", "Parallel", "Map"})
# Of each, a state has one at most.
_EITHER = (
    ("Next", "End"),
    ("Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("ItemProcessor", "Iterator"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
)


def check_state(at: str, state: Any, language: str, kind: str) -> Iterator[Diagnostic]:
    """What is wrong with the fields of one state, within a state machine of a query language."""
    if not isinstance(state, dict):
        yield from _expected("Object", at)
        return
    state_type = state.get("Type")
    if state_type is None:
        yield from _required(at, state, "Type")
        return
    if not isinstance(state_type, str) or state_type not in _TYPES:
        message = f"The field 'Type' should have one of these values: [{', '.join(_TYPES)}]"
        yield schema(message, f"{at}/Type")
        return
    own = state.get("QueryLanguage", language)
    if own not in {"JSONPath", "JSONata"}:
        message = "The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]"
        yield schema(message, f"{at}/QueryLanguage")
        return
    if language == "JSONata" and own == "JSONPath":
        message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        yield schema(message, at)
        return
    both, in_paths, in_jsonata = _STATES[state_type]
    fields = {**_COMMON, **both, **(in_jsonata if own == "JSONata" else in_paths)}
    yield from _required(at, state, *_REQUIRED.get(state_type, ()))
    yield from checked(at, state, fields, own)
    yield from _combined(at, state)
    if kind == "EXPRESS" and state_type == "Task":
        yield from _express(at, state)


def _combined(at: str, state: Mapping[str, Any]) -> Iterator[Diagnostic]:
    for names in _EITHER:
        if len(given := [name for name in names if name in state]) > 1:
            yield schema(f"These fields cannot be used together: [{', '.join(given)}]", at)
    if state["Type"] in _ENDING and "Next" not in state and "End" not in state:
        yield schema("Either 'Next' or 'End' is required", at)
    if state["Type"] == "Wait" and not set(_EITHER[1]) & set(state):
        yield schema(f"One of these fields is required: [{', '.join(_EITHER[1])}]", at)
    if state["Type"] == "Map" and not {"ItemProcessor", "Iterator"} & set(state):
        yield from _required(at, state, "ItemProcessor")
    timeout_s, heartbeat_s = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(timeout_s, int) and isinstance(heartbeat_s, int) and heartbeat_s >= timeout_s:
        yield schema("'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'", at)
    credentials = state.get("Credentials")
    if isinstance(credentials, dict) and not {"RoleArn", "RoleArn.$"} & set(credentials):
        yield schema("The field 'RoleArn' is required but was missing", f"{at}/Credentials")


def _express(at: str, state: Mapping[str, Any]) -> Iterator[Diagnostic]:
    resource = str(state.get("Resource"))
    where = f"{at}/Resource"
    if ":activity:" in resource:
        yield schema("Express state machine does not support Activity ARN", where)
    elif resource.endswith(".waitForTaskToken"):
        message = "Express state machine does not support '.waitForTaskToken' service integration "
        yield schema(message, where)
    elif re.search(r"\.sync(:\d+)?$", resource):
        yield schema("Express state machine does not support '.sync' service integration", where)
