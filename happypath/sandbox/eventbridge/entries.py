"""The entries of PutEvents: which become events, and which are refused.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

MOST_ENTRIES = 10
MOST_BYTES = 256 * 1024
# The time of an entry counts for so much.
_TIME_BYTES = 14


class EntriesError(ValueError):
    """The whole request is refused; the message is AWS's."""


def check(entries: Any) -> None:
    """Refuses a request as a whole.

    Raises:
        EntriesError: there are none, or too many, or they are too large together.
    """
    if not isinstance(entries, list) or not entries:
        raise EntriesError(
            "1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    if len(entries) > MOST_ENTRIES:
        raise EntriesError(
            f"1 validation error detected: Value '[PutEventsRequestEntry, {len(entries)}]' at 'entries' "
            f"failed to satisfy constraint: Member must have length less than or equal to {MOST_ENTRIES}"
        )
    if sum(map(size_bytes, entries)) > MOST_BYTES:
        raise EntriesError("Total size of the entries in the request is over the limit.")


def size_bytes(entry: Mapping[str, Any]) -> int:
    """How much of the limit an entry takes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html.

    >>> size_bytes({"Source": "a", "DetailType": "bc", "Detail": "{}", "Time": 0})
    19
    """
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *entry.get("Resources", ())]
    size = sum(len(each.encode()) for each in texts if isinstance(each, str))
    return size + (_TIME_BYTES if entry.get("Time") is not None else 0)


def refusal(entry: Mapping[str, Any]) -> dict[str, str] | None:
    """The answer to an entry that becomes no event, or None."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return _invalid(name, f"{name} is a required argument.")
    source = entry["Source"]
    if source.lower().startswith("aws."):
        return {
            "ErrorCode": "NotAuthorizedForSourceException",
            "ErrorMessage": "Not authorized for the source.",
        }
    if not isinstance(parsed(entry["Detail"]), dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    return None


def parsed(detail: str) -> Any:
    """A Detail's JSON, None if it is none."""
    try:
        return json.loads(detail)
    except (TypeError, ValueError, RecursionError):
        return None


def _invalid(name: str, reason: str) -> dict[str, str]:
    return {
        "ErrorCode": "InvalidArgument",
        "ErrorMessage": f"Parameter {name} is not valid. Reason: {reason}",
    }


def event(
    entry: Mapping[str, Any], event_id: str, account: str, region: str, now: datetime
) -> dict[str, Any]:
    """An entry as rules and targets see it."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": account,
        "time": shown(entry.get("Time"), now),
        "region": region,
        "resources": list(entry.get("Resources") or ()),
        "detail": parsed(entry["Detail"]),
    }


def shown(time: float | str | None, now: datetime) -> str:
    """A time as events have it, in whole seconds.

    >>> shown(0, datetime.now(UTC)), shown("2026-01-02T03:04:05.678+01:00", datetime.now(UTC))
    ('1970-01-01T00:00:00Z', '2026-01-02T02:04:05Z')
    """
    if isinstance(time, str):
        moment = datetime.fromisoformat(time)
    else:
        moment = now if time is None else datetime.fromtimestamp(float(time), UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
