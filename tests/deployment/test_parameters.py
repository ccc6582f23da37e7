"""Values of parameters that cannot be handed to SAM are refused before anything is built."""

from __future__ import annotations

from contextlib import nullcontext
from typing import NoReturn

import pytest

from happypath import deploy as deploying
from happypath.deploy import DeployRefusedError, deploy
from happypath.installation import Installation


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What SAM is told."""
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(deploying, "sam", lambda: "sam")
    monkeypatch.setattr(deploying, "_run", lambda *command: commands.append(command))
    monkeypatch.setattr(deploying, "package_sizes", lambda _: {})
    return commands


def nothing(service: str) -> NoReturn:
    pytest.fail(f"{service} is asked")


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
        deploy(Installation(nothing, "team"), "matcher", parameters=dict.fromkeys(given, "x"))
    assert bool(run) is (missing is None)
