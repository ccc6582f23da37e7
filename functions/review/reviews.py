"""The reviews of an installation: which wait, and the rules of who may claim and decide.

- Whoever claims a review has it for the reminder's period, or until it is passed on. Then the claim lapses.
- A review that nobody has claimed is decided by whoever decides first; one that is claimed, by the claimant.
- There is one verdict, and it is final. It is a conditional write: of two at once one is refused.

A verdict is written here and nothing else is done: the table's stream has the state machine woken
(`functions.review.waking`), which reads it from the item. So nothing is lost by whoever dies after the write.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.decision import REASON
from functions.ingest import record
from functions.ingest.record import timestamp, utc_now
from functions.review.review import ATTRIBUTES, PARTITION, Review

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_NOTE = 2_000
# What can be asked for at once: BatchGetItem's limit.
_BATCH = 100
_TRIES = 10
_FREE = "(attribute_not_exists(claimedBy) OR claimedBy = :by OR claimedAt < :lapsed)"
_OPEN = "attribute_exists(askedAt) AND attribute_not_exists(verdict)"


class ReviewError(Exception):
    """Something cannot be done to a review; the message says what is in the way, in a sentence."""


class NoReviewError(ReviewError):
    """There is no review of that id."""


class NotYoursError(ReviewError):
    """Somebody else has claimed it, has decided, or nobody can any longer."""


class MalformedVerdictError(ReviewError):
    """A refusal without a reason that can be recorded, or with too long a note."""


class Reviews:
    """The reviews of one table. Who acts is given as text: an ARN, or the subject of a token."""

    def __init__(
        self, dynamodb: DynamoDBClient, table_name: str, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table_name
        self._now = now

    def waiting(self) -> list[Review]:
        """All reviews that are open, the oldest first."""
        ids: list[str] = []
        for keys in _parts(self._keys_in_review()):
            records = self._batch({"PK": record.PARTITION, "SK": key} for key in keys)
            ids += [each["review"]["S"] for each in records if "review" in each]
        found = (
            Review.of(item)
            for part in _parts(ids)
            for item in self._batch({"PK": PARTITION, "SK": each} for each in part)
            # Withdrawn before it was asked.
            if "askedAt" in item
        )
        return sorted((each for each in found if each.is_open), key=lambda each: (each.asked_at, each.id))

    def show(self, review_id: str) -> Review:
        """One review, open or not.

        Raises:
            NoReviewError: there is none of that id.
        """
        item = self._dynamodb.get_item(
            TableName=self._table, Key=_key(review_id), ConsistentRead=True, **_shown()
        ).get("Item", {})
        if "askedAt" not in item:
            raise NoReviewError(f"There is no review {review_id}.")
        return Review.of(item)

    def claim(self, review_id: str, by: str) -> Review:
        """Reserves a review for a person; one's own claim begins anew.

        Raises:
            NoReviewError, NotYoursError
        """
        return self._write(
            review_id,
            f"{_OPEN} AND {_FREE}",
            "SET #status = :status, claimedBy = :by, claimedAt = :now",
            {":status": "CLAIMED", ":by": by},
        )

    def pass_on(self, review_id: str, by: str) -> Review:
        """Gives up one's claim, for somebody else to decide.

        Raises:
            NoReviewError, NotYoursError
        """
        return self._write(
            review_id,
            f"{_OPEN} AND claimedBy = :by",
            "SET #status = :status REMOVE claimedBy, claimedAt",
            {":status": "WAITING", ":by": by},
        )

    def approve(self, review_id: str, by: str, note: str = "") -> Review:
        """Accepts the photo.

        Raises:
            NoReviewError, NotYoursError, MalformedVerdictError
        """
        return self._decide(review_id, by, "approved", "", note)

    def refuse(self, review_id: str, by: str, reason: str, note: str = "") -> Review:
        """Refuses the photo. The reason may be words (`too dark`): it is recorded as a name (`TOO_DARK`).

        Raises:
            NoReviewError, NotYoursError, MalformedVerdictError
        """
        name = re.sub(r"[\s-]+", "_", reason.strip()).upper()
        if not REASON.fullmatch(name):
            raise MalformedVerdictError(
                f"A refusal needs a reason of letters, digits and spaces, such as TOO_DARK, not {reason!r}."
            )
        return self._decide(review_id, by, "refused", name, note)

    def _decide(self, review_id: str, by: str, verdict: str, reason: str, note: str) -> Review:
        if len(note) > MOST_NOTE:
            raise MalformedVerdictError(f"A note has at most {MOST_NOTE} characters, not {len(note)}.")
        return self._write(
            review_id,
            f"{_OPEN} AND {_FREE}",
            "SET #status = :status, verdict = :verdict, reviewer = :by, reason = :reason, note = :note, "
            "decidedAt = :now",
            {":status": "DECIDED", ":verdict": verdict, ":by": by, ":reason": reason, ":note": note},
        )

    def _write(self, review_id: str, condition: str, update: str, values: Mapping[str, str]) -> Review:
        seen, now = self.show(review_id), self._now()
        lapsed = timestamp(datetime.fromtimestamp(now.timestamp() - seen.reminder_s, now.tzinfo))
        used = {**values, ":now": timestamp(now), ":lapsed": lapsed}
        try:
            written = self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(review_id),
                ConditionExpression=condition,
                UpdateExpression=update,
                ExpressionAttributeNames={"#status": "status"},
                # DynamoDB refuses values that are not used.
                ExpressionAttributeValues={
                    name: {"S": value} for name, value in used.items() if name in f"{condition} {update}"
                },
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            now_is = self.show(review_id)
            # The answer to the write may have been lost, and botocore have tried again.
            wanted = values.get(":verdict"), values[":by"], used[":now"]
            if (now_is.verdict, now_is.reviewer, now_is.decided_at) == wanted:
                return now_is
            raise NotYoursError(_in_the_way(now_is, values[":by"], now)) from None
        return Review.of(written)

    def _keys_in_review(self) -> Iterator[str]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by-status",
            KeyConditionExpression="objStatus = :status",
            ExpressionAttributeValues={":status": {"S": "IN_REVIEW"}},
            ProjectionExpression="SK",
        )
        for page in pages:
            for item in page["Items"]:
                yield item["SK"]["S"]

    def _batch(self, keys: Iterable[Mapping[str, str]]) -> Iterator[Mapping[str, Any]]:
        """The items at these keys, those that there are, without their tokens."""
        asked = [{name: {"S": value} for name, value in key.items()} for key in keys]
        request: Any = {self._table: {"Keys": asked, "ConsistentRead": True, **_shown("review")}}
        for attempt in range(_TRIES):
            answer = self._dynamodb.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(self._table, [])
            request = answer.get("UnprocessedKeys")
            if not request:
                return
            # Asked for more than it can give, DynamoDB wants to be asked again more slowly.
            time.sleep(0.05 * 2**attempt)
        raise TimeoutError(f"DynamoDB did not give all of {len(asked)} items in {_TRIES} attempts.")


def _in_the_way(review: Review, by: str, now: datetime) -> str:
    """Why somebody cannot do what they wanted to."""
    who = "you" if review.reviewer == by else review.reviewer
    match review.verdict:
        case "approved":
            return f"{review.key} was approved by {who} at {review.decided_at}."
        case "refused":
            return f"{review.key} was refused by {who} at {review.decided_at}: {review.reason}."
        case "expired":
            return (
                f"The review of {review.key} expired at {review.decided_at}; "
                f"its rule for that is: {review.on_expiry}."
            )
        case "withdrawn":
            return (
                f"The review of {review.key} was withdrawn at {review.decided_at}: {_why_withdrawn(review)}."
            )
    claimant = review.claimant(now)
    if claimant is None or claimant == by:
        return f"{review.key} is not claimed by you."
    return (
        f"{review.key} was claimed by {claimant} at {review.claimed_at}, and is theirs until "
        f"{review.claim_lapses_at}, or until they pass it on."
    )


def _why_withdrawn(review: Review) -> str:
    return {
        "DELETED": "the photo was deleted",
        "REPLACED": "the photo was uploaded anew",
        "STOPPED": "its execution was stopped",
    }.get(review.reason or "", "nobody waits for it any longer")


def _key(review_id: str) -> dict[str, Any]:
    return {"PK": {"S": PARTITION}, "SK": {"S": review_id}}


def _shown(*more: str) -> dict[str, Any]:
    names = [*ATTRIBUTES, *more]
    return {
        "ProjectionExpression": ", ".join(f"#{name}" for name in names),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
    }


def _parts(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = list(keys)
    for first in range(0, len(rest), _BATCH):
        yield rest[first : first + _BATCH]
