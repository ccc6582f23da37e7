"""What a page says of one state of an execution: each visit with what came in and went out, attempts, log
lines, its part of the trace, what it cost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from markupsafe import Markup

from happypath.console import waterfall
from happypath.console.graph.definition import State, function_of
from happypath.console.graph.history import Attempt, Status, Visit
from happypath.console.graph.json_difference import ABSENT, Change, changes
from happypath.console.graph.overlay import Step
from happypath.console.json_text import parsed
from happypath.console.parts import Parts
from happypath.console.run import Run
from happypath.operations import cost, logs, state_cost, trace
from happypath.operations.express import is_of_express
from happypath.operations.installation import Installation
from happypath.operations.trace import Node
from happypath.operations.waterfall import rows

# Of a Map state's items so many at most are shown, those that failed first.
MOST_VISITS = 10
_MOST_CHANGES = 200
_MOST_CHARACTERS = 30_000
# Step Functions' clock and that of its traces.
_CLOCKS_S = 0.5


@dataclass(frozen=True)
class Shown:
    """A text of JSON, indented; `is_cut` if it is too long for a page."""

    text: str
    is_cut: bool = False

    @classmethod
    def of(cls, given: Any) -> Shown:
        """A value, or JSON as a text."""
        value = parsed(given) if isinstance(given, str) else given
        text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
        return cls(text[:_MOST_CHARACTERS], len(text) > _MOST_CHARACTERS)


@dataclass(frozen=True)
class ShownAttempt:
    """An attempt; of a function's error `message` is what its Cause says, and `stack` where it arose."""

    attempt: Attempt
    message: str
    stack: str


@dataclass
class ShownVisit:
    """A visit of the state."""

    visit: Visit
    step: Step | None
    input: Shown
    output: Shown | None
    changes: list[tuple[Change, str, str]]
    is_cut: bool
    attempts: list[ShownAttempt]
    lines: Sequence[logs.Line] = ()
    # Of a distributed Map state: how many of its items are how.
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Panel:
    """A state."""

    state: State
    visits: list[ShownVisit]
    number: int
    definition: Shown
    function: str | None
    waterfall: Markup = field(default_factory=Markup)
    cost: Sequence[cost.Line] = ()

    @property
    def total(self) -> float:
        """What it cost, in US dollars."""
        return sum(line.amount for line in self.cost)


def of_state(installation: Installation, parts: Parts, run: Run, name: str) -> Panel | None:
    """The state of that name; None if the graph has none."""
    state = run.graph.find(name) if run.graph else None
    if state is None:
        return None
    visits = [visit for visit in run.walk.visits if visit.state == name]
    chosen = sorted(visits, key=lambda visit: visit.status not in (Status.FAILED, Status.TIMED_OUT))[
        :MOST_VISITS
    ]
    panel = Panel(
        state,
        [_visit(run, visit) for visit in chosen],
        len(visits),
        Shown.of(dict(state.definition)),
        function_of(state.definition),
    )
    nodes = parts.get("The trace", lambda: _nodes(installation, run, name, chosen), []) if visits else []
    panel.waterfall = waterfall.render([row for node in nodes for row in rows_of(node)], f"Trace of {name}")
    for shown in panel.visits:
        if map_run := shown.visit.map_run:
            shown.counts = parts.get("The Map Run", partial(_counts, installation, map_run), {})
    if panel.function and visits:
        _lines(installation, parts, run, panel, panel.function)
    if visits:
        panel.cost = _cost(
            installation, parts, panel, visits, nodes, bool(run.arn and is_of_express(installation, run.arn))
        )
    return panel


def _counts(installation: Installation, map_run: str) -> dict[str, int]:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_MapRunItemCounts.html"""
    found = installation.client("stepfunctions").describe_map_run(mapRunArn=map_run)["itemCounts"]
    return {_WORDS.get(name, name): number for name, number in found.items() if number}


# Counts whose names are no words.
_WORDS = {"timedOut": "timed out", "resultsWritten": "results written"}


def rows_of(node: Node) -> list[Any]:
    """The lines of a node's waterfall."""
    return rows(trace.Trace("", [node]))


