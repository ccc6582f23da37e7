"""Puts the sandbox's X-Ray into moto, whose own neither joins subsegments to segments nor searches traces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias
from unittest.mock import patch

from moto.xray.responses import XRayResponse

from happypath.sandbox.xray.documents import InvalidDocumentError
from happypath.sandbox.xray.filters import Filter, FilterError, parse
from happypath.sandbox.xray.store import Traces
from happypath.sandbox.xray.summaries import subject, summary

Request: TypeAlias = Mapping[str, Any]
Answer: TypeAlias = dict[str, Any]


class _RequestError(ValueError):
    """A request cannot be answered; the message says why."""


@contextmanager
def install(traces: Traces, flush: Callable[[], None]) -> Iterator[None]:
    """Lets these traces answer the clients of moto's server.

    `flush` is called before traces are read: who has sent something finds it.
    """

    def put(request: Request) -> Answer:
        return _put(traces, request)

    def get(request: Request) -> Answer:
        flush()
        return _get(traces, request)

    def find(request: Request) -> Answer:
        flush()
        return _find(traces, request)

    with ExitStack() as operations:
        # moto names them by their addresses: POST /TraceSegments is PutTraceSegments.
        for name, operation in (("trace_segments", put), ("traces", get), ("trace_summaries", find)):
            operations.enter_context(patch.object(XRayResponse, name, _method(operation)))
        yield


def _method(operation: Callable[[Request], Answer]) -> Callable[[Any], Any]:
    # The parameter is moto's XRayResponse: the request, read from its body.
    def method(wire: Any) -> str | tuple[str, dict[str, Any]]:
        try:
            return json.dumps(operation(wire.request_params))
        except (_RequestError, FilterError) as error:
            body = json.dumps({"Message": str(error)})
            return body, {"status": 400, "x-amzn-ErrorType": "InvalidRequestException"}

    return method


def _put(traces: Traces, request: Request) -> Answer:
    """https://docs.aws.amazon.com/xray/latest/api/API_PutTraceSegments.html."""
    unprocessed = []
    for text in request.get("TraceSegmentDocuments", []):
        try:
            traces.put(text)
        except InvalidDocumentError as error:
            id_ = {} if error.id is None else {"Id": error.id}
            unprocessed.append({**id_, "ErrorCode": error.code, "Message": str(error)})
    return {"UnprocessedTraceSegments": unprocessed}


def _get(traces: Traces, request: Request) -> Answer:
    """https://docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html."""
    found = {each: traces.trace(each) for each in request.get("TraceIds", [])}
    return {
        "Traces": [trace for trace in found.values() if trace is not None],
        "UnprocessedTraceIds": [each for each, trace in found.items() if trace is None],
    }


def _find(traces: Traces, request: Request) -> Answer:
    """https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html.

    Of the kinds of time ranges, only that of trace ids is known: when a trace began. All traces come in one
    page.
    """
    start, end = (_time(request, name) for name in ("StartTime", "EndTime"))
    expression = request.get("FilterExpression")
    wanted: Filter = parse(expression) if expression else lambda _: True
    found = []
    for trace_id in traces.ids():
        if start <= int(trace_id.split("-")[1], 16) <= end:
            segments = traces.segments(trace_id)
            if wanted(subject(segments)):
                found.append(summary(trace_id, segments))
    found.sort(key=lambda each: -each["StartTime"])
    return {"TraceSummaries": found, "TracesProcessedCount": len(found), "ApproximateTime": end}


def _time(request: Request, name: str) -> float:
    value = request.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _RequestError(f"{name} must be a time in seconds.")
    return float(value)
