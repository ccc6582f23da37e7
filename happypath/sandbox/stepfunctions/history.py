"""The history of an execution, which ends with the execution, and goes on when that is redriven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager

_ENDS = {
    "SUCCEEDED": HistoryEventType.ExecutionSucceeded,
    "FAILED": HistoryEventType.ExecutionFailed,
    "TIMED_OUT": HistoryEventType.ExecutionTimedOut,
    "ABORTED": HistoryEventType.ExecutionAborted,
}
# A state that does something does it again; others (Choice, Pass, Fail) are entered again.
_RESUMED = {
    HistoryEventType.TaskStateEntered,
    HistoryEventType.ParallelStateEntered,
    HistoryEventType.MapStateEntered,
    HistoryEventType.WaitStateEntered,
}
_DATA = {"input", "inputDetails", "output", "outputDetails"}


class History(EventManager):
    """The events of an execution, in order.

    The interpreter adds to it from several threads. What it adds after the execution has ended, because a
    task went on meanwhile, is dropped: for AWS there is no such task any more.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._tell = tell
        self._closed = False
        self._resumes: str | None = None

    def add_event(
        self,
        context: Any,
        event_type: Any,
        event_details: Any = None,
        timestamp: Any = None,
        update_source_event_id: bool = True,
    ) -> int:
        """Adds an event, which follows the one that the context says; returns its id."""
        with self._mutex:
            if self._closed or self._is_resumed(event_type, event_details):
                return int(context.last_published_event_id)
            self._closed = event_type in _ENDS.values()
            event: dict[str, Any] = {
                **(event_details or {}),
                "id": self._event_id_gen.get(),
                "previousEventId": context.source_event_id,
                "type": event_type,
                "timestamp": timestamp or datetime.now(UTC),
            }
            context.last_published_event_id = event["id"]
            if update_source_event_id:
                context.source_event_id = event["id"]
            self._history_event_list.append(event)  # type: ignore[arg-type]  # a TypedDict of all its fields
        self._tell(event)
        return int(event["id"])

    def end(self, context: Any, status: str, details: Mapping[str, Any]) -> bool:
        """Adds the last event, unless it is there already; whether it was not."""
        event_type = _ENDS[status]
        field = f"{event_type.value[:1].lower()}{event_type.value[1:]}EventDetails"
        given = {name: value for name, value in details.items() if value is not None}
        with self._mutex:
            if self._closed:
                return False
        self.add_event(context, event_type, {field: given})
        return True

    def _is_resumed(self, event_type: Any, details: Any) -> bool:
        """Whether an event says that the state is entered that the execution is in already."""
        if self._resumes is None or event_type not in _RESUMED:
            return False
        resumed = bool(details["stateEnteredEventDetails"]["name"] == self._resumes)
        self._resumes = None
        return resumed

    def resumed(self, state: str | None) -> History:
        """The history as it goes on after its end, in a state. This one stays closed to what still runs."""
        following = History(self._tell)
        with self._mutex:
            following._history_event_list.extend(self._history_event_list)
        following._event_id_gen._next_id = following.last_id + 1
        following._resumes = state
        return following

    @property
    def last_id(self) -> int:
        """The id of the last event so far."""
        return int(self._history_event_list[-1]["id"])

    def get_event_history(self) -> Any:
        """The events so far."""
        with self._mutex:
            return list(self._history_event_list)


def without_data(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without what the execution was given, and gave."""
    return {
        name: {key: each for key, each in value.items() if key not in _DATA}
        if isinstance(value, Mapping)
        else value
        for name, value in event.items()
    }


def last_state(events: list[Any], names: Mapping[str, Any]) -> tuple[str, str] | None:
    """The last of the states with these names that was entered, and its input; None if there is none.

    Names are unique in a state machine, so that those of its own level tell its states from their branches'.
    """
    for event in reversed(events):
        details = event.get("stateEnteredEventDetails")
        if details and details["name"] in names:
            return details["name"], details["input"]
    return None
