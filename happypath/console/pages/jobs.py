"""The page of a job: how far it has come, and what it has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from happypath.console import live
from happypath.console.jobs import Job
from happypath.console.pages import accuracy
from happypath.console.templating import page
from happypath.operations.accuracy import plot

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.operations.accuracy.report import OfThreshold

_EVERY_S = 0.5
# Kinds of jobs with a page of their own.
_TEMPLATES = {"compare": "comparison.html", accuracy.KIND: "accuracy_report.html"}
# Of the results of a job as many are shown, the newest.
_SHOWN = 500


def _job(request: Request) -> Job:
    found: Job | None = request.app.state.console.jobs.find(request.path_params["name"])
    if found is None:
        raise HTTPException(404, "There is no such job: this console has started anew since, or many others.")
    return found


def index(request: Request) -> Response:
    """The page."""
    job = _job(request)
    # Before its results: those that come meanwhile are loaded then.
    live = None if job.has_ended else f"/jobs/{job.name}/events"
    return page(
        request,
        _TEMPLATES.get(job.kind, "job.html"),
        job=job,
        draw=_draw,
        results=job.results[-_SHOWN:],
        live=live,
    )


def _draw(shown: OfThreshold) -> Markup:
    # Built as a tree of elements: no text in it can be anything else.
    return Markup(plot.inline([shown], f"Errors of {shown.threshold.name} by threshold"))  # noqa: S704


def events(request: Request) -> Response:
    """Tells when it has come further."""
    job = _job(request)
    return live.stream(request, lambda: job.progress, _EVERY_S)


async def stop(request: Request) -> Response:
    """Stops it: what it is at comes to its end."""
    job = _job(request)
    job.is_stopped = True
    return RedirectResponse(f"/jobs/{job.name}", status_code=303)


routes = [
    Route("/jobs/{name}", index),
    Route("/jobs/{name}/events", events),
    Route("/jobs/{name}/stop", stop, methods=["POST"]),
]
