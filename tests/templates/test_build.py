"""What `sam build` is given: a Makefile for every function, and a lock of all that the functions import."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import get_args

import pytest

from functions.platform.aws import Service
from tests.templates.template import ROOT, all_functions, function, functions, path

LOCK = ROOT / "requirements" / "functions.txt"
# Rooms of functions with libraries of their own.
EXTRA_LOCKS = [path.stem.removeprefix("functions-") for path in LOCK.parent.glob("functions-*.txt")]


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_sam_finds_what_builds_a_function(stack: str, name: str) -> None:
    built = functions(stack)[name]["Metadata"]
    beside = path(stack).parent

    assert built["BuildMethod"] == "makefile"
    makefile = beside / built["ContextPath"] / "Makefile"
    assert "\nbuild-%:\n" in makefile.read_text(encoding="utf-8")
    assert (beside / function(stack, name)["CodeUri"]).resolve() == ROOT / "functions"


def test_the_locks_hold_all_that_the_functions_import() -> None:
    distributions = packages_distributions()
    everywhere = _pinned(LOCK.name).keys()
    assert everywhere >= {"botocore", "pillow", "aws-lambda-powertools"}
    for source in (ROOT / "functions").rglob("*.py"):
        imported = {
            distributions[module][0].lower().replace("_", "-")
            for module in imports(ast.parse(source.read_text(encoding="utf-8")))
            if module not in sys.stdlib_module_names | {"functions"}
        }
        assert imported <= everywhere | _pinned_for(source.parent.name).keys(), source


@pytest.mark.parametrize(("stack", "name"), all_functions())
def test_a_function_is_shipped_with_the_libraries_of_its_room(stack: str, name: str) -> None:
    """templates/Makefile goes by the beginning of its name."""
    room = function(stack, name)["Handler"].split(".")[1]
    assert [each for each in EXTRA_LOCKS if name.lower().startswith(each)] == [room] * (room in EXTRA_LOCKS)


def test_botocore_is_shipped_with_the_services_that_tasks_call() -> None:
    makefile = (ROOT / "templates" / "Makefile").read_text(encoding="utf-8")
    (shipped,) = re.findall(r"^SERVICES := (.*)$", makefile, re.MULTILINE)
    assert sorted(shipped.split()) == sorted(get_args(Service))


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported when the code runs: not those for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING")):
                continue
            case ast.Import():
                yield from (each.name.partition(".")[0] for each in node.names)
            case ast.ImportFrom(level=0, module=str(module)):
                yield module.partition(".")[0]
            case _:
                yield from imports(node)


def test_what_is_shipped_is_what_was_tested() -> None:
    tested = _pinned("dev.txt")
    shipped = _pinned(LOCK.name)

    assert shipped
    assert shipped.items() <= tested.items()
    for room in EXTRA_LOCKS:
        assert _pinned_for(room).items() <= tested.items()


@pytest.mark.parametrize("lock", ["functions.txt", *(f"functions-{room}.txt" for room in EXTRA_LOCKS)])
def test_the_lock_names_hashes_and_no_registry(lock: str) -> None:
    text = (LOCK.parent / lock).read_text(encoding="utf-8")

    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--(extra-)?index-url", text)


def _pinned(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==([\w.]+)", text, re.MULTILINE))


def _pinned_for(room: str) -> dict[str, str]:
    return _pinned(f"functions-{room}.txt") if room in EXTRA_LOCKS else {}


def test_the_lock_is_found_in_a_folder_with_a_space_and_an_apostrophe(tmp_path: Path) -> None:
    root, artifacts, source = tmp_path / "Eva's  pictures", tmp_path / "artifacts", tmp_path / "source"
    (root / "templates").mkdir(parents=True)
    makefile = Path(shutil.copy(ROOT / "templates" / "Makefile", root / "templates"))
    (artifacts / "botocore" / "data").mkdir(parents=True)
    source.mkdir()
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>"{tmp_path}/asked"\n')
    python.chmod(0o755)
    for function_name, locks in (("Any", ["functions"]), ("VideoAny", ["functions", "functions-video"])):
        (tmp_path / "asked").unlink(missing_ok=True)
        subprocess.run(
            [
                *("make", "--makefile", makefile, f"build-{function_name}"),
                *(f"ARTIFACTS_DIR={artifacts}", f"PYTHON={python}"),
            ],
            cwd=source,
            check=True,
            capture_output=True,
        )
        asked = (tmp_path / "asked").read_text().splitlines()
        given = [asked[at + 1] for at, each in enumerate(asked) if each == "--requirement"]
        assert given == [str(root / "requirements" / f"{lock}.txt") for lock in locks]
