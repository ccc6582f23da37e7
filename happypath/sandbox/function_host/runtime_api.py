"""The Lambda Runtime API on loopback: how one execution environment gets its work and gives its answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

_PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """One call of a function."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_header: str | None


@dataclass(frozen=True)
class Answer:
    """What the function said: its result, or its error in Lambda's shape."""

    payload: bytes
    failed: bool = False


def error_answer(error_type: str, message: str) -> Answer:
    """An error that Lambda itself reports about a function."""
    return Answer(json.dumps({"errorType": error_type, "errorMessage": message}).encode(), failed=True)


class RuntimeApi:
    """Serves one execution environment, on a port of its own.

    `offer` hands an invocation over; `wait` waits for its answer. `ready` is set once the function's module
    has been imported and asks for work.
    """

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.init_error: Answer | None = None
        self._offers: SimpleQueue[Invocation | None] = SimpleQueue()
        self._answered = threading.Event()
        self._answer: Answer | None = None
        self._current: str | None = None
        self._server = _Server(self)
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="runtime-api", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        # `serve_forever` looks ten times a second whether it is over, for each of a hundred environments.
        while not self._closed:
            self._server.handle_request()

    @property
    def address(self) -> str:
        """`host:port`, the value of AWS_LAMBDA_RUNTIME_API."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def offer(self, invocation: Invocation) -> None:
        """Gives the environment its next invocation; one at a time."""
        self._answer = None
        self._answered.clear()
        self._current = invocation.request_id
        self._offers.put(invocation)

    def wait(self, timeout_s: float) -> Answer | None:
        """The answer to the invocation offered last, or None if there is none yet."""
        self._answered.wait(timeout_s)
        return self._answer

    def close(self) -> None:
        """Stops serving."""
        self._offers.put(None)
        self._closed = True
        # Whoever waits for a request gets one, unless it was closed before.
        host, port = self._server.server_address[:2]
        with contextlib.suppress(OSError):
            socket.create_connection((str(host), port)).close()
        self._thread.join()
        self._server.server_close()

    def next(self) -> Invocation | None:
        """Waits for the next invocation, on behalf of the environment; None when there will be no more."""
        self.ready.set()
        return self._offers.get()

    def finish(self, request_id: str, answer: Answer) -> bool:
        """Takes the environment's answer; False when it is not to the invocation in hand."""
        if request_id != self._current:
            return False
        self._answer = answer
        self._current = None
        self._answered.set()
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a connection that broke: the process was killed, and the answer tells so."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet for an answer, and no waiting: an invocation is two of them.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}/invocation/next":
            self._reply(404, b"{}")
            return
        invocation = self.server.api.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
        }
        if invocation.trace_header:
            headers["Lambda-Runtime-Trace-Id"] = invocation.trace_header
        self._reply(200, invocation.payload, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        accepted = False
        match self.path.removeprefix(_PREFIX).strip("/").split("/"):
            case ["init", "error"]:
                self.server.api.init_error = Answer(body, failed=True)
                accepted = True
            case ["invocation", request_id, "response"]:
                accepted = self.server.api.finish(request_id, Answer(body))
            case ["invocation", request_id, "error"]:
                accepted = self.server.api.finish(request_id, Answer(body, failed=True))
        self._reply(202 if accepted else 400, b'{"status":"OK"}' if accepted else b"{}")

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Says nothing: each request would be a line."""
