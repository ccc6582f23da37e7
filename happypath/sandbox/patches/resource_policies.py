"""What services may deliver to queues, topics and functions by their policies; permissions of stacks."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import Permission, lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3 import notifications
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket
from moto.sns.models import Subscription

from happypath.sandbox.iam import AccessDeniedError, Service
from happypath.sandbox.iam.deliveries import check_delivery
from happypath.sandbox.patches.served import Patch, Served


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
