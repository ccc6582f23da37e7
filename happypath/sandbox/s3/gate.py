"""What S3 refuses of a request before it does anything, and what it tells browsers: moto does neither."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.front.called import signing_name
from happypath.sandbox.s3 import cors, digests, forms, signatures
from happypath.sandbox.s3.limits import (
    MOST_KEY_BYTES,
    MOST_METADATA_BYTES,
    MOST_OBJECT_BYTES,
    too_large,
    too_long,
)
from happypath.sandbox.s3.request import S3Request
from happypath.sandbox.s3.signatures import OwnSecretOf, SecretOf
from happypath.sandbox.wsgi import Environ, Wsgi

_METADATA = "x-amz-meta-"
_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+([.-]+[a-z0-9]+)*")
_RESERVED_NAME = re.compile(
    r"\.\.|^\d+\.\d+\.\d+\.\d+$|^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$"
)


def guarded(account: Wsgi, secret_of: SecretOf, own_secret_of: OwnSecretOf, account_id: str) -> Wsgi:
    """The account, with S3's checks: keys, metadata, signatures, forms, checksums; and CORS."""

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _is_s3(environ):
            if not environ.get("wsgi.input_terminated"):
                _body(environ)
            return account(environ, start_response)
        request = S3Request(environ)
        if request.method == "OPTIONS":
            answer = cors.preflight(request, account_id)
            if isinstance(answer, ErrorAnswer):
                return _send(answer, start_response, [])
            start_response("200 OK", [*answer, ("Content-Length", "0")])
            return [b""]
        allowed = cors.headers(request, account_id)
        error = _checked(request, secret_of, own_secret_of)
        if error is not None:
            return _send(error, start_response, allowed, has_body=request.method != "HEAD")

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # moto's own are for every origin.
            own = [each for each in headers if not each[0].lower().startswith("access-control-")]
            return start_response(status, [*own, *allowed], *more)

        return account(environ, start)

    return application


def _checked(request: S3Request, secret_of: SecretOf, own_secret_of: OwnSecretOf) -> ErrorAnswer | None:
    """The answer to a request that S3 refuses, None for any other, which has come whole then."""
    now = datetime.now(UTC)
    error = (
        signatures.check(request, secret_of, now)
        or signatures.check_header(request, own_secret_of, now)
        or _bad_name(request)
        or _too_long(request)
        or _framing(request)
        or _too_large(request)
    )
    if error is not None:
        return error
    body = _form(request, secret_of, now) if _is_form(request) else _body(request.environ)
    return body if isinstance(body, ErrorAnswer) else digests.check(request, body)


def _is_s3(environ: Environ) -> bool:
    """Requests to S3 are signed for it, by an address, or not at all: moto takes these for S3's, too."""
    name = signing_name(environ)
    if name:
        return name in {"s3", "s3express"}
    if "HTTP_X_AMZ_TARGET" in environ or environ.get("HTTP_AUTHORIZATION"):
        return str(environ.get("HTTP_AUTHORIZATION", "")).startswith("AWS ")
    path, query = str(environ.get("PATH_INFO", "/")), environ.get("QUERY_STRING", "")
    if path.startswith(("/moto-api", "/latest/", "/.well-known/")) or "Action=" in query:
        return False
    # A query service's request has no path, and its Action in the body.
    return path != "/"


def _is_form(request: S3Request) -> bool:
    return (
        request.method == "POST"
        and bool(request.bucket)
        and not request.key
        and "delete" not in request.query
        and request.header("authorization") is None
    )


def _form(request: S3Request, secret_of: SecretOf, now: datetime) -> bytes | ErrorAnswer:
    environ = request.environ
    size_bytes = int(environ.get("CONTENT_LENGTH") or 0)
    body = forms.receive(request, environ["wsgi.input"], size_bytes, secret_of, now)
    if not isinstance(body, ErrorAnswer):
        environ["wsgi.input"] = io.BytesIO(body)
    return body


def _body(environ: Environ) -> bytes:
    source = environ["wsgi.input"]
    if isinstance(source, io.BytesIO):
        return source.getvalue()
    if environ.get("wsgi.input_terminated"):
        body: bytes = source.read()
    else:
        body = source.read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _bad_name(request: S3Request) -> ErrorAnswer | None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html."""
    name = request.bucket
    if request.method != "PUT" or request.key or not name or request.raw_query:
        return None
    if _NAME.fullmatch(name) and not _RESERVED_NAME.search(name):
        return None
    return ErrorAnswer(400, "InvalidBucketName", "The specified bucket is not valid.", {"BucketName": name})


def _too_long(request: S3Request) -> ErrorAnswer | None:
    if len(request.key) > MOST_KEY_BYTES:
        return too_long(len(request.key))
    if request.method not in {"PUT", "POST"}:
        return None
    size = sum(
        len(name.removeprefix(_METADATA).encode()) + len(value.encode("latin-1", "replace"))
        for name, value in request.headers()
        if name.startswith(_METADATA)
    )
    if size > MOST_METADATA_BYTES:
        return ErrorAnswer(
            400,
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            {"Size": str(size), "MaxSizeAllowed": str(MOST_METADATA_BYTES)},
        )
    return None


def _too_large(request: S3Request) -> ErrorAnswer | None:
    """An object that says that it is too large is not waited for. A form may be larger than its file."""
    said = request.header("x-amz-decoded-content-length") or request.header("content-length") or ""
    if request.method != "PUT" or not said.isdecimal() or int(said) <= MOST_OBJECT_BYTES:
        return None
    return too_large(int(said))


def _framing(request: S3Request) -> ErrorAnswer | None:
    """S3 must know a body's length before it comes."""
    chunked = "chunked" in (request.header("transfer-encoding") or "").lower()
    if chunked and request.header("x-amz-decoded-content-length") is None:
        return ErrorAnswer(
            501,
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            {"Header": "Transfer-Encoding"},
        )
    return None


def _send(
    error: ErrorAnswer,
    start_response: Callable[..., Any],
    headers: list[tuple[str, str]],
    *,
    has_body: bool = True,
) -> Iterable[bytes]:
    status, own, body = error.written("rest-xml")
    body = body if has_body else b""
    start_response(status, [*own, *headers, ("Content-Length", str(len(body)))])
    return [body]
