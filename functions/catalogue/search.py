"""A search: which uploads are current, and have what a query asks for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from functions.catalogue.entries import generation_of, version_of
from functions.catalogue.query import parse
from functions.catalogue.streams import Hit, Stream, before, stream
from functions.catalogue.tables import Item, ReadTooMuchError, Tables

MOST_ON_A_PAGE = 100
# 8 MB of the index, some tens of thousands of uploads with one of the query's terms.
MOST_READ_UNITS = 1_000
_SORT_KEY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[0-9a-f]{32}", re.ASCII)


class CursorError(ValueError):
    """A cursor was not given out by a search."""


class TooBroadError(Exception):
    """Nothing was found within the read units that a page may take; the message says what to do."""


@dataclass(frozen=True)
class Page:
    """What a search found, the newest first, and what it read.

    Each of `found` is an upload: `key`, `bucket`, `version`, `placeId`, `workflow`, `at` (ISO 8601, UTC,
    milliseconds), `type`, and `found`: the entries that the query asks for, as `Entry.as_json`; of one that
    is published also `renditions`, their keys in the distribution bucket by their names. `cursor` has the
    next page follow; None: there is none.
    """

    found: list[dict[str, Any]]
    cursor: str | None
    read_units: float


def search(
    tables: Tables,
    query: str,
    *,
    limit: int = 25,
    cursor: str | None = None,
    most_read_units: float = MOST_READ_UNITS,
) -> Page:
    """Finds the uploads of a query: at most `limit` of them, from where a page before it ended.

    An upload is found if its record is PROCESSED and names the version that the entries are of. A page that
    has read `most_read_units` ends there, with fewer.

    Raises:
        functions.catalogue.query.QueryError: the query cannot be read.
        CursorError: no search gave the cursor.
        ValueError: `limit` is not within 1 to MOST_ON_A_PAGE.
        TooBroadError: what was read is as much as a page may take, and nothing of it is to be found.
        botocore.exceptions.ClientError, BotoCoreError, ThrottledError: as `Tables`.
    """
    if not 1 <= limit <= MOST_ON_A_PAGE:
        raise ValueError(f"A page has 1 to {MOST_ON_A_PAGE} uploads, not {limit}.")
    parsed = parse(query)
    high = {} if cursor is None else {"high": before(_sort_key(cursor))}
    begun = tables.read_units
    found: list[dict[str, Any]] = []
    last: str | None = None
    with tables.reading_at_most(most_read_units):
        source = stream(tables, parsed, **high)
        while True:
            hits, is_more = _take(source, limit - len(found))
            found += _current(tables, hits)
            last = hits[-1].sort_key if hits else last
            if is_more is None and not found:
                raise TooBroadError(
                    f"Nothing was found in the first {tables.read_units - begun:,.0f} read units: "
                    "narrow the query by another term, or by after: and before:."
                )
            if not is_more or len(found) == limit:
                break
    go_on = is_more is not False and last is not None
    return Page(found, _cursor(last) if go_on and last else None, tables.read_units - begun)


def _take(source: Stream, most: int) -> tuple[list[Hit], bool | None]:
    """The next of a stream, and whether there are more; None: as much was read as may be."""
    hits: list[Hit] = []
    try:
        for _ in count():
            head = source.head()
            if head is None:
                return hits, False
            if len(hits) == most:
                return hits, True
            hits.append(head)
            source.seek(before(head.sort_key))
    except ReadTooMuchError:
        pass
    return hits, None


def _current(tables: Tables, hits: Sequence[Hit]) -> list[dict[str, Any]]:
    records = tables.records([each.key for each in hits])
    return [_shown(each, records[each.key]) for each in hits if _is_current(each, records.get(each.key))]


def _is_current(hit: Hit, record: Item | None) -> bool:
    if record is None or record["objStatus"]["S"] != "PROCESSED":
        return False
    return generation_of(record) == hit.sort_key.partition("#")[2]


def _shown(hit: Hit, record: Item) -> dict[str, Any]:
    published = {name: each["S"] for name, each in record.get("renditions", {}).get("M", {}).items()}
    return {
        "key": hit.key,
        "bucket": record["bucket"]["S"],
        "version": version_of(record),
        "placeId": record["placeId"]["S"],
        "workflow": record["workflow"]["S"],
        "at": hit.sort_key.partition("#")[0],
        "type": hit.type,
        "found": [each.as_json() for each in hit.entries],
        **({"renditions": published} if published else {}),
    }


def _cursor(sort_key: str) -> str:
    return base64.urlsafe_b64encode(sort_key.encode()).decode().rstrip("=")


def _sort_key(cursor: str) -> str:
    try:
        found = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        found = ""
    if not _SORT_KEY.fullmatch(found):
        raise CursorError("No search gave this cursor: begin without one.")
    return found
