"""Failures of tasks, by the names by which state machines retry and catch them."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)


def error_name(error_name: str | None) -> ErrorName:
    """An error by its name, as the interpreter holds it: it tells Step Functions' own errors from others."""
    if error_name is not None and error_name.startswith("States."):
        try:
            return StatesErrorName(StatesErrorNameType.from_name(error_name))
        except ValueError:  # a name that a Fail state or a function chose
            return ErrorName(error_name)
    return CustomErrorName(error_name)


def task_failure(task: Any, env: Any, error: str, cause: str) -> FailureEvent:
    """A task's failure under a name, with what is said of it, for the interpreter to retry and catch."""
    details: Any = {
        "taskFailedEventDetails": {
            "error": error,
            "cause": cause,
            "resource": task._get_sfn_resource(),
            "resourceType": task._get_sfn_resource_type(),
        }
    }
    return FailureEvent(
        env=env, error_name=error_name(error), event_type=HistoryEventType.TaskFailed, event_details=details
    )
