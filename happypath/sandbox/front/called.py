"""Which operation of which service a request asks for, by AWS's own descriptions (botocore's)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from botocore.model import ServiceModel
from moto.core.request import Request
from moto.core.routing import get_service_router
from werkzeug.exceptions import HTTPException

from happypath.sandbox.service_models import service_model, services, signed_as
from happypath.sandbox.wsgi import Environ

_SCOPE = re.compile(r"[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request")
# Services that sign with another name than botocore's, by the part of X-Amz-Target that tells them apart.
_TARGETS: Mapping[str, str] = {"DynamoDBStreams_20120810": "dynamodbstreams"}
# Of services that sign with one name: which has the operation is looked up in this order.
_SEVERAL: Mapping[str, tuple[str, ...]] = {
    "apigateway": ("apigatewayv2", "apigateway"),
    "bedrock": ("bedrock-runtime", "bedrock", "bedrock-agent"),
    "sagemaker": ("sagemaker-runtime", "sagemaker"),
}


@dataclass(frozen=True)
class Called:
    """An operation: its service as requests are signed for it (`states`), and as botocore names it."""

    signing_name: str
    service: str | None
    operation: str | None

    @property
    def name(self) -> str:
        """Such as `states:TestState`."""
        return f"{self.signing_name or 'unsigned'}:{self.operation or '?'}"

    @property
    def model(self) -> ServiceModel | None:
        """What AWS says of the service."""
        return service_model(self.service) if self.service else None

    @property
    def is_known(self) -> bool:
        """Whether AWS has such an operation."""
        return self.model is not None and self.operation in self.model.operation_names

    @property
    def protocol(self) -> str:
        """How the service's answers are written."""
        return str(self.model.resolved_protocol) if self.model else "json"


def signing_name(environ: Environ) -> str:
    """The service that a request is signed for, in its headers or its address; empty without."""
    found = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if found is None and "X-Amz-Credential" in environ.get("QUERY_STRING", ""):
        credential = parse_qs(environ["QUERY_STRING"]).get("X-Amz-Credential", [""])[0]
        found = _SCOPE.search(credential)
    return found[1].lower() if found else ""


def called(environ: Environ, body: bytes) -> Called:
    """What a request asks for, as far as that can be said."""
    name = signing_name(environ)
    prefix, dot, operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")
    candidates = _candidates(name, prefix)
    if dot:
        return _with(name, candidates, operation)
    action = _action(environ, body)
    if action:
        return _with(name, candidates, action)
    for service in candidates:
        routed = _routed(service, environ)
        if routed:
            return Called(name, service, routed)
    return Called(name, candidates[0] if candidates else None, None)


def _with(name: str, candidates: tuple[str, ...], operation: str) -> Called:
    for service in candidates:
        found = Called(name, service, operation)
        if found.is_known:
            return found
    return Called(name, candidates[0] if candidates else None, operation)


def _candidates(name: str, target: str) -> tuple[str, ...]:
    names = _SEVERAL.get(name) or (_TARGETS.get(target) or signed_as(name),)
    return tuple(each for each in names if each in services())


def _action(environ: Environ, body: bytes) -> str | None:
    texts = [environ.get("QUERY_STRING", "")]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        texts.append(body.decode(errors="replace"))
    for text in texts:
        if "Action=" in text:
            return next(iter(parse_qs(text).get("Action", ())), None)
    return None


def _routed(service: str, environ: Environ) -> str | None:
    try:
        operation, _ = get_service_router(service).match(Request(environ.copy()))
    except (HTTPException, NotImplementedError, KeyError, ValueError):
        return None
    return str(operation.name)
