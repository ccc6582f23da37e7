"""Workflows that have others work on their uploads, and stop them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.outcomes import rows
from tests.roles import make_role
from tests.statemachines.definitions import tasks
from tests.waiting import until
from tests.workflows.driver import Driver, wait_until
from tests.workflows.tasks import others


def stop(driver: Driver, workflow: str) -> None:
    """Stops an execution of a workflow while another one works for it, if any does: that is stopped, too."""
    for name, other in others(workflow).items():
        row = next(row for row in rows(workflow) if name in row.path)
        driver.go_live(workflow)
        _stop(driver, driver.new_key_of(workflow, row), driver.picture(row), other)


def _stop(driver: Driver, key: str, body: bytes, other: str) -> None:
    stepfunctions = driver.installation.client("stepfunctions")
    first = next(iter(tasks(other)))
    with driver.sandbox.faults(f"state:{other}/{first}=delay:3600"):
        driver.upload(body, key)
        parent = str(until(lambda: (driver.installation.record(key) or {}).get("executionArn"), "it runs"))

        def child() -> str | None:
            running = driver.installation.executions(other, "RUNNING")
            arns = (each["executionArn"] for each in running)
            return next((arn for arn in arns if _started_by(driver, arn) == parent), None)

        arn = str(until(child, f"{other} works on {key}"))
        stepfunctions.stop_execution(executionArn=parent)
        wait_until(lambda: driver.installation.execution_ended(arn), f"{arn} is stopped")
    assert stepfunctions.describe_execution(executionArn=arn)["status"] == "ABORTED"


def make_without_it(driver: Driver, policy: str) -> None:
    """Makes a state machine that waits for executions, whose role has only this policy, which lacks that."""
    iam, name = driver.installation.client("iam"), f"{driver.sandbox.prefix}-nested"
    none = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    role = make_role(iam, name, none)
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    waiting = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn.$": "$.machine"},
        "End": True,
    }
    try:
        with pytest.raises(ClientError, match="not authorized to create managed-rule"):
            driver.installation.client("stepfunctions").create_state_machine(
                name=name,
                definition=json.dumps({"StartAt": "Wait", "States": {"Wait": waiting}}),
                roleArn=role,
            )
    finally:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy)
        iam.delete_role_policy(RoleName=name, PolicyName="own")
        iam.delete_role(RoleName=name)


def _started_by(driver: Driver, arn: str) -> str | None:
    given = driver.installation.client("stepfunctions").describe_execution(executionArn=arn)["input"]
    found: str | None = json.loads(given).get("AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID")
    return found
