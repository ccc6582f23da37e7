"""The workflow record of an object: one execution claims it, a newer version takes it over, an older never.

Its sort key is the object's key, which has as many bytes at most. So every key has its own record, even a key
that no workflow can use.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from functions.decision import Reason
from functions.platform.aws import cancellation_codes, client
from functions.platform.observability import logger
from functions.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, TransactWriteItemTypeDef

Record: TypeAlias = Mapping[str, str]

PARTITION = "workflow"
# Without an outcome.
_OPEN = frozenset({"RECEIVED", "IN_REVIEW"})
# The reason of what a person was asked about, and nobody answered.
EXPIRED = "REVIEW_EXPIRED"
# Each further try means that another instance wrote the same record in between.
_TRIES = 5


class ContendedError(Exception):
    """The record changed under every attempt to claim it. The message is received again and tried anew."""


class DeletionRunningError(Exception):
    """What was published under the key is being removed. The upload waits until that is done."""


@dataclass(frozen=True)
class Claim:
    """An upload, and the execution that is to run for it."""

    upload: Upload
    # None when the object is gone: then nothing is to run, and the record ends as DELETED.
    workflow: str | None
    # Without a workflow the name alone.
    execution_arn: str
    # ISO 8601, UTC, milliseconds.
    received_at: str
    sequencer: str | None = None
    trace_id: str | None = None
    # Above 1 when an operator has the upload run again.
    attempt: int = 1
    # The deletion that made this version current again.
    restored: str | None = None
    # The execution of another upload whose record this was: what it leaves in the distribution bucket has to
    # go unless this one is published over it.
    replaced: str | None = None

    @property
    def execution_name(self) -> str:
        """The last part of the execution's ARN, the same for one upload in every workflow."""
        return self.execution_arn.rpartition(":")[2]

    def is_of_upload(self, record: Record) -> bool:
        """Whether a record is of the same upload, whichever attempt."""
        if self.workflow is None and self.upload.version_id is None:
            # The event does not say which version it was, and there is none left.
            return True
        if self.upload.version_id is not None and self.upload.version_id == record.get("version"):
            # It may have been claimed by two events: that it was uploaded, and that it is current again.
            return record.get("objStatus") != "DELETED" or self._is_named(record)
        return self._is_named(record)

    def _is_named(self, record: Record) -> bool:
        return _first_name(record.get("executionArn", ""), _attempt(record)) == _first_name(
            self.execution_arn, self.attempt
        )


def utc_now() -> datetime:
    """The time, for those who take a clock as a parameter."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """A time as the table writes it: ISO 8601 in UTC, with milliseconds.

    >>> timestamp(datetime(2026, 5, 1, 12, 30, tzinfo=UTC))
    '2026-05-01T12:30:00.000Z'
    """
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def fingerprint(bucket: str, key: str, identity: str) -> str:
    """A hash, in hexadecimal, that is the same for one upload and differs for any other."""
    return hashlib.sha256(json.dumps([bucket, key, identity]).encode()).hexdigest()


def execution_name(upload_id: str, fingerprint: str, attempt: int = 1) -> str:
    """The execution's name: readable, and the same only for the same attempt at the same upload.

    >>> execution_name("2026.05 picnic", "ab" * 32, 2)
    '2026-05-picnic-abababababababababababababababab-2'
    """
    # 80 characters at most, of which the last four are for the attempt:
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    again = f"-{attempt}" if attempt > 1 else ""
    return f"{re.sub('[^A-Za-z0-9_-]', '-', upload_id)[:43]}-{fingerprint[:32]}{again}"


def _first_name(execution_arn: str, attempt: int) -> str:
    """The name of an upload's first execution, from the ARN of any."""
    name = execution_arn.rpartition(":")[2]
    return name.removesuffix(f"-{attempt}") if attempt > 1 else name


def _attempt(record: Record) -> int:
    return int(record.get("attempt", "1"))


