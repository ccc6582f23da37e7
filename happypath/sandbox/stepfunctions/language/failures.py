"""Failures of states as the interpreter raises them, with the words of Step Functions."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import (
    EvaluationFailedEventDetails,
    ExecutionFailedEventDetails,
    HistoryEventType,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)


def entered(env: Any) -> int:
    """The number of the event with which the state was entered that is evaluated."""
    number: int = getattr(env, "entered_event_id", env.event_history_context.source_event_id)
    return number


def failure(env: Any, error: StatesErrorNameType, cause: str) -> Any:
    """A state cannot go on (States.Runtime and its like): no event of its own says so."""
    details = ExecutionFailedEventDetails(error=error.to_name(), cause=cause)
    return _raised(env, error, HistoryEventType.ExecutionFailed, {"executionFailedEventDetails": details})


def query_failure(env: Any, cause: str, location: str) -> Any:
    """An expression in JSONata has no value that can be used: the event EvaluationFailed says so."""
    error = StatesErrorNameType.StatesQueryEvaluationError
    details = EvaluationFailedEventDetails(error=error.to_name(), cause=cause, location=location)
    return _raised(env, error, HistoryEventType.EvaluationFailed, {"evaluationFailedEventDetails": details})


def _raised(env: Any, error: StatesErrorNameType, event: HistoryEventType, details: Any) -> Any:
    made: Any = FailureEvent(
        env=env, error_name=StatesErrorName(typ=error), event_type=event, event_details=details
    )
    made.source_event_id = entered(env)
    made.of_state = True
    return FailureEventException(failure_event=made)


def is_query_failure(failed: Any) -> bool:
    """Whether an expression failed."""
    return bool(failed.event_type == HistoryEventType.EvaluationFailed)


def is_state_failure(failed: Any) -> bool:
    """Whether a state could not go on by itself: no task of it and no branch failed, and no expression."""
    return bool(getattr(failed, "of_state", False)) and not is_query_failure(failed)


def add_event(env: Any, failed: Any) -> None:
    """Writes the event of a failure into the history, if it has one, and once.

    What cannot go on fails its execution, and that alone is an event.
    """
    name = failed.error_name.error_name if failed.error_name else None
    runtime = StatesErrorNameType.StatesRuntime.to_name()
    if (
        failed.event_type == HistoryEventType.ExecutionFailed
        or name == runtime
        or vars(failed).get("written")
    ):
        return
    failed.written = True
    details = failed.event_details
    if is_query_failure(failed):
        said = FailureEventException(failure_event=failed).get_evaluation_failed_event_details()
        details = {"evaluationFailedEventDetails": said}
    env.event_manager.add_event(
        context=env.event_history_context, event_type=failed.event_type, event_details=details
    )


def error_output(failed: Any) -> dict[str, str]:
    """What a catcher is given: the error's name and its cause, as text."""
    details = next(iter(failed.event_details.values()))
    if is_query_failure(failed):
        details = FailureEventException(failure_event=failed).get_evaluation_failed_event_details() or {}
    return {"Error": details.get("error") or "", "Cause": details.get("cause") or ""}
