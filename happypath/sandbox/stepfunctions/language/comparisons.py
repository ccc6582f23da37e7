"""The comparisons of a Choice state in JSONPath.

https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html#amazon-states-language-choice-state-rules
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

# With an uppercase T, and an uppercase Z or an offset: https://states-language.net/#timestamps
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})")


def timestamp(value: Any) -> datetime | None:
    """The time that a text says, or None if it is no timestamp."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number: true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def matches(value: Any, pattern: Any) -> bool:
    """StringMatches: `*` stands for any letters, `\\*` for a star."""
    if not isinstance(value, str) or not isinstance(pattern, str):
        return False
    parts = re.split(r"(\\\\|\\\*|\*)", pattern)
    written = (
        ".*" if part == "*" else re.escape(part[1:] if part in {r"\*", r"\\"} else part) for part in parts
    )
    return re.fullmatch("".join(written), value, re.DOTALL) is not None


def _compared(kind: Callable[[Any], Any], compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A comparison of values of one kind: false where one of them is of another."""

    def holds(value: Any, expected: Any) -> bool:
        one, other = kind(value), kind(expected)
        return one is not None and other is not None and compare(one, other)

    return holds


def _if(condition: Callable[[Any], bool]) -> Callable[[Any], Any]:
    return lambda value: value if condition(value) else None


def _is(condition: Callable[[Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, expected: condition(value) is expected


_ORDERS = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}
_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "String": _if(lambda value: isinstance(value, str)),
    "Numeric": _if(is_number),
    "Timestamp": timestamp,
}

# By their names without `Path`; IsPresent is decided before there is a value.
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    **{f"{kind}{order}": _compared(of, by) for kind, of in _KINDS.items() for order, by in _ORDERS.items()},
    "BooleanEquals": _compared(_if(lambda value: isinstance(value, bool)), operator.eq),
    "StringMatches": matches,
    "IsNull": _is(lambda value: value is None),
    "IsNumeric": _is(is_number),
    "IsString": _is(lambda value: isinstance(value, str)),
    "IsBoolean": _is(lambda value: isinstance(value, bool)),
    "IsTimestamp": _is(lambda value: timestamp(value) is not None),
}
