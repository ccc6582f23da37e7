"""The page of one upload, or of one execution: its way through the graph, the photo, and each state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from functions.catalogue.entries import Part
from functions.imaging.header import READABLE
from happypath.console import addresses, catalogue, live, panel, pictures, sights, story, waterfall
from happypath.console import run as runs
from happypath.console.graph import svg
from happypath.console.graph.drawing import folded_at_first
from happypath.console.graph.overlay import StateShown
from happypath.console.pages.faults import KINDS, WHEN
from happypath.console.parts import Parts
from happypath.console.run import Run
from happypath.console.sights import Seen
from happypath.console.templating import page, visible
from happypath.errors import UsageError
from happypath.operations import executions, logs, trace
from happypath.operations.aws_errors import FORESEEABLE
from happypath.operations.executions import NoExecutionError
from happypath.operations.installation import renditions
from happypath.operations.search import known as catalogued
from happypath.operations.waterfall import rows

if TYPE_CHECKING:
    from starlette.requests import Request

    from happypath.console.console import Console

VIEWS = {
    "photo": "Photo",
    "catalogue": "Catalogue",
    "state": "State",
    "log": "Log",
    "trace": "Trace",
    "definition": "Definition",
}
# The types of photos that browsers show; where no state says the type, the browser is asked.
_SHOWN = frozenset({"jpg", "png", "gif", "webp", "avif", "mp4", None})
# How often is looked what has changed: on AWS, GetExecutionHistory has a quota that others share.
_EVERY_S, _EVERY_S_ON_AWS = 0.5, 2.0


@dataclass(frozen=True)
class Address:
    """The page's own address, with what is chosen on it."""

    path: str
    view: str = "photo"
    state: str = ""
    # None: what is large is folded.
    folded: frozenset[str] | None = None

    def __str__(self) -> str:
        query: list[tuple[str, str]] = []
        if self.view != "photo":
            query.append(("view", self.view))
        if self.state:
            query.append(("state", self.state))
        if self.folded is not None:
            query += [("fold", name) for name in sorted(self.folded) or [""]]
        joint = "&" if "?" in self.path else "?"
        return f"{self.path}{joint}{urlencode(query)}" if query else self.path

    def of_view(self, view: str) -> str:
        """The same page with another view."""
        return str(replace(self, view=view))

    def of_state(self, name: str) -> str:
        """The same page with a state chosen; the definition stays open where it is."""
        view = self.view if self.view == "definition" else "state"
        return f"{replace(self, view=view, state=name)}#panel"

    def folding(self, at_first: frozenset[str]) -> Callable[[str, bool], str]:
        """What folds or unfolds a state."""
        now = at_first if self.folded is None else self.folded

        def link(name: str, fold: bool) -> str:
            return str(replace(self, folded=now | {name} if fold else now - {name}))

        return link

    def with_(self, **more: str) -> str:
        """The same page with more in its query."""
        here = str(self)
        return f"{here}{'&' if '?' in here else '?'}{urlencode(more)}"


def _asked(request: Request, path: str) -> Address:
    query = request.query_params
    view = query.get("view", "photo")
    folded = query.getlist("fold")
    return Address(
        path,
        view if view in VIEWS else "photo",
        query.get("state", ""),
        frozenset(filter(None, folded)) if folded else None,
    )


def upload(request: Request) -> Response:
    """The page of the upload with this key."""
    key = request.path_params.get("key") or request.query_params.get("key", "")
    console: Console = request.app.state.console
    parts = Parts()
    run = runs.of_key(console, parts, key)
    if run.record is None and not run.versions and not parts.missing:
        raise HTTPException(404, f"There is no upload {visible(key)}, and there never was one.")
    return _page(request, run, parts, _asked(request, addresses.upload_page(key)))


def execution(request: Request) -> Response:
    """The page of the execution of this name."""
    name = request.path_params["name"]
    console: Console = request.app.state.console
    parts = Parts()
    try:
        run = runs.of_execution(console, parts, name)
    except NoExecutionError as error:
        raise HTTPException(404, visible(str(error))) from None
    return _page(request, run, parts, _asked(request, addresses.execution_page(name)))


