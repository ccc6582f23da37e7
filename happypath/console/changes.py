"""Requests that change something: a form is read, the change is made, and a page is loaded that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Moved:
    """What a change did, and the page to go on with."""

    text: str
    page: str


Made: TypeAlias = str | Job | Moved


def change(back: str) -> Callable[[Callable[[Console, Form], Made]], Callable[[Request], Any]]:
    """Makes an endpoint of a function that makes a change and returns a sentence about it, or a job.

    The page at `back`, or another that the form names, is shown next with that sentence, or with why the
    change was not made; of a job, its own page. What is `Moved` goes on elsewhere, once it is made.
    """

    def decorate(make: Callable[[Console, Form], Made]) -> Callable[[Request], Any]:
        @wraps(make)
        async def endpoint(request: Request) -> Response:
            console: Console = request.app.state.console
            form = await fields(request)
            goes_to = None
            try:
                made = await run_in_threadpool(make, console, form)
                if isinstance(made, Job):
                    return RedirectResponse(f"/jobs/{made.name}", status_code=303)
                goes_to = made.page if isinstance(made, Moved) else None
                notice = console.leave(made.text if isinstance(made, Moved) else made)
            except FORESEEABLE as error:
                notice = console.leave(explain(error), failed=True)
            address = form.get("back", "")
            # Only to a page of ours: `//elsewhere` is an address of another site.
            ours = address.startswith("/") and not address.startswith(("//", "/\\"))
            target = goes_to or (address if ours else back)
            joint = "&" if "?" in target else "?"
            return RedirectResponse(f"{target}{joint}{urlencode({'notice': notice})}", status_code=303)

        return endpoint

    return decorate
