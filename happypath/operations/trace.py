"""The trace of one upload, and the traces worth looking at: as X-Ray has them, on AWS or in a sandbox."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from happypath.errors import ExpectedError
from happypath.operations.records import BATCH, Record, batch_get

if TYPE_CHECKING:
    from mypy_boto3_xray.type_defs import TraceSummaryTypeDef

    from happypath.operations.installation import Installation

# GetTraceSummaries looks at no longer time at once.
_WINDOW = timedelta(hours=6)
# X-Ray keeps traces no longer.
_KEPT = timedelta(days=30)


class NoTraceError(ExpectedError):
    """There is no trace of an upload; the message says why that may be."""


class Kind(StrEnum):
    """What time is spent in."""

    REKOGNITION = "Rekognition"
    S3 = "S3"
    DYNAMODB = "DynamoDB"
    IMAGE = "image work"
    OVERHEAD = "overhead"


_BY_SERVICE = {"rekognition": Kind.REKOGNITION, "s3": Kind.S3, "dynamodb": Kind.DYNAMODB}
# The subsegments of the tasks (docs/tracing.md).
_BY_NAME = {
    "fetch": Kind.S3,
    "decide": Kind.IMAGE,
    "decode": Kind.IMAGE,
    "resize": Kind.IMAGE,
    "encode": Kind.IMAGE,
}
_FUNCTION = "AWS::Lambda::Function"
_MACHINE = "AWS::StepFunctions::StateMachine"


@dataclass
class Node:
    """A segment or a subsegment, with those below it. Times are in seconds since 1970."""

    document: dict[str, Any]
    children: list[Node] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The segment id."""
        return str(self.document["id"])

    @property
    def name(self) -> str:
        """The name: of a function, a state machine, a state, a service, or a piece of work."""
        return str(self.document["name"])

    @property
    def origin(self) -> str | None:
        """The type of AWS resource that the segment is of; None for a subsegment."""
        return self.document.get("origin")

    @property
    def start(self) -> float:
        """When it began."""
        return float(self.document["start_time"])

    @property
    def end(self) -> float:
        """When it ended; of what is still in progress, when the last of its parts did."""
        if "end_time" in self.document:
            return float(self.document["end_time"])
        return max([self.start, *(child.end for child in self.children)])

    @property
    def operation(self) -> str | None:
        """The operation, of a call to an AWS service."""
        operation: str | None = self.document.get("aws", {}).get("operation")
        return operation

    @property
    def annotations(self) -> dict[str, Any]:
        """What traces are searched by."""
        return dict(self.document.get("annotations", {}))

    @property
    def failed(self) -> bool:
        """Whether it is marked as an error, a fault or throttled."""
        return any(self.document.get(flag) for flag in ("error", "fault", "throttle"))

    @property
    def kind(self) -> Kind | None:
        """What its time is spent in, beyond what its children say; None where it says nothing."""
        if self.document.get("namespace") == "aws":
            return _BY_SERVICE.get(self.name.lower())
        if self.name.startswith("client "):
            return Kind.OVERHEAD
        return _BY_NAME.get(self.name)

    @property
    def problem(self) -> str | None:
        """The error, by name and message, where it arose."""
        cause = self.document.get("cause")
        exceptions = cause.get("exceptions", []) if isinstance(cause, dict) else []
        if not exceptions:
            return None
        return ": ".join(filter(None, (exceptions[0].get("type"), exceptions[0].get("message"))))

    def walk(self) -> Iterator[Node]:
        """This node and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def as_json(self, since: float) -> dict[str, Any]:
        """The node as `trace --json` has it, with times in milliseconds from `since`."""
        said = {
            "operation": self.operation,
            "error": self.problem or (True if self.failed else None),
            "annotations": self.annotations or None,
            "metadata": self.document.get("metadata", {}).get("happypath"),
            "inProgress": self.document.get("in_progress") or None,
        }
        return {
            "id": self.id,
            "name": self.name,
            "type": self.origin or "subsegment",
            "startMs": _ms(self.start - since),
            "durationMs": _ms(self.end - self.start),
            **{name: value for name, value in said.items() if value is not None},
            "children": [child.as_json(since) for child in self.children],
        }


@dataclass(frozen=True)
class Trace:
    """A trace, or what of it is one upload's: what begins it, in order of time."""

    id: str
    roots: list[Node]

    @property
    def start(self) -> float:
        """When it began, in seconds since 1970."""
        return min(root.start for root in self.roots)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(node.end for node in self.walk()) - self.start

    def walk(self) -> Iterator[Node]:
        """All nodes, in order."""
        for root in self.roots:
            yield from root.walk()

    def shares(self) -> dict[Kind, float]:
        """The seconds spent in each kind of work; together they are the trace's.

        Of works within each other the innermost that says what it is counts; of works at the same time, the
        one that began last.
        """
        spent = dict.fromkeys(Kind, 0.0)
        works = [(node, depth) for root in self.roots for node, depth in _told(root, 0)]
        end = self.start + self.seconds
        edges = sorted(
            {self.start, end, *(edge for node, _ in works for edge in (node.start, min(node.end, end)))}
        )
        for left, right in pairwise(edges):
            active = [(depth, node.start, node) for node, depth in works if node.start <= left < node.end]
            _, _, innermost = max(active, key=lambda each: each[:2], default=(0, 0.0, None))
            kind = innermost.kind if innermost else None
            spent[kind or Kind.OVERHEAD] += right - left
        return spent

    def of_upload(self, upload_id: str, place_id: str) -> Trace:
        """What of the trace is this upload's: the uploads of one batch share the trace that takes them."""
        return Trace(self.id, [_without_others(root, upload_id, place_id) for root in self.roots])

    def as_json(self) -> dict[str, Any]:
        """The trace as `trace --json` has it."""
        return {
            "traceId": self.id,
            "start": datetime.fromtimestamp(self.start, UTC).isoformat(timespec="milliseconds"),
            "durationMs": _ms(self.seconds),
            "shareMs": {kind.value: _ms(seconds) for kind, seconds in self.shares().items()},
            "segments": [root.as_json(self.start) for root in self.roots],
        }


