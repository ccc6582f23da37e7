"""Requests that change something: a form is read, the change is made, and a page is loaded that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from happypath.console.forms import fields
from happypath.console.jobs import Job
from happypath.operations.aws_errors import FORESEEABLE, explain

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

Form: TypeAlias = Mapping[str, str]


def change(back: str) -> Callable[[Callable[[Console, Form], str | Job]], Callable[[Request], Any]]:
    """Makes an endpoint of a function that makes a change and returns a sentence about it, or a job.

    The page at `back`, or another that the form names, is shown next with that sentence, or with why the
    change was not made; of a job, its own page.
    """

    def decorate(make: Callable[[Console, Form], str | Job]) -> Callable[[Request], Any]:
        @wraps(make)
        async def endpoint(request: Request) -> Response:
            console: Console = request.app.state.console
            form = await fields(request)
            try:
                made = await run_in_threadpool(make, console, form)
                if isinstance(made, Job):
                    return RedirectResponse(f"/jobs/{made.name}", status_code=303)
                notice = console.leave(made)
            except FORESEEABLE as error:
                notice = console.leave(explain(error), failed=True)
            address = form.get("back", "")
            # Only to a page of ours: `//elsewhere` is an address of another site.
            ours = address.startswith("/") and not address.startswith(("//", "/\\"))
            target = address if ours else back
            joint = "&" if "?" in target else "?"
            return RedirectResponse(f"{target}{joint}{urlencode({'notice': notice})}", status_code=303)

        return endpoint

    return decorate
