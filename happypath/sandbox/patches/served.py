"""The account that patches are made for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

from happypath.sandbox.function_host.environment import Outcome

# A function as moto holds it, the payload, the trace header → what came of it.
Invoke: TypeAlias = Callable[[Any, bytes, str | None], Outcome]
# The same → the id of the request, whose event is invoked later.
Accept: TypeAlias = Callable[[Any, bytes, str | None], str]


@dataclass(frozen=True)
class Served:
    """An account: served at `endpoint` by a WSGI `application`, its functions run by `invoke`."""

    invoke: Invoke
    invoke_asynchronously: Accept
    endpoint: str
    application: Any
    executions_at_once: int
    # A client of a service, for what the account does by itself.
    own_client: Callable[[str], Any]


# Replaces attributes of moto while its `with` block lasts.
Patch: TypeAlias = Callable[[Served], AbstractContextManager[None]]
