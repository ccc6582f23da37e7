"""Change sets, by which `sam deploy`, `aws cloudformation deploy` and the sandbox itself deploy.

moto's change sets neither run transforms nor register exports, and lose the parameters that are not given
again. Here a change set is an expanded template with all its parameters, and the difference that it makes.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import urlsplit

from moto.cloudformation import parsing, responses
from moto.cloudformation.exceptions import AlreadyExistsException, ValidationError
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack
from moto.cloudformation.responses import CloudFormationResponse
from moto.cloudformation.utils import (
    generate_changeset_id,
    generate_stack_id,
    validate_create_change_set,
)
from moto.s3.models import s3_backends

from happypath.sandbox.deployment import rules, stacks
from happypath.sandbox.deployment.constraints import problem
from happypath.sandbox.deployment.making import reason_of
from happypath.sandbox.deployment.serverless import TransformError, expand

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class _ChangeSet(ChangeSet):
    """A change set with its whole parameters, which moto shows as it shows its own."""

    def diff(self) -> list[Change]:
        names = self.stack.resource_map.build_resource_diff(self.template_dict, self.parameters)
        before = self.stack.template_dict.get("Resources", {})
        resources = {**before, **self.template_dict["Resources"]}
        return [
            Change(action, name, resources[name]["Type"])
            for action, changed in names.items()
            for name in sorted(set(changed))
        ]


@contextmanager
def deploying() -> Iterator[None]:
    """Lets change sets do what they say."""

    def always_different(*_: Any) -> None:
        """A template without changes makes a change set that failed, not a refused call."""

    with ExitStack() as patches:
        for owner, name, replacement in (
            (CloudFormationBackend, "create_change_set", _create),
            (CloudFormationBackend, "execute_change_set", _execute),
            (CloudFormationResponse, "_validate_different_update", always_different),
            (responses, "get_stack_from_s3_url", _fetch),
            (parsing, "get_references_from_template", _references),
            (CloudFormationBackend, "create_stack", _create_stack),
            (CloudFormationBackend, "delete_stack", stacks.delete),
        ):
            patches.enter_context(patch.object(owner, name, replacement))
        yield


def _create(
    backend: Any,
    stack_name: str,
    change_set_name: str,
    template: str,
    parameters: dict[str, Any],
    description: str,
    change_set_type: str,
    notification_arns: list[str] | None = None,
    tags: dict[str, str] | None = None,
    role_arn: str | None = None,
) -> tuple[str, str]:
    """CreateChangeSet → the ids of the change set and of its stack.

    Raises:
        ValidationError: the stack is there and should not be, or the other way round; it is no template, or
            its parameters are wrong.
    """
    validate_create_change_set(change_set_name)
    stack = next((each for each in backend.stacks.values() if each.name == stack_name), None)
    if change_set_type == "UPDATE":
        if stack is None:
            raise ValidationError(stack_name)
        stacks.refuse_update(stack)
    elif stack is not None and stack.status != "REVIEW_IN_PROGRESS":
        message = f"Stack [{stack_name}] already exists and cannot be created again with the changeSet"
        raise ValidationError(message=f"{message} [{change_set_name}].")

    problem = None
    try:
        expanded = expand(template, backend.account_id, backend.region_name)
    except TransformError as error:
        problem = error.message
        expanded = json.dumps({"Resources": {}})
        parameters = {}
    # What is refused from here on leaves nothing behind.
    all_parameters = _all_parameters(expanded, parameters)
    if stack is None:
        stack = _reviewed(backend, stack_name)
    change_set_id = generate_changeset_id(change_set_name, backend.region_name, backend.account_id)
    change_set = _ChangeSet(
        change_set_type=change_set_type,
        change_set_id=change_set_id,
        change_set_name=change_set_name,
        stack=stack,
        template=expanded,
        parameters=all_parameters,
        description=description,
        notification_arns=notification_arns,
        tags=tags,
        role_arn=role_arn,
    )
    if not problem and change_set_type == "UPDATE" and not _differs(change_set, stack):
        problem = NO_CHANGES
    change_set.status = "FAILED" if problem else "CREATE_COMPLETE"
    change_set.execution_status = "UNAVAILABLE" if problem else "AVAILABLE"
    change_set.status_reason = problem
    backend.change_sets[change_set_id] = change_set
    return change_set_id, stack.stack_id


def _reviewed(backend: Any, name: str) -> Any:
    """A stack that is there for its change sets only."""
    stack_id = generate_stack_id(name, backend.region_name, backend.account_id)
    stack: Any = cast(Any, Stack)(stack_id, name, {}, {}, backend.account_id, backend.region_name)
    stack.status = "REVIEW_IN_PROGRESS"
    stack._add_stack_event("REVIEW_IN_PROGRESS", resource_status_reason="User Initiated")
    backend.stacks[stack_id] = stack
    return stack


def _all_parameters(template: str, given: dict[str, Any]) -> dict[str, str]:
    """Every parameter of a template as text: as given, or its default.

    Raises:
        ValidationError: one has neither, or one is given that the template does not have or not allow, or
            the template's rules do not allow them together.
    """
    parsed = Stack.parse_template(template)
    wanted = parsed.get("Parameters", {})
    unknown = sorted(given.keys() - wanted.keys())
    missing = sorted(name for name in wanted if name not in given and "Default" not in wanted[name])
    if unknown or missing:
        what = "do not exist in the template" if unknown else "must have values"
        raise ValidationError(message=f"Parameters: [{', '.join(unknown or missing)}] {what}")
    values = {name: _text(given.get(name, wanted[name].get("Default"))) for name in wanted}
    for name, value in values.items():
        if name in given and (wrong := problem(wanted[name], value)):
            raise ValidationError(message=f"Parameter {name} failed to satisfy constraint: {wrong}")
    if "Rules" in parsed:
        lists = {name for name, each in wanted.items() if "List" in each["Type"]}
        given = {name: value.split(",") if name in lists else value for name, value in values.items()}
        rules.check(parsed["Rules"], given)
    return values


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _differs(change_set: Any, stack: Any) -> bool:
    outputs = change_set.template_dict.get("Outputs") != stack.template_dict.get("Outputs")
    return bool(change_set.changes) or outputs or change_set.parameters != stack.parameters


def _execute(backend: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """ExecuteChangeSet. What goes wrong is the stack's status; a new stack is rolled back.

    Raises:
        ValidationError: the change set cannot be executed.
    """
    change_set = backend.describe_change_set(change_set_name)
    stack = change_set.stack
    if change_set.execution_status != "AVAILABLE":
        raise ValidationError(
            stack_name,
            message=f"ChangeSet [{change_set.change_set_id}] cannot be executed in its current status of "
            f"[{change_set.status}]",
        )
    create = change_set.change_set_type == "CREATE"
    try:
        (_fill if create else _update)(
            backend, stack, change_set.template, change_set.parameters, change_set.tags, change_set.role_arn
        )
    except Exception as error:  # whatever it is, somebody waits for the stack
        if create:
            stacks.roll_back(stack, error)
        else:
            stack._add_stack_event("UPDATE_FAILED", resource_status_reason=reason_of(error))
            stack.status = "UPDATE_FAILED"
        change_set.execution_status = "EXECUTE_FAILED"
        return
    change_set.execution_status = "EXECUTE_COMPLETE"
    # On AWS an executed change set makes the stack's others obsolete.
    for other in backend.change_sets.values():
        if other.stack is stack and other is not change_set:
            other.execution_status = "OBSOLETE"


def _create_stack(
    backend: Any,
    name: str,
    template: str,
    parameters: dict[str, Any],
    notification_arns: list[str] | None = None,
    tags: dict[str, str] | None = None,
    role_arn: str | None = None,
    **_: Any,
) -> Any:
    """CreateStack: what a change set does, at once.

    Raises:
        AlreadyExistsException: there is a stack of that name.
        ValidationError: it is no template, or its parameters are wrong.
    """
    if name in {each.name for each in backend.stacks.values()}:
        raise AlreadyExistsException(f"Stack [{name}] already exists")
    expanded = expand(template, backend.account_id, backend.region_name)
    given = _all_parameters(expanded, parameters)
    stack = _reviewed(backend, name)
    stack.events.clear()
    stack.notification_arns = notification_arns or []
    try:
        _fill(backend, stack, expanded, given, tags, role_arn)
    except Exception as error:  # whatever it is, somebody waits for the stack
        stacks.roll_back(stack, error)
    return stack


def _fill(
    backend: Any,
    stack: Any,
    template: str,
    parameters: dict[str, str],
    tags: dict[str, str] | None,
    role_arn: str | None,
) -> None:
    """Makes the stack that was there for review only: what moto's create_stack does, under the same id."""
    stack.template = template
    stack._parse_template()
    stack.parameters = parameters
    stack.tags = tags or {}
    stack.role_arn = role_arn
    stack.cross_stack_resources = backend.exports
    stack.resource_map = stack._create_resource_map()
    stack.output_map = stack._create_output_map()
    stack._add_stack_event("CREATE_IN_PROGRESS", resource_status_reason="User Initiated")
    stack.create_resources()
    backend._validate_export_uniqueness(stack)
    for export in stack.exports:
        backend.exports[export.name] = export


