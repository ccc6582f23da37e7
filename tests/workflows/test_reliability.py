"""The kept table of docs/generated/every_fault.md is that of these state machines, and says what happens.

`scripts/reliability` drives every cell of every task. Here one task of each kind is driven, and a function by
faults that a state cannot have in its place. (Each time-out costs the starts of several processes.)
"""

from __future__ import annotations

import pytest

from happypath.sandbox.fault_injection.rules import Kind
from tests.workflows import reliability
from tests.workflows.driver import Driver
from tests.workflows.reliability import Cell, DisagreementError, Table
from tests.workflows.tasks import all_tasks, one_of_each

KEPT = reliability.kept()
_OF_FUNCTIONS = {Kind.RAISE, Kind.KILL, Kind.GARBAGE}
_TASKS = one_of_each()


def is_driven(cell: Cell) -> bool:
    # Its work is done when its time is over: nothing else tells this from a time-out of the state.
    kinds = _OF_FUNCTIONS | {Kind.TIMEOUT} if cell.task.role == "Publish" else _OF_FUNCTIONS
    # What passes is driven in `test_errors.py`.
    return (
        cell.task in _TASKS
        and "@" not in cell.fault.what
        and (cell.fault.of == "state" or cell.fault.kind in kinds)
    )


DRIVEN = list(filter(is_driven, reliability.cells()))


def test_the_table_has_a_cell_for_every_kind_of_task_and_fault() -> None:
    assert set(KEPT) == {cell.kept_as for cell in reliability.cells()}, "run: scripts/reliability"


# All at once, and so in one process: one test of all takes a minute, one for each would in every process.
@pytest.mark.timeout(600)
def test_each_cell_says_what_happens(driver: Driver) -> None:
    found = Table(driver).drive(DRIVEN)
    wrong = {
        str(cell): (text, KEPT.get(cell.kept_as))
        for cell, text in found.items()
        if text != KEPT.get(cell.kept_as)
    }
    assert wrong == {}, "run: scripts/reliability"


def test_no_cell_is_without_a_terminal_record() -> None:
    for cell, text in KEPT.items():
        assert reliability.has_end(text), cell


def test_what_is_rendered_is_read_again_and_tasks_of_one_kind_agree() -> None:
    results = {cell: KEPT[cell.kept_as] for cell in reliability.cells()}
    assert reliability.agreed(results) == KEPT
    last = next(cell for cell in reversed(results) if cell.task.kind == all_tasks()[0].kind)
    with pytest.raises(DisagreementError, match=str(last)):
        reliability.agreed(results | {last: "FAILED `Another`"})
