"""Waiting for an outcome: it ends at once where there is never going to be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from happypath.operations.waiting import Watch, wait
from tests.operations.conftest import Command, Offline

# More than a test may take: what waits fails.
PATIENCE_S = 3600.0


@pytest.fixture
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The execution is asked for at every look."""
    monkeypatch.setattr("happypath.operations.waiting._EXECUTION_EVERY_S", 0.0)


def stopped(installation: Offline, upload: str) -> str:
    """An upload whose execution was stopped before it recorded anything."""
    execution = installation.start(upload)
    installation.put_record(upload, "RECEIVED", executionArn=execution)
    installation.stop(execution)
    return execution


def test_an_outcome_is_returned(installation: Offline) -> None:
    for status in ("REJECTED", "DELETED"):
        installation.put_record("u", status)
        seen = wait(installation, "p/u.jpg", PATIENCE_S)
        assert (seen.status, seen.unrecorded, seen.missing, seen.advice("u")) == (status, None, None, None)


@pytest.mark.usefixtures("_often")
def test_an_execution_that_ended_without_an_outcome_ends_the_waiting(installation: Offline) -> None:
    execution = stopped(installation, "u")
    seen = wait(installation, "p/u.jpg", PATIENCE_S, every_s=0.05)
    assert seen.status == "RECEIVED"
    assert seen.unrecorded is not None
    assert seen.unrecorded.status == "ABORTED"
    assert seen.missing == f"Its execution ended as ABORTED and recorded no outcome: {execution}"
    assert "`happypath redrive u`" in (seen.advice("u") or "")


def test_an_execution_that_runs_or_was_not_started_is_waited_for(installation: Offline) -> None:
    installation.put_record("runs", "RECEIVED", executionArn=installation.start("runs"))
    installation.put_record("claimed", "RECEIVED")
    now = 0.0
    watches = {
        name: Watch(installation, f"p/{name}.jpg", lambda: now) for name in ("runs", "claimed", "unknown")
    }
    now = 100.0
    looks = {name: watch.look() for name, watch in watches.items()}
    assert not any(look.is_over for look in looks.values())
    assert {name: look.status for name, look in looks.items()} == {
        "runs": "RECEIVED",
        "claimed": "RECEIVED",
        "unknown": "WAITING",
    }
    assert all(look.missing and "`--timeout`" in (look.advice(name) or "") for name, look in looks.items())


def test_the_execution_is_asked_for_rarely(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.put_record("u", "RECEIVED", executionArn=installation.start("u"))
    asked: list[str] = []
    ask = installation.execution

    def counted(arn: str, _: object) -> Any:
        asked.append(arn)
        return ask(arn)

    monkeypatch.setattr(installation, "execution", counted)
    now = 0.0
    watch = Watch(installation, "p/u.jpg", lambda: now)
    for tenth in range(101):
        now = tenth / 10
        watch.look()
    assert 1 <= len(asked) <= 5


@pytest.mark.parametrize("what", ["an outcome", "another attempt"])
def test_what_comes_while_one_looks_counts(
    installation: Offline, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    stopped(installation, "u")
    ask = installation.execution

    def changing(arn: str, _: object) -> Any:
        if what == "an outcome":
            installation.put_record("u", "PROCESSED", executionArn=arn)
        else:
            installation.put_record("u", "RECEIVED", executionArn=f"{arn}-2", attempt="2")
        return ask(arn)

    monkeypatch.setattr(installation, "execution", changing)
    now = 0.0
    watch = Watch(installation, "p/u.jpg", lambda: now)
    now = 100.0
    seen = watch.look()
    assert seen.unrecorded is None
    assert seen.is_over == (what == "an outcome")


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize("as_json", [False, True])
def test_upload_says_at_once_that_an_execution_left_no_outcome(
    installation: Offline, happypath: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_json: bool
) -> None:
    monkeypatch.setattr("happypath.cli.uploads.secrets.token_hex", lambda _: "1")
    photo = tmp_path / "u.jpg"
    photo.write_bytes(b"photo")
    execution = stopped(installation, "1-u")
    done = happypath("upload", str(photo), "--place", "p", "--wait", *(["--json"] if as_json else []))
    assert done.status == 1
    if as_json:
        (record,) = json.loads(done.output)
        assert (record["uploadId"], record["objStatus"]) == ("1-u.jpg", "RECEIVED")
        assert record["unrecorded"] == {"status": "ABORTED", "error": None, "cause": None}
    else:
        first, why, advice = done.output.splitlines()
        assert first.split() == ["RECEIVED", "p/1-u.jpg"]
        assert why.split() == f"Its execution ended as ABORTED and recorded no outcome: {execution}".split()
        assert "`happypath redrive p/1-u.jpg`" in advice