def claim(table_name: str, wanted: Claim, *, newer: Callable[[Record], bool]) -> Claim | None:
    """Makes the upload's record that of the wanted execution.

    Returns the claim to start: the wanted one, or the one that is recorded already when this very upload was
    claimed before but has no outcome yet (who claimed it may have died before the start, and to start again
    is harmless). Returns None when there is nothing to do: the upload has its outcome, or a newer upload owns
    the record. `newer` says whether the wanted upload is newer than that of a record; a newer one overwrites
    the record and removes the place's published photo with it, so that the photo item never contradicts the
    record. A wanted claim without a workflow takes the record in the same way, and is its outcome.

    A further attempt at the same upload takes the record of an earlier one over that failed, or that never
    came to its outcome: should its execution still run, it finds that the record is no longer its own.

    Raises:
        DeletionRunningError: the record is that of a deletion which has not removed everything yet.
        ContendedError: other instances kept changing the record.
    """
    for _ in range(_TRIES):
        seen = _put_first(table_name, _key(wanted.upload) | _claimed(wanted))
        if seen is None:
            return wanted
        if "deletion" in seen:
            raise DeletionRunningError(seen["deletion"])
        if wanted.is_of_upload(seen):
            wanted = _completed(wanted, seen)
            if _is_claimed(wanted, seen):
                return replace(
                    wanted,
                    workflow=seen["workflow"],
                    execution_arn=seen["executionArn"],
                    trace_id=seen.get("traceId"),
                    replaced=seen.get("replaced"),
                )
            if not _may_run_again(wanted, seen):
                logger.info("duplicate: this upload has its outcome already", extra={"record": seen})
                return None
        elif not newer(seen):
            logger.info("superseded: a newer upload owns the record", extra={"record": seen})
            return None
        else:
            # What was refused or deleted has left nothing, or somebody else to remove it.
            leaves = seen["objStatus"] not in {"REJECTED", "DELETED"}
            wanted = replace(wanted, replaced=seen.get("executionArn") if leaves else None)
        if _replace(table_name, wanted, seen):
            logger.info("the record was taken over", extra={"record": seen})
            return wanted
    raise ContendedError(
        f"The workflow record of {wanted.upload.key!r} changed {_TRIES} times while it was being claimed."
    )


def _completed(wanted: Claim, seen: Record) -> Claim:
    """A claim with what only the record of the same upload says of it."""
    # The events that an operator sends have no sequencer, and others' need not name a version.
    version_id = wanted.upload.version_id or seen.get("version")
    return replace(
        wanted,
        upload=replace(wanted.upload, version_id=version_id),
        sequencer=wanted.sequencer or seen.get("sequencer"),
        # Gone while its execution runs, which may still write.
        replaced=seen.get("executionArn") if wanted.workflow is None else None,
    )


def _is_claimed(wanted: Claim, seen: Record) -> bool:
    """Whether this very attempt at an upload was claimed before, and has no outcome."""
    return wanted.workflow is not None and seen["objStatus"] in _OPEN and _attempt(seen) == wanted.attempt


def _may_run_again(wanted: Claim, seen: Record) -> bool:
    """Whether an upload's record may be taken over by another attempt at it, or by its deletion."""
    if wanted.workflow is None and seen["objStatus"] in _OPEN:
        return True
    return may_run_again(seen) and _attempt(seen) < wanted.attempt


def may_run_again(record: Record) -> bool:
    """Whether another attempt at an upload may take its record over: nobody has decided about the photo."""
    status = record["objStatus"]
    return status in _OPEN or status == "FAILED" or (status == "REJECTED" and record.get("reason") == EXPIRED)


