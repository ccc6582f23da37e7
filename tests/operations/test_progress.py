from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from happypath.operations.progress import progress


def history(*events: tuple[str, dict[str, Any]]) -> Any:
    return [
        {
            "id": number,
            "previousEventId": number - 1,
            "type": kind,
            "timestamp": datetime(2026, 1, 1, tzinfo=UTC),
            **details,
        }
        for number, (kind, details) in enumerate(events, start=1)
    ]


def entered(name: str, kind: str = "Task") -> tuple[str, dict[str, Any]]:
    return f"{kind}StateEntered", {"stateEnteredEventDetails": {"name": name}}


def started(length: int) -> tuple[str, dict[str, Any]]:
    return "MapStateStarted", {"mapStateStartedEventDetails": {"length": length}}


def done(name: str) -> tuple[str, dict[str, Any]]:
    return "MapIterationSucceeded", {"mapIterationSucceededEventDetails": {"name": name}}


FIND = (entered("Plan"), entered("Find", "Map"), started(2), done("Find"), done("Find"))
REDACT = (*FIND, ("MapStateExited", {"stateExitedEventDetails": {"name": "Find"}}), entered("Redact", "Map"))


@pytest.mark.parametrize(
    ("events", "doing"),
    [
        ((), ""),
        ((("ExecutionStarted", {}),), ""),
        (FIND[:1], "Plan"),
        (FIND[:2], "Find"),
        (FIND[:3], "Find 0 of 2"),
        (FIND, "Find 2 of 2"),
        (REDACT, "Redact"),
        ((*REDACT, started(3), done("Redact")), "Redact 1 of 3"),
    ],
)
def test_it_says_the_state_and_how_much_of_it_is_done(events: Any, doing: str) -> None:
    assert progress(history(*events)) == doing
