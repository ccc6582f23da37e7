"""How many units a read consumes: by what was read, before anything of it is filtered or left out.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_UNIT_BYTES = 4096
# Of a list and of a map, and of each of their members.
_DOCUMENT_BYTES, _MEMBER_BYTES = 3, 1


def units(sizes_bytes: Iterable[int], *, consistent: bool) -> float:
    """Of items that are read together, whose sizes are rounded up as one; nothing counts as one unit."""
    whole = max(1, math.ceil(sum(sizes_bytes) / _UNIT_BYTES))
    return float(whole) if consistent else whole / 2


def size_bytes(item: Any) -> int:
    """The size of one of moto's items: names and values of its attributes."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.attrs.items())


def _value_bytes(value: Any) -> int:
    # What is within a document may be DynamoDB's JSON still.
    kind, content = next(iter(value.items())) if isinstance(value, dict) else (value.type, value.value)
    if kind in {"SS", "NS", "BS"}:
        return sum(_SCALARS[kind[0]](each) for each in content)
    if kind == "L":
        return _DOCUMENT_BYTES + sum(_MEMBER_BYTES + _value_bytes(each) for each in content)
    if kind == "M":
        members = (len(name.encode()) + _value_bytes(each) for name, each in content.items())
        return _DOCUMENT_BYTES + sum(_MEMBER_BYTES + each for each in members)
    return _SCALARS[kind](content) if kind in _SCALARS else 1


def _binary_bytes(content: str | bytes) -> int:
    """moto has attributes as bytes, and what is within documents as Base64, as it came."""
    if isinstance(content, bytes):
        return len(content)
    return len(content) * 3 // 4 - content[-2:].count("=")


def _number_bytes(content: object) -> int:
    """About a byte for two significant digits, and one more."""
    number = str(content)
    digits = number.partition("e")[0].partition("E")[0].lstrip("-+").replace(".", "").strip("0")
    return 1 + math.ceil(len(digits) / 2)


_SCALARS: Mapping[str, Callable[[Any], int]] = {
    "S": lambda content: len(content.encode()),
    "N": _number_bytes,
    "B": _binary_bytes,
}