def release(table_name: str, claim: Claim) -> None:
    """Gives up a claim whose execution cannot exist, so that the next attempt may choose another workflow."""
    dynamodb = client("dynamodb")
    try:
        dynamodb.delete_item(
            TableName=table_name,
            Key=_key(claim.upload),
            ConditionExpression="executionArn = :execution AND objStatus = :received",
            ExpressionAttributeValues=_strings({":execution": claim.execution_arn, ":received": "RECEIVED"}),
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        logger.info("the claim was taken over before it was released")


def refuse_key(
    table_name: str, upload: Upload, *, message: str, now: str, trace_id: str | None, deleted: bool
) -> bool:
    """Records the end of an object whose key no workflow can use.

    `upload` has neither place nor upload id. Repeated, it changes nothing, unless an object that is there
    (not `deleted`) came after one that was deleted. Returns whether this was the first time.
    """
    outcome: dict[str, str | None] = {
        "objStatus": "REJECTED",
        "reason": Reason.INVALID_KEY,
        "detail": json.dumps({"key": upload.key, "message": message}),
        "bucket": upload.bucket,
        "key": upload.key,
        "version": upload.version_id,
        "receivedAt": now,
        "finishedAt": now,
        "traceId": trace_id,
    }
    return _put_first(table_name, _key(upload) | _strings(outcome), over_deleted=not deleted) is None


def _claimed(claim: Claim) -> dict[str, AttributeValueTypeDef]:
    state = (
        {"objStatus": "DELETED", "finishedAt": claim.received_at, "deletedAt": claim.received_at}
        if claim.workflow is None
        else {"objStatus": "RECEIVED", "workflow": claim.workflow, "executionArn": claim.execution_arn}
    )
    return _strings(
        {
            **state,
            "placeId": claim.upload.place_id,
            "bucket": claim.upload.bucket,
            "key": claim.upload.key,
            "version": claim.upload.version_id,
            "sequencer": claim.sequencer,
            "receivedAt": claim.received_at,
            "traceId": claim.trace_id,
            "restored": claim.restored,
            "replaced": claim.replaced,
        }
    ) | ({"attempt": {"N": str(claim.attempt)}} if claim.attempt > 1 else {})


def _key(upload: Upload) -> dict[str, AttributeValueTypeDef]:
    return _strings({"PK": PARTITION, "SK": upload.record})


def _strings(values: Mapping[str, str | None]) -> dict[str, AttributeValueTypeDef]:
    return {name: {"S": value} for name, value in values.items() if value is not None}


def _put_first(
    table_name: str, item: Mapping[str, AttributeValueTypeDef], *, over_deleted: bool = False
) -> Record | None:
    """Puts an item where there is none, or that of a deleted object; returns the one that was there."""
    dynamodb = client("dynamodb")
    there: Any = {"ConditionExpression": "attribute_not_exists(PK)"}
    if over_deleted:
        there["ConditionExpression"] += " OR objStatus = :deleted"
        there["ExpressionAttributeValues"] = _strings({":deleted": "DELETED"})
    try:
        dynamodb.put_item(
            TableName=table_name, Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **there
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        # What botocore knows of this answer, and its type stubs do not.
        seen = cast("dict[str, dict[str, str]]", error.response.get("Item", {}))
        return {
            name: text for name, value in seen.items() for kind, text in value.items() if kind in {"S", "N"}
        }
    return None


def _replace(table_name: str, claim: Claim, seen: Record) -> bool:
    """Hands the record over, unless it is no longer the one that was seen; what shows its photo goes."""
    execution = seen.get("executionArn")
    # What was deleted before it was started has none.
    as_seen = "attribute_not_exists(executionArn)" if execution is None else "executionArn = :execution"
    taken: TransactWriteItemTypeDef = {
        "Put": {
            "TableName": table_name,
            "Item": _key(claim.upload) | _claimed(claim),
            # An outcome that came in between may change what is to be done.
            "ConditionExpression": f"{as_seen} AND objStatus = :status AND attribute_not_exists(deletion)",
            "ExpressionAttributeValues": _strings(
                {":execution": execution, ":status": seen.get("objStatus", "")}
            ),
        }
    }
    removed: TransactWriteItemTypeDef = {
        "Delete": {
            "TableName": table_name,
            # Records have had `item` since a photo can be shown by another item than its upload's own.
            "Key": _strings({"PK": claim.upload.place_id, "SK": seen.get("item", claim.upload.upload_id)}),
            # Items have had `key` for as long.
            "ConditionExpression": "attribute_not_exists(#key) OR #key = :key",
            "ExpressionAttributeNames": {"#key": "key"},
            "ExpressionAttributeValues": _strings({":key": claim.upload.key}),
        }
    }
    refused = _write([taken, removed])
    if refused == ["None", "ConditionalCheckFailed"]:
        # The item shows another photo by now.
        refused = _write([taken])
    return not refused


def _write(items: list[TransactWriteItemTypeDef]) -> list[str]:
    """Writes all or none; returns DynamoDB's code for each, if somebody else's write stood in the way."""
    dynamodb = client("dynamodb")
    try:
        dynamodb.transact_write_items(TransactItems=items)
    except dynamodb.exceptions.TransactionCanceledException as error:
        if cancellation_codes(error) & {"ConditionalCheckFailed", "TransactionConflict"}:
            return [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
        raise
    return []
