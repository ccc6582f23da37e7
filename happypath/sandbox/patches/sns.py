"""SNS for moto's CloudFormation: moto has subscriptions, and no stack could make one of its own."""

from __future__ import annotations

import json
from typing import Any, Self

from moto.core.common_models import CloudFormationModel
from moto.sns.models import SNSBackend, Subscription, sns_backends


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
