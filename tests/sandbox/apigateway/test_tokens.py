"""JWT authorizers: who has a valid token of the issuer's comes in, and nobody else.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from happypath.sandbox.apigateway import tokens
from happypath.sandbox.apigateway.issuer import AUDIENCE
from happypath.sandbox.apigateway.request import ApiRequest, RefusedError
from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import DeployedApi, Response, ask, deployed, function

# Still to come when the last test is run.
_LATER = int(time.time()) + 10**9


def _ask(api: DeployedApi, token: str | None, path: str = "/prod/jwt") -> Response:
    return api.ask(path, headers={"Authorization": token} if token is not None else {})


def _signed(sandbox: Sandbox, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token by the issuer's own key, with other claims; None takes one away."""
    key, now = sandbox.issuer._key, int(time.time())
    usual: dict[str, Any] = {"iss": sandbox.issuer.url, "aud": "api", "exp": now + 60, "sub": "somebody"}
    made = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": key.kid, **(header or {})}, made, key)


def test_a_token_of_the_sandbox_lets_in_and_tells_who_it_is(guarded: DeployedApi, sandbox: Sandbox) -> None:
    token = sandbox.issuer.token("somebody", "api", scopes=["read"])
    response = _ask(guarded, f"Bearer {token}")
    assert response.status == 200
    authorizer = response.json["requestContext"]["authorizer"]
    claims = authorizer["jwt"]["claims"]
    assert (claims["sub"], claims["aud"], claims["iss"]) == ("somebody", "api", sandbox.issuer.url)
    assert int(claims["exp"]) - int(claims["iat"]) == 3600
    assert authorizer["jwt"]["scopes"] is None
    assert response.json["requestContext"]["stage"] == "prod"
    assert response.json["rawPath"] == "/prod/jwt"
    assert response.json["stageVariables"] == {"colour": "blue"}
    # The token alone is enough.
    assert _ask(guarded, token).status == 200


def test_the_issuer_says_where_its_keys_are(sandbox: Sandbox) -> None:
    found = ask(sandbox, "/_aws/issuer/.well-known/openid-configuration", headers={}).json
    assert found["issuer"] == sandbox.issuer.url
    path = found["jwks_uri"].removeprefix(sandbox.endpoint)
    (key,) = ask(sandbox, path, headers={}).json["keys"]
    assert (key["kty"], key["kid"]) == ("RSA", sandbox.issuer._key.kid)
    # What makes signatures is not among it.
    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
    assert ask(sandbox, "/_aws/issuer/../execute-api", headers={}).status == 404


def test_whoever_asks_gets_a_token(guarded: DeployedApi, sandbox: Sandbox) -> None:
    answer = ask(sandbox, "/_aws/issuer/token?sub=ann%20%C3%B6", headers={})
    assert (answer.status, answer.header("content-type")) == (200, "text/plain")
    claims = jwt.decode(answer.body.decode(), sandbox.issuer._key).claims
    assert (claims["sub"], claims["aud"]) == ("ann ö", AUDIENCE)
    assert claims["exp"] > time.time()
    # It is for another API than this one.
    assert _ask(guarded, answer.body.decode()).status == 401


def test_without_a_token_nobody_comes_in(guarded: DeployedApi) -> None:
    for token in (None, "", "Bearer "):
        response = _ask(guarded, token)
        assert (response.status, response.json) == (401, {"message": "Unauthorized"})
        assert response.header("www-authenticate") == "Bearer"


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"aud": "another"}, "the token does not have a valid audience"),
        ({"aud": ["another", "more"]}, "the token does not have a valid audience"),
        # `client_id` counts only where there is no `aud`.
        ({"aud": "another", "client_id": "api"}, "the token does not have a valid audience"),
        ({"aud": None}, "the token does not have a valid audience"),
        ({"iss": "https://example.com"}, "the token does not have a valid issuer"),
        ({"exp": 1}, "the token has expired"),
        ({"exp": None}, "the token does not expire"),
        ({"exp": "9999999999"}, "the token's times are no numbers"),
        ({"nbf": _LATER}, "the token is not valid yet"),
        ({"iat": _LATER}, "the token is issued in the future"),
    ],
)
def test_a_token_that_says_something_else_is_refused(
    guarded: DeployedApi, sandbox: Sandbox, claims: dict[str, Any], why: str
) -> None:
    response = _ask(guarded, f"Bearer {_signed(sandbox, **claims)}")
    assert (response.status, response.json) == (401, {"message": "Unauthorized"})
    expected = f'Bearer scope="" error="invalid_token" error_description="{why}"'
    assert response.header("www-authenticate") == expected


@pytest.mark.parametrize("claims", [{"aud": ["x", "api"]}, {"aud": None, "client_id": "api"}])
def test_one_audience_of_several_or_the_client_is_enough(
    guarded: DeployedApi, sandbox: Sandbox, claims: dict[str, Any]
) -> None:
    assert _ask(guarded, _signed(sandbox, **claims)).status == 200


def _with_secret(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    signed = _unsigned(header, claims).rstrip(".")
    digest = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in (header, claims)
    ]
    return f"{'.'.join(parts)}."


