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

from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import (
    StateTaskService,
)

from happypath.operations.installation import Installation
from happypath.sandbox import direct
from happypath.sandbox.connection import Connection
from happypath.sandbox.function_host.event_source import QueueSource
from happypath.sandbox.function_host.host import FunctionHost
from happypath.sandbox.function_host.runtime_api import _Handler
from happypath.sandbox.operations import operation
from happypath.sandbox.wsgi import Environ
from happypath.sandbox.xray.store import Traces


class Accounts:
    """Seconds of CPU time and number of calls, by what they were for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # How much of the work in hand was booked by work inside of it.
        self._thread = threading.local()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()

    def booked(self, work: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
        """The same work, which is booked when it is done, on the thread that does it.

        What is booked inside of it is not booked twice.
        """

        @wraps(work)
        def working(*arguments: Any, **named: Any) -> Any:
            what = name(*arguments)
            outside, self._thread.inside = getattr(self._thread, "inside", 0.0), 0.0
            started = time.thread_time()
            try:
                return work(*arguments, **named)
            finally:
                spent = time.thread_time() - started
                own = spent - self._thread.inside
                self._thread.inside = outside + spent
                with self._lock:
                    self.seconds[what] += own
                    self.calls[what] += 1

        return working

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self.seconds.clear()
            self.calls.clear()


def _request(environ: Environ) -> str:
    return f"request {operation(environ) or 'of another kind'}"


_WORK: tuple[tuple[Any, str, Callable[..., str]], ...] = (
    (Connection, "handle_one_request", lambda *_: "reading requests, writing answers"),
    (Connection, "run_wsgi", lambda self: _request(self.make_environ())),
    (direct, "reply", lambda _, environ: _request(environ)),
    (QueueSource, "_deliver", lambda *_: "delivering from the queue"),
    (FunctionHost, "invoke", lambda *_: "invoking functions"),
    (_Handler, "handle_one_request", lambda *_: "Lambda runtime API"),
    (Traces, "put", lambda *_: "X-Ray: taking segments of functions"),
    (Program, "eval", lambda *_: "the state machines' interpreter"),
    (StateTaskService, "_eval_execution", lambda *_: "the state machines' interpreter"),
    (Installation, "upload", lambda *_: "uploading"),
)


@contextmanager
def accounts() -> Iterator[Accounts]:
    """Books while the block lasts."""
    kept = Accounts()
    with ExitStack() as patches:
        for kind, method, name in _WORK:
            patches.enter_context(patch.object(kind, method, kept.booked(getattr(kind, method), name)))
        yield kept
