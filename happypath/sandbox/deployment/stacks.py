"""The end of stacks: one that is deleted, and one that was never made whole.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Event

from happypath.sandbox.deployment.making import reason_of

# A stack in one of these can only be deleted.
FAILED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})


def refuse_update(stack: Any) -> None:
    """Raises: ValidationError: the stack failed, and can only be deleted."""
    if stack.status in FAILED:
        message = f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
        raise ValidationError(message=message)


def roll_back(stack: Any, error: Exception) -> None:
    """Removes what was made of a stack, and leaves the stack, with the reasons in its events."""
    reason = reason_of(error)
    failed = getattr(stack.resource_map, "failed", None)
    if failed:
        logical_id, kind, reason = failed
        stack.events.append(
            Event(
                stack_id=stack.stack_id,
                stack_name=stack.name,
                logical_resource_id=logical_id,
                physical_resource_id="",
                resource_type=kind,
                resource_status="CREATE_FAILED",
                resource_status_reason=reason,
                resource_properties="{}",
            )
        )
        reason = f"The following resource(s) failed to create: [{logical_id}]. {reason}"
    stack._add_stack_event("ROLLBACK_IN_PROGRESS", resource_status_reason=reason)
    _remove(stack, "ROLLBACK", kept={"Retain"})


def delete(backend: Any, name_or_id: str) -> None:
    """DeleteStack. What cannot be removed leaves the stack in DELETE_FAILED; what is not there is deleted."""
    stack = next((each for each in backend.stacks.values() if name_or_id in {each.stack_id, each.name}), None)
    if stack is None:
        return
    exports = {export.name for export in stack.exports}
    stack._add_stack_event("DELETE_IN_PROGRESS", resource_status_reason="User Initiated")
    if _remove(stack, "DELETE", kept={"Retain", "RetainExceptOnCreate"}):
        del backend.stacks[stack.stack_id]
        backend.deleted_stacks[stack.stack_id] = stack
        for name in exports:
            backend.exports.pop(name, None)


def _remove(stack: Any, what: str, kept: Set[str]) -> bool:
    """Removes a stack's resources; whether that went well is its status."""
    try:
        _remove_resources(stack.resource_map, kept)
    except Exception as error:  # whatever it is, somebody waits for the stack
        stack._add_stack_event(f"{what}_FAILED", resource_status_reason=reason_of(error))
        stack.status = f"{what}_FAILED"
        return False
    # moto makes a resource when it is asked for, and would make these again for whoever looks at the stack.
    stack.resource_map._resource_json_map = {}
    stack.output_map = parsing.OutputMap(stack.resource_map, {}, stack.stack_id)
    stack._add_stack_event(f"{what}_COMPLETE")
    stack.status = f"{what}_COMPLETE"
    return True


def _remove_resources(resources: Any, kept: Set[str]) -> None:
    """Removes resources, the last that was made first, but for those whose DeletionPolicy is one of `kept`.

    Raises:
        Exception: what the first that could not be removed has against it; the others are removed.
    """
    failed: Exception | None = None
    definitions = resources._resource_json_map
    # moto takes any order, in which what names another may come too late.
    for logical_id, resource in reversed(list(resources._parsed_resources.items())):
        definition = definitions.get(logical_id)
        if definition is None or resource is None or definition.get("DeletionPolicy") in kept:
            continue
        try:
            resources._delete_resource(resource, definition)
        except Exception as error:
            failed = failed or error
        else:
            del resources._parsed_resources[logical_id]
    if failed:
        raise failed
