"""Values of parameters that cannot be handed to SAM are refused before anything is built."""

from __future__ import annotations

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
