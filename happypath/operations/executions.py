"""One execution: found by its name, with its definition, its history and its status."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from happypath.operations import express
from happypath.operations.express import NoExecutionError, is_express, machine_of
from happypath.operations.masking import masked

if TYPE_CHECKING:
    from happypath.operations.installation import Installation

__all__ = ["NoExecutionError", "is_express", "machine_of"]

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
KEPT_DAYS = 90
# How many events are asked for at once where few are new, and how many executions' are kept.
_NEW_EVENTS, _HISTORIES_KEPT = 100, 8


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions describes it."""

    arn: str
    status: str
    started: datetime
    stopped: datetime | None
    input: str | None
    error: str | None = None
    cause: str | None = None

    @property
    def name(self) -> str:
        """The last part of its ARN but for what Step Functions adds to the names of Express executions."""
        return name_of(self.arn)

    @property
    def is_running(self) -> bool:
        """Whether there is more to come; a redrive that waits is."""
        return self.status in ("RUNNING", "PENDING_REDRIVE")

    @property
    def detail(self) -> Mapping[str, Any]:
        """The upload that it is of, as its input says; empty if the input says none."""
        try:
            given = json.loads(self.input or "")
        except ValueError:
            return {}
        detail = given.get("detail") if isinstance(given, dict) else None
        return detail if isinstance(detail, dict) else {}


@dataclass(frozen=True)
class Definition:
    """A state machine's definition. `is_current` says that it is the one of now, not of the execution; and
    `is_express` then, that Step Functions keeps no other.
    """

    text: str
    machine: str
    is_current: bool = False
    is_express: bool = False


def name_of(arn: str) -> str:
    """The execution's own name.

    >>> name_of("arn:aws:states:us-east-1:123456789012:execution:happypath-v4:cat-1")
    'cat-1'
    """
    parts = arn.split(":")
    return parts[7] if len(parts) > 7 else arn


def arn_of(machine_arn: str, name: str) -> str:
    """The ARN of an execution of a state machine."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def describe(installation: Installation, arn: str, begun: datetime | None = None) -> Execution | None:
    """The execution of that ARN; None if there is none, or none any longer.

    One of an Express workflow, which began at about `begun`, is what its log says, if that is on.
    """
    if express.is_of_express(installation, arn):
        return _express(installation, arn, begun)
    stepfunctions = installation.client("stepfunctions")
    try:
        found = stepfunctions.describe_execution(executionArn=arn)
    except (stepfunctions.exceptions.ExecutionDoesNotExist, stepfunctions.exceptions.InvalidArn):
        return None
    return Execution(
        arn,
        found["status"],
        found["startDate"],
        found.get("stopDate"),
        found.get("input"),
        found.get("error"),
        found.get("cause"),
    )


def find(installation: Installation, name: str) -> Execution:
    """The execution of that name, in any of the installation's workflows; of several the newest.

    Raises:
        NoExecutionError: there is none.
    """
    arns = [arn_of(machine, name) for machine in installation.state_machines().values()]
    found = [each for arn in arns if (each := describe(installation, arn))]
    if not found:
        raise NoExecutionError(
            f"There is no execution {name} of the workflows of {installation.prefix}: there never was one, "
            f"or it ended more than {KEPT_DAYS} days ago, or it is an Express one, and not in the log of "
            "the last day."
        )
    return max(found, key=lambda each: each.started)


def _express(installation: Installation, arn: str, begun: datetime | None) -> Execution | None:
    try:
        events = express.history(installation, arn, begun)
    except NoExecutionError:
        return None
    if not events:
        return None
    status = express.status_of(events)
    said = express.details(events[-1])
    return Execution(
        express.as_express(arn),
        status,
        events[0]["timestamp"],
        None if status == "RUNNING" else events[-1]["timestamp"],
        express.details(events[0]).get("input"),
        said.get("error"),
        said.get("cause"),
    )


def definition(installation: Installation, arn: str) -> Definition:
    """The definition that an execution runs by; the current one of its state machine where that is not known.

    Raises:
        NoExecutionError: neither the execution nor its state machine is there.
    """
    stepfunctions = installation.client("stepfunctions")
    gone = stepfunctions.exceptions
    machine = machine_of(arn)
    if not is_express(arn):
        try:
            found = stepfunctions.describe_state_machine_for_execution(executionArn=arn)
            return Definition(found["definition"], machine)
        except (gone.ExecutionDoesNotExist, gone.InvalidArn, gone.StateMachineDoesNotExist):
            pass
    try:
        found = stepfunctions.describe_state_machine(stateMachineArn=machine)
    except (gone.StateMachineDoesNotExist, gone.InvalidArn):
        raise NoExecutionError(
            f"Neither the execution {name_of(arn)} nor its state machine {machine} is there any longer."
        ) from None
    return Definition(
        found["definition"], machine, is_current=True, is_express=found.get("type") == "EXPRESS"
    )


def history(
    installation: Installation, arn: str, begun: datetime | None = None
) -> Sequence[Mapping[str, Any]]:
    """The events of an execution, oldest first. Those of an Express execution, which began at about `begun`,
    are in its state machine's log, if that is on.

    Raises:
        NoExecutionError: there is none of that ARN, or none any longer, or its state machine logs nothing.
    """
    stepfunctions = installation.client("stepfunctions")
    try:
        return installation.history(arn, begun)
    except (stepfunctions.exceptions.ExecutionDoesNotExist, stepfunctions.exceptions.InvalidArn):
        raise NoExecutionError(
            f"Step Functions has no history of {name_of(arn)}: it keeps one for {KEPT_DAYS} days after an "
            "execution has ended."
        ) from None


class Histories:
    """Histories of executions, of which only what is new is asked for: one has up to 25,000 events, a page
    that moves is loaded at each of them, and an event never changes.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, list[Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, installation: Installation, arn: str, begun: datetime | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """The events of an execution, oldest first, as `history` gives them.

        Raises:
            NoExecutionError: as `history` does.
        """
        with self._lock:
            known = self._known.get(arn)
        if known is None or express.is_of_express(installation, arn):
            events = list(history(installation, arn, begun))
        else:
            events = [*known, *_after(installation, arn, int(known[-1]["id"]))]
        with self._lock:
            self._known.pop(arn, None)
            if events:
                self._known[arn] = events
            while len(self._known) > _HISTORIES_KEPT:
                self._known.popitem(last=False)
        return events


def _after(installation: Installation, arn: str, last: int) -> list[Mapping[str, Any]]:
    """The events after one, oldest first; none where the execution is no longer kept."""
    found: list[Mapping[str, Any]] = []
    stepfunctions = installation.client("stepfunctions")
    paginator = stepfunctions.get_paginator("get_execution_history")
    try:
        for page in paginator.paginate(executionArn=arn, reverseOrder=True, maxResults=_NEW_EVENTS):
            new = [event for event in page["events"] if event["id"] > last]
            found += [masked(event) for event in new]
            if len(new) < len(page["events"]):
                break
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return []
    return sorted(found, key=lambda event: int(event["id"]))


def last_event(installation: Installation, arn: str) -> int:
    """The id of an execution's last event up to now; 0 if there is none."""
    if express.is_of_express(installation, arn):
        return max((event["id"] for event in history(installation, arn)), default=0)
    stepfunctions = installation.client("stepfunctions")
    try:
        page = stepfunctions.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        return 0
    return max((event["id"] for event in page["events"]), default=0)
