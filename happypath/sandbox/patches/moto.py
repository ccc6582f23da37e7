"""Where moto differs from AWS in what matters here, and how that is mended.

Each mend replaces an attribute of moto while its `with` block lasts, and says why.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.session
from botocore.exceptions import ClientError
from moto.awslambda.models import LambdaFunction
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.parsing import ResourceMap
from moto.core.exceptions import JsonRESTError
from moto.events.models import Rule, events_backends
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeKey
from moto.sqs.models import Queue
from moto.ssm.models import Parameter
from moto.stepfunctions import models as stepfunctions_models
from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state import state
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_dynamodb,
    state_task_service_events,
    state_task_service_lambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from happypath.sandbox.deployment.change_sets import change_sets_deploy
from happypath.sandbox.deployment.serverless import expand
from happypath.sandbox.fault_injection.error_responses import Refusal
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.function_host.runtime_api import Answer
from happypath.sandbox.patches import cloudfront  # noqa: F401  # moto knows of a type once its class is there
from happypath.sandbox.patches.dynamodb import writes_are_whole
from happypath.sandbox.patches.log_groups import functions_log_where_they_say
from happypath.sandbox.patches.roles import roles_have_managed_policies
from happypath.sandbox.patches.speed import shortened
from happypath.sandbox.patches.sqs import queues_are_whole

LambdaTask: Any = state_task_service_lambda.StateTaskServiceLambda
DynamoDBTask: Any = state_task_service_dynamodb.StateTaskServiceDynamoDB
EventsTask: Any = state_task_service_events.StateTaskServiceEvents
# The integrations that the state machines use, each with its service as policies name it.
TASKS = ((LambdaTask, "lambda"), (DynamoDBTask, "dynamodb"), (EventsTask, "events"))

# A function as moto holds it, the payload, the trace header → what the function answered.
Invoke = Callable[[Any, bytes, str | None], Answer]


@contextmanager
def mended(invoke: Invoke, endpoint: str, application: Any, executions_at_once: int) -> Iterator[None]:
    """Mends moto for one account, served at `endpoint` by `application`, whose functions `invoke` runs."""
    with ExitStack() as mends:
        for mend in (
            _functions_run(invoke),
            _queues_are_polled(),
            _objects_announce_themselves_as_on_aws(),
            _disabled_rules_send_nothing(),
            _executions_have_names_and_turns(executions_at_once),
            shortened(endpoint, application),
            _states_are_entered_at_times_as_on_aws(),
            errors_have_the_names_of_aws(),
            _templates_are_transformed(),
            change_sets_deploy(),
            writes_are_whole(),
            queues_are_whole(),
            _stacks_make_what_they_say(),
            _parameters_say_who_wrote_them(),
            functions_log_where_they_say(),
            _executions_run_from_the_first(),
            roles_have_managed_policies(),
        ):
            mends.enter_context(mend)
        yield


def _lambda_refuses(refusal: Refusal) -> JsonRESTError:
    error = JsonRESTError(refusal.code, refusal.message)
    error.code = refusal.status
    return error


@contextmanager
def _functions_run(invoke: Invoke) -> Iterator[None]:
    """Everything in moto that invokes a function ends here, and here our function host takes over."""

    def replacement(
        function: Any, body: Any, request_headers: Any, response_headers: dict[str, str]
    ) -> bytes:
        payload = body.encode() if isinstance(body, str) else body or b"{}"
        trace_header = request_headers.get("X-Amzn-Trace-Id")
        if request_headers.get("X-Amz-Invocation-Type") == "DryRun":
            return b""
        if request_headers.get("X-Amz-Invocation-Type") == "Event":
            threading.Thread(target=invoke, args=(function, payload, trace_header), daemon=True).start()
            return b""
        try:
            answer = invoke(function, payload, trace_header)
        except InvokeError as error:
            raise _lambda_refuses(error.refusal) from None
        if answer.failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return answer.payload

    with patch.object(LambdaFunction, "invoke", replacement):
        yield


@contextmanager
def _queues_are_polled() -> Iterator[None]:
    """moto delivers a message to a mapped function once, inside SendMessage, and never again.

    So no queue is told of its mapping: `happypath.sandbox.function_host.event_source` delivers, as Lambda's
    own pollers do.
    """
    # Queue.__init__ assigns the attribute; a property that ignores it stands in its way.
    nothing = property(lambda _: {}, lambda _self, _value: None)
    with patch.object(Queue, "lambda_event_source_mappings", nothing, create=True):
        yield


_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


@contextmanager
def _objects_announce_themselves_as_on_aws() -> Iterator[None]:
    """moto's `Object Created` has one sequencer for all objects, and drops what goes wrong in delivering.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    sequence = itertools.count(time.time_ns())

    def replacement(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        s3_object: dict[str, Any] = {
            "key": key.name,
            "sequencer": f"{next(sequence):018X}",
        }
        if isinstance(key, FakeKey):  # and not a delete marker, whose removal is told, too
            s3_object |= {"size": key.size, "etag": key.etag.strip('"')}
        if bucket.is_versioned:
            s3_object["version-id"] = key.version_id
        event: Any = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": notifications._detail_type(event_name),
            "source": "aws.s3",
            "account": account_id,
            "time": time.time(),
            "region": bucket.region_name,
            "resources": [bucket.arn],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket.name},
                "object": s3_object,
                "request-id": uuid.uuid4().hex[:16].upper(),
                "requester": account_id,
                "source-ip-address": "127.0.0.1",
                "reason": _REASONS.get(name, name),
            },
        }
        for bus in events_backends[account_id][bucket.region_name].event_buses.values():
            for rule in list(bus.rules.values()):
                rule.send_to_targets(event.copy(), transform_input=False)

    with patch.object(notifications, "_send_event_bridge_message", replacement):
        yield


