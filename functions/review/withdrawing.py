"""The end of a review that nobody waits for any longer: its photo is gone, or its execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.ingest.record import timestamp, utc_now
from functions.platform.aws import client, prepare
from functions.platform.observability import invocation, logger
from functions.platform.settings import ReviewSettings, read
from functions.review.review import PARTITION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SETTINGS = read(ReviewSettings)
prepare("dynamodb")


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Withdraws the review whose execution was stopped or failed, as Step Functions' event says."""
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("withdrawing"):
        withdraw(client("dynamodb"), SETTINGS.table_name, event["detail"]["name"], "STOPPED")


def withdraw(dynamodb: DynamoDBClient, table_name: str, review_id: str, reason: str) -> bool:
    """Gives a review the verdict `withdrawn`, unless it has one; whether it had none.

    One that is only going to be asked gets it beforehand, and is not asked.
    """
    try:
        dynamodb.update_item(
            TableName=table_name,
            Key={"PK": {"S": PARTITION}, "SK": {"S": review_id}},
            ConditionExpression="attribute_not_exists(verdict)",
            UpdateExpression="SET #status = :status, verdict = :verdict, reason = :reason, decidedAt = :now",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":status": {"S": "WITHDRAWN"},
                ":verdict": {"S": "withdrawn"},
                ":reason": {"S": reason},
                ":now": {"S": timestamp(utc_now())},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    logger.info("withdrawn", extra={"review": review_id, "reason": reason})
    return True
