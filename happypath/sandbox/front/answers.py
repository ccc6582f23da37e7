"""Errors in the shapes of AWS's protocols.

https://smithy.io/2.0/aws/protocols/index.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TypeAlias
from uuid import uuid4

Headers: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True)
class ErrorAnswer:
    """An error: its HTTP status, its code, what it says, and what S3 has in elements of their own."""

    status: int
    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)

    def written(self, protocol: str) -> tuple[str, Headers, bytes]:
        """The status line, the headers and the body for a protocol (botocore's names)."""
        request_id = str(uuid4())
        body, headers = _WRITERS.get(protocol, _json)(self, request_id)
        return f"{self.status} {self.code}", headers, body.encode()


def _json(error: ErrorAnswer, request_id: str) -> tuple[str, Headers]:
    return json.dumps({"__type": error.code, "message": error.message}), [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("x-amzn-ErrorType", error.code),
        ("x-amzn-RequestId", request_id),
    ]


def _query(error: ErrorAnswer, request_id: str) -> tuple[str, Headers]:
    sender = "Sender" if error.status < 500 else "Receiver"  # the server's own errors
    return (
        f"<ErrorResponse><Error><Type>{sender}</Type>{_in_xml(error)}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    ), [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)]


def _ec2(error: ErrorAnswer, request_id: str) -> tuple[str, Headers]:
    return (
        f"<Response><Errors><Error>{_in_xml(error)}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    ), [("Content-Type", "text/xml")]


def _rest_xml(error: ErrorAnswer, request_id: str) -> tuple[str, Headers]:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error>{_in_xml(error)}<RequestId>{request_id}</RequestId></Error>"
    ), [("Content-Type", "application/xml"), ("x-amz-request-id", request_id)]


def _in_xml(error: ErrorAnswer) -> str:
    elements = {"Code": error.code, "Message": error.message, **error.details}
    return "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())


_WRITERS: dict[str, Callable[[ErrorAnswer, str], tuple[str, Headers]]] = {
    "query": _query,
    "ec2": _ec2,
    "rest-xml": _rest_xml,
}
