"""`happypath run --fault`: what goes wrong on purpose, and what a person reads of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_run import PHOTOS, happypath, results


def test_a_fault_is_survived_or_recorded(tmp_path: Path) -> None:
    faults = [
        "event:upload=duplicate",
        "state:v1/Resizer=throttle@1",
        "function:Publish=raise:OutOfLuck",
        "state:Moderator=error",
    ]
    options = [option for fault in faults for option in ("--fault", fault)]
    run = happypath("run", PHOTOS / "coffee.jpg", "--workflow", "v1", "--json", *options, cwd=tmp_path)

    [result] = results(run)
    assert run.returncode == 1
    assert (result["status"], result["reason"]) == ("FAILED", "OutOfLuck")
    assert result["path"] == ["Resizer", "Publish", "RecordErrorState", "Failed"]
    assert run.stderr.strip().endswith("No call met the fault state:Moderator=error.")


@pytest.mark.parametrize("command", ["run", "up"])
def test_a_rule_that_cannot_be_used_is_one_line_and_status_2(command: str, tmp_path: Path) -> None:
    run = happypath(command, "--fault", "state:Resizer=explode", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stdout == ""
    [line] = run.stderr.splitlines()
    assert line.startswith(
        "happypath: The fault 'state:Resizer=explode' cannot be used: for this target choose"
    )


def test_an_execution_that_ends_without_an_outcome_is_not_waited_for(tmp_path: Path) -> None:
    fault = ("--fault", "state:v1/Resizer=raise:States.Runtime", "--timeout", "300")
    run = happypath("run", PHOTOS / "coffee.jpg", "--workflow", "v1", *fault, cwd=tmp_path)

    assert run.returncode == 1
    assert "RECEIVED" in run.stdout
    assert "Its execution ended as FAILED (States.Runtime" in run.stdout
    assert "`happypath reconcile`" in run.stdout


@pytest.mark.parametrize("command", ["run", "up"])
def test_the_help_has_its_example_whole_in_a_narrow_terminal(command: str) -> None:
    run = happypath(command, "--help", cwd=PHOTOS, COLUMNS="80")
    assert "state:Resizer=error " in run.stdout
