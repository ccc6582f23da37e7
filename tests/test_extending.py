"""docs/extending.md, followed: its blocks are done in a copy of the project, and print what it says.

A block is written to the file that stands behind its language, applied (`diff`), run (`sh`), or run and
compared (`console`, where numbers with a point may be others, and results come in the order of their ends).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from happypath.project import ROOT

PAGE = ROOT / "docs" / "extending.md"
COPIED = ("functions", "happypath", "samples", "statemachines", "templates", "tests")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what stands behind that, and its text."""

    language: str
    file: str
    text: str


def blocks() -> list[Block]:
    found = re.findall(r"^```(\w*) ?(\S*)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return [Block(*each) for each in found]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in COPIED:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "samconfig.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for workflow in re.findall(r"^\$ happypath new (\S+)", PAGE.read_text(encoding="utf-8"), re.M):
        leave_out(workflow, tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, command in (("python", ""), ("happypath", "-m happypath")):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {command} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    return tmp_path


def leave_out(workflow: str, project: Path) -> None:
    """Takes a workflow out of the copy: who made the version that the page makes has it already."""
    shutil.rmtree(project / "templates" / workflow, ignore_errors=True)
    for file in (
        f"statemachines/{workflow}.asl.json",
        f"tests/outcomes/{workflow}.json",
        f"samples/{workflow}.json",
    ):
        (project / file).unlink(missing_ok=True)
    configuration = project / "samconfig.toml"
    sections = re.split(r"^(?=\[)", configuration.read_text(encoding="utf-8"), flags=re.M)
    kept = [each for each in sections if not each.startswith(f"[{workflow}.")]
    configuration.write_text("".join(kept), encoding="utf-8")


def is_done(project: Path, diff: str) -> bool:
    """Whether the copy has the change already, because somebody made it in the project itself."""
    command = ("git", "apply", "--reverse", "--check", "-C1", "--recount", "-")
    return (
        subprocess.run(
            command, cwd=project, input=diff, capture_output=True, text=True, check=False
        ).returncode
        == 0
    )


def run(project: Path, *command: str, given: str = "") -> str:
    """Runs a command in the copy, whose packages come before those that are installed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    path = f"{project / 'bin'}{os.pathsep}{clean['PATH']}"
    done = subprocess.run(
        command,
        cwd=project,
        env={**clean, "PATH": path, "PYTHONPATH": str(project)},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of a console, each with the lines that it prints."""
    for each in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, *printed = each.splitlines()
        yield command, printed


def comparable(lines: list[str]) -> list[str]:
    return sorted(re.sub(r"\d+\.\d+", "N", line) for line in lines if line.strip())


@pytest.mark.timeout(300)
def test_what_the_page_says_can_be_done_and_does_what_it_says(project: Path) -> None:
    for block in blocks():
        match block.language:
            case "python":
                assert not (project / block.file).exists(), f"{block.file} is no new file"
                (project / block.file).write_text(block.text, encoding="utf-8")
            case "diff":
                # One line of context is enough, so that a change beside it does not make the page wrong.
                if not is_done(project, block.text):
                    run(project, "git", "apply", "-C1", "--recount", "-", given=block.text)
            case "sh":
                run(project, "bash", "-euc", block.text)
            case "console":
                for command, printed in commands(block.text):
                    output = run(project, "bash", "-euc", command).splitlines()
                    # pytest draws a line of dots.
                    assert set(comparable(printed)) <= set(comparable(output)), "\n".join(output)


def test_a_type_of_business_is_states_rules_and_outcomes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    start, end = page.index("## A type of business"), page.index("## A version")
    gym = [block for block in blocks() if start < page.index(block.text) < end]
    changed = [line[6:] for block in gym for line in block.text.splitlines() if line.startswith("+++ b/")]
    added = [
        line
        for block in gym
        if block.language == "diff"
        for line in block.text.splitlines()
        if line.startswith("+") and not line.startswith("+++")
    ]
    assert changed == ["statemachines/v4.asl.json", "tests/outcomes/v4.json"]
    assert not any(block.file for block in gym)
    assert len(added) <= 60


def test_the_page_names_files_that_exist() -> None:
    text = re.sub(r"^```.*?^```$", "", PAGE.read_text(encoding="utf-8"), flags=re.M | re.S)
    named = set(re.findall(r"`((?:tests|scripts|templates|docs)/[\w/.]+)`", text))
    named |= {f"docs/{name}" for name in re.findall(r"\]\((\w+\.md)\)", text)}
    assert {name for name in named if not (ROOT / name).exists()} == set()