def of_upload(installation: Installation, record: dict[str, Any]) -> Trace:
    """The trace of a workflow record's upload.

    Raises:
        NoTraceError: it has none.
    """
    if "traceId" not in record:
        raise NoTraceError(
            f"The record of {record['uploadId']} names no trace: tracing was off when it was taken in."
        )
    trace = fetch(installation, record["traceId"])
    return trace.of_upload(record["uploadId"], record["placeId"]) if "placeId" in record else trace


def fetch(installation: Installation, trace_id: str) -> Trace:
    """The trace of that id.

    Raises:
        NoTraceError: X-Ray has none.
    """
    pages = installation.client("xray").get_paginator("batch_get_traces").paginate(TraceIds=[trace_id])
    documents = [
        json.loads(segment["Document"])
        for page in pages
        for trace in page["Traces"]
        for segment in trace["Segments"]
    ]
    if not documents:
        raise NoTraceError(
            f"X-Ray has no trace {trace_id}: it was not sampled (docs/tracing.md), is younger than half a "
            "minute, or older than 30 days."
        )
    return Trace(trace_id, tree(documents))


def tree(documents: Iterable[dict[str, Any]]) -> list[Node]:
    """Segment documents, however they are cut, as a tree; what has no parent here is a root.

    What X-Ray infers of a service that sends no segments is left out: the call itself says as much.
    """
    nodes: dict[str, Node] = {}
    parents: dict[str, str] = {}

    def add(document: dict[str, Any], parent: str | None) -> None:
        id_ = document["id"]
        known = nodes.get(id_)
        if known is None or known.document.get("in_progress"):
            nodes[id_] = Node(document)
        if parent is not None:
            parents[id_] = parent
        for part in document.get("subsegments", []):
            add(part, id_)

    for document in documents:
        if not document.get("inferred"):
            add(document, document.get("parent_id"))
    roots: list[Node] = []
    for id_, node in sorted(nodes.items(), key=lambda each: each[1].start):
        parent = nodes.get(parents.get(id_, ""))
        (roots if parent is None else parent.children).append(node)
    return roots


def _told(node: Node, depth: int) -> Iterator[tuple[Node, int]]:
    if node.kind is not None:
        yield node, depth
    for child in node.children:
        yield from _told(child, depth + 1)


def _without_others(node: Node, upload_id: str, place_id: str) -> Node:
    def is_others(child: Node) -> bool:
        # A state machine has no annotations of its own, but its tasks have.
        named = child.walk() if child.origin == _MACHINE else iter([child])
        uploads = {
            (said["uploadId"], said.get("placeId"))
            for said in (each.annotations for each in named)
            if "uploadId" in said
        }
        return bool(uploads) and (upload_id, place_id) not in uploads

    kept = [_without_others(child, upload_id, place_id) for child in node.children if not is_others(child)]
    return Node(node.document, kept)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