@contextmanager
def _disabled_rules_send_nothing() -> Iterator[None]:
    """moto's rules send whether they are enabled or not."""
    send: Any = Rule.send_to_targets

    def send_if_enabled(rule: Any, *arguments: Any, **named: Any) -> None:
        if rule.state != "DISABLED":
            send(rule, *arguments, **named)

    with patch.object(Rule, "send_to_targets", send_if_enabled):
        yield


@contextmanager
def _executions_have_names_and_turns(at_once: int) -> Iterator[None]:
    """Three things about executions.

    Without a name, moto's second execution collides with the first. All executions would run at once, each
    in a thread, and time out while they wait for a function; here they take turns. One that waits for its
    next attempt, or in a Wait state, leaves its turn to others: on AWS any number wait at once. And where
    the interpreter itself fails, moto leaves the execution running for ever; here it ends as
    `States.Runtime`.
    """
    start: Any = StepFunctionsParserBackend.start_execution
    run: Any = ExecutionWorker._execution_logic
    wait: Any = WaitFunction._eval_body
    # Scaled already, if at all.
    module: Any = retrier_decl
    sleep: Callable[[float], None] = module.time.sleep
    turns = threading.Semaphore(at_once)

    @contextmanager
    def turn_left_to_others() -> Iterator[None]:
        turns.release()
        try:
            yield
        finally:
            turns.acquire()

    def sleep_out_of_turn(seconds: float) -> None:
        with turn_left_to_others():
            sleep(seconds)

    def wait_out_of_turn(state: Any, env: Any) -> None:
        with turn_left_to_others():
            wait(state, env)

    def start_with_name(
        backend: Any, state_machine_arn: str, name: Any = None, *rest: Any, **more: Any
    ) -> Any:
        return start(backend, state_machine_arn, name or str(uuid.uuid4()), *rest, **more)

    def run_in_turn(worker: Any) -> None:
        with turns:
            try:
                run(worker)
            except Exception as error:
                execution = worker._execution_communication.execution
                execution.exec_status = ExecutionStatus.FAILED
                execution.error, execution.cause = "States.Runtime", repr(error)
                raise

    with (
        patch.object(StepFunctionsParserBackend, "start_execution", start_with_name),
        patch.object(ExecutionWorker, "_execution_logic", run_in_turn),
        patch.object(WaitFunction, "_eval_body", wait_out_of_turn),
        patch.object(retrier_decl, "time", SimpleNamespace(sleep=sleep_out_of_turn)),
    ):
        yield


