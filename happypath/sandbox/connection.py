"""How the account speaks HTTP: connections stay open from one request to the next, as those to AWS do."""

from __future__ import annotations

import contextlib
import io
import re
import socket
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from email.message import Message
from io import BufferedIOBase

from moto.moto_server.werkzeug_app import MotoRequestHandler

from happypath.sandbox.direct import ClientGoneError, reply
from happypath.sandbox.s3.limits import MOST_OBJECT_BYTES

_OF_HEADERS = (FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect)
# A header over two lines, too.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Answers without a body, whose length is not told.
_BODILESS = {204, 304}


# How long a client whose request was refused may pause while it sends the rest.
_LINGER_S = 5.0
_PIECE_BYTES = 65_536


class _Coming:
    """A request's body, of which no more is read than is asked for."""

    def __init__(self, source: BufferedIOBase, size_bytes: int) -> None:
        self._source = source
        self.left_bytes = size_bytes

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or all; fewer only at the end.

        Raises:
            ClientGoneError: the client has ended before.
        """
        wanted = self.left_bytes if size < 0 else min(size, self.left_bytes)
        data = self._source.read(wanted)
        if len(data) < wanted:
            raise ClientGoneError
        self.left_bytes -= wanted
        return data

    def read1(self, size: int, /) -> bytes:
        """What has come, at most so many bytes; nothing only at the end.

        Raises:
            ClientGoneError: the client has ended before.
        """
        wanted = min(size, self.left_bytes)
        data = self._source.read1(wanted) if wanted else b""
        if wanted and not data:
            raise ClientGoneError
        self.left_bytes -= len(data)
        return data


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
        try:
            length = _length(self.headers)
        except ValueError as error:
            # Where it ends is not certain: what follows it must not be taken for a request.
            self.close_connection = True
            self._reply("400 Bad Request", [("Content-Type", "text/plain")], f"{error}\n".encode())
            return
        environ = self.make_environ()
        if length is None:
            # Only the application's reading finds its end, and that may stop before.
            self.close_connection = True
        else:
            body = _Coming(self.rfile, length)
            try:
                environ["wsgi.input"] = body if self._is_judged_early(length) else io.BytesIO(body.read())
                answer = reply(self.server.app, environ)
            except ClientGoneError:
                # Killed, perhaps: a part of a request asks for nothing.
                self.close_connection = True
                return
            if body.left_bytes:
                self.close_connection = True
            self._reply(*answer)
            self._linger(body)
            return
        self._reply(*reply(self.server.app, environ))

    def _is_judged_early(self, length: int) -> bool:
        """Whether a request may be refused before it has come: forms, and what no service takes."""
        form = self.headers.get("Content-Type", "").startswith("multipart/form-data")
        return (self.command == "POST" and form) or length > MOST_OBJECT_BYTES

    def _linger(self, body: _Coming) -> None:
        """Lets the client send the rest of what is refused: else it loses the connection, and the answer."""
        if body.left_bytes:
            self.connection.settimeout(_LINGER_S)
            with contextlib.suppress(OSError, ClientGoneError):
                while body.read1(_PIECE_BYTES):
                    """None of it is kept."""

    def _reply(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, reason = status.partition(" ")
        if any(name.lower() == "server" for name, _ in headers):
            self.log_request(int(code))
            self.send_response_only(int(code), reason)
            self.send_header("Date", self.date_time_string())
        else:
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


def _length(headers: Message) -> int | None:
    """How many bytes of body follow, None for a body in chunks.

    https://www.rfc-editor.org/rfc/rfc9112#section-6.3

    Raises:
        ValueError: a proxy and a server might read different requests out of it.
    """
    # Of a multipart body, which comes later, the parser misses its parts.
    malformed = any(isinstance(each, _OF_HEADERS) for each in headers.defects)
    if malformed or any(_CONTROL.search(value) for value in headers.values()):
        raise ValueError("A header is malformed.")
    codings, lengths = headers.get_all("Transfer-Encoding", []), headers.get_all("Content-Length", [])
    if codings:
        if lengths or [each.strip().lower() for each in codings] != ["chunked"]:
            raise ValueError("The request has a Transfer-Encoding that is not chunked alone.")
        return None
    if not lengths:
        return 0
    if len(set(lengths)) > 1 or not re.fullmatch(r"[0-9]{1,18}", lengths[0]):
        raise ValueError("The Content-Length is no number.")
    return int(lengths[0])


# Only one account can be open in a process.
_open: set[socket.socket] = set()


def close_all() -> None:
    """Ends every connection that a client keeps open."""
    for connection in list(_open):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
