"""What a function returned → the answer to the client, in payload formats 1.0 and 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from happypath.sandbox.apigateway.request import Answer

# The connection's own, and what is counted here.
_NOT_THE_FUNCTIONS = frozenset(
    {
        *("connection", "content-length", "date", "keep-alive", "proxy-authenticate", "proxy-connection"),
        *("server", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What would end a header, and be another one.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class MalformedResponseError(ValueError):
    """A function returned what is no response; the text says why."""


def answer_of(payload: bytes, version: str) -> Answer:
    """The answer that a function's result means in a payload format.

    In format 2.0 a result without a `statusCode` is the body of a response with status 200.

    Raises:
        MalformedResponseError: its parts are not what they must be.
    """
    try:
        result: Any = json.loads(payload or b"null")
    except ValueError:
        raise MalformedResponseError("the result is no JSON") from None
    if not isinstance(result, dict) or "statusCode" not in result:
        if version == "1.0":
            raise MalformedResponseError("the result has no statusCode")
        text = result if isinstance(result, str) else json.dumps(result, separators=(",", ":"))
        return Answer(200, (("content-type", "application/json"),), text.encode())
    headers = list(_headers(result.get("headers") or {}))
    if version == "1.0":
        several = list(_several(result.get("multiValueHeaders") or {}))
        named = {name for name, _ in several}
        headers = [*(each for each in headers if each[0] not in named), *several]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    if version != "1.0":
        cookies = _cookies(result.get("cookies") or [])
        headers += [("set-cookie", _value("set-cookie", each)) for each in cookies]
    return Answer(_status(result["statusCode"]), tuple(headers), _body(result))


def _status(given: Any) -> int:
    text = str(given)
    if isinstance(given, bool) or not re.fullmatch(r"[1-5]\d\d", text) or text.startswith("1"):
        raise MalformedResponseError(f"statusCode is {given!r}")
    return int(text)


def _headers(given: Any) -> Iterable[tuple[str, str]]:
    if not isinstance(given, Mapping):
        raise MalformedResponseError("headers is no object")
    for name, value in given.items():
        if not _NAME.fullmatch(name):
            raise MalformedResponseError(f"{name!r} is no name of a header")
        if name.lower() not in _NOT_THE_FUNCTIONS and value is not None:
            yield name.lower(), _value(name, value)


def _several(given: Any) -> Iterable[tuple[str, str]]:
    if not isinstance(given, Mapping) or not all(isinstance(each, list) for each in given.values()):
        raise MalformedResponseError("multiValueHeaders is no object of lists")
    for name, values in given.items():
        for value in values:
            yield from _headers({name: value})


def _value(name: str, value: Any) -> str:
    if not isinstance(value, (str, int, float)):
        raise MalformedResponseError(f"the header {name} is no text")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _CONTROL.search(text):
        raise MalformedResponseError(f"the header {name} has control characters")
    # A header is bytes; beyond Latin-1 they are UTF-8's.
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode("latin-1")
    return text


def _cookies(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise MalformedResponseError("cookies is no list")
    return given


def _body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, (str, int, float)):
        raise MalformedResponseError("body is no text")
    text = body if isinstance(body, str) else json.dumps(body)
    if result.get("isBase64Encoded") is not True:
        return text.encode("utf-8", "replace")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise MalformedResponseError("body is no Base64, as isBase64Encoded says") from None
