"""The workflow records of the table, any number of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from happypath.installation import Installation

# Its attributes as text, numbers too; the sort key is `SK`.
Record: TypeAlias = Mapping[str, str]

# The most that `at` can be asked for at once; the limit is BatchGetItem's.
BATCH = 100
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 5.0


def having(
    installation: Installation, status: str, looked: Callable[[int], None] = lambda _: None
) -> Iterator[Record]:
    """The records of one status, a page at a time; `looked` is told how many of any status a page had."""
    pages = (
        installation.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=installation.core["Table"],
            KeyConditionExpression="PK = :records",
            FilterExpression="objStatus = :status",
            ExpressionAttributeValues={":records": {"S": "workflow"}, ":status": {"S": status}},
        )
    )
    for page in pages:
        looked(page["ScannedCount"])
        yield from (_texts(item) for item in page["Items"])


def at(installation: Installation, sort_keys: Iterable[str]) -> dict[str, Record]:
    """The records that there are at these sort keys (at most `BATCH`), as they are now."""
    table = installation.core["Table"]
    # BatchGetItem refuses a key that is named twice.
    keys = [{"PK": {"S": "workflow"}, "SK": {"S": key}} for key in dict.fromkeys(sort_keys)]
    request: Any = {table: {"Keys": keys, "ConsistentRead": True}} if keys else None
    found: dict[str, Record] = {}
    wait_s = _FIRST_WAIT_S
    while request:
        response = installation.client("dynamodb").batch_get_item(RequestItems=request)
        found |= {item["SK"]["S"]: _texts(item) for item in response["Responses"].get(table, [])}
        request = response.get("UnprocessedKeys")
        if request:
            # Asked for more than it can give, DynamoDB wants to be asked again more slowly.
            time.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
    return found


def _texts(item: Mapping[str, Mapping[str, str]]) -> Record:
    return {name: text for name, value in item.items() for text in value.values()}
