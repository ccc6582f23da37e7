"""Calls that go past the network are answered as those that do not, and are seen by the same eyes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from happypath.sandbox.account import OWN_ACCESS_KEY
from happypath.sandbox.direct import call_directly, reply
from happypath.sandbox.iam.enforcement import access_key as issued
from happypath.sandbox.iam.principal import RoleSession
from happypath.sandbox.sandbox import Sandbox

KEY = {"PK": {"S": "é/ ?"}}
NO_KEY = {"PK": {"S": "no"}}
# What differs between any two answers.
_OF_ONE_ANSWER = {"x-amzn-requestid", "date", "connection", "server"}
# What botocore tells of its retries, of which there are none.
_RETRIES, _OF_RETRIES = " (reached max retries: 0)", ("MaxAttemptsReached", "RetryAttempts")


@pytest.fixture
def table(sandbox: Sandbox) -> Iterator[str]:
    name = f"direct-{uuid.uuid4().hex}"
    client = sandbox.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(
        TableName=name, Item={"PK": {"S": "é/ ?"}, "bytes": {"B": b"\x00\xff"}, "n": {"N": "1.50"}}
    )
    yield name
    client.delete_table(TableName=name)


def direct(sandbox: Sandbox, service: str, access_key: str = OWN_ACCESS_KEY) -> Any:
    client = sandbox.client(service)
    call_directly(client, sandbox.application, access_key)
    return client


def told(call: Callable[[], Any]) -> Any:
    """What a caller learns: the answer, or the error."""
    try:
        answer = call()
    except ClientError as error:
        text = str(error).replace(_RETRIES, "")
        answer = {"error": type(error).__name__, "text": text, **error.response}
    metadata = answer["ResponseMetadata"]
    assert metadata.pop("RequestId")
    for name in _OF_RETRIES:
        metadata.pop(name, None)
    headers = metadata["HTTPHeaders"]
    metadata["HTTPHeaders"] = {name: headers[name] for name in sorted(headers.keys() - _OF_ONE_ANSWER)}
    for entry in answer.get("Entries", []):
        # An event's id, too, is of one answer.
        entry.pop("EventId", None)
    for name, value in answer.items():
        if hasattr(value, "read"):
            answer[name] = value.read()
    return answer


CALLS: dict[str, tuple[str, Callable[[Any, str], Any]]] = {
    "an item": ("dynamodb", lambda client, table: client.get_item(TableName=table, Key=KEY)),
    "no item": ("dynamodb", lambda client, table: client.get_item(TableName=table, Key=NO_KEY)),
    "no table": ("dynamodb", lambda client, _: client.get_item(TableName="no", Key=NO_KEY)),
    "a condition": (
        "dynamodb",
        lambda client, table: client.put_item(
            TableName=table, Item=KEY, ConditionExpression="attribute_not_exists(PK)"
        ),
    ),
    "no function": ("lambda", lambda client, _: client.invoke(FunctionName="no", Payload=b"{}")),
    "functions": ("lambda", lambda client, _: client.list_functions(MaxItems=50)),
    "no queue": ("sqs", lambda client, _: client.get_queue_url(QueueName="no")),
    "no bus": (
        "events",
        lambda client, _: client.put_events(
            Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}", "EventBusName": "no"}]
        ),
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_direct_call_is_answered_as_by_the_network(name: str, sandbox: Sandbox, table: str) -> None:
    service, call = CALLS[name]
    near, far = direct(sandbox, service), sandbox.client(service)
    assert told(lambda: call(near, table)) == told(lambda: call(far, table))


def test_faults_meet_direct_calls_too(sandbox: Sandbox, table: str) -> None:
    near = direct(sandbox, "dynamodb", access_key="a-function")
    with (
        sandbox.faults("dynamodb:GetItem=throttle@1"),
        pytest.raises(ClientError, match="ThrottlingException"),
    ):
        near.get_item(TableName=table, Key=NO_KEY)


def test_a_function_that_calls_directly_is_noted_and_held_to_its_role(sandbox: Sandbox, table: str) -> None:
    caller = "happypath-v4-Resize"  # which itself gets no item of this table
    role = sandbox.client("lambda").get_function_configuration(FunctionName=caller)["Role"]
    key = issued(RoleSession(role, caller, label=caller))
    with pytest.raises(ClientError, match=r"assumed-role/.*/happypath-v4-Resize is not authorized"):
        direct(sandbox, "dynamodb", access_key=key).get_item(TableName=table, Key=NO_KEY)
    (noted,) = (each for each in sandbox.calls.needed[caller] if each.resource.endswith(f"/{table}"))
    # Its role is compared with what is noted.
    sandbox.calls.needed[caller].remove(noted)
    assert noted.action == "dynamodb:GetItem"
    sandbox.calls.requests[caller, "dynamodb:GetItem"] -= 1


def test_what_does_not_speak_json_goes_by_the_network(sandbox: Sandbox) -> None:
    def refuse(environ: Any, start_response: Any) -> Any:
        raise AssertionError(environ["PATH_INFO"])

    near = sandbox.client("s3")
    call_directly(near, refuse, OWN_ACCESS_KEY)
    assert near.list_buckets()["Buckets"]


def test_what_is_written_early_comes_first() -> None:
    def application(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [("A", "b")])
        write(b"early ")
        return [json.dumps(environ).encode()]

    assert reply(application, {}) == ("200 OK", [("A", "b")], b"early {}")
