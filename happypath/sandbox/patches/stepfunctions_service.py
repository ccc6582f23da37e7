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
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_activitiy
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_callback
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.stepfunctions import integrations, nested
from happypath.sandbox.stepfunctions.announcements import status_changes_announced
from happypath.sandbox.stepfunctions.constraints import check_request
from happypath.sandbox.stepfunctions.executions import in_turns, observed
from happypath.sandbox.stepfunctions.logs import ExecutionLogs
from happypath.sandbox.stepfunctions.metrics import ExecutionMetrics
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
        (state_task_activitiy.StateTaskActivity, "_eval_execution"),
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


@contextmanager
def status_changes(_: Served) -> Iterator[None]:
    """Executions of Standard workflows send an event when their status changes; moto's send none.

    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    with status_changes_announced():
        yield


@contextmanager
def execution_logs(_: Served) -> Iterator[None]:
    """Executions log their events to the state machine's log group, by its level; moto's log nothing.

    https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    """
    with observed(ExecutionLogs()):
        yield


@contextmanager
def execution_metrics(_: Served) -> Iterator[None]:
    """Executions are counted and timed in CloudWatch's namespace AWS/States; moto's are not.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    """
    with observed(ExecutionMetrics()):
        yield


@contextmanager
def nested_executions(_: Served) -> Iterator[None]:
    """`states:startExecution`, `.sync` and `.sync:2` start executions and wait for them; moto's fail.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
    """
    with nested.nested_executions():
        yield


@contextmanager
def aws_sdk_integrations(_: Served) -> Iterator[None]:
    """`aws-sdk` integrations have the names, answers and errors of the SDK for Java; moto's those of boto3.

    https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
    """
    with integrations.aws_sdk_integrations():
        yield


@contextmanager
def errors_of_sqs(_: Served) -> Iterator[None]:
    """An error of SQS has its own name or `SQS.AmazonSQSException`; moto's are all `SQS.SdkClientException`.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-sqs.html
    """
    with integrations.sqs_errors():
        yield


@contextmanager
def answers_with_their_http(_: Served) -> Iterator[None]:
    """Answers of optimized integrations have `SdkHttpMetadata` and `SdkResponseMetadata`; moto's have not.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-ddb.html
    """
    with integrations.answers_with_their_http():
        yield


PATCHES: tuple[Patch, ...] = (
    operations,
    nested_executions,
    aws_sdk_integrations,
    errors_of_sqs,
    answers_with_their_http,
    executions_take_turns,
    state_machines_of_stacks,
    status_changes,
    execution_logs,
    execution_metrics,
)
