"""Queues as sources of events: takes messages from them to functions, as Lambda's pollers do.

A batch that the function handles is deleted; messages that it reports as failed, or all of them when it
fails, become visible again and are redriven by their queue's own policy.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.function_host.mappings import Current, Running, failed_items, passes
from happypath.sandbox.function_host.runtime_api import error_answer
from happypath.sandbox.iam import check
from happypath.sandbox.iam.deliveries import of_function

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

    from happypath.sandbox.function_host.environment import Outcome

# Lambda's own pollers start with five; MaximumConcurrency cannot be less than two on AWS.
_DEFAULT_CONCURRENCY = 2


def check_polling(function_arn: str, queue_arn: str) -> None:
    """Asks whether a function's role may take messages from a queue.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions

    Raises:
        AccessDeniedError: it may not.
    """
    session = of_function(function_arn)
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        check(session, action, queue_arn)


class QueueSource:
    """A queue that is mapped to a function."""

    def __init__(
        self,
        mapping: EventSourceMappingConfigurationTypeDef,
        sqs: SQSClient,
        invoke: Callable[[str, bytes], Outcome],
        retry_s: int,
    ) -> None:
        self._sqs = sqs
        self._invoke = invoke
        self._retry_s = retry_s
        self._queue_url = ""
        self.pollers = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", _DEFAULT_CONCURRENCY)

    def poll(self, current: Current, running: Running) -> None:
        """Receives a batch of messages and has the function handle them."""
        settings = current()
        if settings is None:
            return
        check_polling(settings["FunctionArn"], settings["EventSourceArn"])
        queue = settings["EventSourceArn"].rpartition(":")[2]
        self._queue_url = self._queue_url or self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        messages = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(10, settings.get("BatchSize", 10)),
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        ).get("Messages", [])
        with running.in_hand(messages) as wanted:
            if wanted:
                self._deliver(settings, messages)

    def _deliver(
        self, settings: EventSourceMappingConfigurationTypeDef, messages: list[MessageTypeDef]
    ) -> None:
        records = [_record(message, settings["EventSourceArn"]) for message in messages]
        # What no filter lets through is deleted, without the function.
        records = [each for each in records if passes(_as_filtered(each), settings)]
        failed = self._handled(settings, records) if records else set()
        done: list[Any] = []
        again: list[Any] = []
        for message in messages:
            entry: Any = {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
            (again if message["MessageId"] in failed else done).append(entry)
        if done:
            self._sqs.delete_message_batch(QueueUrl=self._queue_url, Entries=done)
        for entry in again:
            # On AWS they stay hidden for the queue's visibility timeout: minutes.
            entry["VisibilityTimeout"] = self._retry_s
        if again:
            self._sqs.change_message_visibility_batch(QueueUrl=self._queue_url, Entries=again)

    def _handled(
        self, settings: EventSourceMappingConfigurationTypeDef, records: list[dict[str, Any]]
    ) -> set[str]:
        """Has the function handle messages → the ids of those that failed."""
        try:
            answer = self._invoke(settings["FunctionArn"], json.dumps({"Records": records}).encode()).answer
        except InvokeError as error:
            answer = error_answer(error.response.code, error.response.message)
        return failed_items(answer, {record["messageId"] for record in records}, settings)


def _as_filtered(record: dict[str, Any]) -> dict[str, Any]:
    """A message as filters see it: a body that is a JSON object as such.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
    """
    try:
        body = json.loads(record["body"])
    except ValueError:
        return record
    return {**record, "body": body} if isinstance(body, dict) else record


def _record(message: MessageTypeDef, queue_arn: str) -> dict[str, Any]:
    """A message as Lambda hands it over: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {
            name: {
                "stringValue": value.get("StringValue"),
                "binaryValue": base64.b64encode(value.get("BinaryValue", b"")).decode() or None,
                "stringListValues": [],
                "binaryListValues": [],
                "dataType": value["DataType"],
            }
            for name, value in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
