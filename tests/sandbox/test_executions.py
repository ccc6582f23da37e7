"""What can be asked of an execution at any time."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from happypath.operations.installation import Installation
from happypath.sandbox.stepfunctions.executions import StatesExecution


def test_an_execution_that_is_about_to_start_is_running(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    start: Any = StatesExecution.start
    found, go_on = threading.Event(), threading.Event()

    def start_late(execution: Any) -> None:
        found.set()
        assert go_on.wait(30)
        start(execution)

    monkeypatch.setattr(StatesExecution, "start", start_late)
    client = installation.client("stepfunctions")
    machine = installation.state_machines()["v1"]
    begin = threading.Thread(
        target=client.start_execution, kwargs={"stateMachineArn": machine, "name": "late", "input": "{}"}
    )
    begin.start()
    try:
        assert found.wait(30)
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:late"
        described = installation.execution(arn)
        assert described is not None
        assert described.status == "RUNNING"
        assert [each["type"] for each in installation.history(arn)] == ["ExecutionStarted"]
    finally:
        go_on.set()
        begin.join()
