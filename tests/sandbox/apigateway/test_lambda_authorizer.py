"""Lambda authorizers: a function decides who takes a route, and says who it is.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import DeployedApi, Response, deployed, function

# Says what the caller's header tells it to say, and by whom it was asked.
_DECIDES = """
import json
def handler(event, context):
    return json.loads(event["identitySource"][0]) | {"asked": event}
"""


@pytest.fixture(scope="module")
def api(sandbox: Sandbox) -> Iterator[DeployedApi]:
    api = {"Ref": "Api"}
    echo = function(api=api)
    for name in ("Simple", "Policy"):
        echo["Properties"]["Events"][name] = {
            "Type": "HttpApi",
            "Properties": {
                "ApiId": api,
                "Method": "GET",
                "Path": f"/{name.lower()}/{{id}}",
                "Auth": {"Authorizer": name},
            },
        }
    decides = function(InlineCode=_DECIDES)
    authorizer = {
        "FunctionArn": {"Fn::GetAtt": ["Decides", "Arn"]},
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableFunctionDefaultPermissions": True,
        "Identity": {"Headers": ["x-say"], "QueryStrings": ["who"]},
    }
    http_api = {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {
            "Auth": {
                "Authorizers": {"Simple": {**authorizer, "EnableSimpleResponses": True}, "Policy": authorizer}
            }
        },
    }
    resources = {"Echo": echo, "Decides": decides, "Api": http_api}
    with deployed(sandbox, "http-api-decided", resources, api="Api") as made:
        yield made


def _ask(api: DeployedApi, says: Any, path: str = "/simple/1") -> Response:
    return api.ask(f"{path}?who=me", headers={"X-Say": json.dumps(says)})


def _is(response: Response, status: int, message: str) -> bool:
    return (response.status, response.json) == (status, {"message": message})


def test_whom_the_function_lets_in_the_other_function_knows(api: DeployedApi) -> None:
    response = _ask(api, {"isAuthorized": True, "context": {"name": "me", "age": 7}})
    assert response.json["requestContext"]["authorizer"] == {"lambda": {"name": "me", "age": 7}}


@pytest.mark.parametrize(
    "says", [{"isAuthorized": False}, {}, {"isAuthorized": "true"}, {"isAuthorized": 1}, {"context": {}}]
)
def test_whom_it_does_not_let_in_is_forbidden(api: DeployedApi, says: Mapping[str, Any]) -> None:
    assert _is(_ask(api, says), 403, "Forbidden")


def test_a_function_that_fails_lets_nobody_in(api: DeployedApi) -> None:
    assert _is(_ask(api, ["a", "list"]), 500, "Internal Server Error")
    assert _is(_ask(api, {"isAuthorized": True, "context": "text"}), 500, "Internal Server Error")


def test_without_a_source_of_identity_the_function_is_not_asked(api: DeployedApi) -> None:
    says = json.dumps({"isAuthorized": True})
    assert _is(api.ask("/simple/1", headers={"X-Say": says}), 401, "Unauthorized")
    assert _is(api.ask("/simple/1?who=me"), 401, "Unauthorized")


def test_a_policy_says_which_routes_its_principal_may_take(api: DeployedApi) -> None:
    def says(effect: str, path: str) -> dict[str, Any]:
        arn = f"arn:aws:execute-api:us-east-1:123456789012:{api.api_id}/$default/GET/policy/{path}"
        statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": arn}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": "me", "policyDocument": document, "context": {"name": "me"}}

    response = _ask(api, says("Allow", "1*"), "/policy/1%31")
    assert response.json["requestContext"]["authorizer"] == {"lambda": {"name": "me"}}
    assert _is(_ask(api, says("Allow", "2"), "/policy/1"), 403, "Forbidden")
    assert _is(_ask(api, says("Deny", "1"), "/policy/1"), 403, "Forbidden")
    assert _is(_ask(api, {"isAuthorized": True}, "/policy/1"), 500, "Internal Server Error")


def test_the_function_is_told_of_the_request_and_not_of_its_body(sandbox: Sandbox) -> None:
    code = "def handler(event, context):\n    return {'isAuthorized': True, 'context': {'asked': event}}"
    api = {"Ref": "Api"}
    echo = function(api=api)
    echo["Properties"]["Events"]["Put"] = {
        "Type": "HttpApi",
        "Properties": {"ApiId": api, "Method": "PUT", "Path": "/things/{id}", "Auth": {"Authorizer": "Own"}},
    }
    authorizer = {
        "FunctionArn": {"Fn::GetAtt": ["Decides", "Arn"]},
        "AuthorizerPayloadFormatVersion": "2.0",
        "EnableSimpleResponses": True,
        "EnableFunctionDefaultPermissions": True,
        "Identity": {"Headers": ["Authorization"]},
    }
    properties = {"Auth": {"Authorizers": {"Own": authorizer}}}
    resources = {
        "Echo": echo,
        "Decides": function(InlineCode=code),
        "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": properties},
    }
    with deployed(sandbox, "http-api-told", resources, api="Api") as made:
        response = made.ask("/things/1", "PUT", b'{"secret": 1}', {"Authorization": "me"})
    asked = response.json["requestContext"]["authorizer"]["lambda"]["asked"]
    assert (asked["type"], asked["identitySource"]) == ("REQUEST", ["me"])
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{made.api_id}/$default/PUT/things/1"
    assert (asked["routeArn"], asked["pathParameters"]) == (arn, {"id": "1"})
    assert "body" not in asked
