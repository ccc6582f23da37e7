"""X-Ray in the sandbox: a daemon, a store of traces, and the segments of AWS's own services."""

from __future__ import annotations

from contextlib import ExitStack

from happypath.sandbox.xray.daemon import Daemon
from happypath.sandbox.xray.executions import executions_traced
from happypath.sandbox.xray.functions import InvocationTrace
from happypath.sandbox.xray.patch import install
from happypath.sandbox.xray.store import Traces

__all__ = ["InvocationTrace", "XRay"]


class XRay:
    """X-Ray for the account that is open in this process, until `close`."""

    def __init__(self) -> None:
        self.traces = Traces()
        with ExitStack() as opened:
            daemon = Daemon(self.traces.put)
            opened.callback(daemon.close)
            self.daemon_address = daemon.address
            opened.enter_context(install(self.traces, daemon.flush))
            opened.enter_context(executions_traced(self.traces))
            self._opened = opened.pop_all()

    def invocation(self, name: str, arn: str, caller: str | None, *, active: bool) -> InvocationTrace:
        """Begins the segments of one invocation of a function; `caller` is its caller's trace header."""
        return InvocationTrace(self.traces, name, arn, caller, active=active)

    def close(self) -> None:
        """Stops listening and watching. Takes what was sent before."""
        self._opened.close()
