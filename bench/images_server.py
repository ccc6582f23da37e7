"""Serves pictures on request for a benchmark: the handler of `functions.images`, in processes of its own.

As on Lambda each process answers one request at a time. What it would ask of AWS is there already: the
record, the key, and the photo, which lies in a folder.

    python -m bench.images_server FOLDER PROCESSES
"""

from __future__ import annotations

import base64
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

# What addresses are signed with.
KEY = b"the key of a benchmark"
_SETTINGS = {
    "AWS_REGION": "us-east-1",
    "TABLE_NAME": "none",
    "CATALOGUE_TABLE": "none",
    "DISTRIBUTION_BUCKET": "none",
    "LARGE_BUCKET": "none",
    "SIGNING_SECRET": "none",
    "LADDER": "600x,1200x",
    "CACHE_SECONDS": "300",
    "MAX_PIXELS": "100000000",
    "POWERTOOLS_LOG_LEVEL": "ERROR",
}


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Sent in pieces, an answer waits 40 ms for the client's word that the first has come.
    wbufsize = -1
    disable_nagle_algorithm = True
    handler: Any

    def do_GET(self) -> None:  # the name that it is called by
        path, _, query = self.path.partition("?")
        event = {
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"accept": self.headers.get("accept", "")},
            "requestContext": {"http": {"method": "GET"}},
        }
        answer = type(self).handler(event, SimpleNamespace(aws_request_id="bench"))
        body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
        self.send_response(answer["statusCode"])
        for name, value in answer["headers"].items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main(folder: Path, processes: int) -> None:
    """Serves until it is killed; prints the port."""
    os.environ.update(_SETTINGS)
    from functions.images import images, keys, source  # noqa: PLC0415  # reads the environment
    from functions.upload import Upload  # noqa: PLC0415

    def find(key: str, **_: str) -> source.Source:
        return source.Source(Upload("none", key, "place", key.partition("/")[2]), "none", ())

    def known(_: object) -> tuple[bytes, ...]:
        return (KEY,)

    def open_photo(upload: Upload) -> Any:
        return SimpleNamespace(fetch=(folder / upload.upload_id).read_bytes)

    patch.object(source, "find", find).start()
    patch.object(images, "open_photo", open_photo).start()
    patch.object(keys.Keys, "known", known).start()
    _Requests.handler = staticmethod(images.handler)
    server = HTTPServer(("127.0.0.1", 0), _Requests)
    print(server.server_port, flush=True)
    for _ in range(processes - 1):
        if os.fork() == 0:
            break
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
