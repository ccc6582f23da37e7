"""What an execution did, from its history: each visit of a state, its attempts, and what followed it.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html. An event names
the one before it on its own way (`previousEventId`): so branches and iterations that run at once are told
apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How something ended, or that it has not. The values are classes of the picture, too."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CAUGHT = "caught"
    RUNNING = "running"
    ABORTED = "aborted"
    TIMED_OUT = "timed-out"

    @property
    def word(self) -> str:
        """For a person.

        >>> Status.TIMED_OUT.word
        'timed out'
        """
        return self.value.replace("-", " ")


@dataclass
class Attempt:
    """One try of a task, or of all of a Parallel or Map state. Texts are JSON as the history has it."""

    number: int
    started: datetime
    ended: datetime | None = None
    status: Status = Status.RUNNING
    error: str | None = None
    cause: str | None = None
    parameters: str | None = None
    output: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it does."""
        return (self.ended - self.started).total_seconds() if self.ended else None


@dataclass
class Visit:
    """A state that was entered once. `iteration` is the number of the Map state's item that it is within."""

    state: str
    type: str
    entered: datetime
    input: str | None
    exited: datetime | None = None
    output: str | None = None
    status: Status = Status.RUNNING
    attempts: list[Attempt] = field(default_factory=list)
    # The Parallel or Map state within which it is, the state before it, and the one after it.
    within: Visit | None = None
    iteration: int | None = None
    before: Visit | None = None
    after: Visit | None = None
    # Of a Map state: how each iteration ended, by its number.
    iterations: dict[int, Status] = field(default_factory=dict)
    error: str | None = None
    cause: str | None = None
    # Of a distributed Map state: its Map Run, which has the items.
    map_run: str | None = None
    # Values of the state's variables that were set.
    assigned: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it does."""
        return (self.exited - self.entered).total_seconds() if self.exited else None

    @property
    def place(self) -> str:
        """In which iterations it is, from the outermost; empty outside of Map states."""
        outer = self.within.place if self.within else ""
        here = f"item {self.iteration}" if self.iteration is not None else ""
        return ", ".join(filter(None, (outer, here)))


@dataclass
class Walk:
    """All visits, in the order in which they began, and how the execution ended."""

    visits: list[Visit] = field(default_factory=list)
    status: Status = Status.RUNNING
    started: datetime | None = None
    ended: datetime | None = None
    input: str | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    events: int = 0
    redriven: int = 0

    def by_state(self) -> dict[str, list[Visit]]:
        """The visits of each state."""
        found: dict[str, list[Visit]] = defaultdict(list)
        for visit in self.visits:
            found[visit.state].append(visit)
        return dict(found)


_ENTERED = "StateEntered"
_EXITED = "StateExited"
_BEGINS = re.compile(
    r"(TaskScheduled|LambdaFunctionScheduled|ActivityScheduled|ParallelStateStarted|MapStateStarted)$"
)
_TASK = re.compile(r"^(?:Task|LambdaFunction|Activity)")
_EXECUTION = {
    "ExecutionSucceeded": Status.SUCCEEDED,
    "ExecutionFailed": Status.FAILED,
    "ExecutionAborted": Status.ABORTED,
    "ExecutionTimedOut": Status.TIMED_OUT,
}
# How the end of an attempt is called, at the end of an event's type.
_ENDINGS = (
    ("TimedOut", Status.TIMED_OUT),
    ("Failed", Status.FAILED),
    ("Succeeded", Status.SUCCEEDED),
    ("Aborted", Status.ABORTED),
)
_OVER = frozenset({Status.FAILED, Status.ABORTED, Status.TIMED_OUT})


def read(events: Iterable[Mapping[str, Any]]) -> Walk:
    """The way of an execution, from its events in the order of their ids."""
    reader = _Reader()
    for event in events:
        reader.add(event)
    return reader.finished()


class _Reader:
    def __init__(self) -> None:
        self.walk = Walk()
        # By the id of an event: the visit that it is about, and the number of the iteration that it is in.
        self._at: dict[int, tuple[Visit | None, int | None]] = {0: (None, None)}
        self._last = 0
        # Visits that had not ended when this was last looked through.
        self._open: list[Visit] = []

    def add(self, event: Mapping[str, Any]) -> None:
        """Takes the next event."""
        self.walk.events += 1
        kind, id_ = str(event["type"]), int(event["id"])
        before = event.get("previousEventId")
        # An event whose predecessor is not known follows the one before it.
        visit, iteration = self._at.get(before if before is not None else self._last, self._at[self._last])
        self._at[id_] = self._after(kind, event, visit, iteration)
        self._last = id_

    def _after(
        self, kind: str, event: Mapping[str, Any], visit: Visit | None, iteration: int | None
    ) -> tuple[Visit | None, int | None]:
        details = _details(event)
        when: datetime = event["timestamp"]
        if kind.startswith("Execution"):
            self._execution(kind, details, when, visit)
            return visit, iteration
        if kind.endswith(_ENTERED):
            return self._enter(kind, details, when, visit, iteration), None
        if visit is None:
            return None, None
        if kind.startswith(("Parallel", "Map")):
            return self._container(kind, details, when, visit, iteration)
        if kind.endswith(_EXITED):
            _exit(visit, details, when)
        elif kind.endswith("StateAborted"):
            visit.status, visit.exited = Status.ABORTED, when
        elif _TASK.match(kind):
            _attempt(visit, kind, details, when)
        elif kind == "EvaluationFailed":
            visit.error, visit.cause = details.get("error"), details.get("cause")
        return visit, iteration

    def _enter(
        self,
        kind: str,
        details: Mapping[str, Any],
        when: datetime,
        before: Visit | None,
        iteration: int | None,
    ) -> Visit:
        visit = Visit(str(details.get("name")), kind.removesuffix(_ENTERED), when, details.get("input"))
        if before is not None and before.type in ("Parallel", "Map") and before.exited is None:
            visit.within, visit.iteration = before, iteration
        elif before is not None:
            visit.before, visit.within, visit.iteration = before, before.within, before.iteration
            before.after = visit
        self.walk.visits.append(visit)
        self._open.append(visit)
        return visit

    def _container(
        self, kind: str, details: Mapping[str, Any], when: datetime, visit: Visit, iteration: int | None
    ) -> tuple[Visit | None, int | None]:
        """An event of a Parallel or Map state: it may follow one of a state within it."""
        sort = "Parallel" if kind.startswith("Parallel") else "Map"
        number = details.get("index") if kind.startswith("MapIteration") else None
        container = _container_of(visit, sort, details.get("name"))
        if container is None:
            return visit, iteration
        if number is not None:
            status = container.iterations[number] = _ending(kind) or Status.RUNNING
            if status in _OVER:
                self._abort_within(container, when, number)
            return container, number if status is Status.RUNNING else None
        container.map_run = details.get("mapRunArn") or container.map_run
        if kind.endswith(_EXITED):
            _exit(container, details, when)
        elif kind.endswith("StateAborted"):
            container.status, container.exited = Status.ABORTED, when
        elif _BEGINS.search(kind):
            if container.attempts and container.attempts[-1].ended is None:
                # Tried again: nothing but that says that the attempt before failed.
                _end_attempt(container, Status.FAILED, {}, when)
            self._abort_within(container, when)
            container.attempts.append(Attempt(len(container.attempts) + 1, when))
            container.status = Status.RUNNING
        elif ending := _ending(kind):
            _end_attempt(container, ending, details, when)
            if ending in _OVER:
                self._blame(container)
                self._abort_within(container, when)
        return container, None

    def _blame(self, container: Visit) -> None:
        """The event of a Parallel or Map state that failed does not say why: what failed within it does."""
        last = container.attempts[-1]
        for visit in reversed(self.walk.visits if last.error is None else []):
            attempt = visit.attempts[-1] if visit.attempts else None
            if attempt and attempt.status in _OVER and _within(visit, container):
                last.error, last.cause = attempt.error, attempt.cause
                return

    def _abort_within(self, container: Visit, when: datetime, iteration: int | None = None) -> None:
        """What still ran within a Parallel or Map state that failed, or within one iteration, is stopped."""
        open_ = [visit for visit in self._open if visit.exited is None]
        for visit in open_:
            if (inside := _within(visit, container)) and iteration in (None, inside.iteration):
                visit.status, visit.exited = _stopped(visit), when
        self._open = [visit for visit in open_ if visit.exited is None]

    def _execution(self, kind: str, details: Mapping[str, Any], when: datetime, visit: Visit | None) -> None:
        walk = self.walk
        if kind == "ExecutionStarted":
            walk.started, walk.input = when, details.get("input")
        elif kind == "ExecutionRedriven":
            walk.redriven += 1
            walk.status, walk.ended, walk.error, walk.cause = Status.RUNNING, None, None, None
            while visit is not None:
                visit.status, visit.exited = Status.RUNNING, None
                visit = visit.within
        elif kind in _EXECUTION:
            walk.status, walk.ended = _EXECUTION[kind], when
            walk.output = details.get("output")
            walk.error, walk.cause = details.get("error"), details.get("cause")
            if walk.status is not Status.SUCCEEDED:
                self._stop(when)

    def _stop(self, when: datetime) -> None:
        walk = self.walk
        running = [visit for visit in self._open if visit.exited is None]
        for visit in running:
            visit.exited = when
            visit.status = _stopped(visit)
            # What ended the execution without an event of its own.
            if visit.status is Status.ABORTED and walk.status is not Status.ABORTED and visit is running[-1]:
                visit.status = walk.status
                visit.error, visit.cause = visit.error or walk.error, visit.cause or walk.cause

    def finished(self) -> Walk:
        """What was read."""
        for visit in self.walk.visits:
            # The error went on to a state that catches it.
            if visit.status is Status.SUCCEEDED and visit.attempts and visit.attempts[-1].status in _OVER:
                visit.status = Status.CAUGHT
        return self.walk


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an event says of its own; the key that it is under follows from the event's type."""
    for name, value in event.items():
        if name.lower().endswith("eventdetails") and isinstance(value, Mapping):
            return value
    return {}


