"""What state machines log to CloudWatch Logs: the events of their executions' histories.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import Any

from moto.logs.models import logs_backends
from moto.stepfunctions.parser.asl.eval.event.logging import is_logging_enabled_for

from happypath.sandbox.stepfunctions.executions import Observer, StatesExecution
from happypath.sandbox.stepfunctions.history import without_data

_OWN = {"id", "previousEventId", "type", "timestamp"}


class ExecutionLogs(Observer):
    """Writes the events of executions to the log groups of their state machines."""

    def recorded(self, execution: StatesExecution, event: dict[str, Any]) -> None:
        """Writes the event, if the level lets it through."""
        machine: Any = execution.state_machine
        configuration = machine.loggingConfiguration or {}
        level = configuration.get("level", "OFF")
        destinations = configuration.get("destinations")
        if level == "OFF" or not destinations or not is_logging_enabled_for(level, event["type"]):
            return
        arn = destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"].split(":")
        region, account, group = arn[3], arn[4], arn[6]
        backend = logs_backends[account][region]
        if group not in backend.groups:
            # Deleted since; nobody hears of that on AWS, either.
            return
        if not configuration.get("includeExecutionData"):
            event = without_data(event)
        at: datetime = event["timestamp"]
        stream = _stream(execution)
        backend.ensure_log_stream(group, stream)
        at_ms = int(at.timestamp() * 1000)
        entry = {"timestamp": at_ms, "message": json.dumps(record(execution, event), ensure_ascii=False)}
        backend.put_log_events(group, stream, [entry])


def record(execution: StatesExecution, event: dict[str, Any]) -> dict[str, Any]:
    """An event as a log has it: numbers are text, and the details have no name of their own."""
    details: dict[str, Any] = next((each for name, each in event.items() if name not in _OWN), {})
    return {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(int(event["timestamp"].timestamp() * 1000)),
        "execution_arn": execution.exec_arn,
        "redrive_count": str(execution.redrives),
    }


def _stream(execution: StatesExecution) -> str:
    """`states/NAME/2026-11-26-20-15/bb3b1b3c`: a stream for each execution, named for its first minute."""
    if not execution.log_stream:
        minute = execution.start_date.strftime("%Y-%m-%d-%H-%M")
        execution.log_stream = f"states/{execution.state_machine.name}/{minute}/{secrets.token_hex(4)}"
    return execution.log_stream
