"""Changes of executions' status, as events on the default bus. Express workflows have none.

https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from moto.events.models import events_backends

from happypath.sandbox.eventbridge.delivering import announce
from happypath.sandbox.stepfunctions import redrive
from happypath.sandbox.stepfunctions.executions import Observer, StatesExecution, observed

# An event holds 256 KiB; what is longer, escaped, than this is left out of it.
_MOST_BYTES = 248 * 1024
_INCLUDED, _LEFT_OUT = {"included": True}, {"included": False}


class _Announcer(Observer):
    """Hands events to a thread of its own: a target may be slow, and may start executions in turn."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[tuple[Any, StatesExecution, dict[str, Any]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="status changes")
        self._thread.start()

    def changed(self, execution: StatesExecution) -> None:
        """Puts the event in line."""
        if execution.is_express:
            return
        bus = events_backends[execution.account_id][execution.region_name].event_buses["default"]
        if bus.rules:
            self._events.put((bus, execution, detail(execution)))

    def _deliver(self) -> None:
        while (event := self._events.get()) is not None:
            bus, execution, said = event
            announce(bus, "aws.states", "Step Functions Execution Status Change", [execution.exec_arn], said)

    def close(self) -> None:
        """Ends after what there is has been delivered."""
        self._events.put(None)
        self._thread.join()


@contextmanager
def status_changes_announced() -> Iterator[None]:
    """Announces each change while the block lasts."""
    announcer = _Announcer()
    try:
        with observed(announcer):
            yield
    finally:
        announcer.close()


def detail(execution: StatesExecution) -> dict[str, Any]:
    """The event's detail: as DescribeExecution, with times in milliseconds, and null where nothing is."""
    redrivable, reason = redrive.status(execution)
    output_bytes = _escaped(execution.output)
    with_input = output_bytes + _escaped(execution.execution_input) <= _MOST_BYTES
    with_output = execution.output is not None and output_bytes <= _MOST_BYTES
    return {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine_arn,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": execution.alias_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": _ms(execution.start_date),
        "stopDate": _ms(execution.stop_date),
        "input": execution.execution_input if with_input else None,
        "inputDetails": _INCLUDED if with_input else _LEFT_OUT,
        "output": execution.output if with_output else None,
        "outputDetails": None if execution.output is None else _INCLUDED if with_output else _LEFT_OUT,
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": execution.redrives,
        "redriveDate": _ms(execution.redrive_date),
        "redriveStatus": redrivable,
        "redriveStatusReason": reason,
    }


def _escaped(text: str | None) -> int:
    return 0 if text is None else len(json.dumps(text, ensure_ascii=False).encode())


def _ms(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1000)
