"""JSON from outside, as a page can use it."""

from __future__ import annotations

import json
from typing import Any

# Deeper than anybody reads; what goes through it calls itself so often.
_DEEPEST = 100


def parsed(text: str | None) -> Any:
    """What a text is in JSON; the text itself if it is none, or is nested too deeply.

    >>> parsed('{"a": [1]}'), parsed("no JSON"), parsed(None)
    ({'a': [1]}, 'no JSON', None)
    """
    try:
        value = json.loads(text or "null")
    except (ValueError, RecursionError):
        return text
    return text if _is_deep(value) else value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _values(outer)]
        if not level:
            return False
    return True


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
