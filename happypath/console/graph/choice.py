"""Which rule of a Choice matched, found again from the state's input, where that can be said for certain."""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

# `$`, then names and indices: what is no more than that can be followed here.
_PATH = re.compile(r"\$((?:\.[A-Za-z_][\w-]*|\['[^']*'\]|\[\d+\])*)")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']*)'\]|\[(\d+)\]")
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_OPERATOR = re.compile(r"(String|Numeric|Boolean|Timestamp)([A-Za-z]+?)(Path)?")
_MISSING = object()


class Unknown(Exception):  # noqa: N818  # no error: what cannot be said here
    """Whether a rule matches cannot be found out from the input alone."""


def matched(choices: Sequence[Mapping[str, Any]], candidates: Sequence[int], given: str | None) -> int | None:
    """The place of the first of the candidates that matches the state's input, as JSON; None if none does.

    >>> rules = [{"Variable": "$.type", "StringEquals": each} for each in ("bar", "cafe")]
    >>> matched(rules, [0, 1], '{"type": "cafe"}')
    1

    Raises:
        Unknown: that cannot be said for certain.
    """
    try:
        value = json.loads(given or "")
        return next((index for index in candidates if matches(choices[index], value)), None)
    except (ValueError, RecursionError):
        raise Unknown from None


def matches(rule: Mapping[str, Any], given: Any) -> bool:
    """Whether a rule matches an input.

    Raises:
        Unknown: it asks for what is not in the input, or in a way that is not understood here.
    """
    if isinstance(parts := rule.get("And"), list):
        return all(matches(part, given) for part in parts)
    if isinstance(parts := rule.get("Or"), list):
        return any(matches(part, given) for part in parts)
    if isinstance(part := rule.get("Not"), Mapping):
        return not matches(part, given)
    if not isinstance(variable := rule.get("Variable"), str):
        raise Unknown
    value = _at(variable, given)
    for name, wanted in rule.items():
        if name.startswith("Is"):
            return bool(_is(name, value) == wanted)
        if match := _OPERATOR.fullmatch(name):
            kind, comparison, is_path = match.groups()
            return _compare(kind, comparison, value, _at(wanted, given) if is_path else wanted)
    raise Unknown


def _at(path: str, given: Any) -> Any:
    match = _PATH.fullmatch(path)
    if match is None:
        raise Unknown
    for step in _STEP.finditer(match[1]):
        dotted, quoted, index = step.groups()
        name = dotted if dotted is not None else quoted
        if index is not None:
            given = given[int(index)] if isinstance(given, list) and int(index) < len(given) else _MISSING
        else:
            given = given.get(name, _MISSING) if isinstance(given, dict) else _MISSING
    return given


def _is(test: str, value: Any) -> bool:
    kinds: dict[str, tuple[type, ...]] = {"IsString": (str,), "IsNumeric": (int, float), "IsBoolean": (bool,)}
    if test == "IsPresent":
        return value is not _MISSING
    if test == "IsNull":
        return value is None
    if test == "IsTimestamp":
        return isinstance(value, str) and _time(value) is not None
    if test in kinds:
        return isinstance(value, kinds[test]) and (test == "IsBoolean" or not isinstance(value, bool))
    raise Unknown


def _compare(kind: str, comparison: str, value: Any, wanted: Any) -> bool:
    if value is _MISSING or wanted is _MISSING:
        raise Unknown
    if comparison == "Matches":
        return isinstance(value, str) and isinstance(wanted, str) and _like(value, wanted)
    if comparison not in _ORDER:
        raise Unknown
    if kind == "Timestamp":
        value, wanted = (_time(each) if isinstance(each, str) else None for each in (value, wanted))
    test = {"String": "IsString", "Numeric": "IsNumeric", "Boolean": "IsBoolean"}.get(kind)
    if value is None or wanted is None or (test and not (_is(test, value) and _is(test, wanted))):
        return False
    return _ORDER[comparison](value, wanted)


def _like(value: str, pattern: str) -> bool:
    """Whether `*` in a pattern, and nothing else, can stand for something so that it is the value."""
    if "\\" in pattern:
        raise Unknown
    return fnmatch.fnmatchcase(value, re.sub(r"[\[?]", lambda match: f"[{match[0]}]", pattern))


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
