"""Listing uploads, newest first, without reading those that are not shown.

The table's index `by-status` has the records of each status in the order of time; for all statuses together
the lists are merged.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from unicodedata import normalize

from botocore.exceptions import ClientError

from functions.ingest.record import timestamp
from happypath.errors import ExpectedError, UsageError
from happypath.operations.installation import Installation

INDEX = "by-status"
# What an upload may be, worst first.
STATUSES = ("FAILED", "RECEIVED", "IN_REVIEW", "REJECTED", "PROCESSED", "DELETED")
# How many records one page of a list looks at, at most: a filter that fits few of them is gone on with by the
# next page.
MOST_LOOKED_AT = 3_000
_FILTERED_AT_ONCE = 1_000


class NoIndexError(ExpectedError):
    """The installation's table is older than its index."""

    def __init__(self, prefix: str) -> None:
        super().__init__(
            f"The table of {prefix} has no index {INDEX} yet, by which uploads are listed: "
            "`happypath deploy core` adds it, while the installation goes on."
        )


@dataclass(frozen=True)
class Upload:
    """One upload in a list: its record without the details."""

    key: str
    status: str
    received_at: datetime
    reason: str | None = None
    workflow: str | None = None
    place_id: str | None = None
    finished_at: datetime | None = None
    execution_arn: str | None = None
    version: str | None = None
    attempt: int = 1

    @property
    def seconds(self) -> float | None:
        """From the time it was claimed to its outcome; None while it has none."""
        return None if self.finished_at is None else (self.finished_at - self.received_at).total_seconds()

    @property
    def position(self) -> tuple[str, str]:
        """Its place in the order of time."""
        return timestamp(self.received_at), self.key

    def as_json(self) -> dict[str, Any]:
        """The element of a list in JSON."""
        return {
            "key": self.key,
            "status": self.status,
            "reason": self.reason,
            "workflow": self.workflow,
            "placeId": self.place_id,
            "receivedAt": timestamp(self.received_at),
            "finishedAt": self.finished_at and timestamp(self.finished_at),
            "seconds": self.seconds,
            "executionArn": self.execution_arn,
            "version": self.version,
            "attempt": self.attempt,
        }


@dataclass(frozen=True)
class Wanted:
    """Which uploads are listed, and in which order; what is empty does not matter."""

    status: str = ""
    reason: str = ""
    workflow: str = ""
    place_id: str = ""
    # A part of the key, in either of Unicode's forms.
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None
    failed_first: bool = False

    @property
    def is_filtered(self) -> bool:
        """Whether records are looked at that are not listed."""
        return bool(self.reason or self.workflow or self.place_id or self.text)