def _update(
    backend: Any,
    stack: Any,
    template: str,
    parameters: dict[str, str],
    tags: dict[str, str] | None,
    role_arn: str | None,
) -> None:
    names = {export.name for export in stack.exports}
    stack.update(template, role_arn, parameters=parameters, tags=tags)
    exports = {export.name: export for export in stack.exports}
    for name in names - exports.keys():
        backend.exports.pop(name, None)
    backend.exports.update(exports)


def _references(value: Any) -> list[str]:
    """The names that a part of a template refers to. moto overlooks those in the text of Fn::Sub."""
    if isinstance(value, list):
        return [name for each in value for name in _references(each)]
    if not isinstance(value, dict):
        return []
    names = [value["Ref"]] if "Ref" in value else []
    if "Fn::Sub" in value:
        text = value["Fn::Sub"][0] if isinstance(value["Fn::Sub"], list) else value["Fn::Sub"]
        names += re.findall(r"\$\{([\w:]+)\}", text)
    return names + _references([each for name, each in value.items() if name != "Ref"])


def _fetch(template_url: str, account_id: str, partition: str) -> str:
    """The template at an S3 URL, in either style; moto knows the sandbox's own address for a bucket.

    Raises:
        ValidationError: there is none.
    """
    url = urlsplit(template_url)
    host, _, path = (url.hostname or "").partition(".")
    key = url.path.lstrip("/")
    if host == "s3" or host.startswith("s3-") or not path.endswith("amazonaws.com"):
        bucket, _, key = key.partition("/")
    else:
        bucket = host
    try:
        found = s3_backends[account_id][partition].get_object(bucket, key)
    except Exception:  # no such bucket
        found = None
    if found is None:
        raise ValidationError(message=f"S3 error: The specified key does not exist: {template_url}")
    body: str = found.value.decode()
    return body
