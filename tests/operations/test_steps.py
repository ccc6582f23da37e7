"""The steps of an execution, from its history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from happypath.operations.installation import steps

START = datetime(2026, 1, 1, tzinfo=UTC)


def history(*events: tuple[int, str, str]) -> list[Any]:
    """Events a second apart: the id of the one before, the type, and the state that is entered or left."""
    made = []
    for number, (before, kind, state) in enumerate(events, 1):
        event: dict[str, Any] = {"id": number, "previousEventId": before, "type": kind}
        event["timestamp"] = START + timedelta(seconds=number)
        if kind.endswith(("Entered", "Exited")):
            event[f"state{'Entered' if kind.endswith('Entered') else 'Exited'}EventDetails"] = {"name": state}
        made.append(event)
    return made


# A, then Both with B and C at once and D after B, then E.
AT_ONCE = (
    (0, "ExecutionStarted", ""),
    (0, "TaskStateEntered", "A"),
    (2, "TaskStateExited", "A"),
    (3, "ParallelStateEntered", "Both"),
    (4, "ParallelStateStarted", ""),
    (5, "TaskStateEntered", "B"),
    (5, "TaskStateEntered", "C"),
    (6, "TaskStateExited", "B"),
    (8, "PassStateEntered", "D"),
    (9, "PassStateExited", "D"),
    (7, "TaskStateExited", "C"),
)


# The sandbox has both follow the last event within.
@pytest.mark.parametrize("before", [11, 12])
def test_what_runs_within_a_parallel_state_is_a_part_of_it(before: int) -> None:
    told = steps(
        history(
            *AT_ONCE,
            (11, "ParallelStateSucceeded", ""),
            (before, "ParallelStateExited", "Both"),
            (13, "TaskStateEntered", "E"),
            (14, "TaskStateExited", "E"),
        )
    )

    assert [(step.state, step.seconds) for step in told] == [("A", 1), ("Both", 9), ("E", 1)]


def test_a_branch_that_is_told_of_when_another_has_failed_is_no_step() -> None:
    told = steps(
        history(
            *AT_ONCE[:6],
            (6, "TaskFailed", ""),
            (7, "ParallelStateFailed", ""),
            (8, "ParallelStateExited", "Both"),
            (9, "TaskStateEntered", "Record"),
            (5, "TaskStateEntered", "C"),
            (10, "TaskStateExited", "Record"),
        )
    )

    assert [(step.state, step.seconds) for step in told] == [("A", 1), ("Both", 5), ("Record", 2)]


def test_what_a_map_state_does_for_each_item_is_a_part_of_it_and_so_is_what_is_within_that() -> None:
    told = steps(
        history(
            (0, "MapStateEntered", "Each"),
            (1, "MapStateStarted", ""),
            (2, "MapIterationStarted", ""),
            (3, "ParallelStateEntered", "Both"),
            (4, "ParallelStateStarted", ""),
            (5, "PassStateEntered", "B"),
            (6, "PassStateExited", "B"),
            (7, "ParallelStateSucceeded", ""),
            (8, "ParallelStateExited", "Both"),
            (9, "PassStateEntered", "D"),
            (10, "PassStateExited", "D"),
            (11, "MapIterationSucceeded", ""),
            (12, "MapStateSucceeded", ""),
            (13, "MapStateExited", "Each"),
            (14, "PassStateEntered", "E"),
        )
    )

    assert [step.state for step in told] == ["Each", "E"]
