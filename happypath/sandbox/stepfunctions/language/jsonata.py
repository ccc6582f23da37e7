"""JSONata as Step Functions evaluates it: variables in, JSON out.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

_NULL = Utils.NULL_VALUE


class QueryError(Exception):
    """An expression has no value; what it says is what Step Functions says of it."""


class UndefinedError(QueryError):
    """An expression's value is undefined: what it names is not there."""

    def __init__(self) -> None:
        super().__init__("returned nothing (undefined).")


def check(expression: str) -> None:
    """Parses an expression.

    Raises:
        QueryError: it is no JSONata, with the parser's reason.
    """
    try:
        _parsed(expression)
    except JException as error:
        raise QueryError(_reason(error)) from error


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression, as JSON, with variables by their names without the dollar sign.

    Raises:
        UndefinedError: the value is undefined.
        QueryError: the expression fails, or its value is no JSON (a function, a regular expression).
    """
    try:
        parsed = copy.copy(_parsed(expression))
        # Functions that take functions look for the expression of this thread.
        Jsonata.CURRENT.jsonata = parsed
        bound = {name: _bound(each) for name, each in variables.items()}
        value = parsed.evaluate(None, _FUNCTIONS | bound)
    except JException as error:
        raise QueryError(f"threw an error during evaluation. {_reason(error)}") from error
    except ZeroDivisionError as error:
        raise QueryError("threw an error during evaluation. D1001: Number out of range") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # jsonata-python's own functions raise these for what they cannot take.
        raise QueryError(f"threw an error during evaluation. {error}") from error
    if value is None:
        raise UndefinedError
    return _as_json(value)


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> Any:
    parsed = Jsonata(expression)
    # Else null and undefined would both be None.
    parsed.set_output_convert_nulls(False)
    parsed.set_validate_input(False)
    return parsed


def _reason(error: JException) -> str:
    return f"{error.get_error()}: {error}"


def _bound(value: Any) -> Any:
    """None within a value is null already; as a variable's value it would be undefined."""
    return _NULL if value is None else value


def _as_json(value: Any) -> Any:
    """A value without what JSONata adds to lists and nulls.

    Raises:
        QueryError: a part of it is no JSON.
    """
    if value is _NULL or value is None:
        return None
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Utils.RangeList):
        return [value[index] for index in range(len(value))]
    if isinstance(value, Sequence):
        return [_as_json(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _as_json(each) for name, each in value.items()}
    raise QueryError("returned an unsupported result type.")


# The functions that Step Functions adds to JSONata's own:
# https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn


def _partition(array: Any, size: Any) -> Any:
    if array is None:
        return None
    if not isinstance(size, (int, float)) or isinstance(size, bool) or size < 1:
        raise ValueError("The chunk size of $partition must be a positive number.")
    items, step = list(array), int(size)
    return [items[at : at + step] for at in range(0, len(items), step)]


def _range(first: Any, last: Any, step: Any) -> Any:
    first, last, step = (_whole(each, "$range") for each in (first, last, step))
    if step == 0:
        raise ValueError("The step of $range must not be 0.")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > 1000:
        raise ValueError("$range must not make more than 1,000 numbers.")
    return list(numbers)


def _whole(value: Any, function: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{function} takes numbers, not {value!r}.")
    return int(value)


_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def _hash(value: Any, algorithm: Any) -> Any:
    if value is None:
        return None
    if algorithm not in _DIGESTS:
        raise ValueError(f"$hash knows {', '.join(_DIGESTS)}, not {algorithm!r}.")
    text = value if isinstance(value, str) else json.dumps(_as_json(value), separators=(",", ":"))
    return hashlib.new(_DIGESTS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _random(seed: Any = None) -> float:
    # Not for secrets: the function is documented to repeat itself with a seed.
    return random.Random(None if seed is None else _whole(seed, "$random")).random()  # noqa: S311


def _uuid() -> str:
    return str(uuid.uuid4())


def _parse(text: Any) -> Any:
    return None if text is None else _bound(json.loads(text))


def _eval(_: Any = None) -> Any:
    raise ValueError("$eval is not supported; use $parse for JSON.")


class _Function(Jsonata.JFunction):  # type: ignore[misc]  # untyped
    """A Python function as JSONata calls it, by a signature: https://docs.jsonata.org/embedding-extending."""

    def __init__(self, implementation: Any, signature: str) -> None:
        super().__init__(None, signature)
        self._implementation = implementation

    def call(self, input: Any, args: Sequence[Any] | None) -> Any:  # noqa: A002, ARG002  # JSONata's names
        """Calls it with the arguments that the signature let through."""
        return self._implementation(*args or ())


_FUNCTIONS: dict[str, Any] = {
    "partition": _Function(_partition, "<an:a>"),
    "range": _Function(_range, "<nnn:a>"),
    "hash": _Function(_hash, "<xs:s>"),
    "random": _Function(_random, "<n?:n>"),
    "uuid": _Function(_uuid, "<:s>"),
    "parse": _Function(_parse, "<s:x>"),
    "eval": _Function(_eval, "<x?:x>"),
}