@dataclass(frozen=True)
class Found:
    """A trace that a search has found."""

    trace_id: str
    start: datetime
    seconds: float
    # What its segments are annotated with: several values where a batch of uploads shares the trace.
    uploads: list[str]
    workflows: list[str]
    places: list[str]
    # Of uploads whose outcome no task annotates, their records' (`_with_outcomes`).
    statuses: list[str]
    reasons: list[str]

    @property
    def sort_keys(self) -> list[str]:
        """Where the records of the uploads may be."""
        return [f"{place}/{upload}" for place in self.places for upload in self.uploads]

    def as_json(self) -> dict[str, Any]:
        """The element of `trace --slowest --json`."""
        return {
            "traceId": self.trace_id,
            "start": self.start.isoformat(),
            "durationMs": _ms(self.seconds),
            "uploads": self.uploads,
            "workflows": self.workflows,
            "statuses": self.statuses,
            "reasons": self.reasons,
        }


def slowest(installation: Installation, since: timedelta, limit: int) -> list[Found]:
    """The traces of uploads that took longest, longest first."""
    found = _search(installation, since, _ours(installation))
    longest = sorted(found, key=lambda each: each.seconds, reverse=True)[:limit]
    return _with_outcomes(installation, longest)


def errors(installation: Installation, since: timedelta, limit: int) -> list[Found]:
    """The traces of uploads that failed, newest first.

    A task that fails for good says so in an annotation. Where no task could, as of a function that ran out of
    time, the state machine's segment is a fault.
    """
    failed = " OR ".join(
        ['annotation.status = "FAILED"', *(f"{each} {{ fault = true }}" for each in _machines(installation))]
    )
    found = _search(installation, since, f"({_ours(installation)}) AND ({failed})")
    newest = sorted(found, key=lambda each: each.start, reverse=True)[:limit]
    return _with_outcomes(installation, newest)


def _with_outcomes(installation: Installation, found: list[Found]) -> list[Found]:
    """The traces, with the outcomes that no task annotates, as the state machine itself brought them about.

    A record is of the upload's last attempt: where that is in another trace, it says nothing of this one.
    """
    sort_keys = [key for each in found if "RECEIVED" in each.statuses for key in each.sort_keys]
    records: dict[str, Record] = {}
    for first in range(0, len(sort_keys), BATCH):
        records |= batch_get(installation, sort_keys[first : first + BATCH])
    by_trace: dict[str, list[Record]] = {}
    for record in records.values():
        by_trace.setdefault(record.get("traceId", ""), []).append(record)
    return [_with_records(each, by_trace.get(each.trace_id, [])) for each in found]


def _with_records(found: Found, records: list[Record]) -> Found:
    told = dict.fromkeys([*found.statuses, *(each["objStatus"] for each in records)])
    if len(records) == len(found.uploads) and all(
        each["objStatus"] not in {"RECEIVED", "IN_REVIEW"} for each in records
    ):
        told.pop("RECEIVED", None)
    reasons = dict.fromkeys([*found.reasons, *(each["reason"] for each in records if "reason" in each)])
    return replace(found, statuses=list(told), reasons=list(reasons))


def _ours(installation: Installation) -> str:
    return " OR ".join([f'service("{installation.prefix}-StartExecution")', *_machines(installation)])


def _machines(installation: Installation) -> list[str]:
    return [f'service("{installation.prefix}-{name}")' for name in installation.state_machines()]


def _search(installation: Installation, since: timedelta, expression: str) -> Iterator[Found]:
    # The end is a second ahead: in a request, times are whole seconds.
    end = datetime.now(UTC) + timedelta(seconds=1)
    first = end - min(since, _KEPT)
    search = installation.client("xray").get_paginator("get_trace_summaries").paginate
    while end > first:
        start = max(first, end - _WINDOW)
        for page in search(StartTime=start, EndTime=end, FilterExpression=expression):
            for summary in page["TraceSummaries"]:
                yield _found(summary)
        end = start - timedelta(seconds=1)


def _found(summary: TraceSummaryTypeDef) -> Found:
    trace_id = summary["Id"]
    began = datetime.fromtimestamp(int(trace_id.split("-")[1], 16), UTC)
    return Found(
        trace_id=trace_id,
        start=summary.get("StartTime", began),
        seconds=float(summary.get("Duration", 0.0)),
        uploads=_values(summary, "uploadId"),
        workflows=_values(summary, "workflow"),
        places=_values(summary, "placeId"),
        statuses=_values(summary, "status"),
        reasons=_values(summary, "reason"),
    )


def _values(summary: TraceSummaryTypeDef, annotation: str) -> list[str]:
    values = summary.get("Annotations", {}).get(annotation, [])
    return [text for each in values if (text := each.get("AnnotationValue", {}).get("StringValue"))]
