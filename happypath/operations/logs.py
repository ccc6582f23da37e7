"""Where functions log, and the log lines of one upload, from all functions that had it.

Functions may share a log group: the name of its stream, or the line itself, says whose a line is.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

    from happypath.operations.installation import Installation

# The records' times are the functions' own; the service's clock, and lines before and after, are near.
_AROUND = timedelta(minutes=15)
# How far the clocks of functions and of Step Functions may be apart.
_CLOCKS = timedelta(seconds=1)
# The last line of a task that came to its end.
_LAST = {"done", "refused", "an AWS call failed", "the task failed"}
# What the line shows elsewhere, and what is the same in all of one upload.
_SAME_IN_ALL = {
    "executionArn",
    "function_request_id",
    "level",
    "location",
    "message",
    "placeId",
    "service",
    "timestamp",
    "uploadId",
    "xray_trace_id",
}
# `2026/05/01/[$LATEST]0123…` in a function's own group, `2026/05/01/the-function[$LATEST]0123…` in any other.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
_STREAM = re.compile(r"\d{4}/\d\d/\d\d/(?P<function>[^\[]+)\[")


def groups(installation: Installation, functions: Iterable[str]) -> dict[str, list[str]]:
    """The log groups of functions, each with those that log there; one that is not deployed has none."""
    client = installation.client("lambda")
    found: dict[str, list[str]] = defaultdict(list)
    for function in functions:
        try:
            configuration = client.get_function_configuration(FunctionName=function)
        except client.exceptions.ResourceNotFoundException:
            continue
        group = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}"
        found[group].append(function)
    return dict(found)


def events(
    installation: Installation, group: str, functions: Collection[str], **search: Any
) -> Iterator[tuple[str, FilteredLogEventTypeDef]]:
    """What functions have written into a log group, each event with its function's name.

    `search` is for FilterLogEvents. A group that nothing was ever written into need not exist.
    """
    logs = installation.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **search)
    with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
        for event in (event for page in pages for event in page["events"]):
            function = writer(event["logStreamName"], event["message"], functions)
            if function is not None:
                yield function, event


def writer(stream: str, message: str, functions: Collection[str]) -> str | None:
    """Which of the functions wrote a line; None if none of them did.

    >>> writer("2026/05/01/team-v1-Resize[$LATEST]7", "START", ["team-v1-Resize", "team-v1-Publish"])
    'team-v1-Resize'
    >>> writer("2026/05/01/[$LATEST]7", "START", ["team-v1-Resize"])
    'team-v1-Resize'
    """
    if named := _STREAM.match(stream):
        function: Any = named["function"]
    else:
        function = _fields(message).get("function_name") or (
            next(iter(functions)) if len(functions) == 1 else None
        )
    return function if function in functions else None


@dataclass(frozen=True)
class Report:
    """What Lambda says of an invocation at its end."""

    duration_ms: float
    billed_ms: float
    peak_memory_mb: int


# Finds reports of either format.
REPORTS = '?"REPORT RequestId" ?"platform.report"'
_REPORT = re.compile(
    r"REPORT RequestId: .*?\tDuration: ([\d.]+) ms\tBilled Duration: ([\d.]+) ms.*\tMax Memory Used: (\d+) MB"
)
_LAMBDAS_OWN = "platform."


def report(message: str) -> Report | None:
    """The report that a line is, as text or as JSON; None of any other line.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html

    >>> report('{"type": "platform.report", "record": {"requestId": "1", "metrics": '
    ...        '{"durationMs": 1.5, "billedDurationMs": 2, "memorySizeMB": 128, "maxMemoryUsedMB": 80}}}')
    Report(duration_ms=1.5, billed_ms=2.0, peak_memory_mb=80)
    """
    if match := _REPORT.match(message):
        return Report(float(match[1]), float(match[2]), int(match[3]))
    match _fields(message):
        case {"type": "platform.report", "record": {"metrics": dict() as metrics}}:
            return Report(
                float(metrics["durationMs"]),
                float(metrics["billedDurationMs"]),
                int(metrics["maxMemoryUsedMB"]),
            )
    return None


@dataclass(frozen=True)
class Line:
    """One line. `fields` is what it holds, if it is JSON; else `message` is all."""

    time: datetime
    function: str
    message: str
    fields: dict[str, Any]

    @property
    def request_id(self) -> str:
        """The request id of the invocation that wrote it."""
        return str(self.fields.get("function_request_id"))

    @property
    def is_lambdas_own(self) -> bool:
        """Whether Lambda itself wrote it, or a runtime that came to no other words."""
        return not self.fields or str(self.fields.get("type")).startswith(_LAMBDAS_OWN)

    @property
    def more(self) -> dict[str, Any]:
        """What the line holds besides its time and message, and what is the same in all of one upload."""
        return {name: value for name, value in self.fields.items() if name not in _SAME_IN_ALL}

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
    # An invocation of StartExecution can be of several uploads; one of a task is of this upload alone.
    for group, functions in groups(installation, installation.functions("core")).items():
        found += _about(installation, record, group, functions)
    workflow = record.get("workflow")
    tasks = installation.functions(workflow) if workflow else []
    for group, functions in groups(installation, tasks).items():
        lines = _about(installation, record, group, functions)
        found += lines
        begun = {line.request_id for line in lines}
        ended = {line.request_id for line in lines if line.message in _LAST}
        for cut_short in begun - ended:
            said = _search(installation, record, group, functions, cut_short)
            found += [line for line in said if line.is_lambdas_own]
    return sorted(found, key=lambda line: line.time)


def of_task(
    installation: Installation, record: dict[str, Any], function: str, first: datetime, last: datetime | None
) -> list[Line]:
    """The lines of one function about the upload of a workflow record, from invocations between two times,
    and what Lambda itself says of those invocations; oldest first.
    """
    found: dict[tuple[datetime, str], Line] = {}
    last = last or datetime.now(UTC)
    for group, functions in groups(installation, [function]).items():
        about = _about(installation, record, group, functions)
        near = [line for line in about if first - _CLOCKS <= line.time <= last + _CLOCKS]
        found |= {(line.time, line.message): line for line in near}
        for request in {line.request_id for line in near}:
            said = _search(installation, record, group, functions, request)
            found |= {(line.time, line.message): line for line in said if "_aws" not in line.fields}
    return sorted(found.values(), key=lambda line: line.time)


def _about(
    installation: Installation, record: dict[str, Any], group: str, functions: Collection[str]
) -> list[Line]:
    said = _search(installation, record, group, functions, record["uploadId"])
    return [line for line in said if _is_of(line, record)]


def _search(
    installation: Installation, record: dict[str, Any], group: str, functions: Collection[str], text: str
) -> Iterator[Line]:
    first = datetime.fromisoformat(record["receivedAt"]) - _AROUND
    last = datetime.fromisoformat(record["finishedAt"]) if record.get("finishedAt") else datetime.now(UTC)
    for function, event in events(
        installation,
        group,
        functions,
        startTime=int(first.timestamp() * 1000),
        endTime=int((last + _AROUND).timestamp() * 1000),
        filterPattern=f'"{_term(text)}"',
    ):
        yield _line(event, function)


def _term(text: str) -> str:
    """What to search for: the longest part of a text that is the same in JSON and in a search."""
    return max(re.findall(r"[A-Za-z0-9_-]+", text), key=len, default="uploadId")


def _fields(message: str) -> dict[str, Any]:
    """What a line in JSON holds; nothing of any other."""
    try:
        fields = json.loads(message)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _line(event: Any, function: str) -> Line:
    text = event["message"].rstrip()
    time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    fields = _fields(text)
    if not fields:
        return Line(time, function, text, {})
    # The sandbox writes all lines of an invocation at its end, and Lambda can be behind, too.
    with contextlib.suppress(ValueError):
        time = datetime.strptime(str(fields.get("timestamp")), "%Y-%m-%d %H:%M:%S,%f%z")
    return Line(time, function, str(fields.get("message", fields.get("type", ""))), fields)


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
