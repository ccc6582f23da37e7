"""The table of docs/reliability.md: what becomes of an upload in every Task of every workflow at every fault.

`scripts/reliability` drives all of it through a sandbox and writes it into the file; `test_reliability.py`
drives a part of it, and compares. The tasks are read from the state machines, the kinds from the injector.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from functions.record import utc_now
from happypath import reconcile
from happypath.installation import TERMINAL
from happypath.project import WORKFLOWS
from happypath.sandbox.faults import Kind
from tests.statemachines.definitions import tasks
from tests.workflows import document
from tests.workflows.driver import Driver, Outcome, opened
from tests.workflows.photos import document as document_photo
from tests.workflows.photos import drawn

PART = "table"

RECORDING = ("RecordFailState", "RecordMatchState", "RecordErrorState")
# Places that together lead an accepted photo through every task.
_PLACES = ("the-park", "the-cafe")
# What lets an execution come to the states that record: a file that every version refuses, an error.
_NO_PHOTO = b"This is not a photo."
_CAUSE = "KeyError"

_EVENTS = {Kind.DUPLICATE}
# These may pass. The rules of a task try again at least twice.
_TRANSIENT = {Kind.THROTTLE, Kind.ERROR, Kind.TIMEOUT}
_PASSING = "@1-2"
# What goes before the end that `happypath reconcile --fix` led to.
_MENDED = "; then `reconcile --fix`: "
# Longer than that is the kind `timeout`.
_PARAMETERS = {Kind.DELAY: ":0.2"}


@dataclass(frozen=True)
class Fault:
    """A row of a task's table: what goes wrong, and whether of the state or of the function behind it."""

    of: str
    # As in a rule: `throttle@1-2`.
    what: str

    @property
    def kind(self) -> Kind:
        return Kind(re.split("[:@]", self.what)[0])

    def __str__(self) -> str:
        return f"{self.of} `{self.what}`"


@dataclass(frozen=True)
class Cell:
    """A task of a version, and what goes wrong there."""

    version: str
    task: str
    fault: Fault

    def __str__(self) -> str:
        return f"{self.version}-{self.task}-{self.fault.of}-{self.fault.what}"

    @property
    def impossible(self) -> str | None:
        """Why there can be no such fault; None if there can."""
        if self.fault.of == "state" and self.fault.kind is Kind.KILL:
            return "(a state has no process)"
        if self.fault.of == "function" and function_of(self.version, self.task) is None:
            return "(no function)"
        return None

    @property
    def rule(self) -> str:
        """The fault as the injector takes it."""
        if self.fault.of == "state":
            return f"state:{self.version}/{self.task}={self.fault.what}"
        return f"function:{function_of(self.version, self.task)}={self.fault.what}"


def faults() -> list[Fault]:
    """The rows: each kind of fault at the state and at the function; what may pass, once so that it does."""
    return [
        Fault(of, f"{kind}{_PARAMETERS.get(kind, '')}{when}")
        for of in ("state", "function")
        for kind in Kind
        if kind not in _EVENTS
        for when in ((_PASSING, "") if kind in _TRANSIENT else ("",))
    ]


def function_of(version: str, task: str) -> str | None:
    """The function of a task, by its name in rules; None if no function stands behind it."""
    name = re.fullmatch(
        r"\$\{(\w+)FunctionArn\}", str(tasks(version)[task]["Parameters"].get("FunctionName"))
    )
    return name and f"{version}-{name[1]}"


@cache
def some_version(task: str) -> str:
    """A version that has a task: the first, with the shortest way to it, but others for those that record.

    States of one name are the same in all versions (`test_shape.py`).
    """
    versions = [version for version in WORKFLOWS if task in tasks(version)]
    return versions[(1 + RECORDING.index(task)) % len(versions)] if task in RECORDING else versions[0]


def all_tasks() -> list[str]:
    """Every task of any version, once; those that record come last."""
    names = dict.fromkeys(task for version in WORKFLOWS for task in tasks(version))
    return [name for name in names if name not in RECORDING] + [name for name in names if name in RECORDING]


def cells() -> list[Cell]:
    """Every cell of the table."""
    return [
        Cell(version, task, fault)
        for task in all_tasks()
        for fault in faults()
        for version in WORKFLOWS
        if task in tasks(version)
    ]


@dataclass(frozen=True)
class Way:
    """How an upload comes to a task: what is uploaded where, and what goes wrong before, if it must."""

    place: str
    body: bytes
    rules: tuple[str, ...] = ()


class LostError(AssertionError):
    """A cell that ended without a terminal record; the message names it."""


