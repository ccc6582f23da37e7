"""Roles that services are given: one that cannot be assumed, or lacks what is needed, is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from happypath.sandbox.function_host.event_source import check_polling
from happypath.sandbox.function_host.stream_source import ACTIONS, check_reading
from happypath.sandbox.iam import AccessDeniedError, assume, check
from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.stepfunctions.errors import StatesError

_SESSION = "created"
_RULE_OF_ENDS = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
# What Step Functions does with the role of a state machine that logs.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
DELIVERS_LOGS = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)


def _refused(message: str) -> JsonRESTError:
    return JsonRESTError("InvalidParameterValueException", message)


@contextmanager
def roles_of_functions(_: Served) -> Iterator[None]:
    """A function's role must let Lambda assume it; for moto any role will do.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    create = LambdaBackend.create_function
    update = LambdaFunction.update_configuration

    def check_role(settings: Mapping[str, Any]) -> None:
        if "Role" in settings:
            try:
                assume(settings["Role"], "lambda.amazonaws.com", _SESSION)
            except AccessDeniedError:
                raise _refused("The role defined for the function cannot be assumed by Lambda.") from None

    def create_checked(backend: Any, spec: dict[str, Any]) -> Any:
        check_role(spec)
        return create(backend, spec)

    def update_checked(function: Any, config_updates: dict[str, Any]) -> Any:
        check_role(config_updates)
        return update(function, config_updates)

    with (
        patch.object(LambdaBackend, "create_function", create_checked),
        patch.object(LambdaFunction, "update_configuration", update_checked),
    ):
        yield


@contextmanager
def roles_that_poll(_: Served) -> Iterator[None]:
    """A function is mapped to a queue or a stream only if its role may take from it.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
    """
    create = LambdaBackend.create_event_source_mapping

    def create_checked(backend: Any, spec: dict[str, Any]) -> Any:
        arn, name = str(spec.get("EventSourceArn", "")), str(spec.get("FunctionName", ""))
        may_take = {"sqs": check_polling, "dynamodb": check_reading}.get((arn.split(":") + [""] * 3)[2])
        if may_take and name:
            try:
                may_take(backend.get_function(name).function_arn, arn)
            except AccessDeniedError as error:
                raise _refused(_CANNOT_TAKE[may_take](error, arn)) from None
        return create(backend, spec)

    with patch.object(LambdaBackend, "create_event_source_mapping", create_checked):
        yield


# What may take → what Lambda says of a role that may not.
_CANNOT_TAKE: Mapping[Callable[[str, str], None], Callable[[AccessDeniedError, str], str]] = {
    check_polling: lambda error, _: (
        "The function execution role does not have permissions to call "
        f"{error.request.action.partition(':')[2]} on SQS"
    ),
    check_reading: lambda _, arn: (
        f"Cannot access stream {arn}. Please ensure the role can perform the {', '.join(ACTIONS[:-1])}, "
        f"and {ACTIONS[-1]} Actions on your stream in IAM."
    ),
}


@contextmanager
def roles_of_state_machines(_: Served) -> Iterator[None]:
    """A state machine's role must let Step Functions assume it, and deliver its logs if there are any; and
    make the rule by which a state that waits for another execution learns of its end.

    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
    recorded: github.com/nasa/cumulus pull request 2693, 2022-02-02 (the sentence of the refusal)
    """
    create: Any = StepFunctionsParserBackend.create_state_machine
    update: Any = StateMachine.update

    def create_checked(backend: Any, *given: Any, **named: Any) -> Any:
        _check_machine(named.get("roleArn"), named.get("loggingConfiguration"))
        _check_waiting(named.get("roleArn"), named.get("definition"), backend.region_name)
        return create(backend, *given, **named)

    def update_checked(machine: Any, **named: Any) -> Any:
        if named.get("roleArn") or named.get("loggingConfiguration"):
            logging = named.get("loggingConfiguration") or machine.loggingConfiguration
            _check_machine(named.get("roleArn") or machine.roleArn, logging)
        if named.get("roleArn") or named.get("definition"):
            definition = named.get("definition") or machine.definition
            _check_waiting(named.get("roleArn") or machine.roleArn, definition, machine.arn.split(":")[3])
        return update(machine, **named)

    with (
        patch.object(StepFunctionsParserBackend, "create_state_machine", create_checked),
        patch.object(StateMachine, "update", update_checked),
    ):
        yield


def _check_machine(role_arn: str | None, logging: Mapping[str, Any] | None) -> None:
    if not role_arn:
        return
    try:
        session = assume(role_arn, "states.amazonaws.com", _SESSION)
    except AccessDeniedError:
        message = (
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized "
            "to assume the provided role."
        )
        raise StatesError("AccessDeniedException", message) from None
    if ((logging or {}).get("level") or (logging or {}).get("Level") or "OFF") == "OFF":
        return
    try:
        for action in DELIVERS_LOGS:
            check(session, action, "*")
    except AccessDeniedError:
        message = "The state machine IAM Role is not authorized to access the Log Destination"
        raise StatesError("AccessDeniedException", message) from None


def _check_waiting(role_arn: str | None, definition: object, region: str) -> None:
    """What is to wait for executions makes a rule for their ends, when the state machine is made."""
    if not role_arn or ":states:startExecution.sync" not in str(definition):
        return
    session = assume(role_arn, "states.amazonaws.com", _SESSION)
    rule = f"arn:aws:events:{region}:{role_arn.split(':')[4]}:rule/{_RULE_OF_ENDS}"
    try:
        for action in ("events:DescribeRule", "events:PutRule", "events:PutTargets"):
            check(session, action, rule)
    except AccessDeniedError:
        message = f"'{role_arn}' is not authorized to create managed-rule."
        raise StatesError("AccessDeniedException", message) from None


@contextmanager
def roles_of_targets(_: Served) -> Iterator[None]:
    """A target's role must let EventBridge assume it, and a state machine needs one.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
    """
    put = EventsBackend.put_targets

    def put_checked(backend: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> Any:
        for target in targets:
            role, arn = target.get("RoleArn"), str(target.get("Arn", ""))
            if role:
                try:
                    assume(role, "events.amazonaws.com", _SESSION)
                except AccessDeniedError:
                    message = f"Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'."
                    raise ValidationException(message) from None
            elif arn.split(":")[2:3] == ["states"]:
                raise ValidationException(f"RoleArn is required for target {arn}.")
        return put(backend, name, event_bus_arn, targets)

    with patch.object(EventsBackend, "put_targets", put_checked):
        yield


PATCHES: tuple[Patch, ...] = (roles_of_functions, roles_that_poll, roles_of_state_machines, roles_of_targets)
