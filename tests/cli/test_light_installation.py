"""`scripts/run` installs no more than a run needs, and what reads words only for who needs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from happypath.errors import EXTRAS, MissingExtraError
from happypath.operations import extras
from happypath.project import ROOT, SAMPLES
from happypath.samples import Photo
from happypath.sandbox.rekognition import reader
from tests.cli.test_run import PHOTOS


def locked(name: str) -> dict[str, set[str]]:
    """The versions of each package of a lock file; some differ by Python."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with those of run.txt alone."""
    folder = tmp_path_factory.mktemp("site")
    for package in locked("run"):
        try:
            files = metadata.distribution(package).files or ()
        except metadata.PackageNotFoundError:
            continue  # for another platform
        for name in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            target = metadata.distribution(package).locate_file(name)
            if not (folder / name).exists():
                (folder / name).symlink_to(str(target))
    return folder


def run(site: Path, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command, in a Python that has only these packages."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [sys.executable, "-S", "-m", "happypath", "run", *map(str, arguments)],
        cwd=cwd,
        env={**clean, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_what_is_locked_for_running_is_enough_to_run(site: Path, tmp_path: Path) -> None:
    done = run(site, PHOTOS / "dogs.jpg", cwd=tmp_path)
    assert (done.returncode, done.stdout.split()[:1]) == (0, ["PROCESSED"]), done.stderr


def test_a_workflow_that_reads_words_says_what_to_install(site: Path, tmp_path: Path) -> None:
    done = run(site, "--workflow", "matcher", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "matcher reads words" in done.stderr
    assert "run scripts/install ocr" in done.stderr


class StartedError(Exception):
    """Nothing was missing: a sandbox would have started."""


def start(**_: object) -> None:
    raise StartedError


def test_the_real_service_needs_no_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from happypath.operations import run as runs

    monkeypatch.setattr(runs, "Sandbox", start)
    monkeypatch.setattr(reader, "is_installed", lambda: False)
    with pytest.raises(StartedError), runs.installed(["matcher"], [], real_rekognition=True):
        pass
    with pytest.raises(reader.NoReaderError), runs.installed(["v1", "matcher"], [], real_rekognition=False):
        pass
    # Where there is no reader to install, what needs none still runs.
    monkeypatch.setattr(reader, "can_be_installed", lambda: False)
    with pytest.raises(StartedError), runs.installed(["matcher"], [], real_rekognition=False):
        pass


def test_what_another_workflow_needs_is_missed_only_where_an_upload_goes_on_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from happypath.operations import run as runs

    monkeypatch.setattr(runs, "Sandbox", start)
    monkeypatch.setattr(reader, "is_installed", lambda: True)
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    picture, letter = (Photo(SAMPLES / path, "park") for path in ("photos/cat.jpg", "archive/letter.docx"))
    with pytest.raises(StartedError), runs.installed(["catalogue"], [picture], real_rekognition=False):
        pass
    with (
        pytest.raises(
            MissingExtraError, match=r"document takes documents, .*: run scripts/install document "
        ),
        runs.installed(["catalogue"], [picture, letter], real_rekognition=False),
    ):
        pass


def test_everything_that_a_workflow_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "is_installed", lambda: False)
    monkeypatch.setattr(reader, "can_be_installed", lambda: True)
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    assert [error.exit_status for error in extras.missing("redact-dicom")] == [EXTRAS["ocr"], EXTRAS["dicom"]]
    lacking = extras.missing("redact-dicom", real_rekognition=True)
    assert [error.exit_status for error in lacking] == [EXTRAS["dicom"]]
    assert "run scripts/install dicom " in str(lacking[0])


@pytest.mark.parametrize(
    ("first", "status", "extra"),
    [(0, 0, ""), (1, 1, ""), *((status, 7, extra) for extra, status in EXTRAS.items())],
)
def test_scripts_run_installs_what_the_command_asks_for(
    tmp_path: Path, first: int, status: int, extra: str
) -> None:
    """The command ends with `first`, and with 7 once that is installed."""
    log = tmp_path / "log"
    (tmp_path / "scripts").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/run", tmp_path / "scripts/run")
    for name, text in {
        "scripts/install": f'echo install "$@" >>{log}; [ $# = 0 ] || touch {tmp_path}/added',
        ".venv/bin/happypath": f'echo "$@" >>{log}; [ -e {tmp_path}/added ] && exit 7; exit {first}',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([tmp_path / "scripts/run", "a b", "--out", "c"], check=False)
    again = [f"install {extra}", "run a b --out c"] if extra else []
    assert log.read_text().splitlines() == ["install", "run a b --out c", *again]
    assert done.returncode == status


def test_the_locks_agree() -> None:
    everything, light = locked("dev"), locked("run")
    assert {name: everything[name] for name in light} == light
    for extra, package in {"ocr": "rapidocr", "dicom": "pydicom", "video": "av"}.items():
        added = locked(extra)
        assert package in added
        assert not set(light) & set(added)
        assert {name: everything[name] for name in added} == added
    # What is large, and not needed for a run; what would come with the wheels that are only data here.
    assert not set(light) & {"cfn-lint", "sympy", "networkx", "scikit-image", "imageio"}
