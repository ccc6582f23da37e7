"""Fault injection, in a sandbox that is in the console's own process (docs/faults.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from happypath.console.changes import Form, change
from happypath.console.forms import typed
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.errors import UsageError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console
    from happypath.sandbox.fault_injection.rules import Faults

# What a state can meet, and what that means to it.
KINDS = {
    "throttle": "throttled: it is asked to slow down",
    "error": "the service fails with status 500",
    "denied": "access is denied",
    "gone": "the function or table does not exist",
    "raise": "the task raises an error",
    "delay:2": "the call takes 2 s longer",
    "timeout": "it times out",
    "garbage": "its result is nonsense",
}
WHEN = {
    "": "every call",
    "1": "the first call",
    "1-2": "the first two calls",
    "1-3": "the first three calls",
    "50%": "half of the calls",
}


def _faults(console: Console) -> Faults:
    if console.faults is None:
        raise HTTPException(
            404, "Faults are made in the console of `happypath up`, whose sandbox they are in."
        )
    return console.faults


def index(request: Request) -> Response:
    """The page. `target` names a state to begin with, such as `state:v4/Resizer`."""
    console: Console = request.app.state.console
    faults = _faults(console)
    parts = Parts()
    states = parts.get("The list of states", lambda: _states(console), [])
    return page(
        request,
        "faults.html",
        parts,
        rules=faults.rules,
        states=states,
        kinds=KINDS,
        when=WHEN,
        target=request.query_params.get("target", ""),
    )


def _states(console: Console) -> list[str]:
    """Every Task state of every deployed workflow, as rules name them."""
    stepfunctions = console.installation.client("stepfunctions")
    found = []
    for workflow, arn in console.installation.state_machines().items():
        definition = json.loads(stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"])
        found += [f"state:{workflow}/{name}" for name in task_states(definition)]
    return found


def task_states(definition: dict[str, Any]) -> Iterator[str]:
    """The names of the Task states of a definition, with those within Map and Parallel states.

    >>> inner = {"States": {"B": {"Type": "Task"}}}
    >>> list(task_states({"States": {"A": {"Type": "Map", "ItemProcessor": inner}, "C": {"Type": "Pass"}}}))
    ['B']
    """
    for name, state in definition.get("States", {}).items():
        if state["Type"] == "Task":
            yield name
        within = [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]
        for each in filter(None, within):
            yield from task_states(each)


@change("/faults")
def add(console: Console, form: Form) -> str:
    """Switches a fault on: a whole `rule`, or its parts."""
    faults = _faults(console)
    rule = typed(form, "rule")
    if not rule:
        when = typed(form, "when")
        error = typed(form, "error")
        kind = typed(form, "kind")
        named = f"{kind}:{error}" if kind == "raise" and error else kind
        rule = f"{form.get('target', '')}={named}{f'@{when}' if when else ''}"
    try:
        faults.add(rule)
    except ValueError as refused:
        raise UsageError(str(refused)) from None
    return f"{rule} is on. Upload a photo, or upload one again, and look at its graph."


@change("/faults")
def remove(console: Console, form: Form) -> str:
    """Switches a fault off, or all."""
    faults = _faults(console)
    rule = form.get("rule", "")
    if rule:
        faults.remove(rule)
        return f"{rule} is off."
    faults.clear()
    return "All faults are off."


routes = [
    Route("/faults", index),
    Route("/faults", add, methods=["POST"]),
    Route("/faults/off", remove, methods=["POST"]),
]
