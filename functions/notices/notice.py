"""A notice: what became of an upload, from a change of its record in the table's stream."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from functions.ingest.record import PARTITION, fingerprint, timestamp
from functions.outcome import sentence
from functions.upload import published_renditions

# A record of the stream: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
StreamRecord: TypeAlias = Mapping[str, Any]
# The detail of an event.
Notice: TypeAlias = dict[str, Any]

SOURCE = "happypath"
# With each of them an upload has come to an end.
ENDS = ("PROCESSED", "REJECTED", "FAILED", "DELETED")
# An error's name may be any text of a state machine's; all else is bounded by the length of a key.
_MOST_REASON = 1_000


def notice(record: StreamRecord, distribution_url: str) -> Notice | None:
    """The notice of an end that a record of the stream brings; None if it brings none.

    The same end has the same `id`, however often the record comes. An upload that is run again, and an object
    that is deleted or uploaded again, come to another end. `at` is ISO 8601, UTC, milliseconds. What the
    upload does not have is None: an object whose key no workflow can use has no place.

    Raises:
        KeyError, TypeError, ValueError: it is no record of the stream, or no workflow record as they are.
    """
    change = record["dynamodb"]
    if change["Keys"].get("PK") != {"S": PARTITION} or "NewImage" not in change:
        return None
    new, old = _plain(change["NewImage"]), _plain(change.get("OldImage", {}))
    if new.get("objStatus") not in ENDS or _end(new) == _end(old):
        return None
    status, key, place = new["objStatus"], new.get("key", new["SK"]), new.get("placeId")
    at = _at(new, change)
    reason = str(new["reason"])[:_MOST_REASON] if "reason" in new else None
    published = new.get("renditions", {}) if status == "PROCESSED" else {}
    return {
        "id": fingerprint(new.get("bucket", ""), key, " ".join(map(str, (*_end(new), at)))),
        "bucket": new.get("bucket"),
        "key": key,
        "version": new.get("version"),
        "placeId": place,
        "uploadId": key.removeprefix(f"{place}/") if place else None,
        "workflow": new.get("workflow"),
        "status": status,
        "reason": reason,
        "sentence": sentence(status, reason),
        "renditions": published_renditions(distribution_url, published),
        "at": at,
        # The review by which a person decided, or was to.
        "review": new.get("review"),
    }


def _end(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells the ends of a record from each other: an execution is of one upload and one attempt."""
    return tuple(record.get(name) for name in ("objStatus", "executionArn", "version"))


def _at(new: Mapping[str, Any], change: Mapping[str, Any]) -> str:
    if new["objStatus"] == "DELETED" and "deletedAt" in new:
        return str(new["deletedAt"])
    if "finishedAt" in new:
        return str(new["finishedAt"])
    when = change["ApproximateCreationDateTime"]
    # Seconds from Lambda; what the AWS CLI reads from the stream is ISO 8601.
    moment = datetime.fromisoformat(when) if isinstance(when, str) else datetime.fromtimestamp(when, UTC)
    return timestamp(moment)


def _plain(image: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """An item's attributes without their types; those of a map, too."""
    return {
        name: _plain(content) if kind == "M" else content
        for name, value in image.items()
        for kind, content in value.items()
    }
