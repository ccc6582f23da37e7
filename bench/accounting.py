"""What the sandbox's process spends its CPU time on: requests by operation, and what else it does."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from happypath.sandbox.connection import Connection
from happypath.sandbox.injection import operation
from happypath.sandbox.poller import Pollers
from happypath.sandbox.runtime_api import _Handler
from happypath.sandbox.xray.store import Traces


class Accounts:
    """Seconds of CPU time and number of calls, by what they were for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()

    def booked(self, work: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """The same work, which is booked when it is done, on the thread that does it."""

        @wraps(work)
        def working(*arguments: Any) -> Any:
            what = name(*arguments)
            started = time.thread_time()
            try:
                return work(*arguments)
            finally:
                spent = time.thread_time() - started
                with self._lock:
                    self.seconds[what] += spent
                    self.calls[what] += 1

        return working

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self.seconds.clear()
            self.calls.clear()


# What never runs inside another of these on the same thread, so that nothing is booked twice.
_WORK: tuple[tuple[Any, str, Callable[..., str]], ...] = (
    (Connection, "run_wsgi", lambda self: f"request {operation(self.make_environ()) or 'of another kind'}"),
    (Pollers, "_deliver", lambda *_: "delivering from the queue, with invoking start_execution"),
    (_Handler, "handle_one_request", lambda *_: "Lambda runtime API"),
    (Traces, "put", lambda *_: "X-Ray: taking segments of functions"),
)


@contextmanager
def accounts() -> Iterator[Accounts]:
    """Books while the block lasts."""
    kept = Accounts()
    with ExitStack() as patches:
        for kind, method, name in _WORK:
            patches.enter_context(patch.object(kind, method, kept.booked(getattr(kind, method), name)))
        yield kept
