"""docs/generated/every_fault.md: what becomes of an upload in every Task of every workflow at every fault.

`scripts/reliability` drives all of it through a sandbox and writes it into the file; `test_reliability.py`
drives a part of it, and compares. The tasks and their kinds are read from the state machines, the kinds of
faults from the injector. The table has a cell for each kind of task, and tasks of one kind must agree.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from functions.ingest.record import utc_now
from happypath.operations import reconcile
from happypath.operations.installation import TERMINAL
from happypath.project import WORKFLOWS
from happypath.sandbox.fault_injection.rules import Kind
from tests.workflows import document
from tests.workflows.driver import Driver, Outcome, opened
from tests.workflows.tasks import Task, all_tasks, publishes, side_by_side

PAGE = "every_fault"

# A rate is `throttle` for some calls.
_ELSEWHERE = {Kind.DUPLICATE, Kind.RATE}
# These may pass. The rules of a task try again at least twice.
_TRANSIENT = {Kind.THROTTLE, Kind.ERROR, Kind.TIMEOUT}
_PASSING = "@1-2"
# What goes before the end that `happypath reconcile --fix` led to.
_MENDED = "; then `reconcile --fix`: "
# Longer than that is the kind `timeout`.
_PARAMETERS = {Kind.DELAY: ":0.2"}
# Three hundred attempts five minutes apart are over in a second or two.
_RETRY_WAIT_SCALE = 0.00001


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and whether of the state or of the function behind it."""

    of: str
    # As in a rule: `throttle@1-2`.
    what: str

    @property
    def kind(self) -> Kind:
        return Kind(re.split("[:@]", self.what)[0])

    def can_happen_to(self, task: Task) -> bool:
        """Whether there is such a fault: a state has no process, and not every task has a function."""
        if self.of == "state":
            return self.kind is not Kind.KILL
        # What runs at once may have one function: no rule says which of them is to meet a fault of it.
        return task.role is not None and task.place == task.name


@dataclass(frozen=True)
class Cell:
    """A task, and what goes wrong there."""

    task: Task
    fault: Fault

    def __str__(self) -> str:
        return f"{self.task}-{self.fault.of}-{self.fault.what}"

    @property
    def rule(self) -> str:
        """The fault as the injector takes it."""
        target = self.task.target if self.fault.of == "state" else f"function:{self.task.function}"
        return f"{target}={self.fault.what}"

    @property
    def kept_as(self) -> tuple[str, Fault]:
        """The cell of the table that speaks of it."""
        return self.task.kind, self.fault


# What the table says: by the kind of task, and the fault.
Kept = dict[tuple[str, Fault], str]


def faults() -> list[Fault]:
    """Each kind of fault at the state and at the function; what may pass, once so that it does."""
    return [
        Fault(of, f"{kind}{_PARAMETERS.get(kind, '')}{when}")
        for of in ("state", "function")
        for kind in Kind
        if kind not in _ELSEWHERE
        for when in ((_PASSING, "") if kind in _TRANSIENT else ("",))
    ]


def cells() -> list[Cell]:
    """Every task with every fault that can happen to it."""
    return [Cell(task, fault) for task in all_tasks() for fault in faults() if fault.can_happen_to(task)]


class LostError(AssertionError):
    """A cell that ended without a terminal record; the message names it."""


class DisagreementError(AssertionError):
    """Tasks of one kind do not do the same at the same fault; the message names them."""


