"""What `sam build` makes: for Lambda's Python 3.13 on arm64, small, and the same each time."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from happypath.operations.deploy import sam
from happypath.project import ROOT, STACKS
from tests.templates.template import functions

pytestmark = [pytest.mark.sam, pytest.mark.timeout(300)]

# What no task imports.
NOT_SHIPPED = ("boto3", "s3transfer", "bin", "pip")
NOT_IMPORTED = (
    "aws_lambda_powertools.event_handler",
    "aws_lambda_powertools.utilities.parser",
    "PIL._imagingft",
    "PIL._imagingmath",
    "PIL._imagingmorph",
    "PIL._imagingtk",
)


def run(*arguments: str | Path, mask: int = 0o022) -> str:
    done = subprocess.run(
        [sam(), *map(str, arguments)],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        umask=mask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """The folder of each function's code, by stack and logical id."""
    found: dict[str, dict[str, Path]] = {}
    for stack in STACKS:
        folder = tmp_path_factory.mktemp(stack)
        run("build", "--config-env", stack, "--build-dir", folder)
        found[stack] = {name: folder / name for name in functions(stack)}
        assert all(path.is_dir() for path in found[stack].values())
    return found


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def zipped(folder: Path) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files(folder):
            archive.write(path, path.relative_to(folder))
    return body.getvalue()


def test_every_function_is_small(built: dict[str, dict[str, Path]]) -> None:
    sizes = {
        f"{stack}/{name}": len(zipped(folder)) / 1e6
        for stack, folders in built.items()
        for name, folder in folders.items()
    }
    sys.stdout.write("\n".join(f"{name} {size:.2f} MB" for name, size in sizes.items()))
    assert max(sizes.values()) < 15


def test_two_builds_are_the_same_bytes_whoever_makes_them(
    built: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    run("build", "--config-env", "v4", "--build-dir", tmp_path, mask=0o077)
    for name, folder in built["v4"].items():
        assert zipped(tmp_path / name) == zipped(folder), name


def test_the_code_is_the_functions_and_libraries_for_lambda(built: dict[str, dict[str, Path]]) -> None:
    for folder in (folder for folders in built.values() for folder in folders.values()):
        names = {path.name for path in folder.iterdir()}
        assert {"functions", "PIL", "botocore", "aws_lambda_powertools", "aws_xray_sdk"} <= names
        assert not names & set(NOT_SHIPPED)
        sources = {path.relative_to(folder / "functions") for path in (folder / "functions").rglob("*.py")}
        assert sources == {
            path.relative_to(ROOT / "functions") for path in (ROOT / "functions").rglob("*.py")
        }
        for path in files(folder):
            assert path.suffix != ".pyi"
            if path.read_bytes()[:4] == b"\x7fELF":
                # e_machine: 183 is AArch64.
                assert path.read_bytes()[18:20] == (183).to_bytes(2, "little"), path
                assert "cpython-31" not in path.name or "cpython-313-" in path.name, path


def test_it_is_compiled_for_lambda_where_there_is_a_python_to_do_it(
    built: dict[str, dict[str, Path]],
) -> None:
    version = ["-c", "import sys; print(sys.version_info[:2])"]
    pythons = [found for name in ("python3.13", sys.executable) if (found := shutil.which(name))]
    answers = [
        subprocess.run([python, *version], capture_output=True, text=True, check=False).stdout
        for python in pythons
    ]
    for folder in (folder for folders in built.values() for folder in folders.values()):
        compiled = {path for path in files(folder) if path.suffix == ".pyc"}
        sources = {path for path in files(folder) if path.suffix == ".py"}
        assert compiled == (
            {path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in sources}
            if "(3, 13)\n" in answers
            else set()
        )
        for path in compiled:
            # The magic number of Python 3.13, and that the source is not asked for.
            assert path.read_bytes()[:8] == b"\xf3\r\r\n\x01\0\0\0"


def test_no_library_misses_one_that_was_left_out(built: dict[str, dict[str, Path]]) -> None:
    folder = built["v4"]["ResizeFunction"]
    there = {path.name for path in folder.glob("*.libs/*")}
    assert there
    for path in files(folder):
        if ".so" in path.suffixes:
            needed = set(re.findall(rb"\x00(lib[\w-]+-[0-9a-f]{8}\.so[\w.]*)", path.read_bytes()))
            assert {name.decode() for name in needed} <= there, path


def test_the_tasks_do_not_import_what_was_left_out() -> None:
    """The handlers, imported where what was left out cannot be."""
    script = f"""
import dataclasses, importlib, os, pkgutil, sys
for name in {NOT_IMPORTED!r}:
    sys.modules[name] = None
from functions.platform import settings
for each in vars(settings).values():
    if isinstance(each, type) and dataclasses.is_dataclass(each):
        for field in dataclasses.fields(each):
            os.environ.setdefault(field.name.upper(), "jpg" if "types" in field.name else "10")
import functions
for module in pkgutil.walk_packages(functions.__path__, "functions."):
    importlib.import_module(module.name)
"""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("stack", STACKS)
def test_sam_finds_nothing_wrong_with_a_template(stack: str) -> None:
    assert "is a valid SAM Template" in run("validate", "--config-env", stack, "--lint")


def test_samconfig_has_an_environment_per_stack() -> None:
    configured = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    assert {name for name in configured if name != "version"} == set(STACKS)
    first = json.dumps(configured[STACKS[0]]).replace(STACKS[0], "*")
    for stack in STACKS:
        assert configured[stack]["deploy"]["parameters"]["confirm_changeset"] is True
        assert json.dumps(configured[stack]).replace(stack, "*") == first
