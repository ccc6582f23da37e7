"""SNS: what a topic's subscribers get."""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from moto.awslambda.models import LambdaBackend
from moto.sns.models import Subscription

from happypath.sandbox.patches.served import Patch, Served

logger = logging.getLogger(__name__)


@contextmanager
def failed_deliveries(_: Served) -> Iterator[None]:
    """Publish succeeds whatever becomes of its deliveries; with moto a queue that is gone fails it.

    No request leaves this machine: an address that is not of loopback gets nothing.
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
    """
    publish: Any = Subscription.publish

    def publish_or_log(subscription: Any, *arguments: Any, **named: Any) -> None:
        try:
            if subscription.protocol in {"http", "https"} and not _is_loopback(subscription.endpoint):
                raise ConnectionError("the sandbox sends nothing beyond this machine")
            publish(subscription, *arguments, **named)
        except Exception as error:  # whatever it is, the publisher is not to hear of it
            logger.warning(
                "SNS: %s could not be delivered to %s: %s",
                subscription.topic.arn,
                subscription.endpoint,
                error or type(error).__name__,
            )

    with patch.object(Subscription, "publish", publish_or_log):
        yield


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@contextmanager
def events_of_functions(_: Served) -> Iterator[None]:
    """A function gets the message with its topic, id, time and attributes; from moto it gets an example's.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    """
    publish: Any = Subscription.publish
    # moto hands the function's backend the text alone: what is being published is remembered meanwhile.
    current: ContextVar[tuple[Any, str, Any]] = ContextVar("published")

    def publish_as_current(
        subscription: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: Any = None,
        **named: Any,
    ) -> None:
        token = current.set((subscription, message_id, message_attributes))
        try:
            publish(subscription, message, message_id, subject, message_attributes, **named)
        finally:
            current.reset(token)

    def send(
        backend: Any,
        function_name: str,
        message: str,
        subject: str | None = None,
        qualifier: str | None = None,
    ) -> None:
        subscription, message_id, attributes = current.get()
        data = subscription.get_post_data(message, message_id, subject, message_attributes=attributes)
        # The names of two members end otherwise than in what is posted to HTTP.
        for name in ("SigningCert", "Unsubscribe"):
            data[f"{name}Url"] = data.pop(f"{name}URL")
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription.arn,
            "Sns": {"Subject": None, "MessageAttributes": {}, **data},
        }
        function = backend.get_function(function_name, qualifier)
        function.invoke(json.dumps({"Records": [record]}), {}, {})

    with (
        patch.object(Subscription, "publish", publish_as_current),
        patch.object(LambdaBackend, "send_sns_message", send),
    ):
        yield


PATCHES: tuple[Patch, ...] = (events_of_functions, failed_deliveries)
