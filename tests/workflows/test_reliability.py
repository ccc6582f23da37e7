"""The kept table of docs/reliability.md is that of these state machines, and says what happens.

`scripts/reliability` drives every cell. Here each task is driven in one version that has it, and a
function by faults that a state cannot have in its place. (Each time-out costs the start of a process.)
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from happypath.sandbox.faults import Kind
from tests.workflows import reliability
from tests.workflows.driver import Driver
from tests.workflows.reliability import Cell, Table

KEPT = reliability.kept()
_OF_FUNCTIONS = {Kind.RAISE, Kind.KILL, Kind.GARBAGE}


def is_driven(cell: Cell) -> bool:
    if cell.impossible or cell.version != reliability.some_version(cell.task):
        return False
    kinds = _OF_FUNCTIONS | {Kind.TIMEOUT} if cell.task == "Publish" else _OF_FUNCTIONS
    # What passes is driven in `test_errors.py`.
    return "@" not in cell.fault.what and (cell.fault.of == "state" or cell.fault.kind in kinds)


DRIVEN = list(filter(is_driven, reliability.cells()))


@pytest.fixture(scope="module")
def driven(driver: Driver) -> Mapping[Cell, str]:
    return Table(driver).drive(DRIVEN)


def test_the_table_has_a_cell_for_every_task_and_fault() -> None:
    assert set(KEPT) == set(reliability.cells()), "run: scripts/reliability"


@pytest.mark.parametrize("cell", DRIVEN, ids=str)
def test_a_cell_says_what_happens(cell: Cell, driven: Mapping[Cell, str]) -> None:
    assert driven[cell] == KEPT.get(cell), "run: scripts/reliability"


def test_no_cell_is_without_a_terminal_record() -> None:
    for cell, text in KEPT.items():
        assert text == cell.impossible or reliability.has_end(text), cell
