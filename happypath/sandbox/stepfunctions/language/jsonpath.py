"""JSONPath as Step Functions follows it.

A definite path (names and indices alone) has one value, and any other a list, as in the library that Step
Functions uses: https://github.com/json-path/JsonPath#what-is-returned-when.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.ext.parser import parse

# .name, ['name'], ["name"] or [1]. Names may hold anything but what begins another step.
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]*?()@,:\s'"]+)
      | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
      | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]
      | \[\s*(?P<index>-?\d+)\s*\]""",
    re.VERBOSE,
)


class InvalidPathError(ValueError):
    """What is written is no JSONPath."""


class NoSuchPathError(LookupError):
    """A path leads nowhere in the data."""


def check(path: str) -> None:
    """Raises InvalidPathError for what is no JSONPath that begins with `$`."""
    if rest := _steps(path)[1]:
        _parsed(rest)


def is_reference(path: str) -> bool:
    """Whether a path can name one place alone, as fields such as ResultPath need."""
    return path.startswith("$") and not _steps(path)[1]


def find(path: str, data: Any) -> Any:
    """What a path finds in data.

    Raises:
        InvalidPathError: what is written is no JSONPath.
        NoSuchPathError: a definite path, or what comes before the first step that can have several values,
            leads nowhere.
    """
    steps, rest = _steps(path)
    for step in steps:
        data = _follow(data, step, path)
    if not rest:
        return data
    return [match.value for match in _parsed(rest).find(data)]


def put(path: str, data: Any, value: Any) -> Any:
    """Data with a value at a definite path; objects that are not there are made.

    Raises:
        NoSuchPathError: the path leads through what is no object, or to an index that is not there.
    """
    steps, rest = _steps(path)
    if rest:
        raise InvalidPathError(f"{path} is no reference path")
    if not steps:
        return value
    last = steps[-1]
    at = data
    for step, following in itertools.pairwise(steps):
        if isinstance(step, str) and isinstance(at, dict) and isinstance(following, str):
            at.setdefault(step, {})
        at = _follow(at, step, path)
    if not (isinstance(last, str) and isinstance(at, dict)):
        _follow(at, last, path)
    at[last] = value
    return data


def _follow(data: Any, step: str | int, path: str) -> Any:
    if isinstance(step, str) and isinstance(data, dict) and step in data:
        return data[step]
    if isinstance(step, int) and isinstance(data, list) and -len(data) <= step < len(data):
        return data[step]
    raise NoSuchPathError(path)


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[Sequence[str | int], str]:
    """A path's definite steps, and the rest of it from the first step on that can have several values."""
    if not path.startswith("$"):
        raise InvalidPathError(f"{path} does not begin with $")
    steps: list[str | int] = []
    at = 1
    while found := _STEP.match(path, at):
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["name"] is not None:
            steps.append(found["name"])
        else:
            steps.append(re.sub(r"\\(.)", r"\1", found["single"] or found["double"] or ""))
        at = found.end()
    return steps, path[at:]


@lru_cache(maxsize=1024)
def _parsed(rest: str) -> Any:
    try:
        # jsonpath-ng writes `and` as one sign.
        return parse("$" + re.sub(r"\s*&&\s*", " & ", rest))
    except (JSONPathError, AttributeError, TypeError, ValueError) as error:
        raise InvalidPathError(f"{rest} cannot be followed: {error}") from error


class Variable(NamedTuple):
    """`$name.path`: a variable's name, and the path from its value."""

    name: str
    path: str


_VARIABLE = re.compile(r"\$([^\W\d]\w*)(.*)", re.DOTALL)


def variable(expression: str) -> Variable:
    """Takes apart what names a variable.

    Raises:
        InvalidPathError: it names none.
    """
    if not (found := _VARIABLE.fullmatch(expression)):
        raise InvalidPathError(f"{expression} names no variable")
    return Variable(found[1], f"${found[2]}")
