"""What the sandbox does not do of API Gateway it says, and nothing that is closed is open."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import ask

_FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:x"


def _document(integration: dict[str, Any], **operation: Any) -> str:
    made = {"x-amazon-apigateway-integration": integration, **operation}
    return json.dumps({"openapi": "3.0.1", "info": {"title": "a"}, "paths": {"/": {"get": made}}})


@pytest.mark.parametrize(
    ("protocol", "integration", "said"),
    [
        ("WEBSOCKET", None, "WEBSOCKET APIs"),
        (
            "HTTP",
            {"type": "http_proxy", "uri": "https://example.com"},
            "integrations with https://example.com",
        ),
        (
            "HTTP",
            {"type": "aws_proxy", "integrationSubtype": "SQS-SendMessage", "payloadFormatVersion": "1.0"},
            "integrations with SQS-SendMessage",
        ),
        (
            "HTTP",
            {"type": "aws_proxy", "uri": _FUNCTION, "payloadFormatVersion": "3.0"},
            "the payload format 3.0",
        ),
        (
            "HTTP",
            {"type": "aws_proxy", "uri": "arn:aws:sqs:us-east-1:123456789012:q"},
            "integrations with arn:aws:sqs",
        ),
    ],
)
def test_what_is_not_served_says_so(
    sandbox: Sandbox,
    protocol: str,
    integration: dict[str, Any] | None,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = sandbox.client("apigatewayv2")
    api_id = client.create_api(Name="a", ProtocolType=protocol, RouteSelectionExpression="$request.body.a")[
        "ApiId"
    ]
    try:
        client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
        if integration:
            client.reimport_api(ApiId=api_id, Body=_document(integration))
        with caplog.at_level(logging.WARNING):
            response = ask(sandbox, f"/_aws/execute-api/{api_id}/", headers={})
    finally:
        client.delete_api(ApiId=api_id)
    assert response.status == 501
    assert said in response.json["message"]
    assert said in caplog.text


def test_a_document_that_names_no_authorizer_opens_nothing(sandbox: Sandbox) -> None:
    client = sandbox.client("apigatewayv2")
    api_id = client.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    try:
        integration = {"type": "aws_proxy", "uri": _FUNCTION, "payloadFormatVersion": "2.0"}
        before = client.reimport_api(ApiId=api_id, Body=_document(integration, security=[]))["Name"]
        routes = client.get_routes(ApiId=api_id)["Items"]
        with pytest.raises(client.exceptions.BadRequestException, match="Unable to find the authorizer"):
            client.reimport_api(ApiId=api_id, Body=_document(integration, security=[{"Nobody": []}]))
        assert client.get_routes(ApiId=api_id)["Items"] == routes
        assert client.get_api(ApiId=api_id)["Name"] == before
    finally:
        client.delete_api(ApiId=api_id)


def test_a_rest_api_says_that_it_is_not_served(sandbox: Sandbox) -> None:
    template = {
        "Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "rest"}}},
        "Outputs": {"Id": {"Value": {"Ref": "Api"}}},
    }
    client = sandbox.client("cloudformation")
    client.create_stack(StackName="rest-api", TemplateBody=json.dumps(template))
    try:
        (stack,) = client.describe_stacks(StackName="rest-api")["Stacks"]
        api_id = stack["Outputs"][0]["OutputValue"]
        host = f"{api_id}.execute-api.us-east-1.amazonaws.com"
        response = ask(sandbox, "/prod/", headers={"Host": host})
    finally:
        client.delete_stack(StackName="rest-api")
    assert (response.status, response.json) == (
        501,
        {"message": f"The sandbox does not do REST APIs ({api_id})."},
    )


def test_a_route_with_an_authorizer_that_is_not_served_is_closed(sandbox: Sandbox) -> None:
    client = sandbox.client("apigatewayv2")
    api_id = client.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    document = json.loads(
        _document(
            {"type": "aws_proxy", "uri": _FUNCTION, "payloadFormatVersion": "2.0"}, security=[{"Own": []}]
        )
    )
    document["components"] = {
        "securitySchemes": {
            "Own": {
                "type": "apiKey",
                "x-amazon-apigateway-authorizer": {"type": "request", "authorizerUri": _FUNCTION},
            }
        }
    }
    try:
        client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
        client.reimport_api(ApiId=api_id, Body=json.dumps(document))
        response = ask(sandbox, f"/_aws/execute-api/{api_id}/", headers={})
    finally:
        client.delete_api(ApiId=api_id)
    assert (response.status, response.json) == (
        501,
        {"message": "The sandbox does not do authorizers in payload format 1.0."},
    )


def test_an_endpoint_that_is_disabled_does_not_answer(sandbox: Sandbox) -> None:
    client = sandbox.client("apigatewayv2")
    api_id = client.create_api(Name="a", ProtocolType="HTTP", DisableExecuteApiEndpoint=True)["ApiId"]
    try:
        client.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
        client.reimport_api(
            ApiId=api_id, Body=_document({"type": "http_proxy", "uri": "https://example.com"})
        )
        assert ask(sandbox, f"/_aws/execute-api/{api_id}/", headers={}).status == 404
        client.update_api(ApiId=api_id, DisableExecuteApiEndpoint=False)
        assert ask(sandbox, f"/_aws/execute-api/{api_id}/", headers={}).status == 501
    finally:
        client.delete_api(ApiId=api_id)
