"""Two workflows beside each other: what their graphs differ in, and what each decides about photos."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from happypath.console.changes import Form, change
from happypath.console.forms import typed
from happypath.console.graph import definition, svg
from happypath.console.graph.difference import difference
from happypath.console.graph.drawing import draw
from happypath.console.jobs import Job
from happypath.console.pages import photos
from happypath.console.pages.sending import MOST_BYTES
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.errors import UsageError
from happypath.operations import compare, shadow

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

_MOST_UPLOADS = 100


def index(request: Request) -> Response:
    """What `one` and `other` differ in."""
    console: Console = request.app.state.console
    parts = Parts()
    machines = parts.get("The list of workflows", console.installation.state_machines, {})
    names = [request.query_params.get(each, "") for each in ("one", "other")]
    shown = None
    if set(names) <= set(machines):
        shown = parts.get("The definitions", lambda: _difference(console, machines, names), None)
    return page(
        request,
        "compare.html",
        parts,
        machines=machines,
        names=names,
        shown=shown,
        most=_MOST_UPLOADS,
    )


def _difference(console: Console, machines: dict[str, str], names: list[str]) -> dict[str, Any]:
    stepfunctions = console.installation.client("stepfunctions")
    old, new = (
        definition.read(
            json.loads(stepfunctions.describe_state_machine(stateMachineArn=machines[name])["definition"])
        )
        for name in names
    )
    found = difference(old, new, (names[0], names[1]))
    return {
        "states": found.states,
        "is_empty": found.is_empty,
        "graphs": [
            svg.render(draw(graph, with_notes=True), f"{name} as a graph", overlay=overlay)
            for graph, overlay, name in zip((old, new), (found.old, found.new), names, strict=True)
        ],
    }


async def add_photo(request: Request) -> Response:
    """Takes a photo for a comparison as the body: its `batch` and `name` are in the address."""
    console: Console = request.app.state.console
    path = console.batches.add(request.query_params.get("batch", ""), request.query_params.get("name", ""))
    size_bytes = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size_bytes += len(chunk)
            if size_bytes > MOST_BYTES:
                raise HTTPException(413, f"A photo has at most {MOST_BYTES // 1_000_000} MB.")
            await run_in_threadpool(file.write, chunk)
    return JSONResponse({"photo": path.name}, status_code=201)


@change("/workflows")
def start(console: Console, form: Form) -> Job:
    """Starts a comparison: of the last uploads, or of the photos of a batch at a place."""
    one, other = typed(form, "one"), typed(form, "other")
    machines = console.installation.state_machines()
    if one == other or not {one, other} <= set(machines):
        raise UsageError(f"{one} and {other} are not two workflows that are deployed.")
    subjects = _subjects(console, form, (one, other))
    if not subjects:
        raise UsageError("There are no photos to compare them with: choose some, or upload some first.")
    job = Job(
        "compare",
        f"{one} and {other} about the same photos",
        {"names": (one, other), "of": len(subjects), "batch": form.get("batch", "")},
    )
    return console.jobs.start(job, lambda _: compare.compare(console.installation, (one, other), subjects))


def _subjects(console: Console, form: Form, names: tuple[str, str]) -> list[shadow.Subject]:
    batch = form.get("batch", "")
    if not batch:
        number = typed(form, "last")
        if not (number.isascii() and number.isdigit() and 0 < int(number) <= _MOST_UPLOADS):
            raise UsageError(f"{number!r} is no number of uploads from 1 to {_MOST_UPLOADS}.")
        return compare.last(console.installation, int(number), names)
    place_id = typed(form, "place")
    if not place_id or "/" in place_id:
        raise UsageError("Say which place the photos are of: its id, without a slash.")
    return [shadow.Subject(str(path), place_id) for path in console.batches.photos(batch)]


def thumbnail(request: Request) -> Response:
    """A small picture of a photo of a batch."""
    console: Console = request.app.state.console
    name = request.query_params.get("name", "")
    for path in console.batches.photos(request.query_params.get("batch", "")):
        if path.name == name:
            return photos.small_picture(_read(path))
    raise HTTPException(404, "There is no such photo any longer.")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(photos.MOST_BYTES + 1)


routes = [
    Route("/workflows.compare", index),
    Route("/workflows.compare", start, methods=["POST"]),
    Route("/workflows.compare/photo", add_photo, methods=["PUT"]),
    Route("/workflows.compare/photo", thumbnail),
]
