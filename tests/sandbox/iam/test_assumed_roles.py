"""A role that a service cannot assume, or that lacks what the service needs, is refused where it is given."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.roles import make_role
from tests.sandbox.test_host import archive

PASS = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
NO_TRUST = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to assume "
    "the provided role."
)


def make_function(
    sandbox: Any, name: str, role: str, code: str = "def handler(event, context): return event"
) -> str:
    arn: str = sandbox.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Handler="work.handler",
        Runtime="python3.13",
        Code={"ZipFile": archive(code)},
    )["FunctionArn"]
    return arn


def test_lambda_must_be_able_to_assume_a_functions_role(sandbox: Any) -> None:
    role = make_role(sandbox.client("iam"), "not-for-lambda", trusts=["states"])
    with pytest.raises(ClientError, match="defined for the function cannot be assumed by Lambda") as no:
        make_function(sandbox, "unassumed", role)
    assert no.value.response["Error"]["Code"] == "InvalidParameterValueException"
    make_function(sandbox, "assumed", make_role(sandbox.client("iam"), "for-lambda", trusts=["lambda"]))
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        sandbox.client("lambda").update_function_configuration(FunctionName="assumed", Role=role)
    sandbox.client("lambda").delete_function(FunctionName="assumed")


def test_step_functions_must_be_able_to_assume_a_state_machines_role(sandbox: Any) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    role = make_role(sandbox.client("iam"), "not-for-states", trusts=["lambda"])
    for arn in (role, "arn:aws:iam::123456789012:role/no-such-role"):
        with pytest.raises(ClientError) as raised:
            stepfunctions.create_state_machine(name="unassumed", definition=PASS, roleArn=arn)
        error = raised.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("AccessDeniedException", NO_TRUST)
    fit = make_role(sandbox.client("iam"), "for-states", trusts=["states"])
    machine = stepfunctions.create_state_machine(name="assumed", definition=PASS, roleArn=fit)
    with pytest.raises(ClientError, match="Neither the global service principal"):
        stepfunctions.update_state_machine(stateMachineArn=machine["stateMachineArn"], roleArn=role)
    stepfunctions.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def test_a_state_machine_that_waits_for_executions_has_a_role_that_may_learn_of_their_ends(
    sandbox: Any,
) -> None:
    stepfunctions, iam = sandbox.client("stepfunctions"), sandbox.client("iam")
    resource = "arn:aws:states:::states:startExecution.sync:2"
    task = {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": "a"}, "End": True}
    waits = json.dumps({"StartAt": "S", "States": {"S": task}})
    rule = "arn:aws:events:*:*:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    start = {"Effect": "Allow", "Action": "states:*", "Resource": "*"}
    named = {"name": "waits", "definition": waits, "roleArn": make_role(iam, "waits", start)}
    with pytest.raises(
        ClientError, match=r"role/waits' is not authorized to create managed-rule\."
    ) as raised:
        stepfunctions.create_state_machine(**named)
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    actions = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
    make_role(iam, "waits", start, {"Effect": "Allow", "Action": actions, "Resource": rule})
    made = stepfunctions.create_state_machine(**named)["stateMachineArn"]
    make_role(iam, "waits", start)
    with pytest.raises(ClientError, match="managed-rule"):
        stepfunctions.update_state_machine(stateMachineArn=made, definition=waits + " ")
    stepfunctions.delete_state_machine(stateMachineArn=made)


def test_a_state_machine_that_logs_has_a_role_that_may(sandbox: Any) -> None:
    stepfunctions, logs = sandbox.client("stepfunctions"), sandbox.client("logs")
    logs.create_log_group(logGroupName="/aws/vendedlogs/states/may")
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/may:*"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]
    blind = make_role(
        sandbox.client("iam"), "no-logs", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    )
    named: dict[str, Any] = {"definition": PASS, "roleArn": blind}
    with pytest.raises(ClientError, match="not authorized to access the Log Destination") as raised:
        stepfunctions.create_state_machine(
            name="logs", loggingConfiguration={"level": "ALL", "destinations": destinations}, **named
        )
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    machine = stepfunctions.create_state_machine(name="logs", **named)
    stepfunctions.delete_state_machine(stateMachineArn=machine["stateMachineArn"])


def test_eventbridge_must_be_able_to_assume_a_targets_role(sandbox: Any) -> None:
    events = sandbox.client("events")
    events.put_rule(Name="unassumed", EventPattern='{"source": ["a"]}')
    role = make_role(sandbox.client("iam"), "not-for-events", trusts=["states"])
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:any"
    message = f"Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'."
    with pytest.raises(ClientError, match="ValidationException") as raised:
        events.put_targets(Rule="unassumed", Targets=[{"Id": "a", "Arn": arn, "RoleArn": role}])
    assert raised.value.response["Error"]["Message"] == message
    with pytest.raises(ClientError, match="RoleArn is required for target"):
        events.put_targets(Rule="unassumed", Targets=[{"Id": "a", "Arn": arn}])
    events.delete_rule(Name="unassumed")


def test_a_function_polls_only_what_its_role_may_take_messages_from(sandbox: Any) -> None:
    client = sandbox.client("lambda")
    sandbox.client("sqs").create_queue(QueueName="polled")
    arn = "arn:aws:sqs:us-east-1:123456789012:polled"
    receives = {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": arn}
    make_function(sandbox, "polls", make_role(sandbox.client("iam"), "polls", receives))
    with pytest.raises(ClientError) as raised:
        client.create_event_source_mapping(FunctionName="polls", EventSourceArn=arn)
    error = raised.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException"
    assert error["Message"] == (
        "The function execution role does not have permissions to call GetQueueAttributes on SQS"
    )
    also = {"Effect": "Allow", "Action": "sqs:GetQueueAttributes", "Resource": arn}
    make_role(sandbox.client("iam"), "polls", receives, also)
    mapping = client.create_event_source_mapping(FunctionName="polls", EventSourceArn=arn)["UUID"]
    client.delete_event_source_mapping(UUID=mapping)
    client.delete_function(FunctionName="polls")


def test_a_function_logs_only_where_its_role_may(sandbox: Any) -> None:
    client, logs = sandbox.client("lambda"), sandbox.client("logs")
    nothing = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    make_function(sandbox, "logs", make_role(sandbox.client("iam"), "logs", nothing))

    def groups() -> list[str]:
        client.invoke(FunctionName="logs", Payload=b"{}")
        return [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]

    assert "/aws/lambda/logs" not in groups()
    writes: dict[str, Any] = {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/logs:*",
    }
    make_role(sandbox.client("iam"), "logs", writes)
    # There is none yet, and it may make none.
    assert "/aws/lambda/logs" not in groups()
    writes["Action"] = [*writes["Action"], "logs:CreateLogGroup"]
    make_role(sandbox.client("iam"), "logs", writes)
    assert "/aws/lambda/logs" in groups()
    client.delete_function(FunctionName="logs")
