"""Who may take a route: what decides it, by the route's kind of authorization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from happypath.sandbox.apigateway import lambda_authorizer, signed, tokens
from happypath.sandbox.apigateway.integration import Invoke, UnservedError, failed
from happypath.sandbox.apigateway.request import ApiRequest, RefusedError, Told
from happypath.sandbox.apigateway.signed import SecretOf


@dataclass(frozen=True)
class Wanted:
    """A route that a request wants: its API and itself as moto holds them, and its names in policies."""

    api: Any
    region: str
    route: Any
    # Of the API, without its stage, and of the route with the request's own path.
    api_arn: str
    arn: str
    # As a function would get the request.
    event: Mapping[str, Any]
    trace: str


@dataclass(frozen=True)
class Authorization:
    """Decides who may take a route.

    `secret_of` an access key tells whether a signature is right, `keys` of an issuer whether a token is.
    """

    invoke: Invoke
    secret_of: SecretOf
    keys: tokens.Keys

    def identity(self, request: ApiRequest, wanted: Wanted, told: Told) -> dict[str, Any]:
        """What a function is told of the caller, in `requestContext.authorizer`.

        Raises:
            RefusedError: the caller may not take the route.
        """
        kind = wanted.route.authorization_type or "NONE"
        if kind == "NONE":
            return {}
        try:
            if kind == "AWS_IAM":
                signer = signed.identity(request, wanted.region, wanted.arn, self.secret_of)
                told.tell(identity__caller=signer["callerId"], identity__user=signer["userId"])
                told.tell(identity__accountId=signer["accountId"], identity__userArn=signer["userArn"])
                return {"iam": signer}
            return self._by_authorizer(kind, request, wanted, told)
        except RefusedError as error:
            told.tell(authorizer__error=error)
            raise

    def _by_authorizer(self, kind: str, request: ApiRequest, wanted: Wanted, told: Told) -> dict[str, Any]:
        authorizer = wanted.api.authorizers.get(wanted.route.authorizer_id)
        if authorizer is None:
            raise failed(f"The authorizer of the route {wanted.route.route_key} is not there.")
        if kind == "JWT":
            scopes = wanted.route.authorization_scopes or []
            found = tokens.identity(request, authorizer, scopes, self.keys)
            told.tell(**{f"authorizer__claims__{name}": each for name, each in found["claims"].items()})
            return {"jwt": found}
        if kind == "CUSTOM":
            given = lambda_authorizer.context(
                self.invoke, request, authorizer, wanted.event, wanted.api_arn, wanted.arn, wanted.trace
            )
            told.tell(**{f"authorizer__{name}": each for name, each in given.items()})
            return {"lambda": given}
        raise UnservedError(f"{kind} authorizers")
