"""Function URLs: who may ask, what the function gets, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import Response, ask, function

NAME = "function-urls"


@pytest.fixture(scope="module")
def urls(sandbox: Sandbox) -> Iterator[Mapping[str, str]]:
    """The domains of two functions' URLs: for everybody, and for who signs."""
    cloudformation = sandbox.client("cloudformation")
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Open": function(FunctionUrlConfig={"AuthType": "NONE"}),
            "Closed": function(FunctionName=NAME, FunctionUrlConfig={"AuthType": "AWS_IAM"}),
        },
        "Outputs": {
            name: {"Value": {"Fn::GetAtt": [f"{name}Url", "FunctionUrl"]}} for name in ("Open", "Closed")
        },
    }
    cloudformation.create_stack(
        StackName=NAME, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
    )
    (stack,) = cloudformation.describe_stacks(StackName=NAME)["Stacks"]
    yield {each["OutputKey"]: each["OutputValue"].split("/")[2] for each in stack["Outputs"]}
    cloudformation.delete_stack(StackName=NAME)


def asked(sandbox: Sandbox, domain: str, path: str = "/", body: bytes | None = None) -> Response:
    return ask(sandbox, path, "POST" if body else "GET", body, headers={"host": domain})


def test_a_function_gets_the_request_as_payload_format_2(sandbox: Sandbox, urls: Mapping[str, str]) -> None:
    headers = {"host": urls["Open"], "content-type": "application/json"}
    event = ask(sandbox, "/a%20b/c?x=1&x=2", "POST", b'{"a": 1}', headers=headers).json
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/a b/c")
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("x=1&x=2", {"x": "1,2"})
    assert (event["body"], event["isBase64Encoded"]) == ('{"a": 1}', False)
    context = event["requestContext"]
    assert (context["http"]["method"], context["domainName"]) == ("POST", urls["Open"])
    assert (context["accountId"], context["apiId"]) == ("anonymous", urls["Open"].partition(".")[0])
    assert event["headers"]["x-forwarded-proto"] == "https"
    assert "pathParameters" not in event


@pytest.mark.parametrize(
    ("returned", "status", "body"),
    [
        ({"statusCode": 201, "body": "made", "headers": {"X-One": "1"}}, 201, b"made"),
        ({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}, 200, b"\0\xff"),
        ({"any": "thing"}, 200, b'{"any":"thing"}'),
        ({"statusCode": "x"}, 502, b'{"message":"Internal Server Error"}'),
    ],
)
def test_what_it_returns_is_the_answer(
    sandbox: Sandbox, urls: Mapping[str, str], returned: Any, status: int, body: bytes
) -> None:
    answer = asked(sandbox, urls["Open"], "/returns", body=json.dumps(returned).encode())
    assert (answer.status, answer.body) == (status, body)


def test_an_error_of_the_function_is_a_bad_gateway(sandbox: Sandbox, urls: Mapping[str, str]) -> None:
    assert asked(sandbox, urls["Open"], "/raises").status == 502
    with sandbox.faults(f"function:{NAME}=throttle"):
        assert ask(sandbox, "/", headers=signed(urls["Closed"])).status == 429


def signed(domain: str, service: str = "lambda", secret: str = "sandbox") -> dict[str, str]:
    request = AWSRequest("GET", f"http://{domain}/", headers={"host": domain})
    SigV4Auth(Credentials("sandbox", secret), service, "us-east-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def test_who_does_not_sign_is_kept_out(sandbox: Sandbox, urls: Mapping[str, str]) -> None:
    domain = urls["Closed"]
    assert ask(sandbox, "/", headers=signed(domain)).status == 200
    for headers in ({"host": domain}, signed(domain, service="execute-api"), signed(domain, secret="x")):
        answer = ask(sandbox, "/", headers=headers)
        assert (answer.status, answer.json) == (403, {"message": "Forbidden"})


def test_nobody_answers_at_an_id_that_there_is_not(sandbox: Sandbox) -> None:
    assert ask(sandbox, "/_aws/lambda-url/none/", headers={}).status == 403


def test_where_permission_is_taken_away_nobody_may_ask(sandbox: Sandbox, urls: Mapping[str, str]) -> None:
    client = sandbox.client("lambda")
    resources = sandbox.client("cloudformation").describe_stack_resources(StackName=NAME)["StackResources"]
    (name,) = (each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "Open")
    policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
    (statement,) = (each for each in policy["Statement"] if each["Action"] == "lambda:InvokeFunctionUrl")
    client.remove_permission(FunctionName=name, StatementId=statement["Sid"])
    assert asked(sandbox, urls["Open"]).status == 403
