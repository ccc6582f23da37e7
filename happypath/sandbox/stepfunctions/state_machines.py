"""State machines: their names, settings, revisions, versions and aliases.

moto keeps them; it knows no revisions, publishes no versions, and starts none by an alias.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-cd-aliasing-versioning.html
"""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from moto.logs.models import logs_backends
from moto.stepfunctions import models as stepfunctions_models
from moto.stepfunctions.models import StateMachine, StateMachineVersion
from moto.stepfunctions.parser.api import InvalidDefinition
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from happypath.sandbox.stepfunctions import express
from happypath.sandbox.stepfunctions.constraints import check_arn
from happypath.sandbox.stepfunctions.errors import StatesError, no_state_machine, validation

_OFF = {"level": "OFF", "includeExecutionData": False}
# What the state machines of a backend are, beside what moto knows of them.
_SETTINGS = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


def find(backend: Any, arn: str) -> Any:
    """The state machine, or the version of one, that an ARN or the ARN of an alias means.

    Raises:
        StatesError: InvalidArn, StateMachineDoesNotExist.
    """
    return resolve(backend, arn)[0]


def resolve(backend: Any, arn: str) -> tuple[Any, str | None]:
    """As `find`, and the ARN of the alias, if it is one. An alias leads to its versions by their weights."""
    check_arn(arn, "stateMachine")
    whole, _, qualifier = arn.partition(":stateMachine:")[2].partition(":")
    machine = next((each for each in backend.state_machines if each.name == whole), None)
    if machine is None or not arn.startswith(machine.arn):
        raise no_state_machine(arn)
    if not qualifier:
        return machine, None
    if qualifier.isdigit():
        version = machine.versions.get(int(qualifier))
        if version is None:
            raise no_state_machine(arn)
        return version, None
    alias = machine.aliases.get(qualifier)
    if alias is None:
        raise no_state_machine(arn)
    routes = alias.routing_configuration
    route = random.choices(routes, [each["weight"] for each in routes])[0]  # noqa: S311  # as traffic is split
    return find(backend, route["stateMachineVersionArn"]), arn


def unversioned(backend: Any, arn: str) -> Any:
    """The state machine that an ARN means, which may not be that of a version or alias.

    Raises:
        StatesError: InvalidArn, StateMachineDoesNotExist.
    """
    machine = find(backend, arn)
    if machine.arn != arn or isinstance(machine, StateMachineVersion):
        raise no_state_machine(arn)
    return machine


def logging_configuration(given: Mapping[str, Any] | None, region: str) -> dict[str, Any]:
    """The logging configuration as DescribeStateMachine has it.

    Raises:
        StatesError: InvalidLoggingConfiguration; there is a level, and not exactly one log group that exists.
    """
    chosen = {**_OFF, **(given or {})}
    destinations = chosen.get("destinations") or []
    group = destinations[0].get("cloudWatchLogsLogGroup") if destinations else None
    if len(destinations) > 1 or (chosen["level"] != "OFF" and not group):
        raise _invalid_logging("Must specify exactly one Log Destination.")
    if group is not None:
        parts = str(group.get("logGroupArn")).split(":")
        if len(parts) < 7 or parts[2] != "logs":
            raise _invalid_logging("Must specify exactly one Log Destination.")
        if parts[6] not in logs_backends[parts[4]][region].groups:
            raise _invalid_logging("Log Destination not found.")
    return chosen


def _invalid_logging(reason: str) -> StatesError:
    return StatesError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {reason}")


def create(backend: Any, request: Mapping[str, Any]) -> Any:
    """Makes a state machine, or finds the one that the same request made before.

    A name that exists with another definition, type, logging or tracing is refused; a role and tags that
    differ are not, and change nothing.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html

    Raises:
        StatesError: StateMachineAlreadyExists, InvalidLoggingConfiguration, ValidationException.
    """
    if request.get("versionDescription") and not request.get("publish"):
        raise validation("Version description can only be set when publish is true")
    logging = logging_configuration(request.get("loggingConfiguration"), backend.region_name)
    tracing = request.get("tracingConfiguration") or {"enabled": False}
    kind = request.get("type") or "STANDARD"
    there = next((each for each in backend.state_machines if each.name == request["name"]), None)
    if there is not None:
        wanted = (request["definition"], kind, logging, tracing)
        if wanted != (there.definition, there.type, there.loggingConfiguration, there.tracingConfiguration):
            raise StatesError("StateMachineAlreadyExists", f"State Machine Already Exists: '{there.arn}'")
        machine = there
    else:
        check_definition(backend, request["definition"], kind)
        machine = backend.create_state_machine(
            name=request["name"],
            definition=request["definition"],
            roleArn=request["roleArn"],
            tags=request.get("tags"),
            encryptionConfiguration=request.get("encryptionConfiguration"),
            loggingConfiguration=logging,
            tracingConfiguration=tracing,
            sm_type=kind,
        )
        machine.sm_type = kind
        machine.revision_id = None
    version = publish(machine, request.get("versionDescription")) if request.get("publish") else None
    return machine, version


