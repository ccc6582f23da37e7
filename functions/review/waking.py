"""The table's stream, as far as it is of reviews: a verdict wakes its state machine, and a photo that is
deleted or replaced while it waits ends its review.

Whoever writes a verdict need not live on: the stream keeps it for a day, and one that nobody was woken for by
then the state machine finds by itself when its turn is over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.ingest.record import PARTITION as RECORDS
from functions.platform.aws import client, prepare
from functions.platform.batch import Answer, answer
from functions.platform.observability import invocation, logger
from functions.platform.settings import ReviewSettings, read
from functions.review.review import PARTITION
from functions.review.withdrawing import withdraw

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

SETTINGS = read(ReviewSettings)
prepare("dynamodb", "stepfunctions")


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Handles a batch of records of the stream, in order.

    The first that could not be handled is named in `batchItemFailures`: it comes again, and all behind it.
    """
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("waking"):
        for record in event["Records"]:
            change = record["dynamodb"]
            try:
                handle(client("dynamodb"), client("stepfunctions"), SETTINGS.table_name, change)
            except (ClientError, BotoCoreError) as error:
                logger.exception("a change was not handled: %s", error)
                return answer([change["SequenceNumber"]])
        return answer([])


def handle(
    dynamodb: DynamoDBClient, stepfunctions: SFNClient, table_name: str, change: Mapping[str, Any]
) -> None:
    """Does what follows from a change of an item of the table; of most nothing does.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call failed.
    """
    keys, old, new = change["Keys"], change.get("OldImage", {}), change.get("NewImage", {})
    if keys["PK"] == {"S": PARTITION} and "verdict" in new and "token" in new:
        wake(dynamodb, stepfunctions, table_name, keys["SK"]["S"], new["token"]["S"])
    elif keys["PK"] == {"S": RECORDS} and old.get("objStatus") == {"S": "IN_REVIEW"} and "review" in old:
        if new.get("objStatus") == {"S": "DELETED"}:
            withdraw(dynamodb, table_name, old["review"]["S"], "DELETED")
        elif new.get("review") != old["review"]:
            withdraw(dynamodb, table_name, old["review"]["S"], "REPLACED")


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
