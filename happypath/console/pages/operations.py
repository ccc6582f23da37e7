"""Operations: how uploads ended, what waits, and what has them run again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from functions.ingest.live import Live
from happypath.console import live, plot
from happypath.console.changes import Form, change
from happypath.console.jobs import Job
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.errors import UsageError
from happypath.operations import live as switching
from happypath.operations import reconcile, redrive
from happypath.operations.outcomes import Outcomes, counted
from happypath.operations.uploads import Wanted, newest_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

TIMES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_INTERVALS = 48
# Uploads of one status that are counted.
_COUNTED, _COUNTED_SANDBOX = 5_000, 1_000
_EVERY_S = 3.0
# What is younger than this and has no outcome is in time.
LATE = timedelta(minutes=15)
_LATE_SHOWN = 50


def index(request: Request) -> Response:
    """The page."""
    console: Console = request.app.state.console
    installation = console.installation
    parts = Parts()
    asked = request.query_params.get("time", "")
    time = asked if asked in TIMES else "24h"
    now = datetime.now(UTC)
    # A sandbox takes a millisecond for a record, and AWS that for many.
    most = _COUNTED_SANDBOX if console.is_sandbox else _COUNTED
    nothing = Outcomes(now - TIMES[time], now)
    outcomes = parts.get(
        "How uploads ended", lambda: counted(installation, nothing.since, now, _INTERVALS, most), nothing
    )
    return page(
        request,
        "operations.html",
        parts,
        times=TIMES,
        time=time,
        outcomes=outcomes,
        plot=plot.bars(outcomes, _INTERVALS),
        reasons=outcomes.reasons.most_common(),
        queue=parts.get("The depth of the queue", lambda: redrive.waiting(installation, "Queue"), None),
        dead=parts.get(
            "The depth of the dead-letter queue",
            lambda: redrive.waiting(installation, "DeadLetterQueue"),
            None,
        ),
        reviews=parts.get("How many reviews wait", console.reviews.waiting, None),
        late=parts.get("Uploads without an outcome", lambda: _late(console, now), ([], False)),
        jobs=console.jobs.newest(),
        live=f"/operations.events?time={time}",
    )


def _late(console: Console, now: datetime) -> tuple[list[Any], bool]:
    wanted = Wanted(until=now - LATE)
    return newest_of(console.installation, "RECEIVED", wanted, _LATE_SHOWN)


def events(request: Request) -> Response:
    """Tells when something on the page has changed."""
    installation = request.app.state.console.installation

    def look() -> object:
        now = datetime.now(UTC)
        newest = [
            newest_of(installation, status, Wanted(), 1)[0]
            for status in ("RECEIVED", "IN_REVIEW", "FAILED", "REJECTED", "PROCESSED")
        ]
        depths = [redrive.waiting(installation, queue) for queue in ("Queue", "DeadLetterQueue")]
        return newest, depths, now.minute

    return live.stream(request, look, _EVERY_S)


def confirm(request: Request) -> Response:
    """What a change to many uploads will do, before it is made."""
    console: Console = request.app.state.console
    what = request.path_params["what"]
    parts = Parts()
    now = parts.get("What is live", lambda: switching.changes(console.installation)[0].value, "")
    count: tuple[int, bool] | None = None
    if what == "failed":
        count = parts.get("The uploads that failed", lambda: _failed(console), None)
    elif what == "dead":
        count = parts.get(
            "The depth of the dead-letter queue",
            lambda: (redrive.waiting(console.installation, "DeadLetterQueue"), False),
            None,
        )
    elif what != "reconcile":
        raise HTTPException(404, "There is no such change.")
    return page(
        request,
        "confirm.html",
        parts,
        what=what,
        live_value=now,
        is_held=not switching.workflows(now),
        count=count,
    )


_FAILED_COUNTED = 1_000


def _failed(console: Console) -> tuple[int, bool]:
    found, more = newest_of(console.installation, "FAILED", Wanted(), _FAILED_COUNTED)
    return len(found), more


@change("/operations")
def redrive_failed(console: Console, _: Form) -> Job:
    """Has every upload that failed run again."""
    return console.jobs.start(
        Job("redrive", "Uploads that failed are run again"),
        lambda _: redrive.run_again(console.installation, None),
    )


@change("/operations")
def redrive_dead(console: Console, _: Form) -> Job:
    """Sends the dead letters back into the queue."""
    return console.jobs.start(
        Job("dead letters", "Dead letters go back into the queue"),
        lambda _: redrive.dead_letters(console.installation),
    )


@change("/operations")
def reconcile_all(console: Console, form: Form) -> Job:
    """Looks for uploads without an outcome, and has them run if the form says `fix`."""
    fix = form.get("fix") == "yes"
    installation = console.installation
    value = switching.changes(installation)[0].value
    if fix and not switching.workflows(value):
        raise UsageError("No workflow is live, so uploads wait in the queue: they run once one is.")

    def work(going: Job) -> Iterator[tuple[reconcile.OpenUpload, bool]]:
        def looked(more: int) -> None:
            going.looked_at += more

        for upload in reconcile.find(installation, datetime.now(UTC) - LATE, looked):
            waits = Live.parse(value).choose(upload.key, "0") is None
            yield upload, fix and not waits and reconcile.fix(installation, upload)

    title = "Uploads without an outcome are " + ("found and run" if fix else "looked for")
    return console.jobs.start(Job("reconcile", title), work)


routes = [
    Route("/operations", index),
    Route("/operations.events", events),
    Route("/operations/{what}", confirm),
    Route("/operations/failed", redrive_failed, methods=["POST"]),
    Route("/operations/dead", redrive_dead, methods=["POST"]),
    Route("/operations/reconcile", reconcile_all, methods=["POST"]),
]
