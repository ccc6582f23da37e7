"""What is an installation's own, where names alone do not tell."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from happypath.operations import installation as installations
from happypath.operations.installation import Installation


def stubbed(service: str) -> tuple[Any, Stubber]:
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    client = session.client(service)
    return client, Stubber(client)


@pytest.mark.parametrize(
    ("prefix", "owner", "own"),
    [
        ("team", "team", {"v1", "b-v1"}),
        # v1 of an installation `team-b`.
        ("team", "team-b", {"v1"}),
        ("team-b", "team-b", {"v1"}),
    ],
)
def test_a_state_machine_that_may_be_anothers_is_told_by_its_stack(
    monkeypatch: pytest.MonkeyPatch, prefix: str, owner: str, own: set[str]
) -> None:
    monkeypatch.setattr(installations, "WORKFLOWS", ("v1", "b-v1"))
    stepfunctions, machines = stubbed("stepfunctions")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:"
    names = ("team-v1", "team-b-v1", "dry-run-team-v1-0a1b2c3d")
    there = [
        {"name": each, "stateMachineArn": arn + each, "type": "STANDARD", "creationDate": 0} for each in names
    ]
    machines.add_response("list_state_machines", {"stateMachines": there})
    cloudformation, stacks = stubbed("cloudformation")
    described = {
        "StackName": "team-b-v1",
        "CreationTime": 0,
        "StackStatus": "CREATE_COMPLETE",
        "Parameters": [{"ParameterKey": "Prefix", "ParameterValue": owner}],
    }
    stacks.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": "team-b-v1"})
    clients = {"stepfunctions": stepfunctions, "cloudformation": cloudformation}
    with machines, stacks:
        found = Installation(clients.__getitem__, prefix).state_machines()
    assert found == {name: f"{arn}{prefix}-{name}" for name in own}
