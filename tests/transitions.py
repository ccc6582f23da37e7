"""Which transitions of the state machines were driven: a table at the end of the test run.

What there is to drive is read from the definitions in statemachines/, what was driven from the histories of
all executions in the sandbox. The run fails when a transition was driven by none, provided that every test
of tests/workflows ran: a choice of tests cannot drive everything.

Rules of a Choice that lead to the same state count as one transition: the history does not tell them apart.

Under pytest-xdist each worker has a sandbox of its own and a part of the tests. The controller puts together
what they drove, and judges.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from happypath.operations.installation import Installation
from tests.statemachines.definitions import WORKFLOWS, State, all_states, branches

FOLDER = Path(__file__).parent / "workflows"
END = "the end"
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_NOT_ALL = {"States.DataLimitExceeded", "States.Runtime"}


@dataclass(frozen=True)
class Transition:
    """From a state to another, or to itself for another attempt; `errors` are those that it is taken for."""

    state: str
    to: str
    errors: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.errors:
            return f"{self.state} → {self.to}"
        more = f" and {len(self.errors) - 1} more" if len(self.errors) > 1 else ""
        way = "again" if self.to == self.state else f"→ {self.to}"
        return f"{self.state} {way} on {self.errors[0]}{more}"


def declared(definition: dict[str, State]) -> list[Transition]:
    """Every transition between the states of a definition, once, in its order."""
    return list(dict.fromkeys(each for name, state in definition.items() for each in _of(name, state)))


def _of(name: str, state: State) -> Iterator[Transition]:
    for retrier in state.get("Retry", []):
        if retrier.get("MaxAttempts", 3) > 0:
            yield Transition(name, name, tuple(retrier["ErrorEquals"]))
    for target in [*(rule["Next"] for rule in state.get("Choices", [])), state.get("Default")]:
        if target:
            yield Transition(name, target)
    if "Next" in state:
        yield Transition(name, state["Next"])
    if state.get("End"):
        yield Transition(name, END)
    for catcher in state.get("Catch", []):
        yield Transition(name, catcher["Next"], tuple(catcher["ErrorEquals"]))


def driven(history: Iterable[Any], definition: dict[str, State]) -> set[Transition]:
    """The transitions that an execution made, by its history.

    What runs at once is told apart by the event that each one says is before it.
    """
    found: set[Transition] = set()
    outer = {
        inner: name
        for name, state in definition.items()
        for branch in branches(state)
        for inner in branch["States"]
    }
    # By an event's id: the state that it is of, the error met there, and whether it is left.
    at: dict[int, tuple[str | None, str | None, bool]] = {}
    last_error = ""
    for number, event in enumerate(history, 1):
        state, error, left = at.get(event.get("previousEventId", number - 1), (None, None, False))
        match event["type"]:
            case "TaskFailed" | "TaskTimedOut":
                [details] = [value for key, value in event.items() if key.endswith("EventDetails")]
                last_error = error = details["error"]
            case "ParallelStateFailed" | "MapStateFailed":
                # What failed within says why.
                state, error = outer.get(state or "", state), last_error
            case "TaskScheduled" if state and error:
                found.add(Transition(state, state, _taken(definition[state]["Retry"], error)))
                error = None
            case "ExecutionSucceeded" if state and left and "End" in definition[state]:
                found.add(Transition(state, END))
            case kind if kind.endswith("StateEntered"):
                to = event["stateEnteredEventDetails"]["name"]
                if state and to not in outer:
                    errors = _taken(definition[state]["Catch"], error) if error else ()
                    found.add(Transition(state, to, errors))
                state, error, left = to, None, False
            case kind if kind.endswith("StateExited"):
                # A Parallel or Map state is left after the last state within it.
                state = event.get("stateExitedEventDetails", {}).get("name", state)
                left = True
                if state in outer and "End" in definition[state]:
                    found.add(Transition(state, END))
        at[event.get("id", number)] = (state, error, left)
    return found


def _taken(rules: Sequence[State], error: str) -> tuple[str, ...]:
    """The errors of the first rule of a Retry or Catch that an error matches."""
    for rule in rules:
        names = rule["ErrorEquals"]
        if error in names or ("States.ALL" in names and error not in _NOT_ALL):
            return tuple(names)
    return (error,)


# pytest keeps its plugins in sets.
@dataclass(eq=False)
class Transitions:
    """The pytest plugin."""

    NAME = "transitions"

    # How many executions made each transition, by workflow; None without a sandbox.
    counts: dict[str, Counter[Transition]] | None = None
    # What is to be said at the end, and whether it fails the run.
    lines: list[str] = field(default_factory=list)
    failure: str = ""
    _narrowed: bool = False
    _selected: set[str] = field(default_factory=set)
    _ran: set[str] = field(default_factory=set)
    # What workers of pytest-xdist told.
    _parts: list[Transitions] = field(default_factory=list)

    def read(self, installation: Installation, workflows: Iterable[str] = WORKFLOWS) -> None:
        """Reads what the executions of workflows did, beside what was read of those that are gone."""
        if self.counts is None:
            self.counts = {workflow: Counter() for workflow in WORKFLOWS}
        for workflow in workflows:
            definition = all_states(workflow)
            for execution in installation.executions(workflow, None):
                self.counts[workflow].update(
                    driven(installation.history(execution["executionArn"]), definition)
                )

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._narrowed |= any(_is_ours(item) for item in items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        ours = [item for item in session.items if _is_ours(item)]
        self._selected = {item.nodeid for item in ours}
        files = {item.path for item in ours}
        self._narrowed |= files != set(FOLDER.glob("test_*.py"))
        self._narrowed |= any("::" in argument for argument in session.config.args)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self._ran.add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        told = getattr(node, "workeroutput", {}).get(self.NAME)
        if told:
            self._parts.append(Transitions.of(told))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[self.NAME] = self.told()
            return
        if self._parts:
            self._put_together()
        if self.counts is not None and self._selected:
            self._judge(self.counts)
        if self.failure and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def told(self) -> str:
        """What a worker saw, as JSON; `of` reads it."""
        counts = None
        if self.counts is not None:
            counts = {
                workflow: [[each.state, each.to, each.errors, number] for each, number in counter.items()]
                for workflow, counter in self.counts.items()
            }
        return json.dumps([counts, self._narrowed, sorted(self._selected), sorted(self._ran)])

    @classmethod
    def of(cls, told: str) -> Self:
        """What a worker saw, read back."""
        counts, narrowed, selected, ran = json.loads(told)
        if counts is not None:
            counts = {
                workflow: Counter(
                    {Transition(state, to, tuple(errors)): n for state, to, errors, n in counted}
                )
                for workflow, counted in counts.items()
            }
        return cls(counts, _narrowed=narrowed, _selected=set(selected), _ran=set(ran))

    def _put_together(self) -> None:
        self._narrowed = any(part._narrowed for part in self._parts)
        self._selected = set().union(*(part._selected for part in self._parts))
        self._ran = set().union(*(part._ran for part in self._parts))
        for part in self._parts:
            for workflow, counter in (part.counts or {}).items():
                self.counts = self.counts or {}
                self.counts.setdefault(workflow, Counter()).update(counter)

    def _judge(self, counts: dict[str, Counter[Transition]]) -> None:
        self.lines = list(table(counts))
        if self._narrowed:
            self.lines.append("Not every test of tests/workflows was to run, so this is no judgment.")
        elif idle := sorted(self._selected - self._ran):
            self.failure = f"FAILED: {len(idle)} tests of tests/workflows did not run, such as {idle[0]}"
        elif missing := self.missing():
            self.failure = "FAILED: no execution made " + "; ".join(missing)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.lines:
            return
        terminalreporter.section("transitions driven")
        for line in self.lines:
            terminalreporter.line(line)
        if self.failure:
            terminalreporter.line(self.failure, red=True)

    def missing(self) -> list[str]:
        """The transitions that no execution made, each with its workflow."""
        return [
            f"{workflow}: {transition}"
            for workflow, counter in (self.counts or {}).items()
            for transition in declared(all_states(workflow))
            if not counter[transition]
        ]


def _is_ours(item: pytest.Item) -> bool:
    return FOLDER in item.path.parents


def table(counts: dict[str, Counter[Transition]]) -> Iterator[str]:
    """How many executions made each transition: a line for each, a column for each workflow."""
    by_workflow = {workflow: declared(all_states(workflow)) for workflow in counts}
    rows = list(dict.fromkeys(each for workflow in reversed(counts) for each in by_workflow[workflow]))
    width = max(len(str(row)) for row in rows)

    def line(name: str, cells: Iterable[str]) -> str:
        columns = (
            f"{cell:>{max(9, len(workflow) + 2)}}" for workflow, cell in zip(counts, cells, strict=True)
        )
        return f"{name:{width}}" + "".join(columns)

    yield line("", counts)
    for row in rows:
        cells = (
            (str(counter[row]) if counter[row] else "MISSING") if row in by_workflow[workflow] else "·"
            for workflow, counter in counts.items()
        )
        yield line(str(row), cells)
    sums = (
        f"{sum(1 for each in by_workflow[workflow] if counter[each])}/{len(by_workflow[workflow])}"
        for workflow, counter in counts.items()
    )
    yield line("driven / declared", sums)
