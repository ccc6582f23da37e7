"""A request for an API, and its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl, unquote

from happypath.sandbox.wsgi import Environ

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MOST_BODY_BYTES = 10 * 1024 * 1024
MOST_HEAD_BYTES = 10_240


@dataclass(frozen=True)
class Place:
    """Where things answer that have an id: by it at a path of the sandbox's, and by AWS's names of hosts."""

    # Such as `/_aws/execute-api/`.
    prefix: str
    # `ID.execute-api.REGION.amazonaws.com`: what comes after the id, and after the region.
    service: str
    domain: str

    def named(self, host: str) -> re.Match[str] | None:
        """The id and the region in the name of a host."""
        pattern = rf"([a-z0-9]+)\.{self.service}\.([a-z0-9-]+)\.{self.domain}(?::\d+)?"
        return re.fullmatch(pattern, host, re.IGNORECASE)


APIS = Place("/_aws/execute-api/", "execute-api", "[a-z0-9.-]+")


@dataclass(frozen=True)
class Answer:
    """What goes back to the client."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def message(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """An answer of API Gateway itself: `{"message":"Not Found"}`."""
    body = json.dumps({"message": text}, separators=(",", ":")).encode()
    return Answer(status, (("Content-Type", "application/json"), *headers), body)


class RefusedError(Exception):
    """API Gateway itself answers, not the integration."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str], why: str = "") -> None:
        super().__init__(why or text)
        self.answer = message(status, text, *headers)


@dataclass(frozen=True)
class ApiRequest:
    """A request for the API `api_id`; paths and query are as they were sent, encoded."""

    api_id: str
    method: str
    # The whole path, which is what was signed, and the part of it that the API sees.
    sent_path: str
    path: str
    query: str
    # By their names in lower case; those that came more than once are joined by commas.
    headers: Mapping[str, str]
    source_ip: str
    protocol: str
    # The name of the host, and the region in it, where the API was asked by AWS's own.
    host: str = ""
    region: str = ""
    body: bytes = b""

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The path's segments, decoded one by one: a `%2F` is a part of its segment."""
        return tuple(decoded(each) for each in self.path[1:].split("/"))

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The query's parameters; the values of one that came more than once are joined by commas."""
        joined: dict[str, str] = {}
        for name, value in parse_qsl(self.query, keep_blank_values=True):
            joined[name] = f"{joined[name]},{value}" if name in joined else value
        return joined

    def selected(self, expression: str) -> str | None:
        """What an expression such as `$request.header.Authorization` names; None if it is no such one."""
        kind, _, name = expression.strip().partition("$request.")[2].partition(".")
        if kind == "header":
            return self.headers.get(name.lower(), "").strip()
        return self.parameters.get(name, "").strip() if kind == "querystring" else None

    @property
    def cookies(self) -> tuple[str, ...]:
        """Each as `name=value`."""
        return tuple(each.strip() for each in self.headers.get("cookie", "").split(";") if each.strip())

    @property
    def head_bytes(self) -> int:
        """How long the request line and the headers are."""
        line = len(self.method) + len(self.sent_path) + len(self.query)
        return line + sum(len(name) + len(value) for name, value in self.headers.items())


def decoded(text: str) -> str:
    """Percent-encoded UTF-8 as text; what is none is replaced."""
    return unquote(text, errors="replace")


def raw_path(environ: Environ) -> str:
    """The path of a request as it was sent, encoded."""
    sent = str(environ.get("RAW_URI") or environ.get("PATH_INFO", "/")).partition("?")[0]
    # A proxy is asked by the whole address.
    return "/" + sent.partition("://")[2].partition("/")[2] if sent.partition("/")[0].endswith(":") else sent


def request_of(environ: Environ, where: Place = APIS) -> ApiRequest | None:
    """The request for an API, without its body; None for any other."""
    sent_path = raw_path(environ)
    host = str(environ.get("HTTP_HOST", ""))
    named = where.named(host)
    if sent_path.startswith(where.prefix):
        api_id, _, rest = sent_path.removeprefix(where.prefix).partition("/")
        path, host, region = f"/{rest}", "", ""
    elif named:
        api_id, path, region = named[1].lower(), sent_path, named[2].lower()
        host = host.partition(":")[0].lower()
    else:
        return None
    return ApiRequest(
        api_id=api_id,
        method=str(environ["REQUEST_METHOD"]),
        sent_path=sent_path,
        path=path,
        query=str(environ.get("QUERY_STRING", "")),
        headers=dict(_headers(environ)),
        source_ip=str(environ.get("REMOTE_ADDR") or "127.0.0.1"),
        protocol=str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")),
        host=host,
        region=region,
    )


def _headers(environ: Environ) -> list[tuple[str, str]]:
    return [
        (key.removeprefix("HTTP_").lower().replace("_", "-"), str(value))
        for key, value in environ.items()
        if key.startswith("HTTP_") or (key in {"CONTENT_TYPE", "CONTENT_LENGTH"} and value)
    ]


@dataclass
class Told:
    """What is known of a request so far, for its access log: `$context`'s variables."""

    variables: dict[str, str] = field(default_factory=dict)

    def tell(self, **variables: object) -> None:
        """Adds variables; `__` in a name stands for its point: `identity__sourceIp`."""
        self.variables |= {name.replace("__", "."): str(value) for name, value in variables.items()}
