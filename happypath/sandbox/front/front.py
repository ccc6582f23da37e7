"""The account's outermost WSGI application: errors name their operation, and are one line in the log."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from traceback import extract_tb
from typing import Any

from happypath.sandbox.direct import ClientGoneError, reply
from happypath.sandbox.front import malformed
from happypath.sandbox.front.answers import ErrorAnswer
from happypath.sandbox.front.called import Called, called, signing_name
from happypath.sandbox.front.invented import INVENTED, SIGNED_AS
from happypath.sandbox.wsgi import Environ, Wsgi

logger = logging.getLogger(__name__)


def answered(account: Wsgi) -> Wsgi:
    """The account, which answers whatever is asked.

    What moto lacks is 501 `NotImplemented`, which no SDK tries again; an operation that AWS does not have
    either is AWS's own error, and so is a request that is no JSON. What fails in moto is 500
    `InternalFailure`. Each is one line in the log.
    """

    def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = _body(environ)
        error = _refused(environ, body)
        if error is None:
            try:
                status, headers, content = reply(account, environ)
            except ClientGoneError:
                raise
            except Exception as raised:  # whatever it is, it is answered
                error = _explained(raised, environ, body)
            else:
                if not _is_page(status, headers, content):
                    start_response(status, headers)
                    return [content]
                # Flask's own page: moto has no such address.
                error = _lacking(called(environ, body))
        status, headers, content = error.written(called(environ, body).protocol)
        if environ["REQUEST_METHOD"] == "HEAD":
            content = b""
        start_response(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]

    return application


def _body(environ: Environ) -> bytes:
    """The request's body, which stays to be read; one that has not come is not looked at."""
    source = environ["wsgi.input"]
    return source.getvalue() if isinstance(source, io.BytesIO) else b""


def _is_page(status: str, headers: list[tuple[str, str]], content: bytes) -> bool:
    """Whether Flask itself says that there is no such address; what HEAD asks for has no page."""
    html = any(
        name.lower() == "content-type" and value.startswith("text/html; charset") for name, value in headers
    )
    return status[:3] in {"404", "405"} and html and content[:9].lower() == b"<!doctype"


def _refused(environ: Environ, body: bytes) -> ErrorAnswer | None:
    """What moto is not asked at all."""
    if "HTTP_X_AMZ_TARGET" in environ:
        error = malformed.not_json(body)
        if error is not None:
            return error
    if signing_name(environ) in SIGNED_AS:
        asked = called(environ, body)
        if asked.service and asked.operation in INVENTED.get(asked.service, ()):
            return _lacking(asked)
    return None


def _lacking(asked: Called) -> ErrorAnswer:
    if asked.operation and asked.model and not asked.is_known:
        logger.warning("AWS has no operation %s.", asked.name)
        if asked.protocol in {"query", "ec2"}:
            return ErrorAnswer(
                400, "InvalidAction", f"The action {asked.operation} is not valid for this web service."
            )
        return ErrorAnswer(400, "UnknownOperationException", f"{asked.name} is no operation of AWS.")
    if not asked.operation and asked.model:
        logger.warning("A request is no operation of %s.", asked.signing_name)
        return ErrorAnswer(404, "UnknownOperationException", f"This is no operation of {asked.signing_name}.")
    message = f"The sandbox does not do {asked.name}."
    logger.warning("%s", message)
    return ErrorAnswer(501, "NotImplemented", message)


def _explained(raised: Exception, environ: Environ, body: bytes) -> ErrorAnswer:
    asked = called(environ, body)
    if isinstance(raised, NotImplementedError) or (asked.operation and not asked.is_known):
        return _lacking(asked)
    error = malformed.not_xml(raised) or malformed.against_model(asked, body)
    if error is not None:
        return error
    frame = extract_tb(raised.__traceback__)[-1]
    where = f"{Path(frame.filename).parent.name}/{Path(frame.filename).name}:{frame.lineno}"
    message = f"{asked.name} failed in the sandbox: {type(raised).__name__}: {raised}"
    logger.error("%s (%s)", message, where)
    logger.debug("The traceback of %s:", asked.name, exc_info=raised)
    return ErrorAnswer(500, "InternalFailure", message)
