"""IAM authorization: a request signed by somebody whose policies allow it comes in, and nobody else.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from happypath.sandbox.sandbox import Sandbox
from tests.roles import document
from tests.sandbox.apigateway.apis import DeployedApi, Response, ask


def _sign(
    api: DeployedApi,
    path: str,
    key: str,
    secret: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    region: str = "us-east-1",
    service: str = "execute-api",
) -> tuple[str, dict[str, str]]:
    """The target and the headers of a signed request."""
    target = f"/_aws/execute-api/{api.api_id}/prod{path}"
    request = AWSRequest(method, f"{api.sandbox.endpoint}{target}", data=body)
    SigV4Auth(Credentials(key, secret), service, region).add_auth(request)
    return target, {name: str(value) for name, value in request.headers.items()}


def _ask(api: DeployedApi, path: str, key: str, secret: str, **more: Any) -> Response:
    target, headers = _sign(api, path, key, secret, **more)
    return ask(api.sandbox, target, more.get("method", "GET"), more.get("body"), headers=headers)


@pytest.fixture
def user(guarded: DeployedApi, sandbox: Sandbox) -> Iterator[tuple[str, str]]:
    """The keys of somebody who may read one name."""
    iam = sandbox.client("iam")
    iam.create_user(UserName="reader")
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{guarded.api_id}/prod/GET/iam/mine*"
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}
    held_back = {**allowed, "Effect": "Deny", "Resource": arn.replace("mine*", "mine-not")}
    iam.put_user_policy(UserName="reader", PolicyName="a", PolicyDocument=document(allowed, held_back))
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    try:
        yield key["AccessKeyId"], key["SecretAccessKey"]
    finally:
        iam.delete_access_key(UserName="reader", AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName="reader", PolicyName="a")
        iam.delete_user(UserName="reader")


def _is_forbidden(response: Response) -> bool:
    return (response.status, response.json) == (403, {"message": "Forbidden"})


def test_who_may_comes_in_and_the_function_knows_who(guarded: DeployedApi, user: tuple[str, str]) -> None:
    response = _ask(guarded, "/iam/mine%20own?b=2&a=1", *user)
    assert response.status == 200, response.body
    iam = response.json["requestContext"]["authorizer"]["iam"]
    assert (iam["accessKey"], iam["accountId"]) == (user[0], "123456789012")
    assert iam["userArn"] == "arn:aws:iam::123456789012:user/reader"


@pytest.mark.parametrize(
    ("path", "method"), [("/iam/yours", "GET"), ("/iam/mine", "POST"), ("/iam/mine-not", "GET")]
)
def test_who_may_not_is_forbidden(
    guarded: DeployedApi, user: tuple[str, str], path: str, method: str
) -> None:
    assert _is_forbidden(_ask(guarded, path, *user, method=method))


def test_what_is_denied_is_denied_however_it_is_written(guarded: DeployedApi, user: tuple[str, str]) -> None:
    assert _is_forbidden(_ask(guarded, "/iam/mine%2dnot", *user))


def test_the_account_itself_comes_in(guarded: DeployedApi) -> None:
    response = _ask(guarded, "/iam/any", "sandbox", "sandbox", method="POST", body=b'{"a": 1}')
    assert response.status == 200
    assert response.json["requestContext"]["authorizer"]["iam"]["userArn"].endswith(":root")


def test_a_function_comes_in_by_its_role(guarded: DeployedApi, sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    trust = document({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName="http-api-caller", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    try:
        given = sandbox.client("sts").assume_role(RoleArn=arn, RoleSessionName="caller")["Credentials"]
        key = given["AccessKeyId"], given["SecretAccessKey"]
        assert _is_forbidden(_ask(guarded, "/iam/mine", *key))
        allowed = {"Effect": "Allow", "Action": "execute-api:*", "Resource": "*"}
        iam.put_role_policy(RoleName="http-api-caller", PolicyName="a", PolicyDocument=document(allowed))
        assert _ask(guarded, "/iam/mine", *key).status == 200
    finally:
        with suppress(iam.exceptions.NoSuchEntityException):
            iam.delete_role_policy(RoleName="http-api-caller", PolicyName="a")
        iam.delete_role(RoleName="http-api-caller")


def test_an_unsigned_or_wrongly_signed_request_is_forbidden(
    guarded: DeployedApi, user: tuple[str, str]
) -> None:
    path = "/iam/mine"
    assert _is_forbidden(guarded.ask("/prod/iam/mine"))
    assert _is_forbidden(_ask(guarded, path, user[0], "another secret"))
    assert _is_forbidden(_ask(guarded, path, *user, region="eu-west-1"))
    assert _is_forbidden(_ask(guarded, path, *user, service="s3"))
    target, headers = _sign(guarded, path, *user)

    def changed(target: str = target, **instead: str) -> Mapping[str, str]:
        return {**headers, **{name.replace("_", "-"): value for name, value in instead.items()}}

    old = f"{datetime.now(UTC) - timedelta(minutes=6):%Y%m%dT%H%M%SZ}"
    for other in (
        changed(X_Amz_Date=old),
        changed(X_Amz_Date="yesterday"),
        changed(X_Amz_Security_Token="unsigned"),
        changed(Authorization="AWS4-HMAC-SHA256 nonsense"),
        changed(Authorization=headers["Authorization"].replace("SignedHeaders=host;", "SignedHeaders=")),
    ):
        assert _is_forbidden(ask(guarded.sandbox, target, headers=other)), other
    assert _is_forbidden(ask(guarded.sandbox, f"{target}?more=1", headers=headers))
    # The body is a part of what is signed, whatever hash the request names.
    target, headers = _sign(guarded, path, "sandbox", "sandbox", method="POST", body=b"one")
    assert _is_forbidden(ask(guarded.sandbox, target, "POST", b"two", headers=headers))
