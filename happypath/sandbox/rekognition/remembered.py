"""What was seen of a photo, kept by its bytes; whoever cannot wait for it asks again.

A detector keeps a processor busy, for seconds on a slow machine. Callers give up after a few seconds and
ask again, behind the work that they gave up. So each photo is looked at once, whoever asks how often, and a
caller who would wait too long is throttled, as Rekognition throttles:
https://docs.aws.amazon.com/rekognition/latest/dg/limits.html
"""

from __future__ import annotations

import atexit
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from happypath.sandbox.rekognition import errors

# Less than our functions wait for an answer (`functions.platform.aws`).
PATIENCE_S = 5.0
# Photos whose answers are kept; each takes some kilobytes.
_MOST = 2_000

_Seen = TypeVar("_Seen")


class Remembered(Generic[_Seen]):
    """Looks at as many photos at a time as it has threads, and keeps what it sees, errors included.

    >>> looks = []
    >>> seen = Remembered("doctest")
    >>> [seen.of("a photo", lambda: looks.append("once") or "a cat") for _ in range(2)], looks
    (['a cat', 'a cat'], ['once'])
    """

    def __init__(self, name: str, patience_s: float | None = None, threads: int = 1) -> None:
        self._name = name
        self._most_threads = threads
        self._patience_s = patience_s
        self._seen: OrderedDict[str, Future[_Seen]] = OrderedDict()
        self._waiting: SimpleQueue[tuple[Future[_Seen], Callable[[], _Seen]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._ends = False

    def of(self, digest: str, look: Callable[[], _Seen]) -> _Seen:
        """What is seen of the photo with this digest.

        Raises:
            RekognitionError: ThrottlingException, if it takes too long; it goes on, to be asked for again.
            Exception: whatever `look` raises.
        """
        with self._lock:
            found = self._seen.get(digest)
            if found is None:
                found = self._seen[digest] = Future()
                self._waiting.put((found, look))
                self._forget()
                if len(self._threads) < self._most_threads:
                    self._start()
            self._seen.move_to_end(digest)
        try:
            return found.result(PATIENCE_S if self._patience_s is None else self._patience_s)
        except TimeoutError:
            if found.done():
                raise
            raise errors.throttled() from None

    def _forget(self) -> None:
        # Those asked for longest ago come first, and are done unless all are being waited for.
        excess = len(self._seen) - _MOST
        if excess > 0:
            done = (digest for digest, seen in self._seen.items() if seen.done())
            for digest in list(itertools.islice(done, excess)):
                del self._seen[digest]

    def _start(self) -> None:
        if not self._threads:
            atexit.register(self._end)
        # Daemons, which a process that ends does not wait for until `_end` does.
        self._threads.append(threading.Thread(target=self._work, name=self._name, daemon=True))
        self._threads[-1].start()

    def _end(self) -> None:
        """Lets each thread end its look: one that Python stops within a detector's C++ aborts the process."""
        self._ends = True
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> Any:
        while (waiting := self._waiting.get()) is not None and not self._ends:
            future, look = waiting
            try:
                future.set_result(look())
            except BaseException as error:  # it is the answer
                future.set_exception(error)
