"""Uploads with entries in the installation in memory, for tests of the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from functions.catalogue.entry import Entry
from functions.catalogue.index import index
from functions.catalogue.tables import Tables
from tests.functions.catalogue import upload, write
from tests.operations.conftest import Offline


def tables(installation: Offline) -> Tables:
    core = installation.core
    return Tables(installation.client("dynamodb"), core["CatalogueTable"], core["Table"], wait=lambda _: None)


def catalogued(installation: Offline, key: str, *known: Sequence[Entry] | str, **more: Any) -> None:
    """An upload that was catalogued to the end."""
    of = upload(key)
    installation.put_record(key, "PROCESSED", key=key, version="1", workflow="catalogue")
    write(tables(installation), of, *known, **more)
    index(tables(installation), of)
