"""A mock configuration file of Step Functions Local for the sandbox's interpreter.

moto's interpreter can answer for tasks, but nothing in moto reads the file, nor the case in
`<state machine's ARN>#<case>`. This does both, as Step Functions Local does.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-test-sm-exec.html
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.asl.component.state.exec.state_task import mock_eval_utils
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.mocking.mock_config import (
    MockedResponseReturn,
    MockedResponseThrow,
    MockTestCase,
    StateMockedResponses,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from happypath.sandbox.stepfunctions.failures import error_name


@contextmanager
def mocked(config: Mapping[str, Any]) -> Iterator[None]:
    """Lets executions in the sandbox name a case of `config` while the block lasts."""
    start: Any = StepFunctionsParserBackend.start_execution
    make: Any = ExecutionWorker.__init__
    # An execution's worker is made by the thread that starts it.
    chosen = threading.local()

    def start_case(backend: Any, state_machine_arn: str, *rest: Any, **more: Any) -> Any:
        arn, _, case = state_machine_arn.partition("#")
        chosen.case = _test_case(config, arn.rpartition(":")[2], case) if case else None
        return start(backend, arn, *rest, **more)

    def make_with_case(worker: Any, *rest: Any, **more: Any) -> None:
        make(worker, *rest, **{**more, "mock_test_case": chosen.case})

    with (
        patch.object(StepFunctionsParserBackend, "start_execution", start_case),
        patch.object(ExecutionWorker, "__init__", make_with_case),
        # A case may throw errors of Step Functions itself.
        patch.object(mock_eval_utils, "CustomErrorName", error_name),
    ):
        yield


def _test_case(config: Mapping[str, Any], machine: str, case: str) -> MockTestCase:
    states = config["StateMachines"][machine]["TestCases"][case]
    return MockTestCase(
        machine,
        case,
        [
            StateMockedResponses(state, name, [*_responses(config["MockedResponses"][name])])
            for state, name in states.items()
        ],
    )


def _responses(attempts: Mapping[str, Any]) -> Iterator[MockedResponseReturn | MockedResponseThrow]:
    for numbers, answer in attempts.items():
        first, _, last = numbers.partition("-")
        if "Throw" in answer:
            throw = answer["Throw"]
            yield MockedResponseThrow(int(first), int(last or first), throw["Error"], throw["Cause"])
        else:
            yield MockedResponseReturn(int(first), int(last or first), answer["Return"])
