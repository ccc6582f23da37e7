"""What contributors lean on: the commands of CONTRIBUTING.md, CI, hooks, dependencies, types."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from typer.main import get_command

from happypath.cli.options import app
from happypath.project import ROOT
from tests.templates.test_build import imports

GUIDE = ROOT / "CONTRIBUTING.md"
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [GUIDE, ROOT / "CHANGELOG.md", *sorted(DECISIONS.glob("*.md"))]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[list[str]]:
    """The commands of a page: lines of blocks without a language, and code that begins with one of ours."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\n(.*?)^```$", text, re.M | re.S):
        yield from (shlex.split(line, comments=True) for line in block.splitlines())
    for line in re.findall(r"`((?:scripts/|happypath |\.venv/bin/)[^`\n]+)`", text):
        yield shlex.split(line)


def is_script(name: str) -> bool:
    return (ROOT / name).is_file() and os.access(ROOT / name, os.X_OK)


def missing(paths: list[str]) -> list[str]:
    """Which of the paths into the project's main folders lead nowhere."""
    ours = [each for each in paths if each.startswith(("docs/", "functions/", "happypath/", "tests/"))]
    return [each for each in ours if not (ROOT / each).exists()]


def names(requirements: list[str]) -> set[str]:
    return {_normal(Requirement(each).name) for each in requirements}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_commands_and_files_that_exist(page: Path) -> None:
    import_module("happypath.cli.main")  # adds the commands
    known = set(getattr(get_command(app), "commands", {}))
    installed = names(PROJECT["project"]["optional-dependencies"]["dev"])
    for command in commands(page):
        match command:
            case ["happypath", subcommand, *_]:
                assert subcommand in known, command
            case [program, *rest] if program.startswith("scripts/"):
                assert is_script(program), command
                assert missing(rest) == []
            case [program, *_] if program.startswith(".venv/bin/"):
                assert _normal(Path(program).name) in installed, command
            case _:
                pytest.fail(f"{command} is none of ours")

    text = page.read_text(encoding="utf-8")
    linked = {each.partition("#")[0] for each in re.findall(r"\]\(([^):]+)\)", text)}
    assert {each for each in linked if not (page.parent / each).exists()} == set()
    assert missing(re.findall(r"`((?:\.?[\w-]+/)+[\w.-]*)`", text)) == []


def test_the_guide_leads_to_sections_of_extending() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "docs" / "extending.md").read_text(encoding="utf-8"), re.M)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    linked = re.findall(r"\(docs/extending\.md#([\w-]+)\)", GUIDE.read_text(encoding="utf-8"))
    assert len(linked) == 3
    assert set(linked) <= anchors


def test_the_map_of_the_tests_has_every_folder_once() -> None:
    mapped = re.findall(r"^\| `tests/(\w+)/` \|", GUIDE.read_text(encoding="utf-8"), re.M)
    assert sorted(mapped) == sorted(path.parent.name for path in (ROOT / "tests").glob("*/__init__.py"))


def test_every_decision_says_why() -> None:
    records = (DECISIONS / "README.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert records
    for record in records:
        assert re.findall(r"\*\*(\w+)\.\*\*", record) == ["Context", "Decision", "Consequence"], record


def test_github_runs_the_scripts_that_ci_runs() -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    there = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    here = re.findall(r"^scripts/.+$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.M)
    assert there == here
    assert [each for each in here if not is_script(each)] == []


def checks() -> list[str]:
    """What scripts/check does when nothing is named."""
    found = re.search(r"^ +set -- (.+)$", (ROOT / "scripts" / "check").read_text(encoding="utf-8"), re.M)
    assert found
    return found[1].split()


def test_the_hooks_are_the_checks() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    # A repository elsewhere would be downloaded.
    assert [each["repo"] for each in config["repos"]] == ["local"]
    entries = [hook["entry"].split() for hook in config["repos"][0]["hooks"]]
    assert {entry[0] for entry in entries} == {"scripts/check"}
    assert [name for entry in entries for name in entry[1:]] == checks()


def test_a_check_that_is_none_is_an_error() -> None:
    done = subprocess.run([ROOT / "scripts" / "check", "lnit"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith(f"say {', '.join(checks()[:-1])} or {checks()[-1]}.")


def test_the_fast_layers_exist() -> None:
    script = (ROOT / "scripts" / "test").read_text(encoding="utf-8")
    found = re.findall(r"\btests/[\w./]+", script)
    assert len(found) >= 5
    assert [each for each in found if not (ROOT / each).exists()] == []


@pytest.mark.slow
def test_the_command_needs_no_extra_to_start() -> None:
    needed = names(PROJECT["project"]["dependencies"])
    extras = PROJECT["project"]["optional-dependencies"]
    optional = {name for extra in extras.keys() - {"dev"} for name in names(extras[extra])}
    # What the packages themselves bring: botocore with boto3, werkzeug with moto's server, and so on.
    brought = {
        "botocore",
        "werkzeug",
        "flask",
        "responses",
        "numpy",
        "py-partiql-parser",
        "markupsafe",
        "lxml",
    }
    distributions = packages_distributions()
    imported = {
        _normal(distributions[module][0])
        for package in ("functions", "happypath")
        for source in (ROOT / package).rglob("*.py")
        for module in imports(ast.parse(source.read_text(encoding="utf-8")))
        if module not in sys.stdlib_module_names | {"functions", "happypath"}
    }
    assert {"typer", "moto", "pyyaml"} <= imported
    assert imported - needed - optional - brought == set()


def test_what_is_shipped_to_lambda_is_installed_with_the_command() -> None:
    assert set(PROJECT["dependency-groups"]["functions"]) <= set(PROJECT["project"]["dependencies"])


@pytest.mark.parametrize("package", ["functions", "happypath"])
def test_a_package_tells_type_checkers_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][package]


@pytest.mark.slow
def test_the_command_starts_where_the_project_is_not_and_says_what_it_lacks(tmp_path: Path) -> None:
    # As `pip install .` leaves it: the packages alone, away from templates and state machines.
    for package in ("functions", "happypath"):
        shutil.copytree(ROOT / package, tmp_path / package)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "happypath", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("--help").returncode == 0
    refused = run("cost")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (2, 1)
    assert "go to a checkout of Happy Path" in refused.stderr
