"""What a Choice rule and a Catch say, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Operators of the States Language, without the type of what they compare and without `Path`.
# https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
_COMPARISONS = {
    "Equals": "is",
    "LessThan": "is less than",
    "LessThanEquals": "is at most",
    "GreaterThan": "is more than",
    "GreaterThanEquals": "is at least",
    "Matches": "matches",
}
_OF_TIME = {
    "LessThan": "is before",
    "LessThanEquals": "is not after",
    "GreaterThan": "is after",
    "GreaterThanEquals": "is not before",
}
_TYPES = ("String", "Numeric", "Boolean", "Timestamp")
_TESTS = {
    "IsPresent": ("is there", "is not there"),
    "IsNull": ("is null", "is not null"),
    "IsString": ("is a string", "is not a string"),
    "IsNumeric": ("is a number", "is not a number"),
    "IsBoolean": ("is true or false", "is neither true nor false"),
    "IsTimestamp": ("is a time", "is not a time"),
}


def rule(choice: Mapping[str, Any]) -> str:
    """A Choice rule in words.

    >>> rule({"Variable": "$.decision.accepted", "BooleanEquals": True, "Next": "Resizer"})
    '$.decision.accepted is true'
    >>> rule({"Not": {"Variable": "$.size", "NumericLessThanPath": "$.least"}})
    'not ($.size is less than $.least)'
    >>> rule({"Condition": "{% $count > 1 %}"})
    '$count > 1'
    """
    if "Condition" in choice:
        return _expression(choice["Condition"])
    for operator, word in (("And", " and "), ("Or", " or ")):
        if isinstance(parts := choice.get(operator), list):
            return word.join(_within(part) for part in parts)
    if isinstance(inner := choice.get("Not"), Mapping):
        return f"not ({rule(inner)})"
    for operator, value in choice.items():
        if said := _comparison(operator, value):
            return f"{choice.get('Variable', '')} {said}".strip()
    return json.dumps({name: value for name, value in choice.items() if name != "Next"}, ensure_ascii=False)


def rules(choices: Sequence[Mapping[str, Any]]) -> str:
    """Rules that lead to the same state, in words; texts that one variable may have are joined.

    >>> path = "$.place.type"
    >>> rules([{"Variable": path, "StringEquals": each} for each in ("bar", "cafe")])
    '$.place.type is "bar" or "cafe"'
    """
    return " or ".join(_joined(choices))


def _joined(choices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    values: dict[str, list[str]] = {}
    others: list[str] = []
    for choice in choices:
        variable = choice.get("Variable")
        if isinstance(variable, str) and "StringEquals" in choice:
            values.setdefault(variable, []).append(_value(choice["StringEquals"]))
        else:
            others.append(_within(choice) if len(choices) > 1 else rule(choice))
    for variable, equal in values.items():
        *first, last = equal
        yield f"{variable} is {', '.join(first)} or {last}" if first else f"{variable} is {last}"
    yield from others


def caught(errors: Sequence[str]) -> str:
    """The errors of a Catch, in words.

    >>> caught(["CORRUPT_IMAGE", "States.Timeout"]), caught(["States.DataLimitExceeded", "States.ALL"])
    ('CORRUPT_IMAGE or States.Timeout', 'any error')
    """
    if "States.ALL" in errors:
        return "any error"
    *first, last = list(dict.fromkeys(errors)) or ["nothing"]
    return f"{', '.join(first)} or {last}" if first else last


def _within(choice: Mapping[str, Any]) -> str:
    """A rule as part of another one."""
    said = rule(choice)
    return f"({said})" if {"And", "Or"} & set(choice) else said


def _comparison(operator: str, value: Any) -> str | None:
    if operator in _TESTS:
        yes, no = _TESTS[operator]
        return yes if value else no
    for kind in _TYPES:
        if operator.startswith(kind):
            compared = operator.removeprefix(kind)
            is_path = compared.endswith("Path")
            compared = compared.removesuffix("Path")
            word = (_OF_TIME if kind == "Timestamp" else {}).get(compared) or _COMPARISONS.get(compared)
            if word:
                return f"{word} {value if is_path else _value(value)}"
    return None


def _value(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _expression(condition: Any) -> str:
    text = condition if isinstance(condition, str) else _value(condition)
    return " ".join(text.strip().removeprefix("{%").removesuffix("%}").split())
