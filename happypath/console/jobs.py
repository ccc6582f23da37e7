"""What takes longer than a request: it goes on in a thread, and a page shows how far it has come."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from happypath.errors import UsageError
from happypath.operations.aws_errors import FORESEEABLE, explain

# More are forgotten, the oldest first.
_KEPT = 20
_GRACE_S = 20.0


@dataclass
class Job:
    """One job. `results` grows while it goes on; `kind` says what they are."""

    kind: str
    title: str
    about: dict[str, Any] = field(default_factory=dict)
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    results: list[Any] = field(default_factory=list)
    # How many things were looked at, of those jobs that find few among many.
    looked_at: int = 0
    error: str | None = None
    has_ended: bool = False
    # It ends after the result that it is at.
    is_stopped: bool = False

    @property
    def progress(self) -> tuple[int, int, bool]:
        """What changes while it goes on."""
        return len(self.results), self.looked_at, self.has_ended


class Jobs:
    """The jobs of a console, the newest last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._threads: list[threading.Thread] = []

    def start(self, job: Job, work: Callable[[Job], Iterator[Any]]) -> Job:
        """Starts a job: what `work` yields are its results.

        Raises:
            UsageError: one of its kind is still going on.
        """
        with self._lock:
            for other in self._jobs.values():
                if other.kind == job.kind and not other.has_ended:
                    raise UsageError(f"“{other.title}” is still going on: wait until it has ended.")
            for name in [each.name for each in self._jobs.values() if each.has_ended][: -_KEPT + 1]:
                del self._jobs[name]
            self._jobs[job.name] = job
        thread = threading.Thread(target=_run, args=(job, work), name=job.kind, daemon=True)
        self._threads = [*(each for each in self._threads if each.is_alive()), thread]
        thread.start()
        return job

    def find(self, name: str) -> Job | None:
        """The job of that name."""
        return self._jobs.get(name)

    def close(self) -> None:
        """Stops all jobs, and waits a while for them to put away what they have made."""
        for job in list(self._jobs.values()):
            job.is_stopped = True
        for thread in self._threads:
            thread.join(_GRACE_S)

    def newest(self) -> list[Job]:
        """All of them, newest first."""
        return list(reversed(self._jobs.values()))


def _run(job: Job, work: Callable[[Job], Iterator[Any]]) -> None:
    try:
        # A generator, which puts away what it has made when it is closed.
        going_on: Any = work(job)
        with closing(going_on) as results:
            for result in results:
                job.results.append(result)
                if job.is_stopped:
                    break
    except FORESEEABLE as error:
        job.error = explain(error)
    except BaseException as error:
        job.error = f"It broke off: {type(error).__name__}."
        raise
    finally:
        job.has_ended = True
