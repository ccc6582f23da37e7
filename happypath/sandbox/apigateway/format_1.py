"""A request as a function gets it in payload format 1.0, that of REST APIs, made of format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from happypath.sandbox.apigateway.request import ApiRequest

# Of an IAM identity in format 2.0 → in format 1.0, which has all of them, whoever asks.
_IDENTITY = {
    "accessKey": "accessKey",
    "accountId": "accountId",
    "caller": "callerId",
    "cognitoAmr": None,
    "cognitoAuthenticationProvider": None,
    "cognitoAuthenticationType": None,
    "cognitoIdentityId": None,
    "cognitoIdentityPoolId": None,
    "principalOrgId": "principalOrgId",
    "user": "userId",
    "userArn": "userArn",
}


def event(request: ApiRequest, newer: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a request, of which `newer` is the event in format 2.0."""
    context = newer["requestContext"]
    _, _, resource = newer["routeKey"].partition(" ")
    resource = resource or newer["routeKey"]
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return {
        "version": "1.0",
        "resource": resource,
        "path": newer["rawPath"],
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": {name: each[-1] for name, each in values.items()} or None,
        "multiValueQueryStringParameters": values or None,
        "requestContext": {
            **{name: context[name] for name in ("accountId", "apiId", "domainName", "domainPrefix", "stage")},
            **_caller(context),
            "extendedRequestId": context["requestId"],
            "httpMethod": request.method,
            "path": newer["rawPath"],
            "protocol": request.protocol,
            "requestId": context["requestId"],
            "requestTime": context["time"],
            "requestTimeEpoch": context["timeEpoch"],
            "resourceId": newer["routeKey"],
            "resourcePath": resource,
        },
        "pathParameters": newer.get("pathParameters"),
        "stageVariables": newer.get("stageVariables"),
        "body": newer.get("body"),
        "isBase64Encoded": newer["isBase64Encoded"],
    }


def _caller(context: Mapping[str, Any]) -> dict[str, Any]:
    """Who asks: `identity` and, of a token or an authorizer's function, `authorizer`."""
    found = context.get("authorizer") or {}
    signer = found.get("iam") or {}
    identity = {name: signer.get(newer) if newer else None for name, newer in _IDENTITY.items()}
    http = context["http"]
    told = {"identity": {**identity, "sourceIp": http["sourceIp"], "userAgent": http["userAgent"]}}
    authorizer = found.get("jwt") or found.get("lambda")
    return {**told, "authorizer": authorizer} if authorizer else told
