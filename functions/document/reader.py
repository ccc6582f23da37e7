"""The process that reads one document: `python -m functions.document.reader REQUEST`, which is JSON.

What it finds it writes as lines of JSON: the document, its parts, an end; or a refusal. Of a page that is to
be drawn it writes a line with its size, and then its pixels. It has limits of memory, of processor time and
of what it writes, no environment with credentials in it, and imports nothing of AWS.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from functions.decision import Reason, Rejection
from functions.document import file_type, pdf, text_file, word_file
from functions.document.limits import Limits
from functions.document.part import Part

# What JSON makes of a character at most, and of the parts of a document beside their text.
_BYTES_OF_ONE = 12
_BYTES_BESIDE = 1 << 20


def _confine(limits: Limits, most_bytes: int) -> None:
    """Sets what this process may take; it cannot be raised again."""
    ends = {
        # One second later it is killed, if it goes on.
        resource.RLIMIT_CPU: (limits.max_seconds, limits.max_seconds + 1),
        resource.RLIMIT_FSIZE: (most_bytes, most_bytes),
        resource.RLIMIT_CORE: (0, 0),
    }
    # macOS knows it by name alone.
    if sys.platform == "linux":
        ends[resource.RLIMIT_AS] = (limits.memory_bytes, limits.memory_bytes)
    for what, limit in ends.items():
        resource.setrlimit(what, limit)


@contextmanager
def _reading(limits: Limits) -> Iterator[None]:
    """Makes a refusal of whatever a library raises while it reads; messages would quote the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Rejection:
        raise
    except MemoryError:
        raise Rejection.because(
            Reason.DOCUMENT_TOO_LARGE,
            max_memory_bytes=limits.memory_bytes,
            message="It takes more memory to be read than there is.",
        ) from None
    except Exception as error:
        raise Rejection.because(
            Reason.CORRUPT_DOCUMENT, message=f"It cannot be read: {type(error).__name__}."
        ) from None


def _read(path: Path, limits: Limits) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        type_, sign = file_type.file_type(file)
        if type_ == file_type.PICTURE:
            yield {"type": sign, "picture": True}
            return
        found: Iterator[Part]
        if type_ == "pdf":
            found = pdf.parts(path, limits)
        elif type_ == "zip":
            type_, found = "docx", word_file.parts(path, limits)
        else:
            found = text_file.parts(file, sign, limits)
        yield {"type": type_, "picture": False}
        characters = 0
        for part in found:
            characters += len(part.text)
            if characters > limits.max_characters:
                raise Rejection.because(Reason.TOO_MUCH_TEXT, max_characters=limits.max_characters)
            yield asdict(part)


def _written(request: dict[str, Any], limits: Limits, out: IO[bytes]) -> None:
    path = Path(request["path"])
    with _reading(limits):
        if (page := request.get("page")) is not None:
            made = pdf.drawn(path, page, request["dots_per_inch"], limits)
            _say(out, width=made.width, height=made.height)
            out.write(made.pixels)
            return
    found = _read(path, limits)
    while True:
        with _reading(limits):
            line = next(found, None)
        if line is None:
            break
        _say(out, **line)
    _say(out, end=True)


def _say(out: IO[bytes], **line: Any) -> None:
    out.write(json.dumps(line).encode() + b"\n")


def main() -> None:
    """Reads what the first argument says, within its limits."""
    request = json.loads(sys.argv[1])
    limits = Limits(**request["limits"])
    _confine(limits, max(limits.max_characters * _BYTES_OF_ONE, limits.max_pixels * 3) + _BYTES_BESIDE)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        try:
            _written(request, limits, out)
        except Rejection as refused:
            _say(out, reason=str(refused.decision.reason), detail=dict(refused.decision.detail))


if __name__ == "__main__":
    main()
