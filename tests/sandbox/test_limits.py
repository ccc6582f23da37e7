"""What ends an execution that does not come to its own end."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from happypath.sandbox.stepfunctions import executions
from tests.roles import make_role
from tests.waiting import ended


@pytest.fixture
def stepfunctions(sandbox: Sandbox) -> Any:
    return sandbox.client("stepfunctions")


def machine(sandbox: Sandbox, states: dict[str, Any], **more: Any) -> str:
    arn: str = sandbox.client("stepfunctions").create_state_machine(
        name=f"limits-{time.time_ns()}",
        definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
        roleArn=make_role(sandbox.client("iam"), "any"),
        **more,
    )["stateMachineArn"]
    return arn


def test_an_express_workflow_takes_five_minutes_and_no_longer(
    sandbox: Sandbox, stepfunctions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert executions.EXPRESS_LIMIT_S == 300
    monkeypatch.setattr(executions, "EXPRESS_LIMIT_S", 0.2)
    waits = {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}
    arn = machine(sandbox, waits, type="EXPRESS")
    assert stepfunctions.start_sync_execution(stateMachineArn=arn)["status"] == "TIMED_OUT"


def test_a_history_that_is_full_ends_its_execution(
    sandbox: Sandbox, stepfunctions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert executions.MOST_EVENTS == 25_000
    monkeypatch.setattr(executions, "MOST_EVENTS", 50)
    never = [{"Variable": "$.over", "IsPresent": True, "Next": "Done"}]
    states = {
        "Again": {"Type": "Pass", "Next": "Over?"},
        "Over?": {"Type": "Choice", "Choices": never, "Default": "Again"},
        "Done": {"Type": "Succeed"},
    }
    arn = machine(sandbox, states)
    execution = stepfunctions.start_execution(stateMachineArn=arn)["executionArn"]
    described = ended(stepfunctions, execution)
    assert described["status"] == "FAILED"
    assert described["cause"] == "The execution reached the maximum number of history events (50)."
    history = stepfunctions.get_execution_history(executionArn=execution)["events"]
    assert (len(history), history[-1]["type"]) == (50, "ExecutionFailed")
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
