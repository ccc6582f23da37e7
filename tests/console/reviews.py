"""Reviews of an installation in memory, as their state machine makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from functions.ingest.record import timestamp
from tests.operations.conftest import Offline
from tests.review_item import TOKEN, review_item

__all__ = ["TOKEN"]
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
    key = more.pop("key", f"the-shop/{name}.jpg")
    asked = timestamp(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    installation.put_record(name, "IN_REVIEW", key=key, review=name, receivedAt=asked)
    item = review_item(name, key, asked, seen, **more)
    installation.client("dynamodb").put_item(TableName="table", Item=item)
    return name


def claimed(by: str, *, minutes_ago: float = 1) -> dict[str, Any]:
    at = timestamp(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    return {"status": "CLAIMED", "claimedBy": by, "claimedAt": at}
