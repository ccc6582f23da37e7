"""The account's HTTP APIs as a part of its WSGI application."""

from __future__ import annotations

import io
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeAlias

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from happypath.sandbox.apigateway import access_log, cors, format_1, issuer, metrics, routes
from happypath.sandbox.apigateway.authorization import Authorization, Wanted
from happypath.sandbox.apigateway.event import common_log_time, event
from happypath.sandbox.apigateway.integration import Invoke, UnservedError, failed, invoke_target, target_of
from happypath.sandbox.apigateway.issuer import Issuer
from happypath.sandbox.apigateway.request import (
    MOST_BODY_BYTES,
    MOST_HEAD_BYTES,
    Answer,
    ApiRequest,
    RefusedError,
    Told,
    message,
    raw_path,
    request_of,
)
from happypath.sandbox.apigateway.throttling import Throttle
from happypath.sandbox.wsgi import Environ, Wsgi

_log = logging.getLogger(__name__)

# A log group, a stream of it, lines, the time in milliseconds since 1970.
PutLog: TypeAlias = Callable[[str, str, list[str], int], None]

_BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_TRACE = re.compile(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;[\w=;-]*)?")


@dataclass(frozen=True)
class Asked:
    """What a request asks of: moto's API and stage, and the request's own id and time."""

    api: Any
    region: str
    stage: Any
    request_id: str
    at: datetime
    domain: str

    @property
    def api_arn(self) -> str:
        """The API, as policies name it."""
        return f"arn:aws:execute-api:{self.region}:{DEFAULT_ACCOUNT_ID}:{self.api.api_id}"

    @property
    def arn(self) -> str:
        """The stage, as policies name it."""
        return f"{self.api_arn}/{self.stage.name}"


