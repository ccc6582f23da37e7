"""Histories without task tokens: who has one ends the task that waits by it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

MASKED = "(token)"
# What states call it, as a parameter, and as a value in an expression of DynamoDB's.
_NAME = re.compile(r":?(task)?_?token", re.IGNORECASE)


def masked(event: Mapping[str, Any]) -> Any:
    """An event of an execution's history, with what is called a token in its data masked.

    >>> masked({"id": 1, "taskScheduledEventDetails": {"parameters": '{"Key":"a","TaskToken":{"S":"AQ"}}'}})
    {'id': 1, 'taskScheduledEventDetails': {'parameters': '{"Key":"a","TaskToken":"(token)"}'}}
    """
    return {
        name: {field: _in_text(value) for field, value in details.items()}
        if isinstance(details, dict)
        else details
        for name, details in event.items()
    }


def _in_text(value: Any) -> Any:
    """JSON text; any other is left as it is."""
    if not isinstance(value, str) or "token" not in value.lower():
        return value
    try:
        data = json.loads(value)
    except ValueError:
        return value
    return json.dumps(_in_data(data), separators=(",", ":"), ensure_ascii=False)


def _in_data(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: MASKED if _NAME.fullmatch(name) else _in_data(value) for name, value in data.items()}
    return [_in_data(each) for each in data] if isinstance(data, list) else data