class Table:
    """Drives cells through the sandbox of a driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def drive(self, chosen: Iterable[Cell]) -> dict[Cell, str]:
        """What became of the upload of each cell: the text in the table.

        Workflows run side by side; the cells of one after another, as a rule is for all executions of a
        state.
        What a cell leaves without a terminal record is reconciled afterwards, with no fault in force.

        Raises:
            LostError: an upload has no terminal record even then, or one that its place's photo contradicts,
                or its execution does not end.
        """
        by_workflow: dict[str, list[Cell]] = {}
        for cell in chosen:
            by_workflow.setdefault(cell.task.workflow, []).append(cell)
        groups = [
            [cell for workflow in group for cell in by_workflow.get(workflow, ())] for group in side_by_side()
        ]
        with self._hurried(), ThreadPoolExecutor(len(groups)) as pool:
            outcomes = {
                cell: outcome for each in pool.map(self._drive, groups) for cell, outcome in each.items()
            }
        found = {cell: _told(cell, outcome) for cell, outcome in outcomes.items()}
        for workflow in by_workflow:
            lost = {
                cell: outcome
                for cell, outcome in outcomes.items()
                if cell.task.workflow == workflow and outcome.status not in TERMINAL
            }
            for cell, status in self._reconciled(workflow, lost).items():
                found[cell] += f"{_MENDED}{status}"
        return found

    @contextmanager
    def _hurried(self) -> Iterator[None]:
        sandbox = self._driver.sandbox
        before, sandbox.retry_wait_scale = sandbox.retry_wait_scale, _RETRY_WAIT_SCALE
        try:
            yield
        finally:
            sandbox.retry_wait_scale = before

    def _drive(self, chosen: Sequence[Cell]) -> dict[Cell, Outcome]:
        found = {}
        for cell in chosen:
            task, way = cell.task, cell.task.way
            outcome = self._driver.execute_row(task.workflow, way.row, faults=[*way.rules, cell.rule])
            if outcome.execution not in {"SUCCEEDED", "FAILED"} or task.place not in outcome.path:
                raise LostError(f"{cell} does not end, or does not come to its task: {outcome}")
            published = outcome.status == "PROCESSED" and publishes(task.workflow)
            if (outcome.photo is not None) != published:
                raise LostError(f"{cell}: the place's photo contradicts the record: {outcome}")
            found[cell] = outcome
        return found

    def _reconciled(self, workflow: str, lost: Mapping[Cell, Outcome]) -> dict[Cell, str]:
        """Has uploads without an outcome found and run again, and says how each ended."""
        if not lost:
            return {}
        installation = self._driver.installation
        self._driver.go_live(workflow)
        uploads = {outcome.record["key"]: cell for cell, outcome in lost.items()}
        until = utc_now() + timedelta(minutes=1)
        fixed = {
            uploads[upload.key]
            for upload in reconcile.find(installation, until)
            if upload.key in uploads and reconcile.fix(installation, upload)
        }
        if missed := set(lost) - fixed:
            raise LostError(f"`happypath reconcile` does not find {', '.join(map(str, missed))}")
        return {cell: self._driver.ended(outcome.record["key"]).status for cell, outcome in lost.items()}


def _told(cell: Cell, outcome: Outcome) -> str:
    # Why an upload is rejected at all is its own affair, and not the task's.
    is_its_own = outcome.reason in {None, cell.task.way.row.reason}
    reason = "" if is_its_own else f" `{outcome.reason}`"
    # An error leaves the execution under the name that is in the record: only another one is told.
    under = f"; execution `{outcome.error}`" if outcome.error not in {None, outcome.reason} else ""
    attempts = outcome.attempts[cell.task.name]
    tried = f" ({attempts} attempts)" if attempts > 1 else ""
    return f"{outcome.status}{reason}{tried}{under}"


def agreed(results: Mapping[Cell, str]) -> Kept:
    """The table of these results.

    Raises:
        DisagreementError: it would need two texts in one cell.
    """
    found: Kept = {}
    by: dict[tuple[str, Fault], Cell] = {}
    for cell, text in results.items():
        other = by.setdefault(cell.kept_as, cell)
        if found.setdefault(cell.kept_as, text) != text:
            raise DisagreementError(
                f"{cell.task.kind}: {other} ends {results[other]}, and {cell} ends {text}. Make them "
                "agree, or two kinds of them."
            )
    return found


def rendered(table: Kept) -> str:
    """The tables, in Markdown: one for each kind of task, with a row for each end and its faults."""
    lines: list[str] = []
    for kind in dict.fromkeys(kind for kind, _ in table):
        lines += [f"### {kind}", "", "| fault | record |", "| --- | --- |"]
        by_end: dict[str, list[Fault]] = {}
        for (its_kind, fault), text in table.items():
            if its_kind == kind:
                by_end.setdefault(text, []).append(fault)
        lines += [f"| {_listed(each)} | {text} |" for text, each in by_end.items()]
        lines.append("")
    return "\n".join(lines)


def _listed(each: Iterable[Fault]) -> str:
    """Such as: state `throttle`, `error`; function `throttle`."""
    by_what: dict[str, list[str]] = {}
    for fault in each:
        by_what.setdefault(fault.of, []).append(f"`{fault.what}`")
    return "; ".join(f"{of} {', '.join(names)}" for of, names in by_what.items())


def kept() -> Kept:
    """The kept table."""
    found: Kept = {}
    for section in document.read(PAGE).split("### ")[1:]:
        kind, *rows = section.splitlines()
        _, _, *body = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows if row)
        for listed, text in body:
            for part in listed.split("; "):
                of, names = part.split(" ", 1)
                for name in names.split(", "):
                    found[kind, Fault(of, name.strip("`"))] = text
    return found


def has_end(text: str) -> bool:
    """Whether what a cell says is a terminal record, at once or after `reconcile --fix`."""
    return text.rpartition(_MENDED)[2].split(" ")[0].strip(";") in TERMINAL


def summary(results: Mapping[Cell, str]) -> str:
    """How many cells ended how."""
    first = Counter(text.split(" ")[0].split(";")[0] for text in results.values())
    ended = ", ".join(f"{count} {status}" for status, count in sorted(first.items()) if status in TERMINAL)
    mended = sum(count for status, count in first.items() if status not in TERMINAL)
    tasks = len({cell.task for cell in results})
    return (
        f"{tasks} tasks of {', '.join(WORKFLOWS)}, each with every fault that can happen to it, "
        f"{len(results)} in all: {ended}; {mended} that ended without an outcome, each with a "
        "terminal record after `happypath reconcile --fix`."
    )


def main() -> None:
    """Drives every cell, prints the table, and writes it into docs/generated/every_fault.md."""
    argparse.ArgumentParser(
        prog="scripts/reliability",
        usage="%(prog)s [-h] [uploads | burst | hostile]",
        description="Every Task of every workflow meets every kind of fault.",
        epilog="Other parts, each with options of its own (`%(prog)s PART --help`): `uploads`, many at once "
        "with random faults, `burst`, more than Rekognition takes, and `hostile`, files that mean harm.",
    ).parse_args()
    started = time.monotonic()
    with opened() as driver:
        results = Table(driver).drive(cells())
    text = f"{summary(results)}\n\n{rendered(agreed(results))}"
    print(text)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    document.write(PAGE, text)


if __name__ == "__main__":
    main()
