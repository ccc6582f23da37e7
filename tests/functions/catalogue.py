"""Uploads with entries, for tests of the catalogue against the account in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.catalogue import entries
from functions.catalogue.entry import Entry
from functions.catalogue.index import index
from functions.catalogue.search import search
from functions.catalogue.tables import Tables
from functions.platform.aws import client
from functions.upload import Upload
from tests import table

CATALOGUE, RECORDS = "catalogue", "table"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def make() -> Tables:
    """Empty tables, which do not wait between tries."""
    table.make(client("dynamodb"), CATALOGUE, "CatalogueTable")
    table.make(client("dynamodb"), RECORDS)
    return Tables(client("dynamodb"), CATALOGUE, RECORDS, wait=lambda seconds: None)


def upload(key: str = "park/a.jpg", version: str | None = "1") -> Upload:
    place, _, upload_id = key.partition("/")
    return Upload("uploads", key, place, upload_id, version)


def record(of: Upload, status: str = "PROCESSED") -> None:
    """The upload's workflow record."""
    known = {
        "PK": "workflow",
        "SK": of.key,
        "objStatus": status,
        "workflow": "catalogue",
        "bucket": of.bucket,
        "key": of.key,
        "placeId": of.place_id,
        "version": of.version_id,
        "receivedAt": "2026-11-01T12:00:00.000Z",
    }
    item: Any = {name: {"S": each} for name, each in known.items() if each is not None}
    client("dynamodb").put_item(TableName=RECORDS, Item=item)


def write(
    tables: Tables,
    of: Upload,
    *known: Sequence[Entry] | str,
    minute: int = 0,
    workflow: str = "catalogue",
    kind: str = "jpg",
) -> None:
    """Leaves parts, each of entries or a text: pages from 1, or part 0 if entries are all there is."""
    only = len(known) == 1 and not isinstance(known[0], str)
    for number, each in enumerate(known, 0 if only else 1):
        entries.write_part(
            tables,
            of,
            number,
            () if isinstance(each, str) else each,
            each if isinstance(each, str) else "",
            workflow=workflow,
            at=NOON + timedelta(minutes=minute),
            type=kind,
        )


def catalogued(tables: Tables, of: Upload, *known: Sequence[Entry] | str, **more: Any) -> Upload:
    """An upload that was catalogued to the end."""
    record(of, "RECEIVED")
    write(tables, of, *known, **more)
    index(tables, of)
    record(of)
    return of


def found(tables: Tables, query: str, **more: Any) -> list[str]:
    """The keys that a query finds, the newest first."""
    return [each["key"] for each in search(tables, query, **more).found]


def items() -> Iterable[dict[str, Any]]:
    """All of the catalogue's items."""
    return client("dynamodb").scan(TableName=CATALOGUE)["Items"]