def _page(request: Request, run: Run, parts: Parts, address: Address) -> Response:
    if request.query_params.get("as") == "svg":
        return _download(run, address)
    console: Console = request.app.state.console
    make = _VIEWS.get(address.view)
    view = make(console, run, parts, address) if make else {}
    # Of a picture that is all; of a document it says what it is.
    known = _known(console, run, parts, 1) if address.view == "photo" else []
    seen = _sights(console, run, request, known) if address.view == "photo" else Seen()
    published = renditions(run.record, run.photo) if run.record else {}
    kinds = {name: key.rpartition(".")[2] for name, key in published.items()}
    # What is published of a file that is no photo is of its kind, too.
    uploaded = [story.photo_type(run), *(part.type for part in known), *kinds.values()]
    unseen = next((kind for kind in uploaded if kind not in _SHOWN), None)
    return page(
        request,
        "upload.html",
        parts,
        run=run,
        address=address,
        views=VIEWS,
        graph=_graph(run, address),
        outcome=story.outcome(run),
        lines=story.lines(run) if address.view == "photo" else [],
        seen=seen,
        live=_live(run),
        unseen=unseen,
        is_catalogued=bool(known),
        is_picture=unseen is None or unseen in READABLE,
        renditions=[name for name, kind in kinds.items() if kind in _SHOWN],
        films=[name for name, kind in kinds.items() if kind == "mp4"],
        files=[name for name, kind in kinds.items() if kind not in _SHOWN],
        fault_kinds=KINDS,
        fault_times=WHEN,
        **{
            "panel": None,
            "log": [],
            "trace": None,
            "legend": waterfall.LEGEND,
            "blocks": [],
            "known": [],
            "is_cut": False,
            **view,
        },
    )


def _live(run: Run) -> str | None:
    """The stream of the page, while there is something to come."""
    if not run.is_running:
        return None
    if run.key is not None and (run.is_of_record or run.is_undecided):
        return f"/upload.events?{urlencode({'key': run.key})}"
    return f"/execution.events?{urlencode({'arn': run.arn})}" if run.arn else None


def _graph(run: Run, address: Address) -> Any:
    if run.definition is None or run.graph is None:
        return None
    return svg.render(
        pictures.drawing_of(run.definition.text, address.folded, with_notes=True),
        _title(run),
        overlay=run.overlay,
        links=svg.Links(address.of_state, address.folding(folded_at_first(run.graph))),
        selected=address.state or None,
    )


def _title(run: Run) -> str:
    return f"The way of {run.key or (executions.name_of(run.arn) if run.arn else 'nothing')}"


