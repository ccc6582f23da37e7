"""The functions of JSONPath states, `States.Format` and its like.

https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

from __future__ import annotations

import base64
import binascii
import decimal
import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from happypath.sandbox.stepfunctions.language.comparisons import is_number

_LONGEST_TEXT = 10_000
_LONGEST_ARRAY = 1_000
_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


class IntrinsicError(ValueError):
    """A function was given what it cannot take."""


def _text(value: Any, most: int | None = None) -> str:
    if not isinstance(value, str):
        raise IntrinsicError(f"a string is expected, not {_json(value)}")
    if most and len(value) > most:
        raise IntrinsicError(f"a string has at most {most} characters, not {len(value)}")
    return value


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise IntrinsicError(f"an array is expected, not {_json(value)}")
    return value


def _whole(value: Any) -> int:
    """A number, rounded to the nearest integer."""
    if not is_number(value):
        raise IntrinsicError(f"a number is expected, not {_json(value)}")
    rounding = decimal.ROUND_HALF_UP if value >= 0 else decimal.ROUND_HALF_DOWN
    return int(decimal.Decimal(value).quantize(decimal.Decimal(1), rounding=rounding))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shown(value: Any) -> str:
    """A value within a text: objects and arrays as Java writes them, as AWS was recorded to do."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}={_shown(each)}' for name, each in value.items())}}}"
    return _json(value)


def _format(template: Any, *values: Any) -> str:
    parts = re.split(r"(\\[{}\\]|\{\})", _text(template))
    if parts.count("{}") != len(values):
        raise IntrinsicError(f"{parts.count('{}')} values are expected, not {len(values)}")
    left = iter(values)
    return "".join(
        _shown(next(left)) if part == "{}" else part[1:] if part[:1] == "\\" and len(part) == 2 else part
        for part in parts
    )


def _string_to_json(text: Any) -> Any:
    if text is None or not _text(text).strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise IntrinsicError(f"the string is no JSON: {error}") from error


def _array_partition(array: Any, size: Any) -> list[Any]:
    items, step = _array(array), _whole(size)
    if step < 1:
        raise IntrinsicError("the size of a chunk must be a positive integer")
    return [items[at : at + step] for at in range(0, len(items), step)]


def _array_range(first: Any, last: Any, step: Any) -> list[int]:
    first, last, step = (_whole(each) for each in (first, last, step))
    if step == 0:
        raise IntrinsicError("the step must not be 0")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    if len(numbers) > _LONGEST_ARRAY:
        raise IntrinsicError(f"an array has at most {_LONGEST_ARRAY} items, not {len(numbers)}")
    return list(numbers)


def _array_get_item(array: Any, index: Any) -> Any:
    items, at = _array(array), _whole(index)
    if not 0 <= at < len(items):
        raise IntrinsicError(f"the array has no item {at}")
    return items[at]


def _array_unique(array: Any) -> list[Any]:
    first: dict[str, Any] = {}
    for item in _array(array):
        first.setdefault(_json(item), item)
    return list(first.values())


def _base64_encode(text: Any) -> str:
    return base64.b64encode(_text(text, _LONGEST_TEXT).encode()).decode()


def _base64_decode(text: Any) -> str:
    try:
        return base64.b64decode(_text(text, _LONGEST_TEXT), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise IntrinsicError(f"the string is no Base64 of text: {error}") from error


def _hash(text: Any, algorithm: Any) -> str:
    if algorithm not in _DIGESTS:
        raise IntrinsicError(f"the algorithms are {', '.join(_DIGESTS)}, not {_json(algorithm)}")
    data = _text(text, _LONGEST_TEXT).encode()
    return hashlib.new(_DIGESTS[algorithm], data, usedforsecurity=False).hexdigest()


def _json_merge(one: Any, other: Any, deep: Any) -> dict[str, Any]:
    if deep is not False:
        raise IntrinsicError("only the shallow mode is supported: the third argument must be false")
    if not isinstance(one, dict) or not isinstance(other, dict):
        raise IntrinsicError("two objects are expected")
    return {**one, **other}


def _math_random(start: Any, end: Any, seed: Any = None) -> int:
    first, beyond = _whole(start), _whole(end)
    if first >= beyond:
        raise IntrinsicError("the start must be less than the end")
    # Not for secrets: the function is documented to repeat itself with a seed.
    return random.Random(None if seed is None else _whole(seed)).randrange(first, beyond)  # noqa: S311


def _math_add(one: Any, other: Any) -> int:
    return _whole(one) + _whole(other)


def _string_split(text: Any, splitter: Any) -> list[str]:
    delimiters = "|".join(map(re.escape, _text(splitter)))
    return [part for part in re.split(delimiters, _text(text)) if part] if delimiters else [_text(text)]


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "Format": _format,
    "StringToJson": _string_to_json,
    "JsonToString": _json,
    "Array": lambda *items: list(items),
    "ArrayPartition": _array_partition,
    "ArrayContains": lambda array, item: _json(item) in map(_json, _array(array)),
    "ArrayRange": _array_range,
    "ArrayGetItem": _array_get_item,
    "ArrayLength": lambda array: len(_array(array)),
    "ArrayUnique": _array_unique,
    "Base64Encode": _base64_encode,
    "Base64Decode": _base64_decode,
    "Hash": _hash,
    "JsonMerge": _json_merge,
    "MathRandom": _math_random,
    "MathAdd": _math_add,
    "StringSplit": _string_split,
    "UUID": lambda: str(uuid.uuid4()),
}


def call(name: str, arguments: list[Any]) -> Any:
    """What a function makes of its arguments.

    Raises:
        IntrinsicError: it cannot take them.
    """
    try:
        return FUNCTIONS[name](*arguments)
    except TypeError as error:  # more arguments than there are, or fewer
        raise IntrinsicError(str(error)) from error
