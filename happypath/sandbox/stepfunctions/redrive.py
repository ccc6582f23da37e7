"""Redriving an execution: it goes on from the state that failed, with the same input and name.

https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

from happypath.sandbox.stepfunctions import executions
from happypath.sandbox.stepfunctions.errors import StatesError
from happypath.sandbox.stepfunctions.executions import StatesExecution
from happypath.sandbox.stepfunctions.history import last_state

_WITHIN = timedelta(days=14)
_MOST = 1_000


def status(execution: StatesExecution) -> tuple[str, str | None]:
    """`redriveStatus` and `redriveStatusReason`, as DescribeExecution has them."""
    reason = _why_not(execution)
    return ("NOT_REDRIVABLE", reason) if reason else ("REDRIVABLE", None)


def _why_not(execution: StatesExecution) -> str | None:
    now = execution.status
    if now in {"RUNNING", "SUCCEEDED"}:
        return f"Execution is {now} and cannot be redriven"
    if execution.stop_date and datetime.now(UTC) - execution.stop_date > _WITHIN:
        return "Execution ended more than 14 days ago and cannot be redriven"
    if execution.redrives >= _MOST:
        return f"Execution has been redriven {_MOST} times and cannot be redriven again"
    # A redrive needs one itself.
    most = executions.MOST_EVENTS - 1
    if len(execution.history.get_event_history()) >= most:
        return f"Execution event history has {most} events or more and cannot be redriven"
    return None


def redrive(execution: StatesExecution, client_token: str | None) -> datetime:
    """Redrives an execution; returns when. The same token again redrives it no second time.

    Raises:
        StatesError: ExecutionNotRedrivable.
    """
    with _one_at_a_time:
        return _redrive(execution, client_token)


_one_at_a_time = threading.Lock()


def _redrive(execution: StatesExecution, client_token: str | None) -> datetime:
    if client_token is not None and client_token in execution.redriven_by:
        return execution.redriven_by[client_token]
    reason = _why_not(execution)
    if reason:
        raise StatesError(
            "ExecutionNotRedrivable", f"Execution is not redrivable: '{execution.exec_arn}' {reason}"
        )
    program = execution.program()
    at = last_state(execution.history.get_event_history(), program.states.states)
    name, given = at if at else (None, execution.execution_input)
    date = execution.run_again(name, json.loads(given), execution.env.variable_store)
    if client_token is not None:
        execution.redriven_by[client_token] = date
    return date
