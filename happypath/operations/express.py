"""Executions of Express workflows. Step Functions keeps nothing of them: they are what their log says.

Records name such an execution as if it were a Standard one, for it has an id at its end that nobody knows
before it is started (`…:express:happypath-avatar:NAME:ID`); and there may be several of one name, for Express
workflows run at least once.
https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from happypath.errors import ExpectedError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import ExecutionListItemTypeDef, HistoryEventTypeDef

    from happypath.operations.installation import Installation

# How far back a log is searched where nobody says when an execution began, and how much around that time
# else: an upload that could not be started is tried again for a quarter of an hour, and log events are late.
DAY = timedelta(days=1)
_BEFORE, _AFTER = timedelta(minutes=10), timedelta(hours=1)
# https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
_LONGEST = timedelta(minutes=5)
_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}


class NoExecutionError(ExpectedError):
    """There is no such execution; the message says why that may be."""


def is_express(arn: str) -> bool:
    """Whether an ARN is that of an Express workflow's execution.

    >>> is_express("arn:aws:states:us-east-1:123456789012:express:fast:name:id")
    True
    """
    return arn.split(":")[5:6] == ["express"]


def as_express(arn: str) -> str:
    """The ARN of an Express execution but for its id, from one that takes it for a Standard execution."""
    return arn.replace(":execution:", ":express:", 1)


def machine_of(arn: str) -> str:
    """The ARN of an execution's state machine.

    >>> machine_of("arn:aws:states:us-east-1:123456789012:execution:happypath-v4:cat-1")
    'arn:aws:states:us-east-1:123456789012:stateMachine:happypath-v4'
    """
    parts = arn.split(":")
    return ":".join([*parts[:5], "stateMachine", *parts[6:7]])


def is_of_express(installation: Installation, arn: str) -> bool:
    """Whether an execution is of an Express workflow, however its ARN is written."""
    return is_express(arn) or installation.is_express(machine_of(arn))


def history(installation: Installation, arn: str, begun: datetime | None = None) -> list[HistoryEventTypeDef]:
    """The events of an execution, as GetExecutionHistory has them, oldest first; empty if the log has none.

    Without `begun`, about when it began, those of the last day. The ARN may lack its id, or take it for a
    Standard execution; of several of one name it is one that still runs, or that succeeded, before others.

    Raises:
        NoExecutionError: the state machine logs nothing.
    """
    arn = as_express(arn)
    runs = _runs(_logged(installation, machine_of(arn), arn, begun))
    fitting = [events for name, events in runs.items() if name == arn or name.startswith(f"{arn}:")]
    by_status = {status: events for events in reversed(fitting) if (status := status_of(events))}
    return next((by_status[each] for each in ("RUNNING", "SUCCEEDED") if each in by_status), None) or (
        fitting[0] if fitting else []
    )


def listed(installation: Installation, machine_arn: str) -> Iterator[ExecutionListItemTypeDef]:
    """The executions of the last day, newest first, as ListExecutions has them.

    Raises:
        NoExecutionError: the state machine logs nothing.
    """
    about = f"{as_express(machine_arn.replace(':stateMachine:', ':execution:', 1))}:"
    runs = _runs(_logged(installation, machine_arn, about, None))
    for arn, events in sorted(runs.items(), key=lambda run: run[1][0]["timestamp"], reverse=True):
        item: ExecutionListItemTypeDef = {
            "executionArn": arn,
            "stateMachineArn": machine_arn,
            "name": arn.split(":")[7],
            "status": status_of(events),  # type: ignore[typeddict-item]  # it is one of these
            "startDate": events[0]["timestamp"],
        }
        if item["status"] != "RUNNING":
            item["stopDate"] = events[-1]["timestamp"]
        yield item


def status_of(events: Sequence[Mapping[str, Any]]) -> str:
    """The status of an execution that did this. One whose end was not logged is over after five minutes."""
    is_late = datetime.now(UTC) - events[0]["timestamp"] > _LONGEST
    return _ENDS.get(events[-1]["type"], "TIMED_OUT" if is_late else "RUNNING")


def details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event says."""
    found: Mapping[str, Any] = next((event[name] for name in event if name.endswith("EventDetails")), {})
    return found


def _logged(
    installation: Installation, machine_arn: str, about: str, begun: datetime | None
) -> Iterator[tuple[str, HistoryEventTypeDef]]:
    """The events of executions, each with its ARN, in the log of their state machine."""
    machine = installation.client("stepfunctions").describe_state_machine(stateMachineArn=machine_arn)
    destinations = machine.get("loggingConfiguration", {}).get("destinations", [])
    groups = [each["cloudWatchLogsLogGroup"]["logGroupArn"] for each in destinations]
    if not groups:
        raise NoExecutionError(
            f"{machine['name']} is an Express workflow without a log: Step Functions keeps nothing of what "
            "its executions did. Give the state machine a Logging configuration of the level ALL."
        )
    start = begun - _BEFORE if begun else datetime.now(UTC) - DAY
    times = {"startTime": _ms(start)} | ({"endTime": _ms(begun + _AFTER)} if begun else {})
    pages = (
        installation.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=groups[0].removesuffix(":*").rpartition(":")[2],
            filterPattern=f'"{about}"',
            **times,
        )
    )
    for page in pages:
        for event in page["events"]:
            found = _event(event["message"])
            if found is not None and found[0].startswith(about):
                yield found


def _runs(
    events: Iterator[tuple[str, HistoryEventTypeDef]],
) -> dict[str, list[HistoryEventTypeDef]]:
    """The events of each execution, oldest first, by its ARN; the one that began first comes first."""
    runs: dict[str, dict[int, HistoryEventTypeDef]] = defaultdict(dict)
    for arn, event in events:
        runs[arn][event["id"]] = event
    whole = {arn: [found[number] for number in sorted(found)] for arn, found in runs.items()}
    return dict(sorted(whole.items(), key=lambda run: run[1][0]["timestamp"]))


def _event(message: str) -> tuple[str, HistoryEventTypeDef] | None:
    """An execution's ARN and its event from a line of a log; None for any other line."""
    try:
        line = json.loads(message)
        kind = str(line["type"])
        event: Any = {
            "id": int(line["id"]),
            "previousEventId": int(line["previous_event_id"]),
            "type": kind,
            "timestamp": datetime.fromtimestamp(int(line["event_timestamp"]) / 1000, UTC),
        }
        if line.get("details"):
            event[_field(kind)] = line["details"]
        return str(line["execution_arn"]), event
    except (ValueError, KeyError, TypeError):
        return None


def _field(kind: str) -> str:
    """The field that an event of a type has its details in.

    >>> _field("TaskStateEntered"), _field("LambdaFunctionFailed")
    ('stateEnteredEventDetails', 'lambdaFunctionFailedEventDetails')
    """
    for of_any_state in ("StateEntered", "StateExited"):
        if kind.endswith(of_any_state):
            kind = of_any_state
    return f"{kind[:1].lower()}{kind[1:]}EventDetails"


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
