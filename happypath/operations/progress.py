"""What an execution is doing while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from happypath.operations.installation import steps

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef


def progress(history: Sequence[HistoryEventTypeDef]) -> str:
    """The state that an execution is in; of a Map state, also how many items are done: `Redact 3 of 9`.

    Empty before the first state. `history` is all events by now, oldest first.
    """
    passed = steps(list(history))
    if not passed:
        return ""
    state = passed[-1].state
    length = done = 0
    is_this = False
    for event in history:
        if event["type"] == "MapStateEntered":
            is_this = event["stateEnteredEventDetails"]["name"] == state
        elif event["type"] == "MapStateStarted" and is_this:
            length, done, is_this = event["mapStateStartedEventDetails"].get("length", 0), 0, False
        elif event["type"] == "MapIterationSucceeded":
            done += event["mapIterationSucceededEventDetails"]["name"] == state
    return f"{state} {done} of {length}" if length else state
