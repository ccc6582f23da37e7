"""Step Functions as a service: its operations, and the executions that they start and end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.core.responses import ActionResult
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.stepfunctions.constraints import check_request
from happypath.sandbox.stepfunctions.executions import in_turns
from happypath.sandbox.stepfunctions.operations import OPERATIONS, Operation, start
from happypath.sandbox.stepfunctions.state_machines import made_by_stacks
from happypath.sandbox.stepfunctions.turns import Turns

_TRACE_HEADER = "X-Amzn-Trace-Id"


@contextmanager
def operations(_: Served) -> Iterator[None]:
    """Requests are checked and answered as the API reference says; moto lacks some, and checks few.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_Operations.html
    """
    with ExitStack() as patches:
        for name, operation in OPERATIONS.items():
            method = "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")
            patches.enter_context(
                patch.object(StepFunctionResponse, method, _answering(name, operation), create=True)
            )
        patches.enter_context(patch.object(StepFunctionsParserBackend, "start_execution", start))
        yield


def _answering(name: str, operation: Operation) -> Any:
    def answer(wire: Any) -> ActionResult:
        request = json.loads(wire.body or "{}")
        if header := wire.headers.get(_TRACE_HEADER):
            request["traceHeader"] = header
        check_request(name, request)
        return ActionResult(operation(wire.stepfunction_backend, request))

    return answer


@contextmanager
def executions_take_turns(served: Served) -> Iterator[None]:
    """Executions do not slow each other down on AWS; moto runs all at once, each in a thread.

    They would time out while they wait for a function; so they take turns. One that waits for its next
    attempt, in a Wait state, for another execution or for a token, leaves its turn to others: any number
    may wait at once.
    https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
    """
    turns = Turns(served.executions_at_once)

    def out_of_turn(call: Any) -> Any:
        def call_out_of_turn(*arguments: Any, **named: Any) -> Any:
            with turns.left_to_others():
                return call(*arguments, **named)

        return call_out_of_turn

    # Scaled already, if at all.
    module: Any = retrier_decl
    waits = (
        (WaitFunction, "_eval_body"),
        (state_task_service_callback.StateTaskServiceCallback, "_eval_integration_pattern"),
    )
    with ExitStack() as patches:
        patches.enter_context(in_turns(turns))
        for owner, name in waits:
            patches.enter_context(patch.object(owner, name, out_of_turn(getattr(owner, name))))
        sleep = SimpleNamespace(sleep=out_of_turn(module.time.sleep))
        patches.enter_context(patch.object(retrier_decl, "time", sleep))
        yield


@contextmanager
def state_machines_of_stacks(_: Served) -> Iterator[None]:
    """A stack's state machine executes, with the type, logging and tracing of its template; moto's does not.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html
    """
    with made_by_stacks():
        yield


PATCHES: tuple[Patch, ...] = (operations, executions_take_turns, state_machines_of_stacks)
