"""A request as a function gets it: payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from happypath.sandbox.apigateway.request import ApiRequest, decoded
from happypath.sandbox.apigateway.routes import Match

# What is text to API Gateway; a form is not.
_TEXT = re.compile(r"text/.*|application/(.*\+)?(json|xml)|application/javascript", re.IGNORECASE)


def event(
    request: ApiRequest,
    found: Match,
    variables: Mapping[str, str],
    context: Mapping[str, Any],
) -> dict[str, Any]:
    """The event of a request that took a route.

    `variables` are the stage's, `context` has `accountId`, `apiId`, `domainName`, `requestId`, `stage`, and
    `at`, a time.
    """
    at: datetime = context["at"]
    path = decoded(request.path)
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": found.route.route_key,
        "rawPath": path,
        "rawQueryString": request.query,
    }
    if request.cookies:
        made["cookies"] = list(request.cookies)
    made["headers"] = {name: value for name, value in request.headers.items() if name != "cookie"}
    if request.parameters:
        made["queryStringParameters"] = dict(request.parameters)
    made["requestContext"] = {
        "accountId": context["accountId"],
        "apiId": context["apiId"],
        "domainName": context["domainName"],
        "domainPrefix": context["domainName"].partition(".")[0],
        "http": {
            "method": request.method,
            "path": path,
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": context["requestId"],
        "routeKey": found.route.route_key,
        "stage": context["stage"],
        "time": common_log_time(at),
        "timeEpoch": int(at.timestamp() * 1000),
    }
    if found.parameters:
        made["pathParameters"] = dict(found.parameters)
    if request.body:
        made["body"], made["isBase64Encoded"] = _body(request)
    else:
        made["isBase64Encoded"] = False
    if variables:
        made["stageVariables"] = dict(variables)
    return made


def common_log_time(at: datetime) -> str:
    """`26/Nov/2026:23:09:05 +0000`."""
    return at.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def _body(request: ApiRequest) -> tuple[str, bool]:
    kind = request.headers.get("content-type", "text/plain").partition(";")[0].strip()
    if _TEXT.fullmatch(kind) and "content-encoding" not in request.headers:
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            # Whatever it calls itself.
            pass
    return base64.b64encode(request.body).decode(), True
