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
        ("HTTP", {"type": "aws_proxy", "uri": _FUNCTION}, "the payload format 1.0"),
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
        with pytest.raises(client.exceptions.BadRequestException, match="Unable to find the authorizer"):
            client.reimport_api(ApiId=api_id, Body=_document(integration, security=[{"Nobody": []}]))
        assert client.get_routes(ApiId=api_id)["Items"] == []
    finally:
        client.delete_api(ApiId=api_id)
