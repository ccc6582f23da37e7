"""Where people overrule the models: read from the reviews of an installation, and counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from happypath.cli.accuracy_tables import show_recorded
from happypath.operations.accuracy import recorded
from happypath.operations.accuracy.interval import Share
from tests.operations.conftest import Offline
from tests.operations.test_accuracy import schema_errors

BAD = [{"name": "words", "score": 0, "reason": "BAD_WORDS"}]
# Whether people approved, what for if not, and what they were told: as `ad` tells it, and as v4 would.
REVIEWS: list[tuple[str | None, str | None, Any]] = [
    ("approved", None, {"score": 0.7, "signals": [{"name": "words", "score": 0.4, "reason": "BAD_WORDS"}]}),
    (
        "approved",
        None,
        {"score": 0.6, "signals": [{"name": "words", "score": 0.9}, {"name": "text", "score": 1}]},
    ),
    (
        "refused",
        "TOO_DARK",
        {"score": 0.5, "signals": BAD},
    ),
    ("refused", "FAILED", {"reason": "FAILED", "detail": {"labels": [{"name": "Wine", "confidence": 55.0}]}}),
    ("expired", None, {"score": 0.5, "signals": []}),
    (None, None, {"score": 0.5}),
]


def test_where_people_overrule_the_models_is_read_from_the_table(
    installation: Offline, capsys: pytest.CaptureFixture[str]
) -> None:
    workflow = "reviewed"
    dynamodb, table = installation.client("dynamodb"), "table"
    at = "2026-01-0{}T00:00:00.000Z"
    for number, (verdict, reason, seen) in enumerate(REVIEWS):
        key = f"p/{number}.jpg"
        more = {"verdict": verdict, "reviewer": "me", "reason": reason, "decidedAt": at.format(9)}
        values = {
            "PK": "review",
            "SK": f"review-{number}",
            "key": key,
            "bucket": "b",
            "version": "null",
            "placeId": "p",
            "uploadId": "u",
            "workflow": workflow,
            "executionArn": "e",
            "reviewArn": "r",
            "seen": json.dumps(seen),
            "askedAt": at.format(number + 1),
            "status": "any",
            "reminder_s": "60",
            "expiry_s": "90",
            "on_expiry": "fail",
            "token": "hidden",
            **(more if verdict else {}),
        }
        record = {
            "PK": "workflow",
            "SK": key,
            "key": key,
            "workflow": workflow,
            "receivedAt": at.format(1),
            "objStatus": "PROCESSED" if verdict == "approved" else "REJECTED",
        }
        for item in (values, record):
            texts = {name: {"S": value} for name, value in item.items() if value is not None}
            dynamodb.put_item(TableName=table, Item=texts)

    found = recorded.read(installation, workflow, None)

    assert "hidden" not in repr(found)
    assert found.reviewed == Share(6, 6)
    assert found.verdicts == {"approved": 2, "refused": 2, "expired": 1, "open": 1}
    assert found.approved == Share(2, 4)
    assert [(each.name, each.approved, each.otherwise) for each in found.by_reason] == [
        ("BAD_WORDS", Share(1, 2), Share(1, 2)),
        ("FAILED", Share(0, 1), Share(2, 3)),
    ]
    assert [(each.name, each.approved) for each in found.by_name] == [
        ("words", Share(2, 3)),
        ("Wine", Share(0, 1)),
    ]
    assert found.unforeseen == {"TOO_DARK": 1}
    assert found.by_score is not None
    assert found.by_score.at(0.55).false_refusals == Share(0, 2)
    assert found.by_score.at(0.65).false_refusals == Share(1, 2)
    assert schema_errors(found.as_json()) == []
    show_recorded(found)
    shown = capsys.readouterr().out
    assert "reviewed, 6 uploads: a person was asked about 6 of 6" in shown
    assert "refused 1 times for TOO_DARK, which no model said" in shown
    later = recorded.read(installation, workflow, datetime(2026, 1, 4, tzinfo=UTC))
    assert len(later.reviews) == 3
    assert schema_errors(recorded.read(installation, "nothing", None).as_json()) == []


def test_what_models_said_may_be_any_json() -> None:
    for seen in (None, 1, "BAD", [], [{"reason": "no reason"}], {"reason": 3, "name": {}, "score": True}):
        assert recorded.Doubts.of(seen) == recorded.Doubts(frozenset(), frozenset())
    assert recorded.Doubts.of([[{"found": [{"name": "Cat", "confidence": 9}], "reason": "A"}]]).names == set()
