"""Reviews of an installation in memory, as their state machine makes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.ingest.record import timestamp
from tests.operations.conftest import Offline

TOKEN = "the token of a task"
SEEN = {
    "score": 0.62,
    "publish_from": 0.85,
    "refuse_below": 0.4,
    "signals": [
        {"name": "words", "score": 0.2, "confidence": 91.5, "reason": "FORBIDDEN_WORDS", "detail": {"a": 1}},
        {"name": "labels", "score": 1, "confidence": None, "reason": None, "detail": {}},
    ],
    "faces": [{"name": "Face", "confidence": 99.0, "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}],
}


def ask(installation: Offline, name: str, *, minutes_ago: float = 5, seen: Any = SEEN, **more: Any) -> str:
    """Puts a review as its state machine does, and the record of its upload."""
    key = more.get("key", f"the-shop/{name}.jpg")
    asked = timestamp(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    installation.put_record(name, "IN_REVIEW", key=key, review=name, receivedAt=asked)
    item = {
        "PK": "review",
        "SK": name,
        "key": key,
        "bucket": "uploads",
        "version": "v-1",
        "placeId": key.partition("/")[0],
        "uploadId": key.partition("/")[2],
        "workflow": "ad",
        "executionArn": "arn:aws:states:us-east-1:1:execution:happypath-ad:e",
        "reviewArn": f"arn:aws:states:us-east-1:1:execution:happypath-review:{name}",
        "askedAt": asked,
        "on_expiry": "refuse",
        "status": "WAITING",
        "seen": json.dumps(seen),
        "token": TOKEN,
        **more,
    }
    numbers = {"reminder_s": {"N": "3600"}, "expiry_s": {"N": "86400"}}
    installation.client("dynamodb").put_item(
        TableName="table", Item={**{each: {"S": value} for each, value in item.items()}, **numbers}
    )
    return name


def claimed(by: str, *, minutes_ago: float = 1) -> dict[str, Any]:
    at = timestamp(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    return {"status": "CLAIMED", "claimedBy": by, "claimedAt": at}
