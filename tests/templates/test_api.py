"""The upload API's template: nobody gets in unknown, whatever the parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.templates.template import load, resources

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
    assert len(routes()) == 3
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


def test_each_route_may_invoke_the_function() -> None:
    events = resources("api")["Function"]["Properties"]["Events"].values()
    allowed = {f"{each['Properties']['Method']} {each['Properties']['Path']}" for each in events}
    assert allowed == routes().keys()


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
