"""The execution that waits for a verdict: it is woken by one, be it that nobody is to decide any longer.

The token by which Step Functions is woken lies in the review's item and is read here alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.ingest.record import PARTITION as RECORDS
from functions.ingest.record import timestamp, utc_now
from functions.platform.observability import logger
from functions.review.review import PARTITION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient


def follow(
    dynamodb: DynamoDBClient, stepfunctions: SFNClient, table_name: str, change: Mapping[str, Any]
) -> None:
    """Does what follows from a change of an item of the table, as its stream tells it; of most nothing does.

    A verdict wakes its review. A photo that is deleted or uploaded anew while it waits withdraws it, and so
    does the end of a workflow that no longer waits for it; one that has a verdict stays as it is.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call failed.
    """
    keys, old, new = change["Keys"], change.get("OldImage", {}), change.get("NewImage", {})
    if keys["PK"] == {"S": PARTITION}:
        if "verdict" in new and "token" in new:
            wake(dynamodb, stepfunctions, table_name, keys["SK"]["S"], new["token"]["S"])
    elif keys["PK"] == {"S": RECORDS} and old.get("objStatus") == {"S": "IN_REVIEW"} and "review" in old:
        if new.get("objStatus") == {"S": "DELETED"}:
            withdraw(dynamodb, table_name, old["review"]["S"], "DELETED")
        elif new.get("review") != old["review"]:
            withdraw(dynamodb, table_name, old["review"]["S"], "REPLACED")
        elif new.get("objStatus") != old["objStatus"]:
            withdraw(dynamodb, table_name, old["review"]["S"], "ENDED")


def wake(
    dynamodb: DynamoDBClient, stepfunctions: SFNClient, table_name: str, review_id: str, token: str
) -> bool:
    """Wakes the state machine of a review that has a verdict; whether it waited by this token.

    If it does not it needs none: it looks for a verdict whenever it has waited, and before. Either way the
    token is removed, which is of no more use.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call failed.
    """
    gone = stepfunctions.exceptions
    try:
        stepfunctions.send_task_success(taskToken=token, output=json.dumps({"review": review_id}))
        woken = True
    except (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken):
        woken = False
    logger.info("woken" if woken else "it did not wait", extra={"review": review_id})
    try:
        dynamodb.update_item(
            TableName=table_name,
            Key={"PK": {"S": PARTITION}, "SK": {"S": review_id}},
            ConditionExpression="#token = :token",
            UpdateExpression="REMOVE #token",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={":token": {"S": token}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        logger.info("its token is gone already", extra={"review": review_id})
    return woken


def wake_again(dynamodb: DynamoDBClient, stepfunctions: SFNClient, table_name: str, review_id: str) -> bool:
    """Wakes the state machine of a review whose verdict it has not been woken for; whether it was one.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call failed.
    """
    item = dynamodb.get_item(
        TableName=table_name, Key={"PK": {"S": PARTITION}, "SK": {"S": review_id}}, ConsistentRead=True
    ).get("Item", {})
    if "verdict" not in item or "token" not in item:
        return False
    return wake(dynamodb, stepfunctions, table_name, review_id, item["token"]["S"])


def withdraw(dynamodb: DynamoDBClient, table_name: str, review_id: str, reason: str) -> bool:
    """Gives a review the verdict `withdrawn`, unless it has one; whether it had none.

    One that is only going to be asked gets it beforehand, and is not asked.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: the call failed.
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
