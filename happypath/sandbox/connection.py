"""How the account speaks HTTP: connections stay open from one request to the next, as those to AWS do."""

from __future__ import annotations

import contextlib
import io
import socket
import traceback
from collections.abc import Callable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.wsgi import ClosingIterator

# Answers without a body, whose length is not told.
_BODILESS = {204, 304}


class Connection(MotoRequestHandler):
    """One client's connection.

    werkzeug closes it after each answer, because an application may leave a part of a request unread. Here a
    request is read whole before the application sees it. Connecting, and a thread for each connection, took
    longer than most requests.
    """

    # Else an answer of two packets waits for the client's acknowledgement of the first.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        """Begins."""
        super().setup()
        _open.add(self.connection)

    def finish(self) -> None:
        """Ends."""
        _open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle_expect_100(self) -> bool:
        """Tells the client to go on, at once: it waits for that with its request's body."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def run_wsgi(self) -> None:
        """Answers one request."""
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        environ = self.make_environ()
        if chunked:
            # Where it ends is told by the application's reading of it, and that may stop before.
            self.close_connection = True
        else:
            environ["wsgi.input"] = io.BytesIO(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        # What an application writes before it answers, as WSGI lets it.
        early: list[bytes] = []
        status = ""
        headers: list[tuple[str, str]] = []

        def start_response(
            new_status: str, new_headers: list[tuple[str, str]], _error: Any = None, /
        ) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = new_status, new_headers
            return early.append

        try:
            answer = ClosingIterator(self.server.app(environ, start_response))
            body = b"".join([*early, *answer])
            answer.close()
        except Exception:
            self.server.log("error", "Error on request:\n%s", traceback.format_exc())
            status, headers = "500 Internal Server Error", [("Content-Type", "text/plain")]
            body = b"The sandbox failed; its log says why."
        self._reply(status, headers, body)

    def _reply(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if int(code) not in _BODILESS and not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


# Only one account can be open in a process.
_open: set[socket.socket] = set()


def close_all() -> None:
    """Ends every connection that a client keeps open."""
    for connection in list(_open):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
