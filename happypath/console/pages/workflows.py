"""Workflows: what is live and since when, what is deployed, and the switch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.ingest.live import Live
from happypath.console.changes import Form, change
from happypath.console.forms import typed
from happypath.console.graph import svg
from happypath.console.graph.definition import read
from happypath.console.graph.drawing import draw
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.errors import UsageError
from happypath.operations import live as switching
from happypath.operations.installation import Installation

if TYPE_CHECKING:
    from starlette.requests import Request

    from happypath.console.console import Console

_CHANGES_SHOWN = 20


def shares(value: str) -> dict[str, str]:
    """What each workflow gets of the uploads, in words, by a value of the live parameter.

    >>> shares("v3=90 v4=10 documents/=matcher")
    {'v3': '90 %', 'v4': '10 %', 'matcher': 'keys that begin with documents/'}
    """
    try:
        live = Live.parse(value)
    except ValueError:
        return {}
    total = sum(weight for _, weight in live.weights)
    found = {
        name: "all" if weight == total else f"{100 * weight / total:.3g} %" for name, weight in live.weights
    }
    for prefix, workflow in live.prefixes:
        if workflow:
            said = f"keys that begin with {prefix}"
            found[workflow] = f"{found[workflow]}, {said}" if workflow in found else said
    return found


def _definition(installation: Installation, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A deployed workflow's definition, and what Step Functions says of its state machine besides."""
    arn = installation.state_machines().get(name)
    if arn is None:
        raise HTTPException(404, f"{name} is not deployed: `happypath deploy {name}`.")
    said = installation.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    return json.loads(said["definition"]), said


def index(request: Request) -> Response:
    """The page of all workflows."""
    console: Console = request.app.state.console
    installation = console.installation
    parts = Parts()
    changes = parts.get("What is live", lambda: switching.changes(installation), [])
    value = changes[0].value if changes else ""
    machines = parts.get("The list of workflows", installation.state_machines, {})
    problems = parts.get(
        "Whether what is live is deployed",
        lambda: switching.problems(installation, value) if value else [],
        [],
    )
    return page(
        request,
        "workflows.html",
        parts,
        changes=changes[:_CHANGES_SHOWN],
        value=value,
        machines=machines,
        problems=problems,
        shares=shares(value),
        routes=_routes(value),
        earlier=next((each.value for each in changes if each.value != value), None),
    )


def _routes(value: str) -> list[tuple[str, str | None]]:
    try:
        return list(Live.parse(value).prefixes)
    except ValueError:
        return []


def as_json(request: Request) -> Response:
    """What is live, as JSON."""
    installation = request.app.state.console.installation
    changes = switching.changes(installation)
    return JSONResponse(
        {
            "live": changes[0].value,
            "changes": [{"value": each.value, "at": each.at.isoformat(), "by": each.by} for each in changes],
            "workflows": sorted(installation.state_machines()),
        }
    )


def workflow(request: Request) -> Response:
    """The page of one workflow: its graph and its definition."""
    console: Console = request.app.state.console
    name = request.path_params["name"]
    parts = Parts()
    definition, said = parts.get("The definition", lambda: _definition(console.installation, name), ({}, {}))
    changes = parts.get("What is live", lambda: switching.changes(console.installation), [])
    machines = parts.get("The list of workflows", console.installation.state_machines, {})
    graph = read(definition) if definition else None
    states = list(graph.all_states()) if graph else []
    numbers = {state.name: number for number, state in enumerate(states, 1)}
    selected = request.query_params.get("state")
    return page(
        request,
        "workflow.html",
        parts,
        name=name,
        definition=definition,
        # What is not in a state.
        around={field: value for field, value in definition.items() if field != "States"},
        states=states,
        selected=selected,
        graph=svg.render(
            draw(graph),
            f"{name} as a graph",
            links=svg.Links(state=lambda state: f"#state-{numbers[state]}"),
            selected=selected,
        )
        if graph
        else None,
        said=said,
        share=shares(changes[0].value).get(name) if changes else None,
        others=[each for each in machines if each != name],
    )


def picture(request: Request) -> Response:
    """The graph as a file."""
    name = request.path_params["name"]
    definition, _ = _definition(request.app.state.console.installation, name)
    return Response(
        svg.render(draw(read(definition)), f"{name} as a graph", alone=True),
        media_type="image/svg+xml",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}.svg"},
    )


@change("/workflows")
def switch(console: Console, form: Form) -> str:
    """Makes something else live: by what the form's `action` says."""
    installation = console.installation
    now = switching.changes(installation)[0].value
    value = _value(installation, now, form)
    if not switching.switch(installation, value):
        return f"{value} was live already: nothing is changed."
    return f"{value} is live now. Uploads that are running finish on the workflow that they started on."


def _value(installation: Installation, now: str, form: Form) -> str:
    actions: dict[str, Callable[[], str]] = {
        "all": lambda: switching.with_general(now, typed(form, "workflow")),
        "split": lambda: switching.with_general(now, _split(form)),
        "hold": lambda: switching.with_general(now, "none"),
        "route": lambda: switching.with_route(now, _prefix(form), typed(form, "workflow")),
        "unroute": lambda: switching.with_route(now, form.get("prefix", ""), None),
        "back": lambda: switching.before(installation),
        "value": lambda: typed(form, "value"),
    }
    action = actions.get(typed(form, "action"))
    if action is None:
        raise UsageError("The form does not say what is to be live.")
    return action()


def _prefix(form: Form) -> str:
    prefix = typed(form, "prefix")
    if "/" not in prefix:
        raise UsageError(f"{prefix!r} has no slash: a prefix is a place and its slash, such as documents/.")
    return prefix


def _split(form: Form) -> str:
    one, other, share = typed(form, "workflow"), typed(form, "other"), typed(form, "share")
    if one == other:
        raise UsageError(f"A split is between two workflows, not {one} and {other}.")
    if not (share.isascii() and share.isdigit() and 0 < int(share) < 100):
        raise UsageError(f"{share!r} is no share: a whole number of percent from 1 to 99.")
    return f"{one}={100 - int(share)} {other}={share}"


routes = [
    Route("/workflows", index),
    Route("/workflows", switch, methods=["POST"]),
    Route("/workflows.json", as_json),
    Route("/workflows/{name}", workflow),
    Route("/workflows/{name}/graph.svg", picture),
]
