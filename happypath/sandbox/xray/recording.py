"""Segments of what the sandbox does in the place of an AWS service, as that service records them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from functions.platform.trace_header import new_id
from happypath.sandbox.xray.documents import Document

_MAX_MESSAGE = 500


@dataclass
class Work:
    """A segment or subsegment: it begins when it is made, and is in progress until `end`.

    All times are in seconds since 1970.
    """

    name: str
    # Further fields of the document.
    fields: dict[str, Any] = field(default_factory=dict)
    start: float = field(default_factory=time.time)
    finish: float | None = None
    id: str = field(default_factory=new_id)
    parts: list[Work] = field(default_factory=list)

    def begin(self, name: str, **fields: Any) -> Work:
        """Begins a part of this work."""
        part = Work(name, fields)
        self.parts.append(part)
        return part

    def took(self, name: str, start: float, end: float, **fields: Any) -> Work:
        """Adds a part that is over."""
        part = Work(name, fields, start, end)
        self.parts.append(part)
        return part

    def end(self, at: float | None = None) -> None:
        """Ends the work, now or at a time."""
        self.finish = time.time() if at is None else at

    def fail(self, error: str, message: str = "", *, throttled: bool = False) -> None:
        """Marks the work as failed, with the error's name and message.

        https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-errors
        """
        self.fields.update({"error": True, "throttle": True} if throttled else {"fault": True})
        exception = {"id": new_id(), "type": error, "message": message[:_MAX_MESSAGE], "remote": True}
        self.fields["cause"] = {"exceptions": [exception]}

    def fail_by(self, part: Work) -> None:
        """Marks the work as failed because a part of it did."""
        for flag in ("error", "fault", "throttle"):
            if flag in part.fields:
                self.fields[flag] = True
        cause = part.fields["cause"]
        # The exception is recorded once, where it arose, and elsewhere by its id.
        self.fields["cause"] = cause if isinstance(cause, str) else cause["exceptions"][0]["id"]

    def document(self) -> Document:
        """The work so far."""
        over = {"in_progress": True} if self.finish is None else {"end_time": self.finish}
        parts = {"subsegments": [part.document() for part in list(self.parts)]} if self.parts else {}
        return {
            "id": self.id,
            "name": self.name,
            "start_time": self.start,
            **over,
            **{name: _copy(value) for name, value in self.fields.items()},
            **parts,
        }


def _copy(value: Any) -> Any:
    # What a field holds is added to while the work goes on; what that holds in turn is not.
    return dict(value) if isinstance(value, dict) else value