@dataclass(frozen=True)
class Cursor:
    """Where a list goes on: behind the upload at this position, in one of the groups of statuses."""

    group: int
    received_at: str
    key: str

    def __str__(self) -> str:
        said = json.dumps([self.group, self.received_at, self.key]).encode()
        return base64.urlsafe_b64encode(said).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Reads what `str` has made of a cursor.

        Raises:
            UsageError: it is something else.
        """
        try:
            match json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))):
                case [int() as group, str() as received_at, str() as key]:
                    return cls(group, received_at, key)
        except (binascii.Error, ValueError):
            pass
        raise UsageError(f"after={text[:100]} is no place in a list of uploads: begin with its first page.")


@dataclass(frozen=True)
class Listed:
    """A page of a list. `after` is where it goes on; `is_cut` says that the page would have been longer."""

    uploads: list[Upload]
    after: Cursor | None
    is_cut: bool
    looked_at: int


@dataclass
class _Budget:
    most: int = MOST_LOOKED_AT
    looked_at: int = 0

    @property
    def is_spent(self) -> bool:
        return self.looked_at >= self.most


@dataclass(frozen=True)
class _Cut:
    """Where looking at more was given up."""

    position: tuple[str, str]


def listed(installation: Installation, wanted: Wanted, limit: int, after: Cursor | None = None) -> Listed:
    """The next `limit` uploads.

    Raises:
        NoIndexError: the installation is older than its index.
    """
    budget = _Budget()
    found: list[Upload] = []
    keys: set[str] = set()
    last = Cursor(0, "", "")
    for entry, group in _entries(installation, wanted, limit, after, budget):
        if len(found) == limit:
            return Listed(found, last, False, budget.looked_at)
        last = Cursor(group, *entry.position)
        if isinstance(entry, _Cut):
            return Listed(found, last, True, budget.looked_at)
        # One that goes from one status to another meanwhile is in both their lists.
        if entry.key not in keys:
            keys.add(entry.key)
            found.append(entry)
    return Listed(found, None, False, budget.looked_at)


def newest_of(
    installation: Installation, status: str, wanted: Wanted, most: int
) -> tuple[list[Upload], bool]:
    """The newest uploads of one status, at most so many, and whether there are more.

    Raises:
        NoIndexError: as `listed`.
    """
    found: list[Upload] = []
    for entry in _read(installation, status, wanted, min(most, _FILTERED_AT_ONCE), None, _Budget(most)):
        if isinstance(entry, _Cut) or len(found) == most:
            return found, True
        found.append(entry)
    return found, False


def _entries(
    installation: Installation, wanted: Wanted, limit: int, after: Cursor | None, budget: _Budget
) -> Iterator[tuple[Upload | _Cut, int]]:
    """The uploads in order, each with the number of its group of statuses."""
    for number, statuses in enumerate(_groups(wanted)):
        if after and number < after.group:
            continue
        start = (after.received_at, after.key) if after and number == after.group else None
        # Each list gives a part of the page, and goes on if it gives more.
        at_once = limit + 1 if len(statuses) == 1 else limit // 2
        sources = [_of_status(installation, status, wanted, at_once, start, budget) for status in statuses]
        for entry in heapq.merge(*sources, key=lambda each: each.position, reverse=True):
            yield entry, number


def _groups(wanted: Wanted) -> Sequence[Sequence[str]]:
    if wanted.status:
        return [[wanted.status]]
    return [STATUSES[:1], STATUSES[1:]] if wanted.failed_first else [STATUSES]


def _of_status(
    installation: Installation,
    status: str,
    wanted: Wanted,
    at_once: int,
    start: tuple[str, str] | None,
    budget: _Budget,
) -> Iterator[Upload | _Cut]:
    for _, same_time in groupby(
        _read(installation, status, wanted, at_once, start, budget), key=lambda each: each.position[0]
    ):
        # The index leaves open in which order records of the same time come.
        for entry in sorted(same_time, key=lambda each: each.position, reverse=True):
            if start is None or entry.position < start:
                yield entry


def _read(
    installation: Installation,
    status: str,
    wanted: Wanted,
    at_once: int,
    start: tuple[str, str] | None,
    budget: _Budget,
) -> Iterator[Upload | _Cut]:
    query = _query(installation, status, wanted, start)
    query["Limit"] = _FILTERED_AT_ONCE if wanted.is_filtered else max(1, at_once)
    dynamodb = installation.client("dynamodb")
    while True:
        try:
            page = dynamodb.query(**query)
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] == "ValidationException" and "index" in said["Message"]:
                raise NoIndexError(installation.prefix) from error
            raise
        budget.looked_at += page["ScannedCount"]
        yield from (_upload(item) for item in page["Items"])
        go_on = page.get("LastEvaluatedKey")
        if not go_on:
            return
        if budget.is_spent:
            yield _Cut((go_on["receivedAt"]["S"], go_on["SK"]["S"]))
            return
        query["ExclusiveStartKey"] = go_on


def _query(
    installation: Installation, status: str, wanted: Wanted, start: tuple[str, str] | None
) -> dict[str, Any]:
    values = {":status": status}
    keys, filters = ["objStatus = :status"], []
    since = timestamp(wanted.since) if wanted.since else None
    ends = [start[0]] if start else []
    if wanted.until:
        ends.append(timestamp(wanted.until))
    match since, min(ends, default=None):
        case str(), str(until):
            keys.append("receivedAt BETWEEN :since AND :until")
            # Nothing lies between, if the list has gone past.
            values |= {":since": min(since, until), ":until": until}
        case str(), None:
            keys.append("receivedAt >= :since")
            values[":since"] = since
        case None, str(until):
            keys.append("receivedAt <= :until")
            values[":until"] = until
    names = {}
    for name, value in (("reason", wanted.reason), ("workflow", wanted.workflow)):
        if value:
            filters.append(f"#{name} = :{name}")
            names[f"#{name}"] = name
            values[f":{name}"] = value
    if wanted.place_id:
        filters.append("begins_with(SK, :place)")
        values[":place"] = f"{wanted.place_id}/"
    if wanted.text:
        forms = dict.fromkeys(normalize(form, wanted.text) for form in ("NFC", "NFD"))
        contained = [f"contains(SK, :text{number})" for number, _ in enumerate(forms)]
        filters.append(f"({' OR '.join(contained)})")
        values |= {f":text{number}": form for number, form in enumerate(forms)}
    return {
        "TableName": installation.core["Table"],
        "IndexName": INDEX,
        "KeyConditionExpression": " AND ".join(keys),
        "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
        "ScanIndexForward": False,
        **({"FilterExpression": " AND ".join(filters)} if filters else {}),
        **({"ExpressionAttributeNames": names} if names else {}),
    }


def _upload(item: dict[str, dict[str, str]]) -> Upload:
    said = {name: text for name, value in item.items() for text in value.values()}
    finished_at = said.get("finishedAt")
    return Upload(
        key=said["SK"],
        status=said["objStatus"],
        received_at=_moment(said["receivedAt"]),
        reason=said.get("reason"),
        workflow=said.get("workflow"),
        place_id=said.get("placeId"),
        finished_at=_moment(finished_at) if finished_at else None,
        execution_arn=said.get("executionArn"),
        version=said.get("version"),
        attempt=int(said.get("attempt", "1")),
    )


def _moment(text: str) -> datetime:
    """A time in the table; one that somebody else wrote in another form is the beginning of time."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