def test_a_token_that_somebody_else_made_is_refused(guarded: DeployedApi, sandbox: Sandbox) -> None:
    own = sandbox.issuer._key
    claims = {"iss": sandbox.issuer.url, "aud": "api", "exp": int(time.time()) + 60}
    stranger = RSAKey.generate_key(2048)
    valid = _signed(sandbox)
    for token in (
        jwt.encode({"alg": "RS256", "kid": own.kid}, claims, stranger),
        jwt.encode({"alg": "RS256", "kid": "unknown"}, claims, stranger),
        # The public key as the secret of another algorithm.
        _with_secret(own.as_pem(private=False), {"alg": "HS256", "kid": own.kid}, claims),
        _unsigned({"alg": "none", "kid": own.kid}, claims),
        jwt.encode({"alg": "RS256"}, claims, own),
        # Other claims under a valid signature.
        ".".join(
            [valid.split(".")[0], _unsigned({}, {**claims, "sub": "x"}).split(".")[1], valid.split(".")[2]]
        ),
        f"{valid}.x.y",
        "a.b.c",
        "." * 3000,
        "[" * 3000,
        "\x80",
    ):
        response = _ask(guarded, f"Bearer {token}")
        assert (response.status, response.json) == (401, {"message": "Unauthorized"}), token


def test_a_route_may_ask_for_one_of_several_scopes(guarded: DeployedApi, sandbox: Sandbox) -> None:
    path = "/prod/scoped"
    response = _ask(guarded, sandbox.issuer.token("a", "api", scopes=["write", "more"]), path)
    assert response.json["requestContext"]["authorizer"]["jwt"]["scopes"] == ["write", "more"]
    refused = _ask(guarded, sandbox.issuer.token("a", "api", scopes=["more"]), path)
    assert (refused.status, refused.json) == (403, {"message": "Forbidden"})
    assert 'error="insufficient_scope"' in (refused.header("www-authenticate") or "")
    assert _ask(guarded, _signed(sandbox, scp=["read"]), path).status == 200


def test_nobody_beyond_this_machine_is_asked_for_keys(caplog: pytest.LogCaptureFixture) -> None:
    issuer = "https://login.example.com"
    key = RSAKey.generate_key(2048)
    token = jwt.encode({"alg": "RS256", "kid": "a"}, {"iss": issuer, "aud": "api"}, key)
    request = ApiRequest("a", "GET", "/", "/", "", {"authorization": token}, "127.0.0.1", "HTTP/1.1")
    authorizer = SimpleNamespace(
        identity_source=["$request.header.Authorization"], jwt_config={"issuer": issuer, "audience": ["api"]}
    )
    with caplog.at_level(logging.WARNING), pytest.raises(RefusedError) as raised:
        tokens.identity(request, authorizer, [], tokens.Keys())
    assert raised.value.answer.status == 401
    assert "asks nobody beyond this machine" in caplog.text


@pytest.mark.parametrize(
    "configuration",
    [b"[]", b"{}", b"no JSON", b'{"jwks_uri": "{URL}/keys"}', b'{"jwks_uri": "file:///etc/passwd"}'],
)
def test_an_issuer_that_gives_no_keys_lets_nobody_in(
    issuer_that_says: Callable[[bytes], str], configuration: bytes
) -> None:
    with pytest.raises((OSError, ValueError)):
        tokens.Keys().of(issuer_that_says(configuration), "a")


@pytest.fixture
def issuer_that_says() -> Iterator[Callable[[bytes], str]]:
    """An issuer on this machine that gives the same to whoever asks for anything."""
    said = b""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"

    def of(configuration: bytes) -> str:
        nonlocal said
        said = configuration.replace(b"{URL}", url.encode())
        return url

    yield of
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_user_pool_that_is_not_there_has_no_keys(sandbox: Sandbox) -> None:
    for region in ("us-east-1", "mars-1"):
        with pytest.raises(ValueError, match=r"user pool|malformed"):
            tokens.Keys().of(f"https://cognito-idp.{region}.amazonaws.com/{region}_nobody", "dummy")


def test_a_user_pool_of_the_sandbox_is_an_issuer(sandbox: Sandbox) -> None:
    cognito = sandbox.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="page", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.admin_create_user(UserPoolId=pool, Username="ann")
    cognito.admin_set_user_password(UserPoolId=pool, Username="ann", Password="A-password-1", Permanent=True)
    given = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "A-password-1"},
    )["AuthenticationResult"]
    own = {
        "IdentitySource": "$request.header.Authorization",
        "JwtConfiguration": {
            "issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}",
            "audience": [client],
        },
    }
    api = {
        "Type": "AWS::Serverless::HttpApi",
        "Properties": {"Auth": {"DefaultAuthorizer": "Pool", "Authorizers": {"Pool": own}}},
    }
    resources = {"Echo": function("GET /", api={"Ref": "Api"}), "Api": api}
    try:
        with deployed(sandbox, "http-api-pool", resources, api="Api") as made:
            for kind in ("IdToken", "AccessToken"):
                response = made.ask("/", headers={"Authorization": f"Bearer {given[kind]}"})
                assert response.status == 200, response.headers
            claims = response.json["requestContext"]["authorizer"]["jwt"]["claims"]
            assert (claims["username"], claims["client_id"]) == ("ann", client)
            assert made.ask("/").status == 401
    finally:
        cognito.delete_user_pool(UserPoolId=pool)
