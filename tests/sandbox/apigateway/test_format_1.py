"""Payload format 1.0, that of REST APIs, which an HTTP API's integration may ask for.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import DeployedApi, deployed

_CODE = """
import json
def handler(event, context):
    return json.loads(event["body"]) if event["body"] else {"statusCode": 200, "body": json.dumps(event)}
"""


@pytest.fixture(scope="module")
def older(sandbox: Sandbox) -> Iterator[DeployedApi]:
    api = {"Ref": "Api"}

    def route(key: str, **more: Any) -> dict[str, Any]:
        method, _, path = key.partition(" ")
        named = {"Method": method, "Path": path} if path else {}
        return {
            "Type": "HttpApi",
            "Properties": {"ApiId": api, "PayloadFormatVersion": "1.0", **named, **more},
        }

    echo = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "InlineCode": _CODE,
            "Events": {
                "Get": route("GET /things/{id}"),
                "Post": route("POST /things"),
                "Token": route("GET /token", Auth={"Authorizer": "Own"}),
                "Default": route("$default"),
            },
        },
    }
    own = {
        "IdentitySource": "$request.header.Authorization",
        "JwtConfiguration": {"issuer": sandbox.issuer.url, "audience": ["api"]},
    }
    http_api = {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {"StageName": "v1", "Auth": {"Authorizers": {"Own": own}}},
    }
    with deployed(sandbox, "http-api-older", {"Echo": echo, "Api": http_api}, api="Api") as made:
        yield made


def test_a_function_gets_the_request_in_format_1(older: DeployedApi) -> None:
    headers = {"Cookie": "a=b", "X-Own": "1", "User-Agent": "tests"}
    event = older.ask("/v1/things/a%20b?q=1&q=2", headers=headers).json
    context = event.pop("requestContext")
    sent = event.pop("headers")
    assert (sent["cookie"], sent["x-own"]) == ("a=b", "1")
    assert event.pop("multiValueHeaders")["x-own"] == ["1"]
    assert event == {
        "version": "1.0",
        "resource": "/things/{id}",
        "path": "/v1/things/a b",
        "httpMethod": "GET",
        "queryStringParameters": {"q": "2"},
        "multiValueQueryStringParameters": {"q": ["1", "2"]},
        "pathParameters": {"id": "a b"},
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }
    assert (context["stage"], context["resourcePath"], context["path"]) == (
        "v1",
        "/things/{id}",
        "/v1/things/a b",
    )
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userArn"] is None
    assert "authorizer" not in context
    assert older.ask("/v1/else").json["resource"] == "$default"


def test_the_claims_of_a_token_are_the_authorizers(older: DeployedApi, sandbox: Sandbox) -> None:
    token = sandbox.issuer.token("somebody", "api")
    event = older.ask("/v1/token", headers={"Authorization": token}).json
    assert event["requestContext"]["authorizer"]["claims"]["sub"] == "somebody"


def _returned(older: DeployedApi, result: Any) -> Any:
    return older.ask("/v1/things", "POST", json.dumps(result).encode(), {"Content-Type": "application/json"})


def test_headers_may_have_several_values(older: DeployedApi) -> None:
    result = {
        "statusCode": 200,
        "headers": {"X-One": "1", "X-Several": "0"},
        "multiValueHeaders": {"X-Several": ["1", "2"], "Set-Cookie": ["a=b", "c=d"]},
        "cookies": ["of=format2"],
    }
    response = _returned(older, result)
    sent = [(name.lower(), value) for name, value in response.headers]
    assert [value for name, value in sent if name == "x-several"] == ["1", "2"]
    assert [value for name, value in sent if name == "set-cookie"] == ["a=b", "c=d"]
    assert ("x-one", "1") in sent


@pytest.mark.parametrize(
    "result",
    [
        "Hello",
        {"message": "Hello"},
        {"statusCode": 200, "multiValueHeaders": {"a": "b"}},
        {"statusCode": 200, "multiValueHeaders": {"a": ["1\r\nb: 2"]}},
    ],
)
def test_nothing_is_inferred_of_a_result_that_is_no_response(older: DeployedApi, result: Any) -> None:
    response = _returned(older, result)
    assert (response.status, response.json) == (500, {"message": "Internal Server Error"})
