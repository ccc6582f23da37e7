"""The item of a review, as its state machine puts it."""

from __future__ import annotations

import json
from typing import Any

TOKEN = "the token of a task"


def review_item(name: str, key: str, asked: str, seen: Any, **more: str) -> dict[str, Any]:
    """The item as DynamoDB has it, of a person who was asked at a time as the table writes it."""
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
    return {**{each: {"S": value} for each, value in item.items()}, **numbers}
