from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import DeployedApi, deployed, function


@pytest.fixture(scope="session")
def echo(sandbox: Sandbox) -> Iterator[DeployedApi]:
    """An API whose function returns its event."""
    routes = (
        "GET /places",
        "GET /places/{id}",
        "ANY /any/{name}",
        "GET /files/{path+}",
        "POST /returns",
        "GET /raises",
    )
    with deployed(sandbox, "http-api-echo", {"Echo": function(*routes)}) as api:
        yield api


LOG_FORMAT = json.dumps(
    {
        "id": "$context.requestId",
        "route": "$context.routeKey",
        "status": "$context.status",
        "agent": "$context.identity.userAgent",
        "subject": "$context.authorizer.claims.sub",
        "why": "$context.authorizer.error",
        "error": "$context.integrationErrorMessage",
        "at": "$context.requestTime",
        "length": "$context.responseLength",
        "nothing": "$context.domainName.of.nobody",
    }
)


@pytest.fixture(scope="session")
def guarded(sandbox: Sandbox) -> Iterator[DeployedApi]:
    """An API with a stage of its own, authorizers, CORS, throttling and an access log."""
    api = {"Ref": "Api"}
    echo = function(api=api)
    routes: dict[str, dict[str, Any]] = {
        "GET /open": {"Auth": {"Authorizer": "NONE"}},
        "GET /jwt": {},
        "GET /scoped": {"Auth": {"AuthorizationScopes": ["read", "write"]}},
        "GET /iam/{name}": {"Auth": {"Authorizer": "AWS_IAM"}},
        "POST /iam/{name}": {"Auth": {"Authorizer": "AWS_IAM"}},
        "GET /slow": {"Auth": {"Authorizer": "NONE"}, "TimeoutInMillis": 50},
        "GET /few": {
            "Auth": {"Authorizer": "NONE"},
            "RouteSettings": {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0},
        },
        "ANY /any": {},
    }
    for index, (key, extra) in enumerate(routes.items()):
        method, _, path = key.partition(" ")
        echo["Properties"]["Events"][f"Route{index}"] = {
            "Type": "HttpApi",
            "Properties": {"ApiId": api, "Method": method, "Path": path, **extra},
        }
    resources = {
        "Echo": echo,
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/http-api/guarded"}},
        "Api": {
            "Type": "AWS::Serverless::HttpApi",
            "Properties": {
                "StageName": "prod",
                "StageVariables": {"colour": "blue"},
                "AccessLogSettings": {
                    "DestinationArn": {"Fn::GetAtt": ["Log", "Arn"]},
                    "Format": LOG_FORMAT,
                },
                "DefaultRouteSettings": {"ThrottlingBurstLimit": 1000, "ThrottlingRateLimit": 1000},
                "CorsConfiguration": {
                    "AllowOrigins": ["https://app.example"],
                    "AllowMethods": ["GET", "POST"],
                    "AllowHeaders": ["authorization"],
                    "ExposeHeaders": ["x-own"],
                    "AllowCredentials": True,
                    "MaxAge": 60,
                },
                "Auth": {
                    "EnableIamAuthorizer": True,
                    "DefaultAuthorizer": "Own",
                    "Authorizers": {
                        "Own": {
                            "IdentitySource": "$request.header.Authorization",
                            "JwtConfiguration": {"issuer": sandbox.issuer.url, "audience": ["api"]},
                        }
                    },
                },
            },
        },
    }
    with deployed(sandbox, "http-api-guarded", resources, api="Api") as made:
        yield made
