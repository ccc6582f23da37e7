"""The application: every page, behind the guard."""

from __future__ import annotations

import mimetypes
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from happypath.console import templating
from happypath.console.pages import (
    accuracy,
    comparison,
    faults,
    jobs,
    operations,
    photos,
    places,
    reviews,
    search,
    sending,
    upload,
    uploads,
    workflows,
)
from happypath.console.security import Guard
from happypath.errors import UsageError
from happypath.operations.aws_errors import FORESEEABLE, explain

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Scope

    from happypath.console.console import Console

# In the order of the menu. Each module has `routes`.
_PAGES = (
    *(uploads, upload, sending, photos, search, reviews, workflows, comparison, accuracy, operations, jobs),
    *(places, faults),
)
# What a machine's registry says of these may be wrong, and browsers are told not to guess.
for _suffix, _type in ((".js", "text/javascript"), (".css", "text/css"), (".svg", "image/svg+xml")):
    mimetypes.add_type(_type, _suffix)


class _Static(StaticFiles):
    """Files whose addresses change with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answers with a file, to be kept."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = (
            "public, max-age=31536000, immutable" if b"v=" in scope["query_string"] else "no-cache"
        )
        return response


def application(console: Console) -> Starlette:
    """The console as an ASGI application."""
    app = Starlette(
        routes=[
            *(route for module in _PAGES for route in module.routes),
            Mount("/static", _Static(directory=templating.STATIC), name="static"),
        ],
        middleware=[Middleware(Guard, console=console)],
        exception_handlers={HTTPException: _refused, **dict.fromkeys(FORESEEABLE, _failed)},
    )
    app.state.console = console
    app.state.templates = templating.environment(console)
    # Set when the server is about to end, so that streams do.
    app.state.closing = threading.Event()
    return app


def _refused(request: Request, error: Exception) -> Response:
    """What Starlette or a page refuses."""
    status, said = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    return _said(request, status, HTTPStatus(status).phrase, said)


def _failed(request: Request, error: Exception) -> Response:
    """What a page could not do without is a sentence as well."""
    status = 400 if isinstance(error, UsageError) else 502
    return _said(request, status, "This page cannot be shown", explain(error))


def _said(request: Request, status: int, title: str, said: str) -> Response:
    if request.method not in {"GET", "HEAD"} or request.url.path.endswith(".json"):
        return JSONResponse({"error": said}, status_code=status)
    return templating.page(request, "error.html", status=status, title=title, said=said)
