"""The workflow records of the table, any number of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from unicodedata import normalize

from botocore.exceptions import ClientError

from functions.upload import is_key
from happypath.errors import ExpectedError
from happypath.operations.installation import Installation
from happypath.operations.naming import printable

# Its attributes as text, numbers too; the sort key is `SK`.
Record: TypeAlias = Mapping[str, str]

# The most that `at` can be asked for at once; the limit is BatchGetItem's.
BATCH = 100
_FIRST_WAIT_S = 0.05
_LONGEST_WAIT_S = 5.0
# How many of the uploads that a name may mean are named.
_NAMED = 10


class UploadNameError(ExpectedError):
    """A name means no upload, or more than one; the message says so, and what to do."""


def every(installation: Installation, looked: Callable[[int], None] = lambda _: None) -> Iterator[Record]:
    """All records in the order of their sort keys, as bytes; `looked` as below."""
    for page in _pages(installation):
        looked(page["ScannedCount"])
        yield from (_texts(item) for item in page["Items"])


def with_status(
    installation: Installation, status: str, looked: Callable[[int], None] = lambda _: None
) -> Iterator[Record]:
    """The records of one status, a page at a time; `looked` gets how many of any status a page had."""
    only = {":status": {"S": status}}
    for page in _pages(installation, only, FilterExpression="objStatus = :status"):
        looked(page["ScannedCount"])
        yield from (_texts(item) for item in page["Items"])


def batch_get(installation: Installation, sort_keys: Iterable[str]) -> dict[str, Record]:
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


def find(installation: Installation, name: str) -> dict[str, Any]:
    """The record of the upload that a name means: its key, its upload id, or a part of its key that no other
    upload's has. It matters not which of Unicode's forms the name has (a Mac decomposes what is typed as one
    letter).

    A key is found with one request. Anything else takes a query of all records, a page at a time.

    Raises:
        UploadNameError: there is no such upload, or no record of it yet, or there is more than one.
    """
    for form in dict.fromkeys([name, normalize("NFC", name), normalize("NFD", name)]):
        record = installation.record(form) if is_key(form) else None
        if record is not None:
            # At another sort key than its own is one of the time when ids had no extensions.
            own = None if record["key"] == form else installation.record(record["key"])
            return own or record
    wanted = normalize("NFC", name)
    keys, ids, parts = _Matches(), _Matches(), _Matches()
    for sort_key, key in _keys(installation):
        composed = normalize("NFC", key)
        if wanted and wanted in composed:
            is_id = composed.partition("/")[2] == wanted
            (keys if composed == wanted else ids if is_id else parts).add(key, sort_key)
    # A whole key means that object, even while it is a part of another upload's.
    if not keys.sort_keys and is_there(installation, name):
        raise UploadNameError(
            f"{printable(name)} has no record yet: it waits until a workflow is started for it. "
            "`happypath live` says what is live."
        )
    for matches in (keys, ids, parts):
        match list(matches.sort_keys.values()):
            case [sort_key] if record := installation.record(sort_key):
                return record
            case [_, _, *_]:
                more = f" and {matches.more} more" if matches.more else ""
                raise UploadNameError(
                    f"{name} may mean {', '.join(matches.sort_keys)}{more}: name one of them by its key."
                )
    raise _unknown(name)


@dataclass
class _Matches:
    """The first uploads that a name may mean, as sort keys by keys, and how many more there are."""

    sort_keys: dict[str, str] = field(default_factory=dict)
    more: int = 0

    def add(self, key: str, sort_key: str) -> None:
        if key in self.sort_keys or len(self.sort_keys) < _NAMED:
            # One of the time when ids had no extensions counts only while there is no other.
            if sort_key == key or key not in self.sort_keys:
                self.sort_keys[key] = sort_key
        else:
            self.more += 1


def _keys(installation: Installation) -> Iterator[tuple[str, str]]:
    """The sort key of each record, and the object's key in it."""
    pages = _pages(
        installation,
        ProjectionExpression="SK, #key",
        ExpressionAttributeNames={"#key": "key"},
        ConsistentRead=True,
    )
    for page in pages:
        for item in page["Items"]:
            yield item["SK"]["S"], item["key"]["S"]


def _pages(
    installation: Installation, values: Mapping[str, Any] | None = None, **query: Any
) -> Iterator[Any]:
    """The pages of a Query of all records."""
    paginator = installation.client("dynamodb").get_paginator("query")
    yield from paginator.paginate(
        TableName=installation.core["Table"],
        KeyConditionExpression="PK = :records",
        ExpressionAttributeValues={":records": {"S": "workflow"}, **(values or {})},
        **query,
    )


def is_there(installation: Installation, key: str) -> bool:
    """Whether there is such an object in the bucket of uploads."""
    if not is_key(key):
        return False
    try:
        installation.client("s3").head_object(Bucket=installation.core["UploadBucket"], Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def _unknown(name: str) -> UploadNameError:
    return UploadNameError(
        f"There is no upload {printable(name)}, nor one with that in its key: `happypath runs` lists what "
        "has run, and `happypath reconcile` what has no record."
    )


def _texts(item: Mapping[str, Mapping[str, str]]) -> Record:
    return {name: text for name, value in item.items() for kind, text in value.items() if kind in {"S", "N"}}
