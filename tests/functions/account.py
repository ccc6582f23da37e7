"""What the tests of several tasks need of the account in memory: its table, and faults in its calls."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from functions.platform.aws import client
from tests import table

TABLE = os.environ["TABLE_NAME"]


def make_table() -> None:
    table.make(client("dynamodb"), TABLE)


def put(partition: str, sort: str, **attributes: str) -> None:
    item = {"PK": partition, "SK": sort, **attributes}
    client("dynamodb").put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})


def items() -> dict[tuple[str, str], dict[str, Any]]:
    """All items by their keys, each attribute as its plain text."""
    found = client("dynamodb").scan(TableName=TABLE)["Items"]
    plain: list[dict[str, Any]] = [
        {name: next(iter(value.values())) for name, value in item.items()} for item in found
    ]
    return {(item.pop("PK"), item.pop("SK")): item for item in plain}


def error(code: str, operation: str, status: int = 400, **response: Any) -> ClientError:
    body: Any = {
        "Error": {"Code": code, "Message": "made by a test"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **response,
    }
    return ClientError(body, operation)


@contextmanager
def answering(operation: str, *answers: Any) -> Iterator[list[dict[str, Any]]]:
    """Gives one operation's calls the answers of a test, in turn; exceptions are raised.

    An answer that is None, and every call after the last answer, goes to the account. Yields the parameters
    of the calls.
    """
    calls: list[dict[str, Any]] = []
    remaining = list(answers)
    through = BaseClient._make_api_call  # type: ignore[attr-defined]

    def answer(self: Any, name: str, parameters: dict[str, Any]) -> Any:
        if name == operation:
            calls.append(parameters)
            given = remaining.pop(0) if remaining else None
            if isinstance(given, ClientError):
                # Of the class that the client's users catch.
                raise self.exceptions.from_code(given.response["Error"]["Code"])(given.response, name)
            if given is not None:
                return given
        return through(self, name, parameters)

    with patch.object(BaseClient, "_make_api_call", answer):
        yield calls
