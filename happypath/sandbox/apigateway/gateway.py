"""The account's HTTP APIs as a part of its WSGI application."""

from __future__ import annotations

import io
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeAlias

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from happypath.sandbox.apigateway import routes
from happypath.sandbox.apigateway.event import event
from happypath.sandbox.apigateway.integration import Invoke, UnservedError, invoke_target, target_of
from happypath.sandbox.apigateway.request import (
    MOST_BODY_BYTES,
    MOST_HEAD_BYTES,
    Answer,
    ApiRequest,
    Environ,
    RefusedError,
    Told,
    request_of,
)

Wsgi: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;[\w=;-]*)?")


@dataclass(frozen=True)
class Gateway:
    """Answers requests for the account's HTTP APIs; functions are run by `invoke`."""

    invoke: Invoke

    def in_front_of(self, account: Wsgi) -> Wsgi:
        """The account, whose APIs are asked at `/_aws/execute-api/ID/` and by AWS's names of their hosts."""

        def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            request = request_of(environ)
            if request is None:
                return account(environ, start_response)
            request_id = f"{secrets.token_urlsafe(11)}="
            try:
                answer = self._answer(replace(request, body=_body(environ)), request_id)
            except RefusedError as error:
                answer = error.answer
            reason = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
            length = str(len(answer.body))
            headers = [*answer.headers, ("apigw-requestid", request_id), ("Content-Length", length)]
            start_response(f"{answer.status} {reason}", headers)
            return [answer.body]

        return application

    def _answer(self, request: ApiRequest, request_id: str) -> Answer:
        api, region = _find(request.api_id)
        if request.head_bytes > MOST_HEAD_BYTES:
            raise RefusedError(431, "Request Header Fields Too Large")
        stage, segments = routes.stage_of(api.stages, request.segments)
        match = routes.match(api.routes.values(), request.method, segments)
        route, told = match.route, Told()
        if (route.authorization_type or "NONE") != "NONE":
            raise UnservedError(f"{route.authorization_type} authorization")
        target = target_of(api.integrations[route.target.partition("/")[2]], stage.stage_variables)
        trace = request.headers.get("x-amzn-trace-id", "")
        if not _TRACE.fullmatch(trace):
            trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        domain = request.host or f"{api.api_id}.execute-api.{region}.amazonaws.com"
        context = {
            "accountId": DEFAULT_ACCOUNT_ID,
            "apiId": api.api_id,
            "domainName": domain,
            "requestId": request_id,
            "stage": stage.name,
            "at": datetime.now(UTC),
        }
        asked = replace(request, headers=_forwarded(request, trace))
        made = event(asked, match, stage.stage_variables, {}, context)
        source = f"arn:aws:execute-api:{region}:{DEFAULT_ACCOUNT_ID}:{api.api_id}/{stage.name}"
        return invoke_target(
            self.invoke, target, f"{source}/{_resource(route.route_key, request)}", made, trace, told
        )


def _resource(route_key: str, request: ApiRequest) -> str:
    """A route as the ARNs of permissions name it: `GET/places/{id}`."""
    method, space, path = route_key.partition(" ")
    if not space:
        return route_key
    return f"{request.method if method == 'ANY' else method}{path}"


def _forwarded(request: ApiRequest, trace: str) -> dict[str, str]:
    before = request.headers.get("x-forwarded-for")
    port = request.headers.get("host", "").rpartition(":")[2]
    return {
        **request.headers,
        "x-amzn-trace-id": trace,
        "x-forwarded-for": f"{before}, {request.source_ip}" if before else request.source_ip,
        "x-forwarded-port": port if port.isdecimal() else "80",
        "x-forwarded-proto": "http",
    }


def _find(api_id: str) -> tuple[Any, str]:
    """An API as moto holds it, and its region.

    Raises:
        RefusedError: there is none that the sandbox serves.
    """
    for region, backend in list(apigatewayv2_backends[DEFAULT_ACCOUNT_ID].items()):
        api = backend.apis.get(api_id)
        if api is not None and api.protocol_type != "HTTP":
            raise UnservedError(f"{api.protocol_type} APIs ({api_id})")
        if api is not None:
            return api, region
    raise RefusedError(404, "Not Found")


def _body(environ: Environ) -> bytes:
    """A request's body.

    Raises:
        RefusedError: it is too large.
    """
    source = environ["wsgi.input"]
    if isinstance(source, io.BytesIO):
        body = source.getvalue()
    elif environ.get("wsgi.input_terminated"):
        body = source.read(MOST_BODY_BYTES + 1)
    else:
        body = source.read(int(environ.get("CONTENT_LENGTH") or 0))
    if len(body) > MOST_BODY_BYTES:
        raise RefusedError(413, "Request Entity Too Large")
    return body
