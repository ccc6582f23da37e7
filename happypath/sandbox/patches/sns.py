"""SNS: what a topic's subscribers get."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

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


PATCHES: tuple[Patch, ...] = (failed_deliveries,)
