"""Live pages: a browser is notified when what a page shows has changed, and loads it again (static/live.js).

Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from happypath.operations.aws_errors import FORESEEABLE

if TYPE_CHECKING:
    from starlette.requests import Request

# A comment now and then shows that the other side is gone.
_HEARTBEAT_S = 15.0
# After an error AWS is left alone for a while.
_AFTER_ERROR_S = 5.0


def stream(request: Request, look: Callable[[], object], every_s: float) -> StreamingResponse:
    """An event whenever what `look` returns is another than before.

    `look` runs in a thread, every so many seconds while somebody is there. What AWS refuses is asked again.
    """
    return StreamingResponse(
        _events(request, look, every_s),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(request: Request, look: Callable[[], object], every_s: float) -> AsyncIterator[str]:
    before: object = None
    is_first = True
    last_sent = time.monotonic()
    # How soon a browser comes again after the console was away.
    yield "retry: 2000\n\n"
    while not (request.app.state.closing.is_set() or await request.is_disconnected()):
        wait_s = every_s
        try:
            now = await run_in_threadpool(look)
        except FORESEEABLE:
            wait_s = max(every_s, _AFTER_ERROR_S)
        else:
            # What changed between the page and its stream is not missed, either: the page is loaded once.
            if is_first or now != before:
                yield f"event: change\ndata: {'first' if is_first else 'again'}\n\n"
                last_sent = time.monotonic()
            before, is_first = now, False
        if time.monotonic() - last_sent > _HEARTBEAT_S:
            yield ":\n\n"
            last_sent = time.monotonic()
        await asyncio.sleep(wait_s)
