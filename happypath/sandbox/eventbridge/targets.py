"""Where rules deliver to: queues, topics, functions, state machines, buses, log groups and archives.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from moto.awslambda.models import lambda_backends
from moto.events.models import Rule, events_backends
from moto.logs.models import logs_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends


class DeliveryError(Exception):
    """A target does not take what is delivered: the code and the sentence that a dead letter has of it."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True)
class Arn:
    """An ARN's parts."""

    whole: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def of(cls, text: str) -> Arn:
        """Takes an ARN apart; what it lacks is empty."""
        parts = [*text.split(":", 5), *[""] * 6]
        return cls(text, *parts[2:6])

    @property
    def kind(self) -> tuple[str, str]:
        """The service, and the kind of resource where the service has several."""
        kind, separator, _ = self.resource.replace("/", ":").partition(":")
        return self.service, kind if separator else ""


@dataclass(frozen=True)
class Delivery:
    """One event on its way from a rule to one of its targets; `payload` is what the target receives."""

    rule: Rule
    target: Mapping[str, Any]
    arn: Arn
    event: Mapping[str, Any]
    payload: str


Send: TypeAlias = Callable[[Delivery], None]


def to_queue(delivery: Delivery) -> None:
    """Sends the payload as a message."""
    group = (delivery.target.get("SqsParameters") or {}).get("MessageGroupId")
    send_message(delivery.arn, delivery.payload, group_id=group)


def send_message(arn: Arn, body: str, **more: Any) -> None:
    """Sends a message to a queue.

    Raises:
        DeliveryError: there is no such queue, or a queue in order cannot tell what it has had already.
    """
    backend = sqs_backends[arn.account][arn.region]
    if arn.resource not in backend.queues:
        raise DeliveryError("NO_RESOURCE", f"The specified queue does not exist: {arn.whole}")
    queue: Any = backend.queues[arn.resource]
    if queue.fifo_queue and queue.attributes.get("ContentBasedDeduplication") != "true":
        raise DeliveryError(
            "SDK_CLIENT_ERROR",
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
            "provided explicitly",
        )
    backend.send_message(queue_name=arn.resource, message_body=body, **more)


def _to_topic(delivery: Delivery) -> None:
    sns_backends[delivery.arn.account][delivery.arn.region].publish(
        message=delivery.payload, arn=delivery.arn.whole
    )


def _to_function(delivery: Delivery) -> None:
    function = lambda_backends[delivery.arn.account][delivery.arn.region].get_function(delivery.arn.whole)
    function.invoke(delivery.payload, {"X-Amz-Invocation-Type": "Event"}, {})


def _to_state_machine(delivery: Delivery) -> None:
    backend = stepfunctions_parser_backends[delivery.arn.account][delivery.arn.region]
    backend.start_execution(
        delivery.arn.whole,
        name=f"{delivery.event['id']}_{uuid.uuid4()}"[:80],
        execution_input=delivery.payload,
    )


def _to_log_group(delivery: Delivery) -> None:
    group = delivery.arn.resource.removeprefix("log-group:").removesuffix(":*")
    backend = logs_backends[delivery.arn.account][delivery.arn.region]
    if group not in backend.groups:
        raise DeliveryError("NO_RESOURCE", f"The specified log group does not exist: {group}")
    stream = str(uuid.uuid4())
    backend.create_log_stream(group, stream)
    backend.put_log_events(
        group, stream, [{"timestamp": int(time.time() * 1000), "message": delivery.payload}]
    )


def _to_archive(delivery: Delivery) -> None:
    backend = events_backends[delivery.rule.account_id][delivery.rule.region_name]
    for archive in backend.archives.values():
        if archive.rule is not None and archive.rule.name == delivery.rule.name:
            archive.events.append(dict(delivery.event))  # type: ignore[arg-type]  # moto's type has fewer keys


# What the sandbox delivers to: by an ARN's service, and its kind of resource where the service has several.
# Buses are in `delivering`: their rules deliver, too.
KINDS: dict[tuple[str, str], Send] = {
    ("sqs", ""): to_queue,
    ("sns", ""): _to_topic,
    ("lambda", "function"): _to_function,
    ("states", "stateMachine"): _to_state_machine,
    ("logs", "log-group"): _to_log_group,
    ("events", ""): _to_archive,
}
