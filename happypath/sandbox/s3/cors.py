"""Cross-origin requests: what a bucket's rules allow a browser's page.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from moto.s3.models import s3_backends

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.s3.request import S3Request

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
    "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by "
    "the resource's CORS spec."
)


def preflight(request: S3Request, account_id: str) -> list[tuple[str, str]] | ErrorAnswer:
    """The headers that answer OPTIONS, or the error."""
    origin = request.header("origin")
    method = request.header("access-control-request-method")
    if not origin:
        return ErrorAnswer(400, "BadRequest", "Insufficient information. Origin request header needed.")
    bucket = _bucket(request, account_id)
    if bucket is None:
        return _forbidden("CORSResponse: Bucket not found", request, method)
    if not bucket.cors:
        return _forbidden("CORSResponse: CORS is not enabled for this bucket.", request, method)
    if not method:
        return ErrorAnswer(400, "BadRequest", "Invalid Access-Control-Request-Method: null")
    wanted = [
        each.strip().lower()
        for each in (request.header("access-control-request-headers") or "").split(",")
        if each.strip()
    ]
    for rule in bucket.cors:
        if _allows(rule, origin, method) and all(_fits(rule.allowed_headers, each) for each in wanted):
            return _headers(rule, origin, wanted)
    return _forbidden(_NOT_ALLOWED, request, method)


def headers(request: S3Request, account_id: str) -> list[tuple[str, str]]:
    """What any other answer has for a page of another origin: nothing, where no rule allows it."""
    origin = request.header("origin")
    bucket = _bucket(request, account_id) if origin else None
    for rule in bucket.cors if bucket is not None else ():
        if _allows(rule, origin, request.method):
            return _headers(rule, str(origin), [])
    return []


def _bucket(request: S3Request, account_id: str) -> Any:
    return s3_backends[account_id]["aws"].buckets.get(request.bucket)


def _allows(rule: Any, origin: str | None, method: str) -> bool:
    return method in (rule.allowed_methods or ()) and _fits(rule.allowed_origins, str(origin), fold=False)


def _fits(patterns: Iterable[str] | None, text: str, *, fold: bool = True) -> bool:
    """Whether one of the patterns, each with one `*` at most, is the text."""
    flags = re.IGNORECASE if fold else 0
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, flags) for pattern in patterns or ()
    )


def _headers(rule: Any, origin: str, wanted: list[str]) -> list[tuple[str, str]]:
    anyone = "*" in rule.allowed_origins
    found = [
        ("Access-Control-Allow-Origin", "*" if anyone else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule.allowed_methods)),
    ]
    if wanted:
        found.append(("Access-Control-Allow-Headers", ", ".join(wanted)))
    if rule.exposed_headers:
        found.append(("Access-Control-Expose-Headers", ", ".join(rule.exposed_headers)))
    if rule.max_age_seconds:
        found.append(("Access-Control-Max-Age", str(rule.max_age_seconds)))
    if not anyone:
        found.append(("Access-Control-Allow-Credentials", "true"))
    return [*found, ("Vary", _VARY)]


def _forbidden(message: str, request: S3Request, method: str | None) -> ErrorAnswer:
    kind = "OBJECT" if request.key else "BUCKET"
    return ErrorAnswer(403, "AccessForbidden", message, {"Method": method or "OPTIONS", "ResourceType": kind})
