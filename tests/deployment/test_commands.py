"""`happypath deploy` and `happypath destroy`, with the real SAM CLI."""

from __future__ import annotations

import pytest

from happypath.operations.installation import Installation
from happypath.project import ADD_ONS, only_on_aws
from tests.deployment.conftest import Command

pytestmark = [pytest.mark.sam, pytest.mark.timeout(400)]


@pytest.fixture(scope="module", autouse=True)
def deployed(happypath: Command) -> None:
    """A core, and v1 beside it."""
    for stack in ("core", "v1"):
        happypath("deploy", stack, "--yes")


def test_deploying_again_changes_nothing(happypath: Command) -> None:
    assert "is up to date" in happypath("deploy", "v1", "--yes").stdout


def test_what_would_change_is_shown_and_nobody_to_ask_is_no(
    happypath: Command, installation: Installation
) -> None:
    refused = happypath("deploy", "v1", "--parameter", "LogRetentionDays=7", status=1)
    assert "Modify" in refused.stdout
    assert "Logs" in refused.stdout
    stack = installation.stack("v1")
    assert stack is not None
    assert {"ParameterKey": "LogRetentionDays", "ParameterValue": "30"} in stack["Parameters"]


def test_parameters_reach_a_stack_as_they_were_written(
    happypath: Command, installation: Installation
) -> None:
    wanted = {"RequiredLabels": "Driver's License, Person", "RequiredWords": "NEW YORK, 50 % = ½"}
    happypath("deploy", "matcher", "--yes", *(f"--parameter={name}={each}" for name, each in wanted.items()))
    stack = installation.stack("matcher")
    assert stack is not None
    deployed = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert deployed.items() >= wanted.items()
    assert "what v1, matcher stand on" in happypath("destroy", "core", "--yes", status=1).stderr
    happypath("destroy", "matcher", "--yes")


@pytest.mark.parametrize("stack", [each for each in ADD_ONS if not only_on_aws(each)])
def test_an_add_on_is_deployed_and_removed(
    happypath: Command, installation: Installation, stack: str
) -> None:
    happypath("deploy", stack, "--yes")
    assert installation.is_deployed(stack)
    happypath("destroy", stack, "--yes")
    assert not installation.is_deployed(stack)


def test_a_workflow_without_its_core_is_not_built(happypath: Command) -> None:
    assert "There is no stack team-c-core" in happypath("deploy", "v1", "--prefix", "team-c", status=1).stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("deploy", "v0"), "There is no stack v0"),
        (("deploy", "v1", "--parameter", "MinPixels"), "--parameter wants NAME=VALUE"),
        (("deploy", "v1", "--parameter", "Prefix=x"), "use --prefix"),
        (("deploy", "v2", "--parameter", "Bogus=1"), "v2 has no parameter Bogus; its parameters: "),
        (("deploy", "v1", "--parameter", "LogRetentionDays=2"), "LogRetentionDays of v1 cannot be '2'"),
        (("destroy", "v0"), "There is no stack v0"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    happypath: Command, arguments: tuple[str, ...], complaint: str
) -> None:
    run = happypath(*arguments, status=2)
    assert complaint in run.stderr
    assert run.stderr.count("\n") == 1


def test_what_is_used_stays_and_the_rest_goes(happypath: Command, installation: Installation) -> None:
    happypath("live", "v1")
    assert "what v1 stand on" in happypath("destroy", "core", "--yes", status=1).stderr
    assert "v1 is live (v1)" in happypath("destroy", "v1", "--yes", status=1).stderr
    happypath("live", "none")
    assert "--yes" in happypath("destroy", "v1", status=2).stderr  # nobody to ask
    assert "is gone" in happypath("destroy", "v1", "--yes").stdout
    assert installation.stack("v1") is None
    assert "v1 is not deployed" in happypath("live", "v1", status=1).stderr
    assert "is gone" in happypath("destroy", "core", "--yes").stdout
