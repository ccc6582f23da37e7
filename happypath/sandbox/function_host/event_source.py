"""Event source mappings: takes messages from queues to functions, as Lambda's pollers do.

A batch that the function handles is deleted; messages that it reports as failed, or all of them when it
fails, become visible again and are redriven by their queue's own policy.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.function_host.runtime_api import Answer, error_answer
from happypath.sandbox.iam import AccessDeniedError, check
from happypath.sandbox.iam.deliveries import of_function

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_log = logging.getLogger(__name__)

# Lambda's own pollers start with five; MaximumConcurrency cannot be less than two on AWS.
_DEFAULT_CONCURRENCY = 2


# How often mappings are looked for: whoever deploys, and however, tells nobody here.
_LOOK_S = 1.0

# How long a poller waits that may not poll.
_DENIED_S = 5.0


def check_polling(function_arn: str, queue_arn: str) -> None:
    """Asks whether a function's role may take messages from a queue.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions

    Raises:
        AccessDeniedError: it may not.
    """
    session = of_function(function_arn)
    for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"):
        check(session, action, queue_arn)


class Pollers:
    """Polls every queue that is mapped to a function, from the mapping's creation to its end."""

    def __init__(
        self,
        clients: Callable[[], tuple[LambdaClient, SQSClient]],
        invoke: Callable[[str, bytes], Answer],
        retry_s: int,
    ) -> None:
        self._lambda, self._sqs = clients()
        self._invoke = invoke
        self._retry_s = retry_s
        self._stop = threading.Event()
        self._threads: dict[str, list[threading.Thread]] = {}
        self._mapped: frozenset[str] = frozenset()
        # How many batches are in hand.
        self._delivering = 0
        self._changed = threading.Condition()
        self._looking = threading.Thread(target=self._look, name="mappings", daemon=True)
        self._looking.start()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_S):
            try:
                self._refresh()
            except Exception:
                _log.exception("The mappings of queues cannot be listed; trying again.")

    def _refresh(self) -> None:
        """Starts polling for mappings that are new; those that are gone end by themselves."""
        found = [
            mapping
            for mapping in self._lambda.list_event_source_mappings()["EventSourceMappings"]
            if ":sqs:" in mapping["EventSourceArn"]
        ]
        self._mapped = frozenset(mapping["UUID"] for mapping in found)
        for mapping in found:
            if mapping["UUID"] in self._threads:
                continue
            concurrency = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", _DEFAULT_CONCURRENCY)
            self._threads[mapping["UUID"]] = [
                threading.Thread(target=self._poll, args=(mapping,), name="poller", daemon=True)
                for _ in range(concurrency)
            ]
            for thread in self._threads[mapping["UUID"]]:
                thread.start()

    def close(self) -> None:
        """Stops polling; a batch in hand is finished first. Who waits for messages ends by himself."""
        with self._changed:
            self._stop.set()
            self._changed.wait_for(lambda: not self._delivering)
        self._looking.join()

    def _poll(self, mapping: EventSourceMappingConfigurationTypeDef) -> None:
        queue = mapping["EventSourceArn"].rpartition(":")[2]
        queue_url = ""
        while not self._stop.is_set() and mapping["UUID"] in self._mapped:
            try:
                check_polling(mapping["FunctionArn"], mapping["EventSourceArn"])
                queue_url = queue_url or self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
                messages = self._sqs.receive_message(
                    QueueUrl=queue_url,
                    MaxNumberOfMessages=min(10, mapping.get("BatchSize", 10)),
                    WaitTimeSeconds=1,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                ).get("Messages", [])
                with self._in_hand(messages) as wanted:
                    if wanted:
                        self._deliver(mapping, queue_url, messages)
            except AccessDeniedError:
                # Which is in the log, with who may not do what.
                self._stop.wait(_DENIED_S)
            except Exception as error:
                if not self._is_mapped(mapping["UUID"]):
                    return  # its stack is being deleted
                _log.warning("Polling %s failed; trying again: %s", queue, error)
                self._stop.wait(1)

    def _is_mapped(self, mapping: str) -> bool:
        try:
            self._lambda.get_event_source_mapping(UUID=mapping)
        except self._lambda.exceptions.ResourceNotFoundException:
            return False
        return True

    @contextmanager
    def _in_hand(self, messages: list[MessageTypeDef]) -> Iterator[bool]:
        """Whether there are messages to deliver; `close` waits for the end of the block."""
        with self._changed:
            wanted = bool(messages) and not self._stop.is_set()
            self._delivering += wanted
        try:
            yield wanted
        finally:
            with self._changed:
                self._delivering -= wanted
                self._changed.notify_all()

    def _deliver(
        self, mapping: EventSourceMappingConfigurationTypeDef, queue_url: str, messages: list[MessageTypeDef]
    ) -> None:
        records = [_record(message, mapping["EventSourceArn"]) for message in messages]
        try:
            answer = self._invoke(mapping["FunctionArn"], json.dumps({"Records": records}).encode())
        except InvokeError as error:
            answer = error_answer(error.response.code, error.response.message)
        failed = _failed(answer, {message["MessageId"] for message in messages}, mapping)
        done: list[Any] = []
        again: list[Any] = []
        for message in messages:
            entry: Any = {"Id": message["MessageId"], "ReceiptHandle": message["ReceiptHandle"]}
            (again if message["MessageId"] in failed else done).append(entry)
        if done:
            self._sqs.delete_message_batch(QueueUrl=queue_url, Entries=done)
        for entry in again:
            # On AWS they stay hidden for the queue's visibility timeout: minutes.
            entry["VisibilityTimeout"] = self._retry_s
        if again:
            self._sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=again)


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


def _failed(answer: Answer, ids: set[str], mapping: EventSourceMappingConfigurationTypeDef) -> set[str]:
    """The messages that were not handled. An answer without sense is a failed batch, as on AWS."""
    if answer.failed:
        return ids
    if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", []):
        return set()
    try:
        failures = (json.loads(answer.payload) or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, TypeError, KeyError, AttributeError):
        return ids
    return failed if failed <= ids else ids