def _ending(kind: str) -> Status | None:
    return next((status for word, status in _ENDINGS if kind.endswith(word)), None)


def _exit(visit: Visit, details: Mapping[str, Any], when: datetime) -> None:
    visit.exited, visit.output, visit.status = when, details.get("output"), Status.SUCCEEDED
    if isinstance(assigned := details.get("assignedVariables"), Mapping):
        visit.assigned = assigned


def _attempt(visit: Visit, kind: str, details: Mapping[str, Any], when: datetime) -> None:
    if _BEGINS.search(kind):
        given = details.get("parameters") or details.get("input")
        visit.attempts.append(Attempt(len(visit.attempts) + 1, when, parameters=given))
        visit.status = Status.RUNNING
    elif kind.endswith(("ScheduleFailed", "StartFailed", "SubmitFailed")) and (
        not visit.attempts or visit.attempts[-1].ended
    ):
        visit.attempts.append(Attempt(len(visit.attempts) + 1, when))
        _end_attempt(visit, Status.FAILED, details, when)
    elif ending := _ending(kind):
        _end_attempt(visit, ending, details, when)


def _end_attempt(visit: Visit, ending: Status, details: Mapping[str, Any], when: datetime) -> None:
    if not visit.attempts:
        visit.attempts.append(Attempt(1, visit.entered))
    last = visit.attempts[-1]
    last.status, last.ended = ending, when
    last.error, last.cause = details.get("error"), details.get("cause")
    last.output = details.get("output")


def _container_of(visit: Visit, sort: str, name: str | None) -> Visit | None:
    """The Parallel or Map state of an event that follows one of a visit: that one, or one around it."""
    found: Visit | None = visit
    while found is not None:
        if found.type == sort and found.exited is None and name in (None, found.state):
            return found
        found = found.within
    return None


def _within(visit: Visit, container: Visit) -> Visit | None:
    """The visit directly within the container that a visit is, or is within; None if it is outside."""
    inner = visit
    while inner.within is not None:
        if inner.within is container:
            return inner
        inner = inner.within
    return None


def _stopped(visit: Visit) -> Status:
    """How a state ended that something else ended."""
    if visit.attempts and visit.attempts[-1].status in _OVER:
        return visit.attempts[-1].status
    return Status.FAILED if visit.type == "Fail" or visit.error else Status.ABORTED
