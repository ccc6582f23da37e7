"""The account that patches are made for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from happypath.sandbox.function_host.runtime_api import Answer

# A function as moto holds it, the payload, the trace header → what the function answered.
Invoke: TypeAlias = Callable[[Any, bytes, str | None], Answer]


@dataclass(frozen=True)
class Served:
    """An account: served at `endpoint` by a WSGI `application`, its functions run by `invoke`."""

    invoke: Invoke
    endpoint: str
    application: Any
    executions_at_once: int


# Replaces attributes of moto while its `with` block lasts.
Patch: TypeAlias = Callable[[Served], AbstractContextManager[None]]
