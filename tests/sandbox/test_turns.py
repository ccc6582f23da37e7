"""Executions take turns, and one that only waits leaves its turn to others: on AWS any number wait."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.roles import make_role
from tests.waiting import until

# Twice as many executions as there are processors progress at once.
_MANY = 2 * (os.cpu_count() or 1) + 6
# As `tests/conftest.py` opens the sandbox.
_SCALE = 0.001
# Until the executions are stopped.
_WAIT_S = 3600


def look_up(table: str) -> dict[str, Any]:
    retrier = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": int(_WAIT_S / _SCALE), "MaxAttempts": 1}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:getItem",
        "Parameters": {"TableName": table, "Key": {"PK": {"S": "a"}, "SK": {"S": "b"}}},
        "Retry": [retrier],
        "End": True,
    }


@pytest.mark.parametrize(
    ("state", "event"), [("Look up", "TaskFailed"), ("Wait", "WaitStateEntered")], ids=["retry", "wait"]
)
def test_more_executions_wait_at_once_than_there_are_turns(state: str, event: str, sandbox: Any) -> None:
    states = {"Look up": look_up(sandbox.prefix), "Wait": {"Type": "Wait", "Seconds": _WAIT_S, "End": True}}
    stepfunctions = sandbox.client("stepfunctions")
    machine = stepfunctions.create_state_machine(
        name=f"{sandbox.prefix}-waits",
        definition=json.dumps({"StartAt": state, "States": {state: states[state]}}),
        roleArn=make_role(sandbox.client("iam"), "any"),
    )["stateMachineArn"]

    def is_waiting(arn: str) -> bool:
        history = stepfunctions.get_execution_history(executionArn=arn)["events"]
        return any(each["type"] == event for each in history)

    executions: list[str] = []
    try:
        with sandbox.faults("state:waits/Look up=throttle"):
            executions += [
                stepfunctions.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(_MANY)
            ]
            until(lambda: all(map(is_waiting, executions)), "all wait at once")
            statuses = {stepfunctions.describe_execution(executionArn=arn)["status"] for arn in executions}
        assert statuses == {"RUNNING"}
    finally:
        for arn in executions:
            stepfunctions.stop_execution(executionArn=arn)
        stepfunctions.delete_state_machine(stateMachineArn=machine)
