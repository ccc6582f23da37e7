"""How many executions progress at once: all of them would time out while they wait for functions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """`at_once` executions have a turn. One that only waits leaves it to others: on AWS any number wait."""

    def __init__(self, at_once: int) -> None:
        self._free = threading.Semaphore(at_once)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Waits for a turn, and has it for the block."""
        with self._free:
            yield

    @contextmanager
    def left_to_others(self) -> Iterator[None]:
        """Gives the turn away for the block, and waits for one after it."""
        self._free.release()
        try:
            yield
        finally:
            self._free.acquire()
