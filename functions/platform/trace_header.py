"""The X-Ray trace header: which trace a piece of work belongs to, below what, and whether it is recorded.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass

_ROOT = re.compile(r"1-(?P<time>[0-9a-f]{8})-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
_SAMPLED = {"0": False, "1": True}
# StartExecution takes no longer one.
_MAX_LENGTH = 256

# X-Ray drops segments whose trace began longer ago, or has yet to begin; clocks may differ a little.
# https://docs.aws.amazon.com/general/latest/gr/xray.html
_MAX_AGE_S = 29 * 24 * 3600
_CLOCKS_DIFFER_S = 300


def new_trace_id() -> str:
    """A trace id that begins now: version, time in seconds, and 96 random bits."""
    return f"1-{int(time.time()):08x}-{os.urandom(12).hex()}"


def new_id() -> str:
    """An id for a segment or subsegment: 64 random bits."""
    return os.urandom(8).hex()


def is_trace_id(text: str) -> bool:
    """Whether a text has the form of a trace id, whatever its time."""
    return _ROOT.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether a text has the form of a segment id."""
    return _PARENT.fullmatch(text) is not None


@dataclass(frozen=True)
class TraceHeader:
    """A trace, the segment in it that calls, and the sampling decision (None: not taken yet)."""

    root: str
    parent: str | None = None
    sampled: bool | None = None

    @classmethod
    def parse(cls, text: str | None) -> TraceHeader | None:
        """Reads a header; None when it is missing or makes no sense.

        >>> TraceHeader.parse("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1").sampled
        True
        """
        if not text or len(text) > _MAX_LENGTH:
            return None
        fields = dict(field.strip().partition("=")[::2] for field in text.split(";"))
        root, parent = fields.get("Root", ""), fields.get("Parent", "")
        if not is_trace_id(root) or (parent and not is_id(parent)):
            return None
        return cls(root, parent or None, _SAMPLED.get(fields.get("Sampled", "")))

    def is_current(self, now_s: float) -> bool:
        """Whether X-Ray still takes segments of this trace, by the time in its id."""
        match = _ROOT.fullmatch(self.root)
        began = int(match["time"], 16) if match else 0
        return now_s - _MAX_AGE_S <= began <= now_s + _CLOCKS_DIFFER_S

    def __str__(self) -> str:
        parent = f";Parent={self.parent}" if self.parent else ""
        sampled = "" if self.sampled is None else f";Sampled={int(self.sampled)}"
        return f"Root={self.root}{parent}{sampled}"
