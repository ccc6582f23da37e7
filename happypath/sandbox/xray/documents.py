"""Segment documents as X-Ray takes them: what one must hold, and how large it may be.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, TypeAlias

from functions.platform.trace_header import is_id, is_trace_id

Document: TypeAlias = dict[str, Any]

MAX_BYTES = 64_000
_MAX_NAME = 200
_MAX_ANNOTATIONS = 50
# Of objects and arrays. X-Ray names no limit; here a document is walked by functions that call themselves.
_MAX_DEPTH = 64
_ANNOTATION = re.compile(r"[A-Za-z0-9_.]{1,500}")


class InvalidDocumentError(ValueError):
    """X-Ray does not take a document; UnprocessedTraceSegments has these fields.

    https://docs.aws.amazon.com/xray/latest/api/API_UnprocessedTraceSegment.html
    """

    def __init__(self, code: str, message: str, id_: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = id_


def parse(text: str | bytes) -> Document:
    """Reads and checks one segment, or one subsegment that was sent by itself.

    Raises:
        InvalidDocumentError: it is too large, is no JSON, or lacks what X-Ray needs.
    """
    raw = text.encode() if isinstance(text, str) else text
    size_bytes = len(raw)
    if size_bytes > MAX_BYTES:
        raise InvalidDocumentError(
            "DocumentTooLarge", f"the document has {size_bytes} bytes, at most {MAX_BYTES} are taken"
        )
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise InvalidDocumentError("ParseError", "the document is no JSON") from None
    if not isinstance(document, dict):
        raise InvalidDocumentError("ParseError", "the document is no JSON object")
    # Most have fewer brackets than levels are allowed, and need not be walked.
    if raw.count(b"{") + raw.count(b"[") > _MAX_DEPTH and _is_deeper(document, _MAX_DEPTH):
        raise InvalidDocumentError("ParseError", f"the document is nested deeper than {_MAX_DEPTH} levels")
    id_ = document.get("id")
    problem = _of_segment(document) or _of_part(document)
    if problem:
        raise InvalidDocumentError("MissingOrInvalidField", problem, id_ if isinstance(id_, str) else None)
    return document


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(each, levels - 1) for each in inner)


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _of_segment(document: Document) -> str | None:
    """What is wrong with the fields that only whole documents have."""
    if not _is(document.get("trace_id"), is_trace_id):
        return "trace_id must be 1-, 8 and 24 hexadecimal digits"
    parent = document.get("parent_id")
    if parent is not None and not _is(parent, is_id):
        return "parent_id must be 16 hexadecimal digits"
    if document.get("type") == "subsegment" and parent is None:
        return "a subsegment that is sent by itself needs a parent_id"
    return None


def _of_part(part: Any) -> str | None:
    """What is wrong with the fields that segments and subsegments have."""
    if not isinstance(part, dict):
        return "a subsegment must be an object"
    if not _is(part.get("id"), is_id):
        return "id must be 16 hexadecimal digits"
    name = part.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= _MAX_NAME:
        return f"name must be a text of 1 to {_MAX_NAME} characters"
    return _of_times(part) or _of_annotations(part.get("annotations", {})) or _of_parts(part)


def _of_times(part: Document) -> str | None:
    start, end = part.get("start_time"), part.get("end_time")
    if not _is_time(start):
        return "start_time must be a time in seconds"
    if end is None:
        return None if part.get("in_progress") is True else "either end_time or in_progress is needed"
    if not _is_time(end) or end < start:
        return "end_time must be a time in seconds, and not before start_time"
    return None


def _of_annotations(annotations: Any) -> str | None:
    if not isinstance(annotations, dict) or len(annotations) > _MAX_ANNOTATIONS:
        return f"annotations must be an object of at most {_MAX_ANNOTATIONS} fields"
    for name, value in annotations.items():
        if not _ANNOTATION.fullmatch(name) or not isinstance(value, (str, int, float)):
            return "an annotation is named by letters, digits and _, and is a text, a number or a boolean"
    return None


def _of_parts(part: Document) -> str | None:
    parts = part.get("subsegments", [])
    if not isinstance(parts, list):
        return "subsegments must be an array"
    return next((problem for each in parts if (problem := _of_part(each))), None)


def _is(value: Any, kind: Any) -> bool:
    return isinstance(value, str) and kind(value)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
