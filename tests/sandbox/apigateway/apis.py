"""An HTTP API of a test's own, deployed by a template, and how it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from happypath.sandbox.sandbox import Sandbox

# Returns what it is told to: its event, or what the request's body says.
ECHO = """
import base64, json, time
def handler(event, context):
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode("utf-8", "replace")
    if event["rawPath"].endswith("/returns"):
        return json.loads(body)
    if event["rawPath"].endswith("/slow"):
        while context.get_remaining_time_in_millis() > 500:
            time.sleep(0.05)
    if event["rawPath"].endswith("/raises"):
        raise ValueError("of the test")
    return event
"""


@dataclass(frozen=True)
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.headers if each.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class DeployedApi:
    sandbox: Sandbox
    api_id: str
    outputs: Mapping[str, str]

    def ask(
        self,
        path: str = "/",
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        return ask(
            self.sandbox, f"/_aws/execute-api/{self.api_id}{path}", method, body, headers=headers or {}
        )


def ask(
    sandbox: Sandbox,
    target: str,
    method: str = "GET",
    body: bytes | None = None,
    *,
    headers: Mapping[str, str],
) -> Response:
    """Sends a request line as it is given, which urllib would tidy."""
    connection = HTTPConnection(urlsplit(sandbox.endpoint).netloc, timeout=60)
    try:
        connection.request(method, target, body, dict(headers))
        response = connection.getresponse()
        return Response(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def function(*events: str, api: Any = None, **properties: Any) -> dict[str, Any]:
    """The echo as a function with events such as `GET /places/{id}`."""
    of_api = {"ApiId": api} if api else {}
    made: dict[str, Any] = {}
    for index, each in enumerate(events):
        method, _, path = each.partition(" ")
        named = {"Method": method, "Path": path} if path else {}
        made[f"Event{index}"] = {"Type": "HttpApi", "Properties": {**named, **of_api}}
    return {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "InlineCode": ECHO,
            "Events": made,
            **properties,
        },
    }


@contextmanager
def deployed(
    sandbox: Sandbox, name: str, resources: Mapping[str, Any], api: str = "ServerlessHttpApi"
) -> Iterator[DeployedApi]:
    """The API of a stack, which is removed at the end."""
    cloudformation = sandbox.client("cloudformation")
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": resources,
        "Outputs": {
            "Id": {"Value": {"Ref": api}},
            "Endpoint": {"Value": {"Fn::GetAtt": [api, "ApiEndpoint"]}},
        },
    }
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"]
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", events
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    try:
        yield DeployedApi(sandbox, outputs["Id"], outputs)
    finally:
        cloudformation.delete_stack(StackName=name)
    assert outputs["Id"] not in {each["ApiId"] for each in sandbox.client("apigatewayv2").get_apis()["Items"]}
