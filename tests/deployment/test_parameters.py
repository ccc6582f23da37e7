"""What cannot be deployed, or not with these parameters, is refused before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, NoReturn

import boto3
import pytest

from happypath.operations import deploy as deploying
from happypath.operations.deploy import DeployRefusedError, deploy, removable_in
from happypath.operations.installation import Installation


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What SAM is told."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(deploying, "sam", lambda: "sam")
    monkeypatch.setattr(deploying, "_run", lambda *command: commands.append(command))
    monkeypatch.setattr(deploying, "package_sizes", lambda _: {})
    monkeypatch.setattr(Installation, "stack", lambda *_: None)
    return commands


def nothing(service: str) -> NoReturn:
    pytest.fail(f"{service} is asked")


def sandbox(_: str) -> Any:
    """A client of what is no region of AWS."""
    return SimpleNamespace(
        meta=SimpleNamespace(region_name="eu-west-3", endpoint_url="http://127.0.0.1:4566")
    )


def region(name: str) -> Callable[[str], Any]:
    return lambda service: boto3.Session(region_name=name).client(service)  # type: ignore[call-overload]


# SAM's own parser (samcli/cli/types.py) reads `\\"` as the end of a quoted value.
@pytest.mark.parametrize("value", ["NEW YORK\\", '\\"', "NEW\\ YORK", "the driver\\'s"])
def test_a_backslash_that_sam_would_lose_is_refused(run: list[tuple[str, ...]], value: str) -> None:
    with pytest.raises(DeployRefusedError, match=r"RequiredWords cannot be .* backslash"):
        deploy(Installation(nothing, "team"), "core", parameters={"RequiredWords": value})
    assert run == []


def test_any_other_value_is_quoted_for_sam(run: list[tuple[str, ...]]) -> None:
    words = 'C:\\new, "NEW YORK"'
    deploy(Installation(nothing, "team"), "core", parameters={"RequiredWords": words})
    assert 'ParameterKey=RequiredWords,ParameterValue="C:\\new, \\"NEW YORK\\""' in run[-1]


@pytest.mark.parametrize(
    ("there", "given", "missing"),
    [
        (False, (), "--parameter RequiredLabels=… --parameter RequiredWords=…"),
        (False, ("RequiredLabels",), "wants --parameter RequiredWords=…:"),
        (False, ("RequiredLabels", "RequiredWords"), None),
        (True, (), None),  # they keep their values
    ],
)
def test_what_a_new_stack_has_no_default_for_is_named(
    run: list[tuple[str, ...]],
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
    given: tuple[str, ...],
    missing: str | None,
) -> None:
    monkeypatch.setattr(Installation, "core", {"Table": "team"})
    monkeypatch.setattr(
        Installation, "stack", lambda *_: {"StackStatus": "CREATE_COMPLETE"} if there else None
    )
    told = nullcontext() if missing is None else pytest.raises(DeployRefusedError, match=missing)
    with told:
        deploy(Installation(sandbox, "team"), "matcher", parameters=dict.fromkeys(given, "x"))
    assert bool(run) is (missing is None)


@pytest.mark.parametrize(
    ("stack", "where"), [("v2", "eu-west-3"), ("v4", "eu-north-1"), ("matcher", "us-gov-east-1")]
)
def test_a_workflow_that_asks_rekognition_is_refused_where_there_is_none(
    run: list[tuple[str, ...]], stack: str, where: str
) -> None:
    # There is no core yet, either, and it would be of no use.
    with pytest.raises(
        DeployRefusedError, match=f"{stack} asks Amazon Rekognition, which {where} does not have"
    ):
        deploy(Installation(region(where), "team"), stack)
    assert run == []


@pytest.mark.parametrize(
    ("stack", "client"),
    [
        ("v1", region("eu-west-3")),
        ("core", region("eu-west-3")),
        ("v2", region("eu-west-1")),
        ("v2", sandbox),
    ],
)
def test_all_else_is_deployed(
    run: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, stack: str, client: Callable[[str], Any]
) -> None:
    monkeypatch.setattr(Installation, "core", {"Table": "team"})
    deploy(Installation(client, "team"), stack)
    assert [command[1] for command in run] == ["build", "deploy"]


def test_a_stack_of_another_installation_is_left_alone(
    run: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    owned = [{"ParameterKey": "Prefix", "ParameterValue": "team-b"}]
    stack = {"StackStatus": "CREATE_COMPLETE", "Parameters": owned}
    monkeypatch.setattr(Installation, "stack", lambda *_: stack)
    monkeypatch.setattr(Installation, "core", {"Table": "team"})
    team = Installation(sandbox, "team")
    with pytest.raises(DeployRefusedError, match="team-v1 is a stack of the installation team-b"):
        deploy(team, "v1")
    with pytest.raises(DeployRefusedError, match="team-v1 is a stack of the installation team-b"):
        removable_in(team, "v1")
    assert run == []
