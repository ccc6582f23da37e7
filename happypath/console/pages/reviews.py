"""Reviews: the photos that wait for a person, each with what the models saw, and the person's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.routing import Route

from functions.review.review import Review
from happypath.console import addresses, live, sights, signals
from happypath.console.changes import Form, Moved, change
from happypath.console.forms import typed
from happypath.console.panel import Shown
from happypath.console.parts import Parts
from happypath.console.sights import Seen
from happypath.console.templating import page, visible
from happypath.operations.records import UploadNameError
from happypath.operations.review import ReviewRefusedError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

_EVERY_S = 1.0
# Of the reasons that the models gave, those that are offered.
_REASONS = 10


def index(request: Request) -> Response:
    """All that wait, the oldest first."""
    queue = request.app.state.console.reviews
    parts = Parts()
    return page(
        request,
        "reviews.html",
        parts,
        waiting=parts.get("The list of reviews", queue.waiting, []),
        you=parts.get("Who you are", lambda: queue.reviewer, None),
        now=queue.now(),
    )


def one(request: Request) -> Response:
    """One review: photo, boxes, signals, and what may be done."""
    console: Console = request.app.state.console
    queue, review_id = console.reviews, request.path_params["id"]
    parts = Parts()
    review = parts.get("The review", lambda: _shown(console, review_id), None)
    waiting = parts.get("The list of reviews", queue.waiting, [])
    said = signals.of(review.seen) if review else []
    return page(
        request,
        "review.html",
        parts,
        review=review,
        claimant=review.claimant(queue.now()) if review else None,
        you=parts.get("Who you are", lambda: queue.reviewer, None),
        signals=said,
        whole=Shown.of(review.seen) if review else None,
        reasons=list(dict.fromkeys(each.reason for each in said if each.reason))[:_REASONS],
        seen=_seen(console, review, asks=bool(request.query_params.get("look"))) if review else Seen(),
        here=addresses.review_page(review_id),
        before=_beside(waiting, review_id, -1),
        after=_beside(waiting, review_id, 1),
        number=len(waiting),
        live=f"/reviews.events?{urlencode({'id': review.id})}" if review and review.is_open else None,
    )


def _shown(console: Console, review_id: str) -> Review:
    try:
        return console.reviews.show(review_id)
    except (ReviewRefusedError, UploadNameError):
        raise HTTPException(404, f"There is no review {visible(review_id)}.") from None


def _seen(console: Console, review: Review, *, asks: bool) -> Seen:
    """The boxes in what the models said; on demand, in a sandbox, what Rekognition says: on AWS it costs."""
    can_ask = console.is_sandbox and review.version is not None
    if asks and can_ask and review.version is not None:
        return sights.by_rekognition(console.installation, review.key, review.version)
    return Seen(sights.in_value(review.seen), can_ask=can_ask)


def _beside(waiting: Sequence[Review], review_id: str, step: int) -> str | None:
    """The page of the review before or after one in the list; what is decided stands before all of it."""
    ids = [each.id for each in waiting]
    at = (ids.index(review_id) if review_id in ids else -1) + step
    return addresses.review_page(ids[at]) if 0 <= at < len(ids) else None


def events(request: Request) -> Response:
    """Tells when the list, or one review, has changed."""
    console: Console = request.app.state.console
    review_id = request.query_params.get("id")

    def look() -> object:
        found = [console.reviews.show(review_id)] if review_id else console.reviews.waiting()
        # A claim lapses by itself.
        return [(each, each.claimant(console.reviews.now())) for each in found]

    return live.stream(request, look, _EVERY_S)


def _next(console: Console, review_id: str) -> str:
    """The page after a decision: the next review that nobody else has claimed, or the list."""
    waiting, now = console.reviews.waiting(), console.reviews.now()
    ids = [each.id for each in waiting]
    # What is behind it in the list comes first; where it was passed on, it is still there.
    at = ids.index(review_id) + 1 if review_id in ids else 0
    for each in [*waiting[at:], *waiting[:at]]:
        if each.id != review_id and each.claimant(now) in {None, console.reviews.reviewer}:
            return addresses.review_page(each.id)
    return "/reviews"


@change("/reviews")
def claim(console: Console, form: Form) -> str:
    """Claims a review: nobody else decides it meanwhile."""
    return f"{console.reviews.claim(form.get('id', '')).key} is claimed: it is yours to decide."


@change("/reviews")
def pass_on(console: Console, form: Form) -> Moved:
    """Gives a claimed review back to all."""
    review = console.reviews.pass_on(form.get("id", ""))
    return Moved(f"{review.key} waits for somebody else.", _next(console, review.id))


@change("/reviews")
def approve(console: Console, form: Form) -> Moved:
    """Approves, with a note if the person wrote one."""
    review = console.reviews.approve(form.get("id", ""), typed(form, "note"))
    return Moved(f"{review.key} is approved.", _next(console, review.id))


@change("/reviews")
def refuse(console: Console, form: Form) -> Moved:
    """Refuses, with a reason, and a note if the person wrote one."""
    review = console.reviews.refuse(form.get("id", ""), typed(form, "reason"), typed(form, "note"))
    return Moved(f"{review.key} is refused.", _next(console, review.id))


routes = [
    Route("/reviews", index),
    Route("/reviews.events", events),
    Route("/reviews/{id}", one),
    Route("/reviews.claim", claim, methods=["POST"]),
    Route("/reviews.pass", pass_on, methods=["POST"]),
    Route("/reviews.approve", approve, methods=["POST"]),
    Route("/reviews.refuse", refuse, methods=["POST"]),
]