def _download(run: Run, address: Address) -> Response:
    if run.definition is None:
        raise HTTPException(404, "There is no graph: neither the execution nor its state machine is there.")
    drawing = pictures.drawing_of(run.definition.text, address.folded, with_notes=True)
    picture = svg.render(drawing, _title(run), overlay=run.overlay, alone=True)
    return Response(
        str(picture),
        media_type="image/svg+xml",
        headers={
            "Content-Disposition": 'attachment; filename="graph.svg"',
            # It is to be saved. Shown here it could do nothing.
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )


def _state(console: Console, run: Run, parts: Parts, address: Address) -> dict[str, Any]:
    name = address.state or _first_to_look_at(run)
    return {"panel": panel.of_state(console.installation, parts, run, name) if name else None}


def _first_to_look_at(run: Run) -> str | None:
    """The state that something is wrong with, or the last one."""
    shown = {name: state for name, state in run.overlay.states.items() if isinstance(state, StateShown)}
    for css in ("failed", "timed-out", "running", "caught"):
        for name, state in shown.items():
            if state.status == css:
                return name
    return run.walk.visits[-1].state if run.walk.visits else None


def _log(console: Console, run: Run, parts: Parts, _: Address) -> dict[str, Any]:
    record = run.record
    if record is None or "receivedAt" not in record:
        return {}
    lines = parts.get("The log", lambda: logs.of_upload(console.installation, dict(record)), [])
    if run.arn is not None and not run.is_of_record:
        lines = [line for line in lines if line.fields.get("executionArn") in (None, run.arn)]
    return {"log": lines}


def _trace(console: Console, run: Run, parts: Parts, _: Address) -> dict[str, Any]:
    record = run.record
    if record is None or not run.is_of_record:
        return {}
    found = parts.get("The trace", lambda: trace.of_upload(console.installation, dict(record)), None)
    if found is None:
        return {}
    spent = found.shares()
    shares = [(kind, seconds) for kind, seconds in spent.items() if seconds]
    return {"trace": found, "picture": waterfall.render(rows(found), f"Trace {found.id}"), "shares": shares}


def _definition(_: Console, run: Run, __: Parts, ___: Address) -> dict[str, Any]:
    """The definition, state by state: its names lead to the graph, and what is chosen there is open here."""
    states = run.graph.all_states() if run.graph else ()
    return {"blocks": [(state, panel.Shown.of(dict(state.definition))) for state in states]}


def _known(console: Console, run: Run, parts: Parts, most: int) -> list[Part]:
    """The first parts of what is catalogued of the upload."""
    key, bucket = run.key, console.installation.core["UploadBucket"]
    if key is None:
        return []
    return parts.get(
        "What is catalogued of it",
        lambda: list(islice(catalogued(console.installation, bucket, key, run.version), most)),
        [],
    )


def _catalogue(console: Console, run: Run, parts: Parts, _: Address) -> dict[str, Any]:
    found = _known(console, run, parts, catalogue.MOST_PARTS + 1)
    return {
        "known": [catalogue.ShownPart.of(part) for part in found[: catalogue.MOST_PARTS]],
        "is_cut": len(found) > catalogue.MOST_PARTS,
    }


_VIEWS: dict[str, Callable[[Any, Run, Parts, Address], dict[str, Any]]] = {
    "catalogue": _catalogue,
    "state": _state,
    "log": _log,
    "trace": _trace,
    "definition": _definition,
}


def _sights(console: Console, run: Run, request: Request, known: Sequence[Part]) -> Seen:
    """What outputs of states say; on demand, in a sandbox, what Rekognition says: on AWS each call costs."""
    if request.query_params.get("look") and console.is_sandbox and run.key and run.version:
        return sights.by_rekognition(console.installation, run.key, run.version)
    in_states = sights.in_outputs(visit.output for visit in run.walk.visits)
    in_catalogue = sights.of_entries(each.as_json() for part in known for each in part.entries)
    found = list(dict.fromkeys([*in_states, *in_catalogue]))
    return Seen(found, can_ask=console.is_sandbox and run.key is not None and run.version is not None)


def upload_events(request: Request) -> Response:
    """Reports when the page of an upload has changed."""
    console: Console = request.app.state.console
    key = request.query_params.get("key", "")

    def look() -> object:
        record = runs.record_of(console.installation, key)
        arn = (record or {}).get("executionArn")
        return record, _progress(console, arn) if arn else None

    return live.stream(request, look, _every_s(console))


def execution_events(request: Request) -> Response:
    """Reports when an execution has gone on."""
    console: Console = request.app.state.console
    arn = request.query_params.get("arn", "")
    if not arn.startswith("arn:"):
        raise UsageError("An execution is named by its ARN here.")
    return live.stream(request, lambda: _progress(console, arn), _every_s(console))


def _every_s(console: Console) -> float:
    return _EVERY_S if console.is_sandbox else _EVERY_S_ON_AWS


def _progress(console: Console, arn: str) -> tuple[str, int]:
    """An execution's status and last event. It ends after both its outcome and that event are recorded."""
    try:
        execution = executions.describe(console.installation, arn)
        status = execution.status if execution else ""
        return status, executions.last_event(console.installation, arn)
    except FORESEEABLE:
        return "", 0


routes = [
    Route("/upload.events", upload_events),
    Route("/execution.events", execution_events),
    Route("/executions/{name}", execution),
    Route("/uploads/{key:key}", upload),
]
