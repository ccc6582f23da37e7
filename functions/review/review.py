"""A review, as its item in the table says it: what is asked, since when, and who answered what.

The item lies at `review` and the review's id, which is the name of its execution. Its attribute `token`, by
which Step Functions is woken, is read by nobody but `functions.review.execution`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from functions.ingest.record import timestamp

PARTITION = "review"
# All that is shown of an item: whatever reads one for that leaves the token out.
ATTRIBUTES = (
    *(
        "SK",
        "key",
        "bucket",
        "version",
        "placeId",
        "uploadId",
        "workflow",
        "executionArn",
        "reviewArn",
        "seen",
    ),
    *("askedAt", "reminder_s", "expiry_s", "on_expiry", "status", "claimedBy", "claimedAt"),
    *("verdict", "reviewer", "reason", "note", "decidedAt"),
)

Item: TypeAlias = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Review:
    """One question to a person, and its answer. Times are ISO 8601 in UTC, with milliseconds."""

    id: str
    key: str
    bucket: str
    version: str | None
    place_id: str
    upload_id: str
    workflow: str | None
    # Of the workflow that waits, and of the review itself.
    execution_arn: str
    review_arn: str
    # What the models said: any JSON.
    seen: Any
    asked_at: str
    # After how long without a verdict people are reminded, and a claim lapses.
    reminder_s: float
    expiry_s: float
    # What expiry means: `approve`, `refuse` or `fail`.
    on_expiry: str
    # `WAITING`, `CLAIMED`, `DECIDED`, `EXPIRED` or `WITHDRAWN`.
    status: str
    claimed_by: str | None
    claimed_at: str | None
    # `approved`, `refused`, `expired` or `withdrawn`; None while it is open.
    verdict: str | None
    # Who decided; None of what expired or was withdrawn.
    reviewer: str | None
    # Of a refusal; of what was withdrawn it is `DELETED`, `REPLACED`, `STOPPED` or `ENDED`.
    reason: str | None
    note: str | None
    decided_at: str | None

    @classmethod
    def of(cls, item: Item) -> Review:
        """A review from its item, whether that was read with the token or without.

        Raises:
            KeyError, ValueError: it is no item of a review.
        """
        found = {name: next(iter(value.values())) for name, value in item.items()}
        version = found["version"]
        return cls(
            id=found["SK"],
            key=found["key"],
            bucket=found["bucket"],
            # So S3 itself calls the version of an object in a bucket without any.
            version=None if version == "null" else version,
            place_id=found["placeId"],
            upload_id=found["uploadId"],
            workflow=found.get("workflow"),
            execution_arn=found["executionArn"],
            review_arn=found["reviewArn"],
            seen=json.loads(found["seen"]),
            asked_at=found["askedAt"],
            reminder_s=float(found["reminder_s"]),
            expiry_s=float(found["expiry_s"]),
            on_expiry=found["on_expiry"],
            status=found["status"],
            claimed_by=found.get("claimedBy"),
            claimed_at=found.get("claimedAt"),
            verdict=found.get("verdict"),
            reviewer=found.get("reviewer"),
            reason=found.get("reason"),
            note=found.get("note"),
            decided_at=found.get("decidedAt"),
        )

    @property
    def is_open(self) -> bool:
        """Whether somebody may still decide."""
        return self.verdict is None

    @property
    def expires_at(self) -> str:
        """About when it expires: what Step Functions itself takes comes on top."""
        return _later(self.asked_at, self.expiry_s)

    @property
    def claim_lapses_at(self) -> str | None:
        """When the claim lapses, if it is claimed."""
        return None if self.claimed_at is None else _later(self.claimed_at, self.reminder_s)

    def waited_s(self, now: datetime) -> float:
        """For how long it waited, or has waited by now."""
        until = now if self.decided_at is None else datetime.fromisoformat(self.decided_at)
        return max(0.0, round((until - datetime.fromisoformat(self.asked_at)).total_seconds(), 3))

    def claimant(self, now: datetime) -> str | None:
        """Who has claimed it, unless the claim has lapsed."""
        lapses_at = self.claim_lapses_at
        return None if lapses_at is None or lapses_at < timestamp(now) else self.claimed_by

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The review as commands and the API show it."""
        return {
            "id": self.id,
            "key": self.key,
            "bucket": self.bucket,
            "version": self.version,
            "placeId": self.place_id,
            "uploadId": self.upload_id,
            "workflow": self.workflow,
            "executionArn": self.execution_arn,
            "reviewArn": self.review_arn,
            "seen": self.seen,
            "status": self.status if self.status != "CLAIMED" or self.claimant(now) else "WAITING",
            "askedAt": self.asked_at,
            "waited_s": self.waited_s(now),
            "expiresAt": self.expires_at,
            "onExpiry": self.on_expiry,
            "claimedBy": self.claimant(now),
            "claimedAt": self.claimed_at if self.claimant(now) else None,
            "claimLapsesAt": self.claim_lapses_at if self.claimant(now) else None,
            "verdict": self.verdict,
            "reviewer": self.reviewer,
            "reason": self.reason,
            "note": self.note,
            "decidedAt": self.decided_at,
        }


def _later(moment: str, seconds: float) -> str:
    return timestamp(datetime.fromisoformat(moment) + timedelta(seconds=seconds))
