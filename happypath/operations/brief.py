"""A value from JSON in one line, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def brief(value: Any) -> str:
    """The value in one line; something named is its name and its score, or how sure Rekognition is of it.

    >>> brief({"labels": [{"name": "Cat", "confidence": 98.7}], "size": {"px": 3}})
    'labels: Cat 98.7, size px: 3'
    """
    if isinstance(value, dict) and set(value) >= {"name", "score"}:
        return f"{value['name']} {value['score']:.2f}"
    if isinstance(value, dict) and set(value) >= {"name", "confidence"}:
        return f"{value['name']} {value['confidence']}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {brief(each)}" for name, each in _flat(value))
    if isinstance(value, list):
        return ", ".join(brief(each) for each in value) or "none"
    return str(value)


def _flat(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The entries of a dict, with those of dicts within it under both names, but for empty ones."""
    for name, each in value.items():
        if isinstance(each, dict):
            yield from ((f"{name} {inner}", found) for inner, found in _flat(each) if found not in ([], {}))
        else:
            yield name, each
