"""State machines of stacks have what their templates say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.roles import make_role

STACK = "machine-of-a-stack"


def template(role: str, level: str, **more: Any) -> str:
    destination = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}}
    machine = {
        "StateMachineName": STACK,
        "StateMachineType": "EXPRESS",
        "DefinitionString": json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}),
        "RoleArn": role,
        "LoggingConfiguration": {
            "Level": level,
            "IncludeExecutionData": True,
            "Destinations": [destination],
        },
        **more,
    }
    resources = {
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{STACK}"}},
        "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
    }
    return json.dumps({"Resources": resources})


@pytest.fixture
def stack(sandbox: Sandbox) -> Iterator[Any]:
    cloudformation = sandbox.client("cloudformation")
    yield cloudformation
    cloudformation.delete_stack(StackName=STACK)


def test_a_state_machine_has_the_type_and_settings_of_its_stack(sandbox: Sandbox, stack: Any) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    role = make_role(sandbox.client("iam"), "any")
    tracing = {"TracingConfiguration": {"Enabled": True}, "Tags": [{"Key": "a", "Value": "b"}]}
    stack.create_stack(StackName=STACK, TemplateBody=template(role, "ALL", **tracing))
    (found,) = [
        each for each in stepfunctions.list_state_machines()["stateMachines"] if each["name"] == STACK
    ]
    arn = found["stateMachineArn"]
    made = stepfunctions.describe_state_machine(stateMachineArn=arn)
    assert (made["type"], made["tracingConfiguration"]) == ("EXPRESS", {"enabled": True})
    assert made["loggingConfiguration"]["level"] == "ALL"
    assert made["loggingConfiguration"]["includeExecutionData"] is True
    assert "revisionId" not in made
    assert stepfunctions.start_sync_execution(stateMachineArn=arn)["status"] == "SUCCEEDED"
    logged = sandbox.client("logs").filter_log_events(logGroupName=f"/{STACK}")["events"]
    assert [json.loads(each["message"])["type"] for each in logged][-1] == "ExecutionSucceeded"

    stack.update_stack(StackName=STACK, TemplateBody=template(role, "ERROR", **tracing))
    changed = stepfunctions.describe_state_machine(stateMachineArn=arn)
    assert changed["loggingConfiguration"]["level"] == "ERROR"
    assert changed["type"] == "EXPRESS"
    assert changed["revisionId"]
