"""The log lines of one upload, from all functions that had it."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from happypath.installation import Installation

# The records' times are the functions' own; the service's clock, and lines before and after, are near.
_AROUND = timedelta(minutes=15)
_INGEST = "-StartExecution"
# The last line of a task that came to its end.
_LAST = {"done", "refused", "an AWS call failed", "the task failed"}


@dataclass(frozen=True)
class Line:
    """One line. `fields` is what it holds, if it is JSON; else it is Lambda's own, and `message` is all."""

    time: datetime
    function: str
    message: str
    fields: dict[str, Any]

    @property
    def request_id(self) -> str:
        """The request id of the invocation that wrote it."""
        return str(self.fields.get("function_request_id"))

    def as_json(self) -> dict[str, Any]:
        """The element of `show --logs --json`."""
        return {
            "function": self.function,
            "time": self.time.isoformat(),
            **(self.fields or {"message": self.message}),
        }


def of_upload(installation: Installation, record: dict[str, Any]) -> list[Line]:
    """The lines about the upload of a workflow record, oldest first.

    Of an invocation that was cut short, by a time-out or for want of memory, also what Lambda says of it.
    """
    found: list[Line] = []
    for group in _groups(installation, record.get("workflow")):
        said = _search(installation, record, group, record["uploadId"])
        lines = [line for line in said if _is_of(line, record)]
        found += lines
        # An invocation of StartExecution can be of several uploads; one of a task is of this upload alone.
        if not group.endswith(_INGEST):
            begun = {line.request_id for line in lines}
            ended = {line.request_id for line in lines if line.message in _LAST}
            for cut_short in begun - ended:
                said = _search(installation, record, group, cut_short)
                found += [line for line in said if not line.fields]
    return sorted(found, key=lambda line: line.time)


def _groups(installation: Installation, workflow: str | None) -> list[str]:
    prefix = f"/aws/lambda/{installation.prefix}-"
    pages = (
        installation.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    )
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    tasks = f"{prefix}{workflow}-"
    return [name for name in names if name.endswith(_INGEST) or (workflow and name.startswith(tasks))]


def _search(installation: Installation, record: dict[str, Any], group: str, text: str) -> Iterator[Line]:
    first = datetime.fromisoformat(record["receivedAt"]) - _AROUND
    last = datetime.fromisoformat(record["finishedAt"]) if record.get("finishedAt") else datetime.now(UTC)
    pages = (
        installation.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            startTime=int(first.timestamp() * 1000),
            endTime=int((last + _AROUND).timestamp() * 1000),
            filterPattern=f'"{_term(text)}"',
        )
    )
    function = group.rpartition("/")[2]
    for page in pages:
        for event in page["events"]:
            yield _line(event, function)


def _term(text: str) -> str:
    """What to search for: the longest part of a text that stands in JSON, and in a search, as it is."""
    return max(re.findall(r"[A-Za-z0-9_-]+", text), key=len, default="uploadId")


def _line(event: Any, function: str) -> Line:
    text = event["message"].rstrip()
    time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        return Line(time, function, text, {})
    # The sandbox writes all lines of an invocation at its end, and Lambda can be behind, too.
    with contextlib.suppress(ValueError):
        time = datetime.strptime(str(fields.get("timestamp")), "%Y-%m-%d %H:%M:%S,%f%z")
    return Line(time, function, str(fields.get("message", "")), fields)


def _is_of(line: Line, record: dict[str, Any]) -> bool:
    if "_aws" in line.fields:
        return False
    if "placeId" not in record:
        # An object whose key names no upload.
        return bool(line.fields.get("key") == record["key"])
    return (line.fields.get("uploadId"), line.fields.get("placeId")) == (
        record["uploadId"],
        record["placeId"],
    )
