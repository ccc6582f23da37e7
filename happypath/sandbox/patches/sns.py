"""SNS: what a topic's subscribers get, and subscriptions that stacks make."""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from unittest.mock import patch
from urllib.parse import urlsplit

from moto.core.common_models import CloudFormationModel
from moto.sns.models import SNSBackend, Subscription, sns_backends

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


def _backend(account_id: str, region_name: str) -> SNSBackend:
    return sns_backends[account_id][region_name]


class StackSubscription(CloudFormationModel):
    """An `AWS::SNS::Subscription`.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html
    """

    def __init__(self, subscription: Subscription) -> None:
        self.physical_resource_id = subscription.arn

    @staticmethod
    def cloudformation_name_type() -> str:
        """It has no name."""
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        """The type in templates."""
        return "AWS::SNS::Subscription"

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Self:
        """Makes it."""
        properties = cloudformation_json["Properties"]
        backend = _backend(account_id, region_name)
        made = backend.subscribe(properties["TopicArn"], properties["Endpoint"], properties["Protocol"])
        for name in ("FilterPolicyScope", "FilterPolicy", "RawMessageDelivery", "RedrivePolicy"):
            if name in properties:
                backend.set_subscription_attributes(made.arn, name, _as_in_the_api(properties[name]))
        return cls(made)

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Removes it; `resource_name` is its ARN."""
        _backend(account_id, region_name).unsubscribe(resource_name)


def _as_in_the_api(value: Any) -> str:
    """A property of a template → an attribute, which is text."""
    return value if isinstance(value, str) else json.dumps(value)


PATCHES: tuple[Patch, ...] = (failed_deliveries,)
