"""Histories of executions, as GetExecutionHistory has them, in a short form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

BEGAN = datetime(2026, 5, 1, 12, tzinfo=UTC)


def event(id_: int, before: int, kind: str, **details: Any) -> dict[str, Any]:
    """An event, a tenth of a second after the one before it in the list."""
    # Any key that ends so: the reader goes by the event's type.
    about = {"someEventDetails": details} if details else {}
    when = BEGAN + timedelta(seconds=id_ / 10)
    return {"id": id_, "previousEventId": before, "type": kind, "timestamp": when, **about}


def entered(id_: int, before: int, kind: str, name: str, given: str = "{}") -> dict[str, Any]:
    """The event of a state that begins."""
    return event(id_, before, f"{kind}StateEntered", name=name, input=given)


def exited(id_: int, before: int, kind: str, name: str, output: str = "{}") -> dict[str, Any]:
    """The event of a state that ends."""
    return event(id_, before, f"{kind}StateExited", name=name, output=output)
