"""SQS's promise that no message is lost, whoever sends, receives and deletes at the same time.

moto's server answers each request in a thread of its own, and its queues know little of threads.
DeleteMessage copies the queue's messages, puts the copy in their place, and loses what was sent meanwhile. Of
two ReceiveMessage that move one message to the dead-letter queue the second fails, and what it had received
besides stays hidden from all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from moto.sqs.exceptions import InvalidParameterValue
from moto.sqs.models import Queue, SQSBackend

from happypath.sandbox.patches.locks import one_at_a_time
from happypath.sandbox.patches.served import Patch, Served

# How long a wait for messages lasts before the queue is looked at again: some are delayed, or become visible.
_LOOK_S = 1.0


@contextmanager
def thread_safe_queues(_: Served) -> Iterator[None]:
    """Lets one operation at a time into the queues; those that wait for messages wait outside.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
    """
    # One for all queues; reentrant because a batch is made of single operations.
    lock = threading.RLock()

    alone = partial(one_at_a_time, lock)

    receive = alone(SQSBackend.receive_message)

    def receive_or_wait(
        backend: Any,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Any]:
        queue = backend.get_queue(queue_name)
        deadline = time.monotonic() + wait_seconds_timeout
        while True:
            found: list[Any] = receive(
                backend, queue_name, count, 0, visibility_timeout, message_attribute_names
            )
            left_s = deadline - time.monotonic()
            if found or left_s <= 0:
                return found
            queue.wait_for_messages(min(_LOOK_S, left_s))
            if backend.queues.get(queue_name) is not queue:
                # It was deleted meanwhile; one of the same name is another queue.
                return []

    with ExitStack() as patches:
        for owner, name in (
            (Queue, "add_message"),
            (Queue, "delete_message"),
            (SQSBackend, "change_message_visibility"),
            (SQSBackend, "purge_queue"),
        ):
            patches.enter_context(patch.object(owner, name, alone(getattr(owner, name))))
        patches.enter_context(patch.object(SQSBackend, "receive_message", receive_or_wait))
        yield


@contextmanager
def queues_are_polled(_: Served) -> Iterator[None]:
    """Lambda's pollers deliver a queue's messages until they succeed; moto delivers once, inside SendMessage.

    So no queue knows its mapping: `happypath.sandbox.function_host.event_source` polls.
    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    # Queue.__init__ assigns the attribute; a property ignores that.
    nothing = property(lambda _: {}, lambda _self, _value: None)
    with patch.object(Queue, "lambda_event_source_mappings", nothing, create=True):
        yield


@contextmanager
def sizes_of_messages(_: Served) -> Iterator[None]:
    """A message's size is that of its bytes and its attributes together; moto counts the body's characters.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    send: Any = SQSBackend.send_message

    def send_sized(
        backend: Any,
        queue_name: str,
        message_body: str,
        message_attributes: dict[str, Any] | None = None,
        *more: Any,
        **named: Any,
    ) -> Any:
        most = int(backend.get_queue(queue_name).maximum_message_size)
        if _size_bytes(message_body, message_attributes or {}) > most:
            raise InvalidParameterValue(
                f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            )
        return send(backend, queue_name, message_body, message_attributes, *more, **named)

    with patch.object(SQSBackend, "send_message", send_sized):
        yield


def _size_bytes(body: str, attributes: dict[str, Any]) -> int:
    size = len(body.encode())
    for name, attribute in attributes.items():
        value = attribute.get("StringValue") or attribute.get("BinaryValue") or ""
        size += len(name.encode()) + len(attribute.get("DataType", "")) + len(str(value).encode())
    return size


@contextmanager
def whole_timestamps(_: Served) -> Iterator[None]:
    """A queue was created and changed at a whole second; moto's times have fractions.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    """
    # A property's function: typed as a mapping.
    attributes: Any = vars(Queue)["attributes"].fget

    def whole(queue: Any) -> dict[str, Any]:
        found: dict[str, Any] = attributes(queue)
        for name in ("CreatedTimestamp", "LastModifiedTimestamp"):
            if name in found:
                found[name] = str(int(float(found[name])))
        return found

    with patch.object(Queue, "attributes", property(whole)):
        yield


PATCHES: tuple[Patch, ...] = (queues_are_polled, thread_safe_queues, sizes_of_messages, whole_timestamps)
