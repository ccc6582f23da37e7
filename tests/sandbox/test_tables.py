"""DynamoDB in the sandbox under many threads: conditions hold, and a failed transaction leaves no trace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from happypath.sandbox.sandbox import Sandbox
from tests import table

TABLE = "written-by-many"


@pytest.fixture(scope="module")
def dynamodb(sandbox: Sandbox) -> Any:
    client = sandbox.client("dynamodb", max_pool_connections=16)
    table.make(client, TABLE)
    return client


def key(name: str) -> dict[str, Any]:
    return {"PK": {"S": "test"}, "SK": {"S": name}}


def error_code(call: Any) -> str:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


def test_of_many_conditional_writes_one_succeeds(dynamodb: Any) -> None:
    def claim(_: int) -> str:
        return error_code(
            lambda: dynamodb.put_item(
                TableName=TABLE, Item=key("claim"), ConditionExpression="attribute_not_exists(PK)"
            )
        )

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(claim, range(64)))
    assert sorted(answers) == [""] + ["ConditionalCheckFailedException"] * 63


def test_a_failed_transaction_takes_back_its_own_writes_only(dynamodb: Any) -> None:
    dynamodb.put_item(TableName=TABLE, Item={**key("changed"), "n": {"N": "1"}})

    def fail(number: int) -> str:
        return error_code(
            lambda: dynamodb.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": TABLE, "Item": key(f"new-{number}")}},
                    {
                        "Update": {
                            "TableName": TABLE,
                            "Key": key("changed"),
                            "UpdateExpression": "SET n = :two",
                            "ExpressionAttributeValues": {":two": {"N": "2"}},
                        }
                    },
                    {
                        "ConditionCheck": {
                            "TableName": TABLE,
                            "Key": key("nobody"),
                            "ConditionExpression": "attribute_exists(PK)",
                        }
                    },
                ]
            )
        )

    def write(number: int) -> str:
        return error_code(lambda: dynamodb.put_item(TableName=TABLE, Item=key(f"kept-{number:02d}")))

    with ThreadPoolExecutor(16) as threads:
        failures = threads.map(fail, range(40))
        writes = threads.map(write, range(40))
        assert set(failures) == {"TransactionCanceledException"}
        assert set(writes) == {""}

    found = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="PK = :test",
        ExpressionAttributeValues={":test": {"S": "test"}},
    )["Items"]
    names = [item["SK"]["S"] for item in found if item["SK"]["S"].startswith(("kept", "new"))]
    assert names == [f"kept-{number:02d}" for number in range(40)]
    assert dynamodb.get_item(TableName=TABLE, Key=key("changed"))["Item"]["n"] == {"N": "1"}
