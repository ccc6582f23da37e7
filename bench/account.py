"""AWS on loopback as far as one upload asks of it, in a process of its own: a client pays for itself only.

Its answers are canned: every object is there, every write succeeds, and Rekognition sees what is asked for.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from bench import certificates
from happypath.project import NEWEST, ROOT

EXECUTION = f"arn:aws:states:us-east-1:123456789012:execution:happypath-{NEWEST}:bench"
# By operation, as the header X-Amz-Target names it; what is not here answers with nothing.
_ANSWERS: dict[str, dict[str, Any]] = {
    "DetectLabels": {"Labels": [{"Name": "Person", "Confidence": 99.0}]},
    "DetectModerationLabels": {"ModerationLabels": []},
    "DetectText": {"TextDetections": []},
    "GetItem": {"Item": {"executionArn": {"S": EXECUTION}}},
    "GetParameter": {"Parameter": {"Value": NEWEST}},
    "StartExecution": {"executionArn": EXECUTION, "startDate": 0},
}
# What S3 says of an object beside its bytes.
_OBJECT = {"ETag": '"etag"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}


@contextmanager
def served(folder: Path, certificate: Path | None = None) -> Iterator[str]:
    """The endpoint of it: https with a certificate, which `bench.certificates` makes, http without.

    A bucket of any name holds the files in `folder`, in whatever folder of its own.
    """
    arguments = [str(path) for path in (folder, certificate) if path]
    command = [sys.executable, "-m", "bench.account", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None  # noqa: S101  # it is a pipe
        try:
            scheme = "https" if certificate else "http"
            yield f"{scheme}://{certificates.ADDRESS}:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    folder: Path

    def do_GET(self) -> None:
        """Answers with an object, or the range of it that was asked for."""
        data = (self.folder / self.path.partition("?")[0].rpartition("/")[2]).read_bytes()
        wanted = self.headers.get("Range")
        if not wanted:
            self._answer(data)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        body = data[int(first) : int(last) + 1]
        self._answer(
            body, 206, **{"Content-Range": f"bytes {first}-{int(first) + len(body) - 1}/{len(data)}"}
        )

    def do_HEAD(self) -> None:
        """Says that an object is there, in the version that events name."""
        self._answer(b"", 200, **{"x-amz-version-id": "1"})

    def do_PUT(self) -> None:
        """Takes an object, and keeps nothing of it."""
        self._taken()
        self._answer()

    def do_POST(self) -> None:
        """Answers a call of one of the services that speak JSON."""
        self._taken()
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        self._answer(json.dumps(_ANSWERS.get(operation, {})).encode())

    def handle_expect_100(self) -> bool:
        """Says at once that a body may come; kept back, it would cost the client a second."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _taken(self) -> None:
        if self.headers.get("Transfer-Encoding") != "chunked":
            self.rfile.read(int(self.headers["Content-Length"]))
            return
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + len("\r\n"))
        self.rfile.readline()

    def _answer(self, body: bytes = b"", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**_OBJECT, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Says nothing."""


if __name__ == "__main__":
    _Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer((certificates.ADDRESS, 0), _Handler)
    if sys.argv[2:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()
