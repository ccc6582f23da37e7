"""`happypath live`: what it refuses, what it writes, and what it remembers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from happypath.operations.deploy import DeployRefusedError, removable_in
from happypath.operations.installation import Installation
from happypath.operations.live import LiveRefusedError, before, changes, switch, workflows
from happypath.sandbox.sandbox import Sandbox
from tests.cli.test_run import happypath


@pytest.fixture
def installation(sandbox: Sandbox) -> Iterator[Installation]:
    """What is live is afterwards what it was before."""
    installation = Installation(sandbox.client, sandbox.prefix)
    was = changes(installation)[0].value
    installation.set_live("none")
    yield installation
    installation.set_live(was)


def live(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    return happypath(
        "live",
        *arguments,
        cwd=Path.cwd(),
        AWS_ENDPOINT_URL=sandbox.endpoint,
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="sandbox",
        AWS_SECRET_ACCESS_KEY="sandbox",
    )


def written(installation: Installation) -> str:
    name = installation.core["LiveParameter"]
    value: str = installation.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return value


@pytest.mark.parametrize(
    "value", ["v4", "v3=90 v4=10", "v1=1 v2=1 v3=1 v4=1", "v4 documents/=matcher", "none documents/=matcher"]
)
def test_a_switch_is_one_write_and_says_who_and_when(installation: Installation, value: str) -> None:
    past = len(changes(installation))

    assert switch(installation, value)

    assert written(installation) == value
    now, previous = changes(installation)[:2]
    assert (now.value, previous.value) == (value, "none")
    assert now.at >= previous.at
    assert now.by.startswith("arn:aws:iam::123456789012:")
    assert len(changes(installation)) == past + 1


def test_a_switch_to_what_is_live_writes_nothing(installation: Installation) -> None:
    switch(installation, "v3=90 v4=10")
    past = len(changes(installation))
    assert not switch(installation, " v3=90   v4=10 ")
    assert len(changes(installation)) == past


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("v0", "v0 is not deployed"),
        ("v4=90 v0=10", "v0 is not deployed"),
        ("v4 documents/=v0", "v0 is not deployed"),
        ("v4 documents=matcher", "'documents=matcher' is not understood: .* each with its slash"),
        ("v4 my place/=matcher", "no weight is given for 'v4' and 'my': .* %20 for white space"),
        ("v3=90 v4", "no weight is given for 'v4':"),
        ("documents/=matcher", "nothing of uploads in general"),
        ("core", "core is not deployed"),
        ("v3 v4", "no weight is given for 'v3' and 'v4':"),
        ("v4=0", "not understood"),
        ("", "nothing of uploads in general"),
        ("V4", "not understood"),
        ("none v4=1", "not understood"),
    ],
)
def test_what_cannot_run_is_not_made_live(installation: Installation, value: str, complaint: str) -> None:
    past = changes(installation)
    with pytest.raises(LiveRefusedError, match=complaint):
        switch(installation, value)
    assert changes(installation) == past


def test_what_is_live_and_not_deployed_is_said_to_be(installation: Installation, sandbox: Sandbox) -> None:
    installation.set_live("v1=90 v0=10")
    shown = live(sandbox)
    assert (shown.returncode, shown.stderr.count("\n")) == (0, 1)
    assert "v1=90 v0=10" in shown.stdout
    assert "v0 is not deployed (no workflow stack happypath-v0): deploy it first." in shown.stderr
    installation.set_live("v1 v2")
    assert "'v1 v2' makes no sense, so no upload can be started" in live(sandbox).stderr
    installation.set_live("v1 documents/=v2")
    assert live(sandbox).stderr == ""


def test_a_stack_that_is_being_deleted_is_not_made_live(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = installation.stack("v4")
    assert stack is not None
    monkeypatch.setattr(installation, "stack", lambda _: {**stack, "StackStatus": "DELETE_IN_PROGRESS"})
    with pytest.raises(LiveRefusedError, match="DELETE_IN_PROGRESS"):
        switch(installation, "v4")


def test_a_stack_that_is_another_installations_is_not_made_live(
    installation: Installation, sandbox: Sandbox
) -> None:
    # What `--prefix team live b-v4` asks for beside an installation `team-b`.
    other = Installation(sandbox.client, "team")
    other.__dict__["core"] = installation.core
    stack = installation.stack("v4")
    assert stack is not None
    other.stack = lambda name: stack if name == "b-v4" else None  # type: ignore[method-assign]
    past = changes(installation)
    with pytest.raises(LiveRefusedError, match=f"team-b-v4 is a stack of the installation {sandbox.prefix}"):
        switch(other, "b-v4")
    assert changes(installation) == past


def test_back_is_the_value_before_and_back_again_returns(installation: Installation) -> None:
    switch(installation, "v3")
    switch(installation, "v4")
    assert before(installation) == "v3"
    switch(installation, before(installation))
    assert (written(installation), before(installation)) == ("v3", "v4")


def test_a_value_written_twice_is_one_step_back(installation: Installation) -> None:
    for value in ("v3", "v4", "v4"):
        installation.set_live(value)
    assert before(installation) == "v3"


def test_the_command_sets_shows_and_goes_back(installation: Installation, sandbox: Sandbox) -> None:
    assert live(sandbox, "v3").returncode == 0
    assert live(sandbox, "v3=90", "v4=10").stdout == "v3=90 v4=10: is live now.\n"
    shown = json.loads(live(sandbox, "--json").stdout)
    assert [each["live"] for each in shown[:3]] == ["v3=90 v4=10", "v3", "none"]
    assert live(sandbox, "--back").stdout == "v3: is live now.\n"
    assert written(installation) == "v3"
    table = live(sandbox).stdout.splitlines()
    assert table[1].startswith("v3 ")
    assert "arn:aws:iam::123456789012:root" in table[1]


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [(("v0",), 1, "v0 is not deployed"), (("--back", "v4"), 2, "name no version")],
)
def test_a_refusal_is_one_line(
    installation: Installation, sandbox: Sandbox, arguments: tuple[str, ...], status: int, complaint: str
) -> None:
    run = live(sandbox, *arguments)
    assert (run.returncode, run.stderr.count("\n")) == (status, 1)
    assert complaint in run.stderr
    assert written(installation) == "none"


def test_a_workflow_that_only_a_prefix_goes_to_is_live_and_stays(installation: Installation) -> None:
    switch(installation, "v4 documents/=matcher")
    with pytest.raises(DeployRefusedError, match="matcher is live"):
        removable_in(installation, "matcher")
    switch(installation, "v4")
    assert before(installation) == "v4 documents/=matcher"


def test_only_values_with_sense_name_workflows() -> None:
    assert workflows("v4 documents/=matcher photos/=v4 held/=none") == ("v4", "matcher")
    assert workflows("none") == workflows("nonsense!") == ()
