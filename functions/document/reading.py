"""Reading a document in a process of its own, so that no file ends, fills or holds up this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from PIL import Image

from functions.decision import Reason, Rejection
from functions.document.limits import Limits
from functions.document.part import Part
from functions.platform.aws import ServiceUnavailableError

# Processor time is what counts. A process that gets none of it for so much longer has other trouble, and no
# file makes it wait: it is tried again.
_TIMES_AS_LONG = 3
_SAID_BYTES = 2000
# Where the libraries of Lambda's Python are, without which it does not start.
_OF_MACHINE = ("LD_LIBRARY_PATH",)


class ReaderError(Exception):
    """The process that reads documents failed on its own account; the message is what it said last."""


@dataclass(frozen=True)
class Document:
    """The type of a document, and its parts; or that of a picture, which is to be looked at as such."""

    type: str
    parts: tuple[Part, ...] = ()
    is_picture: bool = False

    @property
    def pages(self) -> int | None:
        """How many pages it has; None of a document without pages."""
        return None if any(part.page is None for part in self.parts) else len(self.parts)


def read(path: Path, limits: Limits) -> Document:
    """The text of a document.

    Raises:
        Rejection: UNSUPPORTED_TYPE, ENCRYPTED_DOCUMENT, CORRUPT_DOCUMENT, DOCUMENT_TOO_LARGE, TOO_MANY_PAGES,
            TOO_MANY_SCANNED_PAGES, TOO_MUCH_TEXT, TOOK_TOO_LONG.
        ServiceUnavailableError: the machine ended the process, or gave it no time.
        ReaderError: the process cannot work here.
    """
    with _answer({"path": str(path)}, limits) as answer:
        kind, parts, ended = Document(""), list[Part](), False
        for line in answer:
            said = _line(line)
            if "type" in said:
                kind = Document(said["type"], is_picture=said["picture"])
            elif "end" in said:
                ended = True
            else:
                parts.append(Part(**said))
        if not ended:
            raise _crashed("It broke off.")
    return replace(kind, parts=tuple(parts))


def draw(path: Path, page: int, dots_per_inch: int, limits: Limits) -> Image.Image:
    """A page of a PDF as a picture.

    Raises:
        Rejection: ENCRYPTED_DOCUMENT, CORRUPT_DOCUMENT, DOCUMENT_TOO_LARGE, TOOK_TOO_LONG.
        ServiceUnavailableError, ReaderError: as for `read`.
    """
    request = {"path": str(path), "page": page, "dots_per_inch": dots_per_inch}
    with _answer(request, limits) as answer:
        size = _line(answer.readline())
        return Image.frombytes("RGB", (size["width"], size["height"]), answer.read())


@contextmanager
def _answer(request: dict[str, Any], limits: Limits) -> Iterator[IO[bytes]]:
    """What the process wrote, once it has ended by itself."""
    asked = json.dumps({**request, "limits": asdict(limits)})
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as said:
        try:
            code = subprocess.run(  # noqa: S603  # this Python, and a module of ours
                [sys.executable, "-B", "-m", "functions.document.reader", asked],
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=said,
                env={
                    "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                    "LANG": "C.UTF-8",
                    **{name: os.environ[name] for name in _OF_MACHINE if name in os.environ},
                },
                check=False,
                timeout=limits.max_seconds * _TIMES_AS_LONG,
            ).returncode
        except subprocess.TimeoutExpired:
            raise ServiceUnavailableError("The process that read the document got no time.") from None
        if code == -signal.SIGXCPU:
            raise Rejection.because(Reason.TOOK_TOO_LONG, max_seconds=limits.max_seconds)
        if code == -signal.SIGKILL:
            raise ServiceUnavailableError("The process that read the document was killed.")
        if code < 0:
            raise _crashed(
                f"What reads it ended by {signal.Signals(-code).name}.", max_memory_bytes=limits.memory_bytes
            )
        if code:
            said.seek(max(0, said.seek(0, os.SEEK_END) - _SAID_BYTES))
            raise ReaderError(f"It ended with status {code}: {said.read().decode(errors='replace')}")
        answer.seek(0)
        yield answer


def _line(line: bytes) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(line)
    if "reason" in said:
        raise Rejection.because(said["reason"], **said["detail"])
    return said


def _crashed(message: str, **detail: int) -> Rejection:
    return Rejection.because(Reason.CORRUPT_DOCUMENT, message=message, **detail)
