"""CORS as an API is configured: preflights, which the API answers by itself, and headers for browsers.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from happypath.sandbox.apigateway.request import Answer, ApiRequest

Configuration: TypeAlias = Mapping[str, Any]

_PREFIX = "access-control-"


def preflight(configuration: Configuration | None, request: ApiRequest) -> Answer | None:
    """The answer to a preflight; None for another request, and for an API without CORS."""
    asked = "origin" in request.headers and "access-control-request-method" in request.headers
    if not configuration or request.method != "OPTIONS" or not asked:
        return None
    headers = []
    if _origin(configuration, request):
        for name, key in (("allow-methods", "allowMethods"), ("allow-headers", "allowHeaders")):
            if configuration.get(key):
                headers.append((f"{_PREFIX}{name}", ",".join(configuration[key])))
        if configuration.get("maxAge") is not None:
            headers.append((f"{_PREFIX}max-age", str(configuration["maxAge"])))
    return Answer(204, tuple(headers))


def without(configuration: Configuration | None, answer: Answer) -> Answer:
    """An integration's answer without its own headers of CORS, where the API has some."""
    if not configuration:
        return answer
    kept = tuple(each for each in answer.headers if not each[0].lower().startswith(_PREFIX))
    return replace(answer, headers=kept)


def applied(configuration: Configuration | None, request: ApiRequest, answer: Answer) -> Answer:
    """An answer that says whether the request's origin may read it."""
    origin = _origin(configuration or {}, request)
    if not configuration or origin is None:
        return answer
    headers = [(f"{_PREFIX}allow-origin", origin)]
    if str(configuration.get("allowCredentials", "")).lower() == "true":
        headers.append((f"{_PREFIX}allow-credentials", "true"))
    if configuration.get("exposeHeaders"):
        headers.append((f"{_PREFIX}expose-headers", ",".join(configuration["exposeHeaders"])))
    return replace(answer, headers=(*answer.headers, *headers))


def _origin(configuration: Configuration, request: ApiRequest) -> str | None:
    """The origin to allow: `*` where any is, the request's if it is one of those; else None."""
    origin = request.headers.get("origin")
    allowed = configuration.get("allowOrigins") or []
    if origin is None:
        return None
    if "*" in allowed:
        return "*"
    # `https://*` is any of that scheme.
    named = origin in allowed or f"{origin.partition('://')[0]}://*" in allowed
    return origin if named else None
