"""Stacks that are there and were never made: nobody answered yes, or something failed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from happypath.operations.deploy import DeployRefusedError, deploy, destroy, removable_in
from happypath.operations.installation import Installation, NotDeployedError
from happypath.sandbox.sandbox import Sandbox

_NUMBERS = itertools.count()


@pytest.fixture
def unfinished(sandbox: Sandbox) -> Iterator[Installation]:
    """An installation of its own, with nothing in it."""
    prefix = f"unfinished-{next(_NUMBERS)}"
    yield Installation(sandbox.client, prefix)
    cloudformation = sandbox.client("cloudformation")
    for each in cloudformation.describe_stacks()["Stacks"]:
        if each["StackName"].startswith(f"{prefix}-"):
            cloudformation.delete_stack(StackName=each["StackName"])


def review(installation: Installation, stack: str, queue: dict[str, Any] | None = None) -> str:
    """Proposes a stack with one queue, as SAM does before it asks → the id of the change set."""
    resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": queue or {}}}
    outputs = {"Queue": {"Value": {"Ref": "Queue"}}}
    change_set: str = installation.client("cloudformation").create_change_set(
        StackName=f"{installation.prefix}-{stack}",
        ChangeSetName=f"c{next(_NUMBERS)}",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": resources, "Outputs": outputs}),
    )["Id"]
    return change_set


def test_a_core_that_nobody_said_yes_to_is_not_deployed(unfinished: Installation) -> None:
    review(unfinished, "core")
    with pytest.raises(NotDeployedError, match=r"REVIEW_IN_PROGRESS.*`happypath deploy core`"):
        _ = unfinished.core


def test_a_core_that_failed_is_not_deployed(unfinished: Installation) -> None:
    change_set = review(unfinished, "core", {"QueueName": {"Fn::ImportValue": "exported-by-nobody"}})
    unfinished.client("cloudformation").execute_change_set(ChangeSetName=change_set)
    with pytest.raises(NotDeployedError, match=r"ROLLBACK_COMPLETE.*`happypath destroy core`"):
        _ = unfinished.core


def test_nothing_stands_on_a_core_but_what_was_made(unfinished: Installation) -> None:
    review(unfinished, "core")
    change_set = review(unfinished, "v1")
    assert removable_in(unfinished, "core") == timedelta()
    assert removable_in(unfinished, "v1") == timedelta()
    unfinished.client("cloudformation").execute_change_set(ChangeSetName=change_set)
    with pytest.raises(DeployRefusedError, match="what v1 stand on"):
        removable_in(unfinished, "core")


@pytest.mark.parametrize("stack", ["core", "v1"])
def test_what_was_never_made_goes_at_once(unfinished: Installation, stack: str) -> None:
    review(unfinished, stack)
    destroy(unfinished, stack, sleep=lambda _: pytest.fail("it waits"))
    assert unfinished.stack(stack) is None


def test_a_stack_that_failed_is_said_to_be_and_both_go(unfinished: Installation) -> None:
    change_set = review(unfinished, "core", {"QueueName": {"Fn::ImportValue": "exported-by-nobody"}})
    unfinished.client("cloudformation").execute_change_set(ChangeSetName=change_set)
    with pytest.raises(DeployRefusedError, match=r"failed \(ROLLBACK_COMPLETE\).*`happypath destroy core`"):
        deploy(unfinished, "core")
    # By hand, for no command deploys a workflow on it.
    change_set = review(unfinished, "v2")
    unfinished.client("cloudformation").execute_change_set(ChangeSetName=change_set)
    for stack in ("v2", "core"):
        destroy(unfinished, stack, sleep=lambda _: pytest.fail("it waits"))
        assert unfinished.stack(stack) is None
