"""Executions that start executions: turns, traces, and names at the same time."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.platform.trace_header import new_trace_id
from happypath.sandbox.sandbox import Sandbox
from tests.roles import make_role
from tests.waiting import ended, until

# More than have a turn at once.
_MANY = 2 * (os.cpu_count() or 1) + 2


@pytest.fixture
def machines(sandbox: Sandbox) -> Iterator[Any]:
    """Makes state machines by their states, and deletes them after the test."""
    stepfunctions = sandbox.client("stepfunctions")
    role = make_role(sandbox.client("iam"), "any")
    made: list[str] = []

    def make(states: dict[str, Any], **more: Any) -> str:
        arn: str = stepfunctions.create_state_machine(
            name=f"nested-{time.time_ns()}",
            definition=json.dumps({"StartAt": next(iter(states)), "States": states}),
            roleArn=role,
            **more,
        )["stateMachineArn"]
        made.append(arn)
        return arn

    yield make
    for arn in made:
        stepfunctions.delete_state_machine(stateMachineArn=arn)


def starting(child: str, pattern: str = ".sync:2") -> dict[str, Any]:
    return {
        "Start": {
            "Type": "Task",
            "Resource": f"arn:aws:states:::states:startExecution{pattern}",
            "Parameters": {"StateMachineArn": child},
            "End": True,
        }
    }


def test_parents_that_wait_leave_their_turns_to_their_children(sandbox: Sandbox, machines: Any) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    grandchild = machines({"Pass": {"Type": "Pass", "End": True}})
    parent = machines(starting(machines(starting(grandchild))))
    arns = [stepfunctions.start_execution(stateMachineArn=parent)["executionArn"] for _ in range(_MANY)]
    assert {ended(stepfunctions, arn)["status"] for arn in arns} == {"SUCCEEDED"}


def test_a_child_that_is_waited_for_has_the_trace_of_its_parent(sandbox: Sandbox, machines: Any) -> None:
    stepfunctions, xray = sandbox.client("stepfunctions"), sandbox.client("xray")
    tracing = {"tracingConfiguration": {"enabled": True}}
    child = machines({"Pass": {"Type": "Pass", "End": True}}, **tracing)
    parent = machines(starting(child), **tracing)
    trace_id = new_trace_id()
    arn = stepfunctions.start_execution(stateMachineArn=parent, traceHeader=f"Root={trace_id};Sampled=1")
    ended(stepfunctions, arn["executionArn"])
    (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    documents = [json.loads(segment["Document"]) for segment in trace["Segments"]]
    whole, part = sorted(documents, key=lambda each: each["start_time"])
    (state,) = whole["subsegments"]
    (call,) = state["subsegments"]
    assert (state["name"], call["name"], call["aws"]["operation"]) == ("Start", "SFN", "StartExecution")
    assert part["parent_id"] == call["id"]
    assert part["aws"]["state_machine_arn"] == child


def test_a_child_is_stopped_when_its_parent_has_waited_long_enough(sandbox: Sandbox, machines: Any) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    child = machines({"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}})
    states = starting(child)
    states["Start"]["TimeoutSeconds"] = 1
    arn = stepfunctions.start_execution(stateMachineArn=machines(states))["executionArn"]
    assert ended(stepfunctions, arn)["error"] == "States.Timeout"
    (started,) = stepfunctions.list_executions(stateMachineArn=child)["executions"]
    assert ended(stepfunctions, started["executionArn"])["status"] == "ABORTED"


def test_of_executions_that_are_started_at_once_with_one_name_there_is_one(
    sandbox: Sandbox, machines: Any
) -> None:
    stepfunctions = sandbox.client("stepfunctions", max_pool_connections=8)
    machine = machines({"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}})
    together = threading.Barrier(8)
    answers: list[Any] = []

    def start(number: int) -> None:
        together.wait()
        try:
            given = json.dumps({"number": number})
            answer = stepfunctions.start_execution(stateMachineArn=machine, name="one", input=given)
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
        else:
            answers.append(answer["executionArn"])

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    arn = machine.replace(":stateMachine:", ":execution:") + ":one"
    assert sorted(answers) == sorted([arn, *["ExecutionAlreadyExists"] * 7])
    stepfunctions.stop_execution(executionArn=arn)


def test_what_a_stopped_execution_still_does_is_not_of_its_redrive(sandbox: Sandbox, machines: Any) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    machine = machines({"Both": {"Type": "Parallel", "Branches": [waits], "End": True}})
    arn = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    for _ in range(5):
        time.sleep(0.05)
        stepfunctions.stop_execution(executionArn=arn)
        stepfunctions.redrive_execution(executionArn=arn)

    def types() -> list[str]:
        events = stepfunctions.get_execution_history(executionArn=arn, reverseOrder=True)["events"]
        return [event["type"] for event in events]

    until(lambda: types()[0] == "WaitStateEntered", "the last redrive waits")
    assert stepfunctions.describe_execution(executionArn=arn)["status"] == "RUNNING"
    assert types().count("ExecutionAborted") == 5
    stepfunctions.stop_execution(executionArn=arn)


def test_what_a_stopped_execution_still_does_is_not_in_its_history(sandbox: Sandbox, machines: Any) -> None:
    stepfunctions = sandbox.client("stepfunctions")
    machine = machines(
        {"Wait": {"Type": "Wait", "Seconds": 3600, "Next": "Pass"}, "Pass": {"Type": "Pass", "End": True}}
    )
    arn = stepfunctions.start_execution(stateMachineArn=machine)["executionArn"]
    stepfunctions.stop_execution(executionArn=arn)
    time.sleep(0.2)
    events = stepfunctions.get_execution_history(executionArn=arn)["events"]
    assert events[-1]["type"] == "ExecutionAborted"
    assert {event["type"] for event in events} <= {"ExecutionStarted", "WaitStateEntered", "ExecutionAborted"}
