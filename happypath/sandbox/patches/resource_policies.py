"""The policies of resources that stacks make, which moto's CloudFormation skips, and Lambda's permissions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucketpolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queuepolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topicpolicy.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Self
from unittest.mock import patch

from moto.awslambda.models import Permission, lambda_backends
from moto.core.common_models import CloudFormationModel
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3 import notifications
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, s3_backends
from moto.sns.models import Subscription, sns_backends
from moto.sqs.models import sqs_backends

from happypath.sandbox.iam import AccessDeniedError, Service
from happypath.sandbox.iam.deliveries import check_delivery
from happypath.sandbox.patches.served import Patch, Served


class StackPolicy:
    """A policy that a stack gives to resources.

    moto knows a type of resource once there is a class of it that itself is a `CloudFormationModel`.
    """

    def __init__(self, resources: tuple[str, ...], account_id: str, region_name: str) -> None:
        self.resources = resources
        self._at = account_id, region_name
        self.physical_resource_id = f"policy-{uuid.uuid4().hex[:12].upper()}"

    @staticmethod
    def cloudformation_name_type() -> str:
        """It has no name."""
        return ""

    @staticmethod
    def resources_of(properties: dict[str, Any]) -> list[str]:
        """The resources, as the template names them."""
        raise NotImplementedError

    @staticmethod
    def put(resource: str, document: str, account_id: str, region_name: str) -> None:
        """Gives a policy to a resource; an empty one takes it away."""
        raise NotImplementedError

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,  # noqa: ARG003  # it is called by name
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_: Any,
    ) -> Self:
        """Makes it."""
        properties = cloudformation_json["Properties"]
        resources = tuple(cls.resources_of(properties))
        for each in resources:
            cls.put(each, json.dumps(properties["PolicyDocument"]), account_id, region_name)
        return cls(resources, account_id, region_name)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Self:
        """Changes it; what it is no longer of has none."""
        made = cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )
        for each in set(original_resource.resources) - set(made.resources):
            cls.put(each, "", account_id, region_name)
        made.physical_resource_id = original_resource.physical_resource_id
        return made

    def delete(self, *_: Any) -> None:
        """Takes it away, from what is still there."""
        for each in self.resources:
            self.put(each, "", *self._at)

    def is_created(self) -> bool:
        """At once."""
        return True


class BucketPolicy(StackPolicy, CloudFormationModel):
    """An `AWS::S3::BucketPolicy`."""

    @staticmethod
    def cloudformation_type() -> str:
        """The type in templates."""
        return "AWS::S3::BucketPolicy"

    @staticmethod
    def resources_of(properties: dict[str, Any]) -> list[str]:
        """Its bucket."""
        return [properties["Bucket"]]

    @staticmethod
    def put(resource: str, document: str, account_id: str, _region_name: str) -> None:
        """Gives it to the bucket."""
        bucket = s3_backends[account_id]["aws"].buckets.get(resource)
        if bucket is not None:
            bucket.policy = document.encode() or None


class QueuePolicy(StackPolicy, CloudFormationModel):
    """An `AWS::SQS::QueuePolicy`."""

    @staticmethod
    def cloudformation_type() -> str:
        """The type in templates."""
        return "AWS::SQS::QueuePolicy"

    @staticmethod
    def resources_of(properties: dict[str, Any]) -> list[str]:
        """The names of its queues, by their addresses."""
        return [each.rpartition("/")[2] for each in properties["Queues"]]

    @staticmethod
    def put(resource: str, document: str, account_id: str, region_name: str) -> None:
        """Gives it to a queue."""
        queue = sqs_backends[account_id][region_name].queues.get(resource)
        if queue is not None:
            queue.policy = document


class TopicPolicy(StackPolicy, CloudFormationModel):
    """An `AWS::SNS::TopicPolicy`."""

    @staticmethod
    def cloudformation_type() -> str:
        """The type in templates."""
        return "AWS::SNS::TopicPolicy"

    @staticmethod
    def resources_of(properties: dict[str, Any]) -> list[str]:
        """The ARNs of its topics."""
        return list(properties["Topics"])

    @staticmethod
    def put(resource: str, document: str, account_id: str, region_name: str) -> None:
        """Gives it to a topic; one that is taken away leaves the default."""
        topic: Any = sns_backends[account_id][region_name].topics.get(resource)
        if topic is not None:
            default = topic._create_default_topic_policy(region_name, account_id, topic.name)
            topic.policy = document or json.dumps(default)


@contextmanager
def lambda_permissions_of_stacks(_: Served) -> Iterator[None]:
    """A stack's permission goes with it, and is changed with it; moto only adds them.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-permission.html
    """
    with ExitStack() as patches:
        for name, replacement in (
            ("create_from_cloudformation_json", classmethod(_create_permission)),
            ("update_from_cloudformation_json", classmethod(_update_permission)),
            ("delete", _delete_permission),
        ):
            patches.enter_context(patch.object(Permission, name, replacement, create=True))
        yield


def _create_permission(
    cls: Any,
    /,
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **_: Any,
) -> Any:
    properties = cloudformation_json["Properties"]
    function = lambda_backends[account_id][region_name].get_function(properties["FunctionName"])
    permission = cls(region_name)
    permission.physical_resource_id = f"{resource_name}-{uuid.uuid4().hex[:12]}"
    function.policy.add_statement(
        json.dumps(
            {
                **{name: value for name, value in properties.items() if name != "FunctionName"},
                "StatementId": permission.physical_resource_id,
            }
        )
    )
    permission.function = function
    return permission


def _update_permission(
    cls: Any,
    /,
    original_resource: Any,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> Any:
    original_resource.delete()
    return _create_permission(cls, new_resource_name, cloudformation_json, account_id, region_name)


def _delete_permission(permission: Any, *_: Any) -> None:
    policy = permission.function.policy
    policy.statements[:] = [
        each for each in policy.statements if each.get("Sid") != permission.physical_resource_id
    ]


@contextmanager
def deliveries_of_buckets(_: Served) -> Iterator[None]:
    """S3 tells a queue, a topic or a function of its objects only if that lets it; moto tells each.

    A configuration with a destination that does not let it is refused.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
    """
    configure: Any = FakeBucket.set_notification_configuration
    senders = {
        "_send_sqs_message": "arn:aws:sqs:{region}:{account}:{name}",
        "_send_sns_message": "{name}",
        "_invoke_awslambda": "{name}",
    }

    def configure_checked(bucket: Any, notification_config: dict[str, Any] | None) -> None:
        for kind in ("Topic", "Queue", "CloudFunction"):
            for each in (notification_config or {}).get(f"{kind}Configuration") or []:
                try:
                    check_delivery(_s3(bucket.arn), each[kind])
                except AccessDeniedError:
                    raise _UnusableDestinationError from None
        configure(bucket, notification_config)

    def checked(send: Callable[..., None], template: str) -> Callable[..., None]:
        def send_if_allowed(account_id: str, event_body: Any, name: str, region_name: str) -> None:
            arn = template.format(region=region_name, account=account_id, name=name)
            records = event_body.get("Records")
            bucket = records[0]["s3"]["bucket"]["arn"] if records else f"arn:aws:s3:::{event_body['Bucket']}"
            # What is denied is in the log; whoever put the object does not learn of it.
            with suppress(AccessDeniedError):
                check_delivery(_s3(bucket), arn)
                send(account_id, event_body, name, region_name)

        return send_if_allowed

    with ExitStack() as patches:
        patches.enter_context(patch.object(FakeBucket, "set_notification_configuration", configure_checked))
        for name, template in senders.items():
            send = checked(getattr(notifications, name), template)
            patches.enter_context(patch.object(notifications, name, send))
        yield


def _s3(bucket_arn: str) -> Service:
    return Service("s3.amazonaws.com", bucket_arn, DEFAULT_ACCOUNT_ID)


class _UnusableDestinationError(S3ClientError):
    """The bucket may not deliver there."""

    def __init__(self) -> None:
        super().__init__("InvalidArgument", "Unable to validate the following destination configurations")


@contextmanager
def deliveries_of_topics(_: Served) -> Iterator[None]:
    """SNS delivers to a queue or a function only if that lets the topic; moto delivers to each.

    https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
    """
    publish: Any = Subscription.publish

    def publish_if_allowed(subscription: Any, *given: Any, **named: Any) -> None:
        if subscription.protocol in {"sqs", "lambda"}:
            topic = Service("sns.amazonaws.com", subscription.topic_arn, subscription.account_id)
            try:
                check_delivery(topic, subscription.endpoint)
            except AccessDeniedError:
                # Which is in the log; whoever publishes does not learn of it.
                return
        publish(subscription, *given, **named)

    with patch.object(Subscription, "publish", publish_if_allowed):
        yield


PATCHES: tuple[Patch, ...] = (lambda_permissions_of_stacks, deliveries_of_buckets, deliveries_of_topics)
