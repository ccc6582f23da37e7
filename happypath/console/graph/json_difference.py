"""What differs between two JSON values, path by path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][\w$-]*")
ABSENT: Any = object()


@dataclass(frozen=True)
class Change:
    """A value that is in only one of the two, or differs; ABSENT is where there is none."""

    path: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """`added`, `gone` or `changed`."""
        return "added" if self.before is ABSENT else "gone" if self.after is ABSENT else "changed"


def changes(before: Any, after: Any, path: str = "$") -> Iterator[Change]:
    """The differences, in the order of the first value, and then of what only the second one has.

    Lists are compared item by item. Numbers are equal if their values are; true is no number.

    >>> [(each.path, each.kind) for each in changes({"a": [1, 2], "b": 0}, {"a": [1], "c d": None})]
    [('$.a[1]', 'gone'), ('$.b', 'gone'), ("$['c d']", 'added')]
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            yield from changes(before.get(name, ABSENT), after.get(name, ABSENT), path + _step(str(name)))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old, new = (each[index] if index < len(each) else ABSENT for each in (before, after))
            yield from changes(old, new, f"{path}[{index}]")
    elif isinstance(before, bool) != isinstance(after, bool) or before != after:
        yield Change(path, before, after)


def _step(name: str) -> str:
    return f".{name}" if _PLAIN.fullmatch(name) else f"['{name}']"
