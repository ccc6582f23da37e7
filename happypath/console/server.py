"""The console's HTTP server: on loopback, in the foreground or beside a sandbox."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from happypath.console.app import application
from happypath.errors import ExpectedError

if TYPE_CHECKING:
    from happypath.console.console import Console

HOST = "127.0.0.1"
# How long requests under way may take when the server ends.
_GRACE_S = 2


class PortInUseError(ExpectedError):
    """The port is taken; the message says what to do."""


@contextmanager
def serving(console: Console, port: int, *, or_any: bool = False) -> Iterator[str]:
    """Serves a console while the block lasts; gives its address.

    Port 0 is one that is free; with `or_any`, so is a port that is taken.

    Raises:
        PortInUseError: the port is taken.
    """
    listener = _listen(port, or_any=or_any)
    app = application(console)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            # Names of keys in addresses are up to 1,024 bytes, three times that encoded.
            h11_max_incomplete_event_size=64 * 1024,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), name="console", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listener.getsockname()[1]}"
    finally:
        app.state.closing.set()
        server.should_exit = True
        thread.join(timeout=_GRACE_S + 5)
        listener.close()
        console.close()


def _listen(port: int, *, or_any: bool) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if or_any:
            return socket.create_server((HOST, 0))
        raise PortInUseError(
            f"Port {port} cannot be used for the console ({error.strerror}): stop what runs there, or choose "
            "another one."
        ) from error


class _Server(uvicorn.Server):
    """uvicorn without handlers of signals: it is not alone in its process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the command."""
        yield