def check_definition(backend: Any, definition: str, kind: str) -> None:
    """Checks a definition for a type of state machine.

    Raises:
        StatesError: InvalidDefinition.
    """
    try:
        backend._validate_definition(definition=definition)
    except InvalidDefinition as error:
        # moto's has no code.
        raise StatesError(
            "InvalidDefinition",
            f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {error.message}'",
        ) from None
    if kind == "EXPRESS":
        express.check(definition)


def update(backend: Any, request: Mapping[str, Any]) -> tuple[Any, Any]:
    """Changes a state machine: a revision, if anything is another than before; and its version, if wanted.

    Raises:
        StatesError: MissingRequiredParameter, InvalidLoggingConfiguration, StateMachineDoesNotExist, …
    """
    machine = unversioned(backend, request["stateMachineArn"])
    given: dict[str, Any] = {name: request.get(name) for name in _SETTINGS if request.get(name) is not None}
    if not given:
        raise StatesError(
            "MissingRequiredParameter",
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration "
            "must be specified",
        )
    if request.get("versionDescription") and not request.get("publish"):
        raise validation("Version description can only be set when publish is true")
    if "definition" in given:
        check_definition(backend, given["definition"], machine.type)
    if "loggingConfiguration" in given:
        given["loggingConfiguration"] = logging_configuration(
            given["loggingConfiguration"], backend.region_name
        )
    if any(getattr(machine, name) != value for name, value in given.items()):
        machine.update(**given)
        machine.revision_id = str(uuid.uuid4())
    else:
        machine.update_date = datetime.now(UTC)
    version = publish(machine, request.get("versionDescription")) if request.get("publish") else None
    return machine, version


def publish(machine: Any, description: str | None = None) -> Any:
    """The version of a state machine's current revision, which is made if there is none.

    Numbers of versions that were deleted are not used again.
    """
    revision = revision_of(machine)
    for version in machine.versions.values():
        if version.revision_id == revision:
            return version
    machine.publish(description)
    version = machine.latest_version
    version.revision_id, version.type, version.sm_type = revision, machine.type, machine.type
    return version


def revision_of(machine: Any) -> str | None:
    """The revision of a state machine; None for one that was never changed."""
    revision: str | None = getattr(machine, "revision_id", None)
    return revision


def snapshot(machine: Any) -> Any:
    """A state machine as an execution keeps it: what is changed later does not concern the execution."""
    kept = copy.copy(machine)
    kept.executions = []
    return kept


_PROPERTIES = {
    "LoggingConfiguration": "loggingConfiguration",
    "TracingConfiguration": "tracingConfiguration",
}


def _lowered(value: Any) -> Any:
    """CloudFormation's names begin with capitals, the API's do not."""
    if isinstance(value, Mapping):
        return {name[:1].lower() + name[1:]: _lowered(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_lowered(each) for each in value]
    # The text of a template's parameter.
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


@contextmanager
def made_by_stacks() -> Iterator[None]:
    """A stack's state machine has the type, logging and tracing of its template, and executes.

    moto leaves the former out, and gives it to a backend that does not execute.
    """
    make: Any = StateMachine.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]
    change: Any = StateMachine.update_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def settle(machine: Any, template: Mapping[str, Any], region: str) -> Any:
        properties = template.get("Properties", {})
        for name, attribute in _PROPERTIES.items():
            if name in properties:
                setattr(machine, attribute, _lowered(properties[name]))
        machine.loggingConfiguration = logging_configuration(machine.loggingConfiguration, region)
        return machine

    def make_with_settings(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        machine = make(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        kind = cloudformation_json["Properties"].get("StateMachineType") or "STANDARD"
        machine.type = machine.sm_type = kind
        if kind == "EXPRESS":
            express.check(machine.definition)
        return settle(machine, cloudformation_json, region_name)

    def change_with_settings(
        cls: Any, /, *, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        machine = change(
            cls,
            cloudformation_json=cloudformation_json,
            account_id=account_id,
            region_name=region_name,
            **more,
        )
        machine.revision_id = str(uuid.uuid4())
        return settle(machine, cloudformation_json, region_name)

    with (
        patch.object(stepfunctions_models, "stepfunctions_backends", stepfunctions_parser_backends),
        patch.object(StateMachine, "create_from_cloudformation_json", classmethod(make_with_settings)),  # type: ignore[arg-type]  # it takes any
        patch.object(StateMachine, "update_from_cloudformation_json", classmethod(change_with_settings)),
    ):
        yield
