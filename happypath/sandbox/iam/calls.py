"""A request on the wire → the operation that it is, and its arguments.

Services of JSON name their operation in a header, and those of Query in the form; all others are recognised
by method and path, which botocore's descriptions have. S3's operations have names of their own in policies:
`happypath.sandbox.iam.s3` reads its requests.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote

from botocore.exceptions import UnknownServiceError

from happypath.sandbox.service_models import service_model, signed_as
from happypath.sandbox.wsgi import Environ

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[^/]*/([^/]*)/([^/,\s]+)/")

_OLDER = re.compile(r"^AWS ([^:\s]+):")


@dataclass(frozen=True)
class Signature:
    """Whose request it is, and to which service: `states`, `s3`, … as it was signed."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True)
class Call:
    """An operation with its arguments, as its service names them."""

    service: str
    operation: str
    region: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


def signature(environ: Environ) -> Signature | None:
    """Who signed a request; of a presigned one, too."""
    read = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if read:
        return Signature(read[1], read[2], read[3])
    query = parse_qs(environ.get("QUERY_STRING", ""))
    parts = query.get("X-Amz-Credential", [""])[0].split("/")
    if len(parts) == 5:
        return Signature(parts[0], parts[2], parts[3])
    # The signatures of before, which S3 still takes: in a presigned address, and in the header.
    older = query.get("AWSAccessKeyId") or _OLDER.findall(environ.get("HTTP_AUTHORIZATION", ""))
    return Signature(older[0], "us-east-1", "s3") if older else None


def body_of(environ: Environ) -> bytes:
    """A request's body, which stays to be read."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def call_of(signed: Signature, environ: Environ) -> Call | None:
    """What a request of any service but S3 asks for; None if it makes no sense, which the service will say.

    None for a request that names its operation twice, or in another protocol's way.
    """
    _, dot, name = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
    if dot:
        arguments = _json(body_of(environ))
        # `GraniteServiceVersion20100801.PutMetricData`; some targets have more parts.
        if arguments is None:
            return None
        return Call(signed.service, name.rpartition(".")[2], signed.region, arguments)
    form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    fields = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    if form:
        fields |= dict(parse_qsl(body_of(environ).decode("utf-8", "replace"), keep_blank_values=True))
    if "Action" in fields:
        # Of SQS the address itself is the queue's.
        if signed.service == "sqs" and environ["PATH_INFO"].strip("/"):
            fields.setdefault("QueueUrl", environ["PATH_INFO"])
        return Call(signed.service, fields["Action"], signed.region, fields)
    return _by_path(signed, environ, fields)


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        arguments = json.loads(body or b"{}")
    except ValueError:
        return None
    return arguments if isinstance(arguments, dict) else None


def _by_path(signed: Signature, environ: Environ, query: dict[str, str]) -> Call | None:
    path = str(environ.get("RAW_URI") or environ["PATH_INFO"]).partition("?")[0]
    for method, pattern, name in _paths(signed.service):
        found = pattern.fullmatch(path) if method == environ["REQUEST_METHOD"] else None
        if found:
            named = {key: unquote(value) for key, value in found.groupdict().items()}
            kind = environ.get("CONTENT_TYPE", "")
            # A function's payload is no argument.
            body = {} if "/invocations" in path or "json" not in kind else _json(body_of(environ)) or {}
            return Call(signed.service, name, signed.region, {**query, **body, **named})
    return None


@cache
def _paths(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    """The operations of a service that are told by their paths, the most specific first."""
    model = model_of(service)
    if model is None:
        return []
    found = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        uri = http.get("requestUri", "/").partition("?")[0]
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}",
            lambda part: f"(?P<{part[1]}>{'.+' if part[2] else '[^/]+'})",
            re.escape(uri),
        )
        found.append((len(re.sub(r"\{[^}]*\}", "", uri)), http["method"], re.compile(pattern), name))
    return [(method, pattern, name) for _, method, pattern, name in sorted(found, key=lambda each: -each[0])]


def model_of(service: str) -> Any:
    """botocore's description of the service that signs by a name, or None: `states` is `stepfunctions`."""
    try:
        return service_model(signed_as(service))
    except UnknownServiceError:
        return None
