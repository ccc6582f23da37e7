"""Who calls what: functions are noted, everybody else is only answered."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from happypath.sandbox.calls import Calls, Permission
from happypath.sandbox.iam import lookups
from happypath.sandbox.iam.enforcement import access_key as issued
from happypath.sandbox.iam.enforcement import enforced, enforcing
from happypath.sandbox.iam.principal import RoleSession
from happypath.sandbox.sandbox import Sandbox
from happypath.sandbox.wsgi import Environ

FUNCTION = "happypath-v4-Resize"
ROLE = "arn:aws:iam::123456789012:role/resize"
# The service that each target is signed for.
SERVICES = {"AmazonSSM": "ssm", "DynamoDB_20120810": "dynamodb", "AWSStepFunctions": "states"}


@pytest.mark.parametrize("access_key", ["test", "AKIAIOSFODNN7EXAMPLE"])
def test_a_person_may_have_any_access_key(sandbox: Sandbox, access_key: str) -> None:
    session = boto3.Session(
        aws_access_key_id=access_key, aws_secret_access_key="any", region_name="us-east-1"
    )

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=sandbox.endpoint)  # type: ignore[call-overload]

    # Each is an operation that no function calls.
    assert client("stepfunctions").list_state_machines()["stateMachines"]
    assert client("dynamodb").list_tables()["TableNames"]
    assert client("sqs").list_queues()["QueueUrls"]
    assert access_key not in sandbox.calls.needed


class Noted:
    """An account that answers with what it was asked, behind one that notes."""

    def __init__(self) -> None:
        self.calls = Calls()
        self._application = enforcing(self._answer, "the sandbox's own")

    def ask(self, target: str, body: bytes, access_key: str = "") -> bytes:
        with enforced(self.calls, on=False):
            key = access_key or issued(RoleSession(ROLE, FUNCTION, label=FUNCTION))
            service = SERVICES[target.partition(".")[0]]
            environ = {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": "/",
                "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={key}/1/us-east-1/{service}/aws4_request",
                "HTTP_X_AMZ_TARGET": target,
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
            }
            return b"".join(self._application(environ, lambda *_: None))

    @staticmethod
    def _answer(environ: Environ, _start_response: Callable[..., Any]) -> Iterable[bytes]:
        return [environ["wsgi.input"].read()]


def test_a_transaction_of_a_function_is_noted_by_its_parts() -> None:
    account = Noted()
    key = {"PK": {"S": "workflow"}, "SK": {"S": "u"}}
    parts = [{"Update": {"TableName": "t", "Key": key}}, {"Put": {"TableName": "t", "Item": key}}]
    body = json.dumps({"TransactItems": parts}).encode()
    with patch.object(lookups, "partition_key", lambda _: "PK"):
        assert account.ask("DynamoDB_20120810.TransactWriteItems", body) == body
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
    assert account.calls.needed == {
        FUNCTION: {Permission(f"dynamodb:{each}Item", table, "workflow") for each in ("Update", "Put")}
    }
    assert account.calls.requests == {(FUNCTION, "dynamodb:TransactWriteItems"): 2}


@pytest.mark.parametrize(
    ("target", "body", "needed"),
    [
        (
            "AmazonSSM.GetParameters",
            b'{"Names": ["/live"]}',
            Permission("ssm:GetParameters", "arn:aws:ssm:us-east-1:123456789012:parameter/live"),
        ),
        ("DynamoDB_20120810.ListTables", b"{}", Permission("dynamodb:ListTables", "*")),
        # What makes no sense is on no table that a policy could name.
        (
            "DynamoDB_20120810.TransactWriteItems",
            b'{"TransactItems": [{"Odd": {}}]}',
            Permission("dynamodb:TransactWriteItems", "*"),
        ),
        ("AWSStepFunctions.ListStateMachines", b"{}", Permission("states:ListStateMachines", "*")),
    ],
)
def test_a_call_of_a_function_is_noted_and_a_persons_is_not(
    target: str, body: bytes, needed: Permission
) -> None:
    account = Noted()
    assert account.ask(target, body) == body
    assert account.calls.needed == {FUNCTION: {needed}}
    assert account.ask(target, body, access_key="test") == body
    assert account.calls.needed.keys() == {FUNCTION}


@pytest.mark.parametrize("body", [b"no JSON", b"[]"])
def test_what_is_no_request_is_left_to_the_service(body: bytes) -> None:
    account = Noted()
    assert account.ask("DynamoDB_20120810.GetItem", body) == body
    assert account.calls.needed == {}