@dataclass(frozen=True)
class Gateway:
    """Answers requests for the account's HTTP APIs, and for the keys of its issuer of tokens.

    Functions are run by `invoke`; access logs are written by `put_log`.
    """

    invoke: Invoke
    issuer: Issuer
    authorization: Authorization
    put_log: PutLog
    throttle: Throttle = field(default_factory=Throttle)

    def in_front_of(self, account: Wsgi) -> Wsgi:
        """The account, whose APIs are asked at `/_aws/execute-api/ID/` and by AWS's names of their hosts."""

        def application(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            request, path = request_of(environ), raw_path(environ)
            if request is not None:
                request_id = f"{secrets.token_urlsafe(11)}="
                answer, own = self._api(environ, request, request_id), [("apigw-requestid", request_id)]
            elif path.startswith(f"{issuer.PATH}/"):
                query = str(environ.get("QUERY_STRING", ""))
                answer, own = self.issuer.answer(path.removeprefix(issuer.PATH), query), []
            else:
                return account(environ, start_response)
            return written(answer, start_response, own)

        return application

    def _api(self, environ: Environ, request: ApiRequest, request_id: str) -> Answer:
        try:
            api, region = _find(request)
            stage, segments = routes.stage_of(api.stages, request.segments)
            request = replace(request, body=body_of(environ))
        except RefusedError as error:
            return error.answer
        domain = request.host or f"{api.api_id}.execute-api.{region}.amazonaws.com"
        asked = Asked(api, region, stage, request_id, datetime.now(UTC), domain)
        told, began = _told(request, asked), time.monotonic()
        try:
            answer = self._answer(request, segments, asked, told)
        except RefusedError as error:
            answer = error.answer
            told.tell(error__message=HTTPStatus(answer.status).phrase)
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                told.tell(integrationErrorMessage=error)
        except Exception as error:  # whatever it is, it is answered
            _log.exception("A request for the API %s failed in the sandbox.", api.api_id)
            answer = message(500, "Internal Server Error")
            told.tell(error__message="Internal Server Error", integrationErrorMessage=error)
        answer = cors.applied(api.cors_configuration, request, answer)
        self._record(asked, told, answer, round((time.monotonic() - began) * 1000))
        return answer

    def _answer(self, request: ApiRequest, segments: tuple[str, ...], asked: Asked, told: Told) -> Answer:
        if not f"{request.sent_path}{request.query}".isascii():
            raise RefusedError(400, "Bad Request", why="The address has characters that are not encoded.")
        if request.head_bytes > MOST_HEAD_BYTES:
            raise RefusedError(431, "Request Header Fields Too Large")
        try:
            match = routes.match(asked.api.routes.values(), request.method, segments)
        except RefusedError:
            preflight = cors.preflight(asked.api.cors_configuration, request)
            if preflight is None:
                raise
            return preflight
        told.tell(routeKey=match.route.route_key)
        if not self.throttle.take(asked.api.api_id, asked.stage, match.route.route_key):
            raise RefusedError(429, "Too Many Requests")
        trace = request.headers.get("x-amzn-trace-id", "")
        if not _TRACE.fullmatch(trace):
            trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
        forwarded = replace(request, headers=_forwarded(request, trace))
        context = {
            "accountId": DEFAULT_ACCOUNT_ID,
            "apiId": asked.api.api_id,
            "domainName": asked.domain,
            "requestId": asked.request_id,
            "stage": asked.stage.name,
            "at": asked.at,
        }
        made = event(forwarded, match, asked.stage.stage_variables, context)
        arn = f"{asked.arn}/{request.method}/{'/'.join(segments)}"
        wanted = Wanted(asked.api, asked.region, match.route, asked.api_arn, arn, made, trace)
        identity = self.authorization.identity(request, wanted, told)
        if identity:
            made["requestContext"]["authorizer"] = identity
        integration = asked.api.integrations.get(match.route.target.partition("/")[2])
        if integration is None:
            raise failed(f"The route {match.route.route_key} has no integration.")
        target = target_of(integration, asked.stage.stage_variables)
        if target.version == "1.0":
            made = format_1.event(forwarded, made)
        source = f"{asked.arn}/{_resource(match.route.route_key, request)}"
        began = time.monotonic()
        try:
            answer = invoke_target(self.invoke, target, source, made, trace, told)
            return cors.without(asked.api.cors_configuration, answer)
        finally:
            took_ms = round((time.monotonic() - began) * 1000)
            told.tell(integrationLatency=took_ms, integration__latency=took_ms)

    def _record(self, asked: Asked, told: Told, answer: Answer, took_ms: int) -> None:
        """The metrics and the access log."""
        times_ms = {"Latency": took_ms}
        if "integrationLatency" in told.variables:
            times_ms["IntegrationLatency"] = int(told.variables["integrationLatency"])
        name = asked.stage.name
        metrics.record(DEFAULT_ACCOUNT_ID, asked.region, asked.api.api_id, name, answer.status, times_ms)
        settings = asked.stage.access_log_settings
        if settings:
            told.tell(status=answer.status, responseLength=len(answer.body), responseLatency=took_ms)
            line = access_log.line(settings["format"], told.variables)
            at_ms = int(asked.at.timestamp() * 1000)
            self.put_log(access_log.group(settings["destinationArn"]), name, [line], at_ms)


def written(
    answer: Answer, start_response: Callable[..., Any], own: Sequence[tuple[str, str]] = ()
) -> Iterable[bytes]:
    """An answer as WSGI has it, with headers of the service's own."""
    reason = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
    # A body after these would be taken for the next answer.
    body = b"" if answer.status in _BODILESS else answer.body
    length = [] if answer.status in _BODILESS else [("Content-Length", str(len(body)))]
    start_response(f"{answer.status} {reason}", [*answer.headers, *own, *length])
    return [body]


def _told(request: ApiRequest, asked: Asked) -> Told:
    told = Told()
    told.tell(
        accountId=DEFAULT_ACCOUNT_ID,
        apiId=asked.api.api_id,
        domainName=asked.domain,
        domainPrefix=asked.domain.partition(".")[0],
        extendedRequestId=asked.request_id,
        httpMethod=request.method,
        identity__sourceIp=request.source_ip,
        identity__userAgent=request.headers.get("user-agent", "-"),
        path=request.path,
        protocol=request.protocol,
        requestId=asked.request_id,
        requestTime=common_log_time(asked.at),
        requestTimeEpoch=int(asked.at.timestamp() * 1000),
        stage=asked.stage.name,
    )
    return told


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


def _find(request: ApiRequest) -> tuple[Any, str]:
    """An API as moto holds it, and its region.

    Raises:
        RefusedError: there is none that the sandbox serves.
    """
    api_id = request.api_id
    for region, backend in list(apigatewayv2_backends[DEFAULT_ACCOUNT_ID].items()):
        api = backend.apis.get(api_id) if request.region in {"", region} else None
        if api is not None and api.protocol_type != "HTTP":
            raise UnservedError(f"{api.protocol_type} APIs ({api_id})")
        if api is not None and api.disable_execute_api_endpoint is not True:
            return api, region
    # Which is imported for a template that has some: happypath.sandbox.imports.
    rest: Any = sys.modules.get("moto.apigateway.models")
    backends = rest.apigateway_backends[DEFAULT_ACCOUNT_ID].values() if rest else ()
    if any(api_id in backend.apis for backend in list(backends)):
        raise UnservedError(f"REST APIs ({api_id})")
    raise RefusedError(404, "Not Found")


def body_of(environ: Environ) -> bytes:
    """A request's body.

    Raises:
        RefusedError: it is too large, or its chunks are none.
    """
    source = environ["wsgi.input"]
    if isinstance(source, io.BytesIO):
        body = source.getvalue()
    elif environ.get("wsgi.input_terminated"):
        try:
            body = source.read(MOST_BODY_BYTES + 1)
        except OSError as error:
            raise RefusedError(400, "Bad Request", why=str(error)) from None
    else:
        body = source.read(int(environ.get("CONTENT_LENGTH") or 0))
    if len(body) > MOST_BODY_BYTES:
        raise RefusedError(413, "Request Entity Too Large")
    return body