def _visit(run: Run, visit: Visit) -> ShownVisit:
    found: list[tuple[Change, str, str]] = []
    if visit.output is not None:
        for change in changes(parsed(visit.input), parsed(visit.output)):
            found.append((change, _short(change.before), _short(change.after)))
            if len(found) > _MOST_CHANGES:
                break
    return ShownVisit(
        visit,
        run.left_by(visit),
        Shown.of(visit.input),
        None if visit.output is None else Shown.of(visit.output),
        found[:_MOST_CHANGES],
        len(found) > _MOST_CHANGES,
        [_attempt(attempt) for attempt in visit.attempts],
    )


def _short(value: Any) -> str:
    if value is ABSENT:
        return ""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= 2000 else f"{text[:2000]} …"


def _attempt(attempt: Attempt) -> ShownAttempt:
    """Lambda's Cause is JSON: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    cause = parsed(attempt.cause)
    if isinstance(cause, dict) and "errorMessage" in cause:
        trace_ = cause.get("stackTrace")
        stack = "".join(map(str, trace_)) if isinstance(trace_, list) else ""
        return ShownAttempt(attempt, str(cause["errorMessage"]), stack)
    return ShownAttempt(attempt, attempt.cause or "", "")


def _nodes(installation: Installation, run: Run, name: str, visits: Sequence[Visit]) -> list[Node]:
    """The state's parts of the trace: those that began in one of the visits."""
    if not run.record or not run.is_of_record:
        return []
    try:
        found = trace.of_upload(installation, dict(run.record))
    except trace.NoTraceError:
        return []
    spans = [
        (visit.entered.timestamp() - _CLOCKS_S, (visit.exited or visit.entered).timestamp() + _CLOCKS_S)
        for visit in visits
    ]
    return [
        node
        for node in found.walk()
        if node.name == name
        and node.origin is None
        and any(
            first <= node.start and (node.start <= last or first + 2 * _CLOCKS_S >= last)
            for first, last in spans
        )
    ]


def _lines(installation: Installation, parts: Parts, run: Run, panel: Panel, function: str) -> None:
    record = run.record
    if record is None or "uploadId" not in record or "receivedAt" not in record:
        return
    begun = min(shown.visit.entered for shown in panel.visits)
    ended = [shown.visit.exited for shown in panel.visits]
    last = None if None in ended else max(each for each in ended if each)
    lines = parts.get(
        "The log",
        lambda: logs.of_task(installation, dict(record), function, begun, last),
        [],
    )
    for shown in panel.visits:
        first, until = shown.visit.entered.timestamp() - 1, (shown.visit.exited or begun).timestamp() + 1
        running = shown.visit.exited is None
        shown.lines = [
            line
            for line in lines
            if first <= line.time.timestamp() and (running or line.time.timestamp() <= until)
        ]


def _cost(
    installation: Installation,
    parts: Parts,
    panel: Panel,
    visits: Sequence[Visit],
    nodes: Sequence[Node],
    is_express: bool,
) -> list[cost.Line]:
    attempts = [attempt for visit in visits for attempt in visit.attempts]
    # Each attempt is a transition, which an Express workflow does not pay for.
    # https://aws.amazon.com/step-functions/pricing/
    transitions = 0 if is_express else sum(max(1, len(visit.attempts)) for visit in visits)
    function = panel.function
    memory_mb: int | None = None
    if function is not None:
        client = installation.client("lambda")
        memory_mb = parts.get(
            "What Lambda cost",
            lambda: int(client.get_function_configuration(FunctionName=function)["MemorySize"]),
            None,
        )
    if memory_mb is None:
        return state_cost.of_state(cost.prices(), transitions, [], 0)
    reports = [logs.report(line.message) for shown in panel.visits for line in shown.lines]
    billed_ms = [report.billed_ms for report in reports if report is not None]
    if panel.number > len(panel.visits) or not (billed_ms or nodes):
        billed_ms = [1000 * attempt.seconds for attempt in attempts if attempt.seconds is not None]
    return state_cost.of_state(cost.prices(), transitions, nodes, memory_mb, billed_ms)
