"""How often a workflow is right: labelled pictures in a dry run, and where people overrule the models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from happypath.console.changes import Form, change
from happypath.console.forms import typed
from happypath.console.jobs import Job
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.errors import UsageError
from happypath.operations.accuracy import plot, price, recorded, truth
from happypath.operations.accuracy.kept import Kept
from happypath.operations.accuracy.measuring import measuring
from happypath.operations.accuracy.report import Asked, Report

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from happypath.console.console import Console
    from happypath.operations.accuracy.truth import Label

KIND = "accuracy"
_LABELS = "the labels"
_DAYS = {"1": "the last day", "7": "7 days", "30": "30 days", "365": "a year"}


def index(request: Request) -> Response:
    """What was recorded of people's verdicts since some days, and a form for labelled pictures."""
    console: Console = request.app.state.console
    parts = Parts()
    machines = parts.get("The list of workflows", console.installation.state_machines, {})
    workflow, days = request.query_params.get("workflow", ""), request.query_params.get("days", "")
    found = None
    if days in _DAYS:
        since = datetime.now(UTC) - timedelta(days=int(days))
        found = parts.get(
            "What was reviewed", lambda: recorded.read(console.installation, workflow or None, since), None
        )
    return page(
        request,
        "accuracy.html",
        parts,
        machines=list(machines),
        workflow=workflow,
        days=days,
        spans=_DAYS,
        recorded=found,
    )


@change("/accuracy")
def start(console: Console, form: Form) -> Job:
    """Starts to measure the photos of a batch, by labels that the form has as text."""
    workflow, place, batch = typed(form, "workflow"), typed(form, "place"), form.get("batch", "")
    if workflow not in console.installation.state_machines():
        raise UsageError(f"{workflow} is no workflow that is deployed.")
    if not place or "/" in place:
        raise UsageError("Say which place the photos are of: its id, without a slash.")
    labels = list(truth.parse(form.get("truth", "").encode(), _LABELS))
    truth.at_one_place(labels, _LABELS)
    pictures = {label: (_picture(console, batch, label), place) for label in labels}
    chosen = set(filter(truth.is_picture, console.batches.photos(batch)))
    if unlabelled := chosen - {path for path, _ in pictures.values()}:
        raise UsageError(f"{min(unlabelled).name.partition('-')[2]} has no label: write a line for it.")
    if not console.is_sandbox and "paid" not in form:
        asked = price.of(workflow, len(labels))
        raise UsageError(
            f"Rekognition looks up to {asked.asked:,} times at these pictures, for up to ${asked.usd:,.2f}: "
            "say that this is to be paid."
        )
    asked_for = Asked(acceptances=_rate(form, "acceptances"), refusals=_rate(form, "refusals"))
    job = Job(KIND, f"Labelled pictures through {workflow}", {"of": len(labels), "batch": batch})
    return console.jobs.start(job, lambda job: _work(console, job, workflow, pictures, asked_for))


def _picture(console: Console, batch: str, label: Label) -> Path:
    found = console.batches.of_name(batch, label.photo)
    if len(found) != 1:
        problem = "there is no such picture" if not found else "there are several of that name"
        raise UsageError(
            f"{_LABELS}, line {label.line}: {label.photo}: {problem} among those that were chosen."
        )
    return found[0]


def _rate(form: Form, name: str) -> float | None:
    text = typed(form, name)
    if not text:
        return None
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise UsageError(f"{text!r} is no rate in percent, from 0 to 100.")
    return percent / 100


def _work(
    console: Console,
    job: Job,
    workflow: str,
    pictures: dict[Label, tuple[Path, str]],
    asked: Asked,
) -> Iterator[Label]:
    """Measures; the report grows as the pictures come."""
    with measuring(console.installation, workflow) as measured:
        truth.known_reasons(pictures, measured.reasons, _LABELS, workflow)
        report = job.about["report"] = Report(workflow, measured.deciders, asked)
        with closing(measured.see(pictures, Kept(None, workflow, measured.digest))) as seen_of:
            for label, seen in seen_of:
                report.add(label, seen)
                yield label


def style(_: Request) -> Response:
    """How a plot looks; its colours are the console's."""
    return Response(plot.RULES, media_type="text/css", headers={"Cache-Control": "no-cache"})


routes = [
    Route("/accuracy", index),
    Route("/accuracy", start, methods=["POST"]),
    Route("/accuracy/plot.css", style),
]
