"""What a terminal shows of characters that its encoding does not have."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any

_PLAIN = {"→": "->", "…": "...", "█": "#", **dict.fromkeys("▉▊▋▌▍▎▏", "#")}
_HANDLER = "happypath-plain"


def _replace(error: UnicodeEncodeError) -> tuple[str, int]:
    """Plain characters for those of ours; of others the escape that JSON and Python have.

    >>> codecs.register_error(_HANDLER, _replace)
    >>> "a → é".encode("ascii", _HANDLER)
    b'a -> \\\\u00e9'
    """
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or _escaped(each) for each in text), error.end


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def use() -> None:
    """Lets standard output and standard error replace what they cannot encode."""
    handler: Any = _replace
    codecs.register_error(_HANDLER, handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)
