"""Lambda authorizers: a function decides who may take a route.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from happypath.sandbox.apigateway.integration import (
    Invoke,
    UnservedError,
    failed,
    function_for,
    function_of,
    invoked,
)
from happypath.sandbox.apigateway.request import ApiRequest, RefusedError
from happypath.sandbox.iam.evaluation import Policies, Request, evaluate
from happypath.sandbox.iam.policy import Policy, PolicyError
from happypath.sandbox.iam.principal import User

# How long a function may take to decide.
_DECIDES_S = 10.0


def context(
    invoke: Invoke,
    request: ApiRequest,
    authorizer: Any,
    event: Mapping[str, Any],
    api_arn: str,
    arn: str,
    trace: str,
) -> dict[str, Any]:
    """What the authorizer's function says of the caller, who may take the route `arn`.

    Raises:
        RefusedError: a source of identity is lacking (401), or the function says no (403), or nothing of use.
    """
    if authorizer.auth_payload_format_version != "2.0":
        raise UnservedError("authorizers in payload format 1.0")
    sources = [_selected(request, each) for each in authorizer.identity_source or []]
    if not all(sources):
        raise RefusedError(401, "Unauthorized", why="A source of the caller's identity is lacking.")
    target = function_of(authorizer.authorizer_uri or "")
    function = function_for(target, authorizer.auth_creds_arn, f"{api_arn}/authorizers/{authorizer.id}")
    asked = {name: each for name, each in event.items() if name not in {"body", "isBase64Encoded"}}
    payload = {**asked, "type": "REQUEST", "routeArn": arn, "identitySource": sources}
    outcome = invoked(invoke, function, json.dumps(payload).encode(), trace, _DECIDES_S)
    said: Any = None if outcome.answer.failed else json.loads(outcome.answer.payload or b"null")
    if not isinstance(said, dict):
        raise failed("The authorizer's function ended with an error, or said nothing of use.")
    simple = str(authorizer.enable_simple_response).lower() == "true"
    if not (said.get("isAuthorized") is True if simple else _allows(said, arn)):
        raise RefusedError(403, "Forbidden", why="The authorizer's function says no.")
    given = said.get("context") or {}
    if not isinstance(given, dict):
        raise failed("The context that the authorizer's function gives is no object.")
    return given


def _selected(request: ApiRequest, expression: str) -> str:
    found = request.selected(expression)
    if found is None:
        raise UnservedError(f"the source of identity {expression}")
    return found


def _allows(said: Mapping[str, Any], arn: str) -> bool:
    """Whether the policy that a function returns lets its principal invoke a route."""
    try:
        policy = Policy.parse(said.get("policyDocument") or {})
    except PolicyError as error:
        raise failed(f"The policy that the authorizer's function gives is not valid: {error}.") from None
    caller = User(f"arn:aws:iam::{arn.split(':')[4]}:user/{said.get('principalId')}")
    asked = Request(caller, "execute-api:Invoke", arn, {})
    return evaluate(asked, Policies([policy])).allowed
