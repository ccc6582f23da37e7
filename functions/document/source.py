"""An uploaded document as a file on this machine, for the process that reads it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from functions.decision import Reason, Rejection
from functions.platform.aws import client
from functions.platform.observability import subsegment
from functions.upload import Upload

_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Fetched:
    """Where the document is, and when it was uploaded."""

    path: Path
    last_modified: datetime


@contextmanager
def fetched(upload: Upload, most_bytes: int) -> Iterator[Fetched]:
    """Fetches an upload; it is gone when the block ends.

    Raises:
        Rejection: DOCUMENT_TOO_LARGE: it has more bytes, none of which is fetched.
        botocore.exceptions.ClientError, BotoCoreError: S3 throttles, fails, refuses or cannot be reached.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "document")
        with subsegment("fetch") as work:
            answer = client("s3").get_object(**upload.object_version())  # type: ignore[arg-type]  # mypy cannot see the keys
            size = answer["ContentLength"]
            work.note(size_bytes=size)
            with closing(answer["Body"]) as body, path.open("wb") as file:
                if size > most_bytes:
                    raise Rejection.because(
                        Reason.DOCUMENT_TOO_LARGE, size_bytes=size, max_size_bytes=most_bytes
                    )
                for block in body.iter_chunks(_BLOCK_BYTES):
                    file.write(block)
        yield Fetched(path, answer["LastModified"])
