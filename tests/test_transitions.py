"""The table of transitions: what there is to drive, what a history says was driven, and when it judges."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from happypath.project import ROOT
from tests.statemachines.definitions import WORKFLOWS, all_states
from tests.transitions import END, Transition, Transitions, declared, driven, table

MACHINE: dict[str, Any] = {
    "Work": {
        "Type": "Task",
        "Retry": [
            {"ErrorEquals": ["Never"], "MaxAttempts": 0},
            {"ErrorEquals": ["Slow", "Slower"]},
            {"ErrorEquals": ["States.ALL"], "MaxAttempts": 1},
        ],
        "Catch": [
            {"ErrorEquals": ["Refused"], "Next": "Bad"},
            {"ErrorEquals": ["States.ALL"], "Next": "Bad"},
        ],
        "Next": "Which?",
    },
    "Which?": {
        "Type": "Choice",
        "Choices": [
            {"And": [{"Variable": "$.a", "IsPresent": True}], "Next": "Good"},
            {"Variable": "$.b", "IsPresent": True, "Next": "Good"},
        ],
        "Default": "Bad",
    },
    "Good": {"Type": "Pass", "End": True},
    "Bad": {"Type": "Fail"},
}


def entered(name: str) -> dict[str, Any]:
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": name}}


def failed(error: str) -> dict[str, Any]:
    return {"type": "TaskFailed", "taskFailedEventDetails": {"error": error}}


STARTED = {"type": "ExecutionStarted"}
SCHEDULED = {"type": "TaskScheduled"}
TIMED_OUT = {"type": "TaskTimedOut", "taskTimedOutEventDetails": {"error": "States.Timeout"}}
EXITED = {"type": "TaskStateExited"}
SUCCEEDED = {"type": "ExecutionSucceeded"}


def test_every_way_out_of_a_state_is_a_transition() -> None:
    assert declared(MACHINE) == [
        Transition("Work", "Work", ("Slow", "Slower")),
        Transition("Work", "Work", ("States.ALL",)),
        Transition("Work", "Which?"),
        Transition("Work", "Bad", ("Refused",)),
        Transition("Work", "Bad", ("States.ALL",)),
        # Two rules that lead to one state are one transition.
        Transition("Which?", "Good"),
        Transition("Which?", "Bad"),
        Transition("Good", END),
    ]


@pytest.mark.parametrize(
    ("history", "transitions"),
    [
        (
            [
                STARTED,
                entered("Work"),
                SCHEDULED,
                EXITED,
                entered("Which?"),
                EXITED,
                entered("Good"),
                EXITED,
                SUCCEEDED,
            ],
            {Transition("Work", "Which?"), Transition("Which?", "Good"), Transition("Good", END)},
        ),
        (
            [entered("Work"), SCHEDULED, failed("Slower"), SCHEDULED, TIMED_OUT, SCHEDULED],
            {Transition("Work", "Work", ("Slow", "Slower")), Transition("Work", "Work", ("States.ALL",))},
        ),
        (
            [entered("Work"), SCHEDULED, failed("Refused"), EXITED, entered("Bad")],
            {Transition("Work", "Bad", ("Refused",))},
        ),
        (
            [entered("Work"), SCHEDULED, failed("Other"), EXITED, entered("Bad")],
            {Transition("Work", "Bad", ("States.ALL",))},
        ),
        # An execution that fails in a state, or is still in it, has made no transition out of it.
        ([entered("Work"), SCHEDULED, failed("States.Runtime"), {"type": "ExecutionFailed"}], set()),
        ([entered("Good")], set()),
    ],
)
def test_a_history_says_which_transitions_were_made(history: Any, transitions: set[Transition]) -> None:
    assert driven(history, MACHINE) == transitions


# Any workflow, and a transition in it.
ANY = WORKFLOWS[-1]
FIRST = declared(all_states(ANY))[0]


def everything() -> dict[str, Counter[Transition]]:
    return {workflow: Counter(declared(all_states(workflow))) for workflow in WORKFLOWS}


def test_what_no_execution_made_is_missing_by_name() -> None:
    assert Transitions(counts=everything()).missing() == []
    counts = everything()
    del counts[ANY][FIRST]
    assert Transitions(counts=counts).missing() == [f"{ANY}: {FIRST}"]


def test_what_a_worker_tells_is_read_back() -> None:
    assert Transitions.of(Transitions(counts=everything()).told()).counts == everything()


def test_the_table_has_a_line_for_each_transition_and_a_column_for_each_workflow() -> None:
    counts = everything()
    del counts[ANY][FIRST]
    header, *lines, sums = table(counts)
    assert header.split() == list(WORKFLOWS)
    assert {line.partition("  ")[0] for line in lines} >= {str(each) for each in declared(all_states(ANY))}
    [line] = [line for line in lines if line.startswith(f"{FIRST} ")]
    cells = line.removeprefix(str(FIRST)).split()
    assert cells == [
        "MISSING" if workflow == ANY else "1" if FIRST in declared(all_states(workflow)) else "·"
        for workflow in WORKFLOWS
    ]
    assert sums.split()[-1].split("/")[0] == str(len(declared(all_states(ANY))) - 1)


CONFTEST = """
import pytest
from collections import Counter
from pathlib import Path
from tests import transitions
from tests.transitions import Transitions

transitions.FOLDER = Path(__file__).parent / "workflows"

def pytest_configure(config):
    config.pluginmanager.register(Transitions(), Transitions.NAME)

@pytest.fixture(scope="session")
def sandbox(pytestconfig):
    yield
    pytestconfig.pluginmanager.get_plugin(Transitions.NAME).counts = {"WORKFLOW": Counter()}
""".replace("WORKFLOW", ANY)
MISSING = f"FAILED: no execution made {ANY}: {FIRST}"
TESTS = """
def test_one(sandbox): pass
def test_two(sandbox): pass
"""


@pytest.mark.parametrize(
    ("arguments", "status", "verdict"),
    [
        ([], 1, MISSING),
        (["workflows"], 1, MISSING),
        (["--numprocesses", "1"], 1, MISSING),
        (["--numprocesses", "2"], 1, MISSING),
        (["--numprocesses", "2", "-k", "one"], 0, "this is no judgment"),
        (["-k", "not elsewhere"], 1, MISSING),
        (["-k", "one"], 0, "this is no judgment"),
        (["workflows/test_a.py"], 0, "this is no judgment"),
        (["workflows/test_a.py", "workflows/test_b.py::test_one"], 0, "this is no judgment"),
        (["--ignore=workflows/test_b.py"], 0, "this is no judgment"),
        (["--deselect=workflows/test_b.py::test_two"], 0, "this is no judgment"),
    ],
)
def test_a_missing_transition_fails_the_run_when_everything_ran(
    arguments: list[str], status: int, verdict: str, tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "test_a.py").write_text(TESTS)
    (tmp_path / "workflows" / "test_b.py").write_text(TESTS)
    (tmp_path / "test_elsewhere.py").write_text("def test_elsewhere(): pass")
    run = run_pytest(tmp_path, "--import-mode=importlib", *arguments)

    assert run.returncode == status, run.stdout + run.stderr
    assert verdict in run.stdout


def test_a_run_without_workflows_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_elsewhere.py").write_text("def test_elsewhere(sandbox): pass")
    run = run_pytest(tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "transitions driven" not in run.stdout


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
