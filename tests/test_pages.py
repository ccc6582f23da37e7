"""README.md and docs/: each command has the arguments that its program takes; links, files and modules exist.

`tests/test_extending.py` really runs one of the pages; here nothing is run, so that every page can be read.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import typer
from botocore import xform_name

import happypath.cli.main  # noqa: F401 (it registers the commands)
from bench.__main__ import BENCHMARKS
from happypath.cli.options import app
from happypath.project import ROOT

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
HAPPYPATH: Any = typer.main.get_command(app)
FOLDERS = "bench|docs|functions|happypath|requirements|samples|scripts|statemachines|templates|tests"
PROGRAM = re.compile(r"happypath|aws|scripts/[\w-]+|(\.venv/bin/)?python")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
# Stands behind a command that a sentence only mentions.
MENTION = "(mentioned)"
# Of the AWS CLI itself; and those of its commands that are no operation of an API.
GLOBAL_OPTIONS, HIGH_LEVEL = {"endpoint-url"}, {"s3"}


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


def lines(page: Path) -> Iterator[str]:
    """The code of a page: the lines of its blocks (in a console behind `$`), and what is in backticks."""
    text = page.read_text(encoding="utf-8")
    for language, block in FENCE.findall(text):
        joined = block.replace("\\\n", " ")
        if language == "console" or joined.startswith("$ "):
            yield from re.findall(r"^\$ (.*)", joined, re.M)
        elif not language:
            # An argument between quotation marks may have several lines.
            joined = re.sub(r"'[^']*'", lambda quoted: quoted[0].replace("\n", " "), joined)
            yield from joined.splitlines()
    for code in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        words = code.split()
        # A page may speak of `happypath deploy` without saying of what.
        yield " ".join([*words, MENTION] if words[0] == "happypath" and len(words) == 2 else words)


def commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each command, its program first. Brackets, as in `[PHOTO…]`, are only notation."""
    for line in lines(page):
        for part in re.split(r" && ", re.sub(r" #.*", "", line)):
            words = re.sub(r"^(\w+=\S+ +)+", "", part.strip())
            program = words.split(" ")[0]
            if PROGRAM.fullmatch(program) and words != program and not words.endswith(" …"):
                yield shlex.split(re.sub(r"(^| )\[|\](?= |$)", r"\1", words))


CASES = [(relative(page), command) for page in PAGES for command in commands(page)]


def case(program: str) -> list[Any]:
    found = [(page, command) for page, command in CASES if re.fullmatch(program, command[0])]
    return [pytest.param(command, id=f"{page}: {' '.join(command)}"[:100]) for page, command in found]


def check_happypath(arguments: list[str]) -> None:
    """Parses what stands behind `happypath`; raises if a command, an option or a value is not one."""
    with suppress(typer.Exit), HAPPYPATH.make_context("happypath", list(arguments)) as context:
        name, command, rest = HAPPYPATH.resolve_command(context, list(arguments))
        if arguments != [name, MENTION]:
            command.make_context(name, rest, parent=context)


def exists(path: str) -> bool:
    return any(ROOT.glob(path.rstrip("/")))


@pytest.mark.parametrize("command", case("happypath"))
def test_a_command_has_the_options_that_a_page_says(command: list[str]) -> None:
    check_happypath(command[1:])
    assert all(exists(word) for word in command if word.startswith("samples/"))


@pytest.mark.parametrize("command", case("scripts/.*"))
def test_a_script_exists_and_takes_what_a_page_says(command: list[str]) -> None:
    script, *rest = command
    assert (ROOT / script).is_file()
    first = next((word for word in rest if not word.startswith("-")), None)
    match script:
        case "scripts/run":
            check_happypath(["run", *rest])
        case "scripts/bench" if first and rest[0] == first:
            assert first in {*BENCHMARKS, "NAME"}
        case "scripts/install":
            assert (ROOT / "requirements" / f"{first}.txt").exists()
        case "scripts/reliability" if first:
            assert importlib.util.find_spec(f"tests.workflows.{first}")


@pytest.mark.parametrize("command", case("aws"))
def test_an_operation_of_aws_has_the_options_that_a_page_says(command: list[str]) -> None:
    _, service, operation, *rest = command
    if service in HIGH_LEVEL:
        assert operation in {"cp", "rb", "rm"}
        return
    model = botocore.session.get_session().get_service_model(service)
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    shape = model.operation_model(by_name[operation]).input_shape
    assert shape is not None
    options = {xform_name(name, "-") for name in shape.members}
    given = {word[2:] for word in rest if word.startswith("--")}
    unknown = {name for name in given - GLOBAL_OPTIONS if name.removeprefix("no-") not in options}
    assert unknown == set()


@pytest.mark.parametrize("command", case(r".*python"))
def test_a_module_exists(command: list[str]) -> None:
    for before, module in pairwise(command):
        if before == "-m":
            assert importlib.util.find_spec(module)


def anchors(page: Path) -> set[str]:
    """The headings, as GitHub names them in addresses."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    broken = []
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    named = set(re.findall(rf"`((?:{FOLDERS})/[\w/.*-]*)`", text))
    made = {"tests/stepfunctions_local/MockConfigFile.json"}
    assert {name for name in named - made if not exists(name)} == set()


def test_the_commands_are_found() -> None:
    programs = {command[0] for _, command in CASES}
    assert {"happypath", "aws", "scripts/run", "scripts/reliability", "scripts/bench"} <= programs
    assert len(CASES) > 100
    with pytest.raises(typer.TyperException):
        check_happypath(["runs", "--no-such-option"])
    with pytest.raises(typer.TyperException):
        check_happypath(["no-such-command"])
