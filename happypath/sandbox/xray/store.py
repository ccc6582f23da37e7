"""The traces that X-Ray has: put together from the documents that arrived, in any order."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from happypath.sandbox.xray.documents import Document, parse


class Traces:
    """Takes segments and subsegments, and gives traces back. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By trace id, then by the id of the segment or subsegment.
        self._documents: dict[str, dict[str, Document]] = {}

    def put(self, text: str | bytes) -> None:
        """Takes one document of a sender.

        Raises:
            InvalidDocumentError: it is none.
        """
        self.add(parse(text))

    def add(self, document: Document) -> None:
        """Takes one document; a complete one replaces the one in progress."""
        with self._lock:
            trace = self._documents.setdefault(document["trace_id"], {})
            known = trace.get(document["id"])
            if known is None or known.get("in_progress") or not document.get("in_progress"):
                trace[document["id"]] = document

    def ids(self) -> list[str]:
        """The ids of all traces."""
        with self._lock:
            return list(self._documents)

    def segments(self, trace_id: str) -> list[Document]:
        """The segments of a trace, earliest first, each with the subsegments that were sent by themselves.

        A subsegment whose parent has not arrived is by itself.
        """
        with self._lock:
            documents = copy.deepcopy(list(self._documents.get(trace_id, {}).values()))
        by_id = {part["id"]: part for document in documents for part in parts(document)}
        whole = []
        for document in documents:
            parent = by_id.get(document.get("parent_id", ""))
            if document.get("type") != "subsegment" or parent is None:
                whole.append(document)
                continue
            for field in ("type", "trace_id", "parent_id"):
                del document[field]
            parent.setdefault("subsegments", []).append(document)
        for part in by_id.values():
            part.get("subsegments", []).sort(key=_start)
        return sorted(whole, key=_start)

    def trace(self, trace_id: str) -> dict[str, Any] | None:
        """A trace as BatchGetTraces gives it; None when there is none.

        https://docs.aws.amazon.com/xray/latest/api/API_Trace.html
        """
        segments = self.segments(trace_id)
        if not segments:
            return None
        return {
            "Id": trace_id,
            "Duration": duration_s(segments),
            "LimitExceeded": False,
            "Segments": [{"Id": each["id"], "Document": json.dumps(each)} for each in segments],
        }


def parts(document: Document) -> Iterator[Document]:
    """A segment and all subsegments in it."""
    yield document
    for part in document.get("subsegments", []):
        yield from parts(part)


def duration_s(segments: Iterable[Document]) -> float:
    """The time from the earliest start to the latest end, in seconds."""
    entities = [part for segment in segments for part in parts(segment)]
    start = min(map(_start, entities))
    return max(float(part.get("end_time", start)) for part in entities) - start


def _start(part: Document) -> float:
    return float(part["start_time"])