@contextmanager
def _states_are_entered_at_times_as_on_aws() -> Iterator[None]:
    """`$$.State.EnteredTime`, which records keep: `2019-03-26T20:14:13.192Z`.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
    """

    def as_on_aws(*, EnteredTime: str, **more: Any) -> dict[str, Any]:  # noqa: N803  # AWS's name
        milliseconds = datetime.fromisoformat(EnteredTime).isoformat(timespec="milliseconds")
        return {"EnteredTime": milliseconds.replace("+00:00", "Z"), **more}

    with patch.object(state, "StateData", as_on_aws):
        yield


@contextmanager
def states_all_leaves_out_two() -> Iterator[None]:
    """moto's `States.ALL` matches every error; on AWS it leaves out two.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    matches: Any = ErrorEqualsDecl._eval_body

    def matches_as_on_aws(decl: Any, env: Any) -> None:
        error = env.stack[-1].error_name
        everything = ErrorEqualsDecl._STATE_ALL_ERROR in decl.error_names
        if everything and error in {"States.Runtime", "States.DataLimitExceeded"}:
            env.stack[-1] = False
        else:
            matches(decl, env)

    with patch.object(ErrorEqualsDecl, "_eval_body", matches_as_on_aws):
        yield


@contextmanager
def errors_have_the_names_of_aws() -> Iterator[None]:
    """Five things about errors, by whose names state machines retry and catch.

    An error that a service does not name among its own is called after the service on AWS (a denied call is
    `Lambda.AWSLambdaException`, `DynamoDB.AmazonDynamoDBException`); moto names it by its code. A DynamoDB
    task that takes too long, or whose result is too large, fails as any other task does. An error of
    EventBridge has a name at all, and its cause is text. A Fail state may pass on an error of Step Functions
    itself. And `States.ALL` leaves out two errors.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    in_dynamodb = DynamoDBTask._from_error
    in_any_service: Any = StateTaskService._from_error

    def in_dynamodb_as_in_any(task: Any, env: Any, ex: Exception) -> Any:
        own = isinstance(ex, (TimeoutError, FailureEventException))
        return (in_any_service if own else in_dynamodb)(task, env=env, ex=ex)

    with (
        _named_after_the_service(LambdaTask, "lambda", "Lambda.AWSLambdaException"),
        _named_after_the_service(DynamoDBTask, "dynamodb", "DynamoDB.AmazonDynamoDBException"),
        patch.object(DynamoDBTask, "_from_error", in_dynamodb_as_in_any),
        patch.object(state_fail, "CustomErrorName", error_name),
        states_all_leaves_out_two(),
        events_fail_by_name(),
    ):
        yield


def error_name(name: str) -> ErrorName:
    """An error by its name, as the interpreter holds it: it tells Step Functions' own errors from others.

    Raises:
        ValueError: the name begins as those of Step Functions' own errors do, and is none.
    """
    if name.startswith("States."):
        return StatesErrorName(StatesErrorNameType.from_name(name))
    return CustomErrorName(name)


def task_failure(task: Any, env: Any, error: str, cause: str) -> FailureEvent:
    """A task's failure under a name, with what is said of it, for the interpreter to retry and catch."""
    details: Any = {
        "taskFailedEventDetails": {
            "error": error,
            "cause": cause,
            "resource": task._get_sfn_resource(),
            "resourceType": task._get_sfn_resource_type(),
        }
    }
    return FailureEvent(
        env=env, error_name=error_name(error), event_type=HistoryEventType.TaskFailed, event_details=details
    )


@contextmanager
def events_fail_by_name() -> Iterator[None]:
    """moto gives EventBridge's errors no name but one, and that one a cause which is no text.

    AWS documents only the name of an event that was not taken; the others are made as Lambda's are.
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-eventbridge.html
    """
    in_any_service: Any = StateTaskService._from_error

    def from_error(task: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, state_task_service_events.SfnFailedEntryCountException):
            return task_failure(task, env, "EventBridge.FailedEntry", json.dumps(ex.cause))
        if isinstance(ex, ClientError):
            code = ex.response["Error"]["Code"]
            name = code if code in _own_errors("events") else "AmazonEventBridgeException"
            return task_failure(task, env, f"EventBridge.{name}", str(ex))
        return in_any_service(task, env=env, ex=ex)

    with patch.object(EventsTask, "_from_error", from_error):
        yield


@cache
def _own_errors(service: str) -> frozenset[str]:
    """The codes of the errors that a service names among its own."""
    model = botocore.session.get_session().get_service_model(service)
    return frozenset(shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes)


