"""The list of uploads, newest first, which moves while they do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from happypath.console import live
from happypath.console.pages.upload import upload
from happypath.console.parts import Parts
from happypath.console.templating import page
from happypath.operations.uploads import STATUSES, Cursor, Listed, Wanted, listed

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

ON_A_PAGE = 50
_EVERY_S = 1.0
SINCE = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_FIELDS = ("status", "reason", "workflow", "place", "text", "since", "order")


def _wanted(request: Request) -> Wanted:
    """The filter that an address names; what it names that makes no sense is left out."""
    query = request.query_params
    status = query.get("status", "")
    since = SINCE.get(query.get("since", ""))
    return Wanted(
        status=status if status in STATUSES else "",
        reason=query.get("reason", "").strip(),
        workflow=query.get("workflow", "").strip(),
        place_id=query.get("place", "").strip(),
        text=query.get("text", "").strip(),
        since=datetime.now(UTC) - since if since else None,
        failed_first=query.get("order") == "failed",
    )


def _found(console: Console, request: Request) -> Listed:
    after = request.query_params.get("after")
    return listed(console.installation, _wanted(request), ON_A_PAGE, Cursor.parse(after) if after else None)


def index(request: Request) -> Response:
    """The page; of one upload where the address names its `key`, which cannot be a part of a path."""
    if "key" in request.query_params:
        return upload(request)
    console: Console = request.app.state.console
    parts = Parts()
    nothing = Listed([], None, False, 0)
    found = parts.get("The list of uploads", lambda: _found(console, request), nothing)
    asked = {name: request.query_params.get(name, "") for name in _FIELDS}
    set_ = {name: value for name, value in asked.items() if value}
    return page(
        request,
        "uploads.html",
        parts,
        found=found,
        asked=asked,
        is_filtered=bool(set_.keys() - {"order"}),
        is_first="after" not in request.query_params,
        statuses=STATUSES,
        since=SINCE,
        more=f"/uploads?{urlencode(set_ | {'after': str(found.after)})}" if found.after else None,
        first=f"/uploads?{urlencode(set_)}",
        live=f"/uploads.events?{urlencode(set_)}" if "after" not in request.query_params else None,
    )


def as_json(request: Request) -> Response:
    """The same list as JSON."""
    found = _found(request.app.state.console, request)
    return JSONResponse(
        {
            "uploads": [upload.as_json() for upload in found.uploads],
            "after": str(found.after) if found.after else None,
        }
    )


def events(request: Request) -> Response:
    """Tells when the first page of a list has changed."""
    console: Console = request.app.state.console
    wanted = _wanted(request)
    return live.stream(request, lambda: listed(console.installation, wanted, ON_A_PAGE).uploads, _EVERY_S)


def root(_: Request) -> Response:
    """The console begins with the uploads."""
    return RedirectResponse("/uploads")


routes = [
    Route("/", root),
    Route("/uploads", index),
    Route("/uploads.json", as_json),
    Route("/uploads.events", events),
]
