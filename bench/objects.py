"""S3 on loopback as far as GetObject goes, in a process of its own: a client pays for itself only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from happypath.project import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@contextmanager
def served(folder: Path) -> Iterator[S3Client]:
    """A client of a bucket of any name, whose objects are the files in `folder`."""
    command = [sys.executable, "-m", "bench.objects", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None  # noqa: S101  # it is a pipe
        try:
            yield boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{server.stdout.readline().strip()}",
                region_name="us-east-1",
                aws_access_key_id="bench",
                aws_secret_access_key="bench",  # noqa: S106  # nobody checks it
                config=Config(s3={"addressing_style": "path"}),
            )
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
        body, status = data, 200
        wanted = self.headers.get("Range")
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            body, status = data[int(first) : int(last) + 1], 206
        self.send_response(status)
        if wanted:
            at = int(first)
            self.send_header("Content-Range", f"bytes {at}-{at + len(body) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("ETag", '"etag"')
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # http.server's name
        """Says nothing."""


if __name__ == "__main__":
    _Handler.folder = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
