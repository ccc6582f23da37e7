"""What GetTraceSummaries answers about a trace, and what its filter expressions ask about.

https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html
"""

from __future__ import annotations

from typing import Any

from happypath.sandbox.xray.documents import Document
from happypath.sandbox.xray.filters import Subject
from happypath.sandbox.xray.store import duration_s, parts


def summary(trace_id: str, segments: list[Document]) -> dict[str, Any]:
    """The summary of a trace, given its segments."""
    root = root_of(segments)
    flags = _flags(root)
    response = root.get("http", {}).get("response", {})
    return {
        "Id": trace_id,
        "StartTime": root["start_time"],
        "Duration": duration_s(segments),
        "ResponseTime": _seconds(root),
        "HasFault": "fault" in flags,
        "HasError": "error" in flags,
        "HasThrottle": any(part.get("throttle") for each in segments for part in parts(each)),
        "IsPartial": any(each.get("in_progress") for each in segments),
        "Http": {"HttpStatus": response["status"]} if "status" in response else {},
        "EntryPoint": _service(root),
        "ServiceIds": [_service(each) for each in segments],
        "ResourceARNs": [
            {"ARN": arn}
            for arn in dict.fromkeys(each["resource_arn"] for each in segments if "resource_arn" in each)
        ],
        "Annotations": {
            name: [{"AnnotationValue": _value(value)} for value in values]
            for name, values in _annotations(segments).items()
        },
        "Users": [],
        "Revision": 1,
    }


def subject(segments: list[Document]) -> Subject:
    """A trace, as filter expressions see it."""
    root = root_of(segments)
    return Subject(
        duration_s=duration_s(segments),
        response_s=_seconds(root),
        flags=_flags(root),
        annotations=_annotations(segments),
        services=tuple(
            Subject(
                duration_s=_seconds(each),
                response_s=_seconds(each),
                flags=_flags(each),
                annotations=_annotations([each]),
                name=each["name"],
                type=each.get("origin", ""),
            )
            for each in segments
        ),
    )


def root_of(segments: list[Document]) -> Document:
    """The segment where the trace begins: the earliest that has no parent, or none that is known."""
    known = {part["id"] for each in segments for part in parts(each)}
    return next((each for each in segments if each.get("parent_id") not in known), segments[0])


def _seconds(part: Document) -> float:
    start: float = part["start_time"]
    end: float = part.get("end_time", start)
    return end - start


def _flags(part: Document) -> frozenset[str]:
    found = {flag for flag in ("error", "fault", "throttle") if part.get(flag)}
    return frozenset(found or {"ok"})


def _annotations(segments: list[Document]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for part in (part for each in segments for part in parts(each)):
        for name, value in part.get("annotations", {}).items():
            if value not in found.setdefault(name, []):
                found[name].append(value)
    return found


def _service(segment: Document) -> dict[str, Any]:
    name = segment["name"]
    return {"Name": name, "Names": [name], "Type": segment.get("origin", "client")}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"StringValue": value} if isinstance(value, str) else {"NumberValue": value}
