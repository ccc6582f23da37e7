"""Who calls what: functions are noted, everybody else is only answered."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import boto3
import pytest

from happypath.sandbox.calls import Calls, Permission, noting
from happypath.sandbox.injection import Environ
from happypath.sandbox.sandbox import Sandbox

FUNCTION = "happypath-v4-Resize"


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
        self.calls = Calls("us-east-1", "123456789012")
        self._application = noting(self._answer, self.calls, lambda name: name == FUNCTION)

    def ask(self, target: str, body: bytes, access_key: str = FUNCTION) -> bytes:
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={access_key}/1/us-east-1/x/x",
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
    assert account.ask("DynamoDB_20120810.TransactWriteItems", body) == body
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
    assert account.calls.needed == {
        FUNCTION: {Permission(f"dynamodb:{each}Item", table, "workflow") for each in ("Update", "Put")}
    }
    assert account.calls.requests == {(FUNCTION, "dynamodb:TransactWriteItems"): 2}


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("AmazonSSM.GetParameters", b'{"Names": ["/live"]}'),
        ("DynamoDB_20120810.ListTables", b"{}"),
        ("DynamoDB_20120810.TransactWriteItems", b'{"TransactItems": [{"Odd": {}}]}'),
        ("DynamoDB_20120810.GetItem", b"no JSON"),
        ("AWSStepFunctions.ListStateMachines", b"[]"),
    ],
)
def test_what_nobody_foresaw_is_answered_and_missing_in_every_policy(target: str, body: bytes) -> None:
    account = Noted()
    assert account.ask(target, body) == body
    (needed,) = account.calls.needed[FUNCTION]
    assert needed.resource == "?"
    assert account.ask(target, body, access_key="test") == body
    assert account.calls.needed.keys() == {FUNCTION}