@contextmanager
def _named_after_the_service(integration: Any, service: str, fallback: str) -> Iterator[None]:
    explain: Any = integration._error_cause_from_client_error

    def replacement(error: ClientError) -> tuple[str, str]:
        name, cause = explain(error)
        return (name if error.response["Error"]["Code"] in _own_errors(service) else fallback), cause

    with patch.object(integration, "_error_cause_from_client_error", staticmethod(replacement)):
        yield


@contextmanager
def retries_wait(scale: Callable[[], float]) -> Iterator[None]:
    """Scales the time between a task's attempts, which is all that the interpreter's retriers sleep for.

    Not a mend: a test of several retries would take minutes at 1, which is as on AWS.
    """
    with patch.object(
        retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * scale()))
    ):
        yield


@contextmanager
def _templates_are_transformed() -> Iterator[None]:
    """moto's CloudFormation knows no transforms; AWS's expands `AWS::Serverless-2016-10-31`."""
    create, update = CloudFormationBackend.create_stack, CloudFormationBackend.update_stack

    def create_expanded(backend: Any, *, template: str, **more: Any) -> Any:
        expanded = expand(template, backend.account_id, backend.region_name)
        return create(backend, template=expanded, **more)

    def update_expanded(backend: Any, *, template: str, **more: Any) -> Any:
        expanded = expand(template, backend.account_id, backend.region_name)
        return update(backend, template=expanded, **more)

    with (
        patch.object(CloudFormationBackend, "create_stack", create_expanded),
        patch.object(CloudFormationBackend, "update_stack", update_expanded),
        patch.object(CloudFormationBackend, "validate_template", _no_validation),
    ):
        yield


def _no_validation(_backend: CloudFormationBackend, _template: str) -> list[Any]:
    """ValidateTemplate: moto has cfn-lint do it, which with what it needs is 150 MB."""
    raise ValidationError(message="The sandbox validates no templates: run cfn-lint (scripts/check does).")


@contextmanager
def _stacks_make_what_they_say() -> Iterator[None]:
    """Three things about stacks.

    A bucket gets no versions and no notifications from moto; a state machine goes to the backend that does
    not execute; and what is to stay (`RetainExceptOnCreate`) goes with its stack.
    """
    create: Any = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_whole(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        bucket = create(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        properties = cloudformation_json.get("Properties", {})
        bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
        if properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration"):
            bucket.set_notification_configuration({"EventBridgeConfiguration": {}})
        return bucket

    delete: Any = ResourceMap.delete

    def delete_what_goes(resources: Any) -> None:
        for resource in resources._resource_json_map.values():
            if resource.get("DeletionPolicy") == "RetainExceptOnCreate":
                resource["DeletionPolicy"] = "Retain"
        delete(resources)

    with (
        patch.object(ResourceMap, "delete", delete_what_goes),
        patch.object(FakeBucket, "create_from_cloudformation_json", classmethod(create_whole)),  # type: ignore[arg-type]  # it takes any
        patch.object(stepfunctions_models, "stepfunctions_backends", stepfunctions_parser_backends),
    ):
        yield


@contextmanager
def _parameters_say_who_wrote_them() -> Iterator[None]:
    """moto's parameters were last modified by `N/A`; SSM names an ARN, here the account's only one."""
    describe = Parameter.describe_response_object

    def describe_whole(parameter: Any, *arguments: Any, **more: Any) -> dict[str, Any]:
        described = describe(parameter, *arguments, **more)
        return {**described, "LastModifiedUser": f"arn:aws:iam::{parameter.account_id}:root"}

    with patch.object(Parameter, "describe_response_object", describe_whole):
        yield


@contextmanager
def _executions_run_from_the_first() -> Iterator[None]:
    """moto's executions can be found before they have a status and a history, and calls about them fail then.

    On AWS they are RUNNING from the moment that they exist.
    """
    made: Any = Execution.__init__
    history: Any = Execution.to_history_output

    def make(execution: Any, *given: Any, **named: Any) -> None:
        made(execution, *given, **named)
        execution.exec_status = ExecutionStatus.RUNNING

    def so_far(execution: Any) -> Any:
        return history(execution) if execution.exec_worker else {"events": []}

    with (
        patch.object(Execution, "__init__", make),
        patch.object(Execution, "to_history_output", so_far),
    ):
        yield
