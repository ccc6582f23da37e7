"""Follows the table's stream: a verdict wakes its review, and a photo that is gone ends its own. So does the
end of a review's execution: whoever opens the review is told that nobody waits.

Whoever writes a verdict need not live on: the stream keeps it for a day, and one that nobody was woken for by
then the state machine finds by itself when its turn is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.platform.aws import client, prepare
from functions.platform.batch import Answer, answer
from functions.platform.observability import invocation, logger
from functions.platform.settings import ReviewSettings, read
from functions.review.execution import follow, withdraw

SETTINGS = read(ReviewSettings)
prepare("dynamodb", "stepfunctions")


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Handles a batch of records of the stream, in order, or Step Functions' event of an execution's end.

    The first record that could not be handled is named in `batchItemFailures`: it comes again, and all
    behind it.
    """
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("waking"):
        if "detail" in event:
            # Executions have their reviews' names.
            withdraw(client("dynamodb"), SETTINGS.table_name, event["detail"]["name"], "STOPPED")
        for record in event.get("Records", []):
            change = record["dynamodb"]
            try:
                follow(client("dynamodb"), client("stepfunctions"), SETTINGS.table_name, change)
            except (ClientError, BotoCoreError) as error:
                # Without the traceback, in which the token may be.
                number = change["SequenceNumber"]
                logger.error("a change was not handled: %s", error, extra={"sequenceNumber": number})
                return answer([number])
        return answer([])