class Table:
    """Drives cells through the sandbox of a driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def drive(self, chosen: Iterable[Cell]) -> dict[Cell, str]:
        """What became of the upload of each cell: the text in the table.

        Versions run side by side; the cells of one after another, as a rule is for all executions of a state.
        What a cell leaves without a terminal record is reconciled afterwards, with no fault in force.

        Raises:
            LostError: an upload has no terminal record even then, or one that its place's photo contradicts,
                or its execution does not end.
        """
        by_version: dict[str, list[Cell]] = {}
        for cell in chosen:
            by_version.setdefault(cell.version, []).append(cell)
        with ThreadPoolExecutor(max(1, len(by_version))) as pool:
            outcomes = {
                cell: outcome
                for each in pool.map(self._drive, by_version.values())
                for cell, outcome in each.items()
            }
        found = {cell: _told(cell, outcome) for cell, outcome in outcomes.items()}
        for version in by_version:
            lost = {
                cell: outcome
                for cell, outcome in outcomes.items()
                if cell.version == version and outcome.status not in TERMINAL
            }
            for cell, status in self._reconciled(version, lost).items():
                found[cell] += f"{_MENDED}{status}"
        return found

    def _drive(self, chosen: Sequence[Cell]) -> dict[Cell, Outcome]:
        ways = self._ways(chosen[0].version)
        found = {}
        for cell in chosen:
            if cell.impossible:
                continue
            way = ways[cell.task]
            outcome = self._driver.execute(
                cell.version, way.body, place=way.place, faults=[*way.rules, cell.rule]
            )
            if outcome.execution not in {"SUCCEEDED", "FAILED"} or cell.task not in outcome.path:
                raise LostError(f"{cell} does not end, or does not come to its task: {outcome}")
            published = outcome.status == "PROCESSED" and "Publish" in tasks(cell.version)
            if (outcome.photo is not None) != published:
                raise LostError(f"{cell}: the place's photo contradicts the record: {outcome}")
            found[cell] = outcome
        return found

    def _ways(self, version: str) -> dict[str, Way]:
        """How to come to each task of a version, found out by going."""
        photo = good_photo(version)
        found: dict[str, Way] = {}
        for place in _PLACES:
            outcome = self._driver.execute(version, photo, place=place)
            assert outcome.status == "PROCESSED", f"{version} does not accept a good photo: {outcome}"
            for state in outcome.path:
                found.setdefault(state, Way(place, photo))
        found["RecordFailState"] = Way(_PLACES[0], _NO_PHOTO)
        first = states_on_the_way(found, version)
        found["RecordErrorState"] = Way(_PLACES[0], photo, (f"state:{version}/{first}=raise:{_CAUSE}",))
        missing = set(tasks(version)) - set(found)
        assert not missing, f"{version}: no upload to {_PLACES} comes to {missing}; add a place that does"
        return found

    def _reconciled(self, version: str, lost: Mapping[Cell, Outcome]) -> dict[Cell, str]:
        """Has uploads without an outcome found and run again, and says how each ended."""
        if not lost:
            return {}
        installation = self._driver.installation
        self._driver.go_live(version)
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


def good_photo(version: str) -> bytes:
    """A photo that a workflow accepts: one that matches, or any that shows nothing to object to."""
    return document_photo("licence-new-york-1") if version == "matcher" else drawn("JPEG")


def states_on_the_way(found: Mapping[str, Way], version: str) -> str:
    """The first task that an upload comes to."""
    return next(state for state in found if state in tasks(version))


def _told(cell: Cell, outcome: Outcome) -> str:
    reason = f" `{outcome.reason}`" if outcome.reason else ""
    # An error leaves the execution under the name that is in the record: only another one is told.
    under = f"; execution `{outcome.error}`" if outcome.error not in {None, outcome.reason} else ""
    attempts = outcome.attempts[cell.task]
    tried = f" ({attempts} attempts)" if attempts > 1 else ""
    return f"{outcome.status}{reason}{tried}{under}"


def rendered(results: Mapping[Cell, str]) -> str:
    """The tables, in Markdown: one for each task, a row for each fault, a column for each version."""
    lines: list[str] = []
    for task in all_tasks():
        versions = [version for version in WORKFLOWS if task in tasks(version)]
        lines += [f"### {task}", "", f"| fault | {' | '.join(versions)} |"]
        lines.append("| --- " * (len(versions) + 1) + "|")
        for fault in faults():
            row = [Cell(version, task, fault) for version in versions]
            texts = [cell.impossible or results[cell] for cell in row]
            lines.append(f"| {fault} | {' | '.join(texts)} |")
        lines.append("")
    return "\n".join(lines)


def kept() -> dict[Cell, str]:
    """The cells of the kept table."""
    found: dict[Cell, str] = {}
    for section in document.read(PART).split("### ")[1:]:
        task, *rows = section.splitlines()
        header, _, *body = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows if row)
        for fault, *texts in body:
            of, what = fault.split(" ", 1)
            for version, text in zip(header[1:], texts, strict=True):
                found[Cell(version, task, Fault(of, what.strip("`")))] = text
    return found


def has_end(text: str) -> bool:
    """Whether what a cell says is a terminal record, at once or after `reconcile --fix`."""
    return text.rpartition(_MENDED)[2].split(" ")[0].strip(";") in TERMINAL


def summary(results: Mapping[Cell, str]) -> str:
    """How many cells ended how."""
    first = Counter(text.split(" ")[0].split(";")[0] for text in results.values())
    ended = ", ".join(f"{count} {status}" for status, count in sorted(first.items()) if status in TERMINAL)
    mended = sum(count for status, count in first.items() if status not in TERMINAL)
    return (
        f"{len(results)} cells: {ended}; {mended} whose recording was broken for good, each with a terminal "
        f"record after `happypath reconcile --fix`."
    )


def main() -> None:
    """Drives every cell, prints the table, and writes it into docs/reliability.md."""
    argparse.ArgumentParser(
        prog="scripts/reliability",
        usage="%(prog)s [-h] [uploads | hostile]",
        description="Every Task of every workflow meets every kind of fault.",
        epilog="Parts of their own, with options that `%(prog)s PART --help` tells: `uploads`, many at once "
        "while everything goes wrong that can, and `hostile`, files that mean harm.",
    ).parse_args()
    started = time.monotonic()
    with opened() as driver:
        results = Table(driver).drive(cells())
    text = f"{summary(results)}\n\n{rendered(results)}"
    print(text)
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    document.write(PART, text)


if __name__ == "__main__":
    main()
