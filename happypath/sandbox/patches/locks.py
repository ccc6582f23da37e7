"""Operations of moto that must not run at the same time: its backends are called from many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any


def one_at_a_time(lock: threading.RLock, operation: Callable[..., Any]) -> Callable[..., Any]:
    """The operation, for which a caller waits until the lock is free."""

    @wraps(operation)
    def locked(*arguments: Any, **named: Any) -> Any:
        with lock:
            return operation(*arguments, **named)

    return locked
