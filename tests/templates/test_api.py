"""The upload API's template: nobody gets in unknown, whatever the parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.templates.template import functions, load, resources

API: dict[str, Any] = resources("api")["Api"]["Properties"]
DOCUMENT: dict[str, Any] = API["DefinitionBody"]


def routes() -> dict[str, dict[str, Any]]:
    """The operations, by route key."""
    return {
        f"{method.upper()} {path}": operation
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }


def test_no_route_is_open() -> None:
    assert routes()
    for operation in routes().values():
        assert operation["security"] == [{"Caller": []}]
    condition, with_tokens, without = DOCUMENT["components"]["securitySchemes"]["Caller"]["Fn::If"]
    assert condition == "TakesTokens"
    authorizer = with_tokens["x-amazon-apigateway-authorizer"]
    assert authorizer["jwtConfiguration"] == {
        "issuer": {"Ref": "JwtIssuer"},
        "audience": [{"Ref": "JwtAudience"}],
    }
    assert without["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_each_route_may_invoke_its_function_and_no_other() -> None:
    asked = {
        route: re.findall(r"\$\{(\w+)\.Arn\}", operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"])
        for route, operation in routes().items()
    }
    allowed = {
        f"{each['Properties']['Method']} {each['Properties']['Path']}": [name]
        for name, function in functions("api").items()
        for each in function["Properties"]["Events"].values()
    }
    assert allowed == asked


@pytest.mark.parametrize(
    ("groups", "works"), [("", True), ("a,b", True), ("a b", False), ("[a]", False), ("a,", False)]
)
def test_nobody_is_a_reviewer_unless_a_group_is_named(groups: str, works: bool) -> None:
    parameter = load("api")["Parameters"]["ReviewerGroups"]
    assert parameter["Default"] == ""
    assert (re.search(parameter["AllowedPattern"], groups) is not None) is works


def test_requests_are_throttled() -> None:
    limits = API["DefaultRouteSettings"]
    assert limits["ThrottlingRateLimit"] == limits["ThrottlingBurstLimit"] == {"Ref": "RequestsPerSecond"}


@pytest.mark.parametrize(
    ("origin", "works"),
    [
        ("", True),
        ("https://www.example.com", True),
        ("http://localhost:8000", True),
        ("*", False),
        ("https://*", False),
        ("https://*.example.com", False),
        ("https://www.example.com/", False),
        ("www.example.com", False),
        ("null", False),
    ],
)
def test_pages_are_let_in_by_their_names_alone(origin: str, works: bool) -> None:
    pattern = load("api")["Parameters"]["UploadOrigins"]["AllowedPattern"]
    assert (re.search(pattern, origin) is not None) is works
    condition, allowed, otherwise = DOCUMENT["x-amazon-apigateway-cors"]["Fn::If"]
    assert condition == "HasUploadOrigins"
    assert allowed["allowOrigins"] == {"Ref": "UploadOrigins"}
    assert "allowCredentials" not in allowed
    assert otherwise == {"Ref": "AWS::NoValue"}
