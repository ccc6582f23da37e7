"""S3: events of objects, and buckets that stacks make."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.events.models import events_backends
from moto.s3 import notifications
from moto.s3.models import FakeBucket, FakeKey

from happypath.sandbox.patches.served import Patch, Served

_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
}


@contextmanager
def object_created_events(_: Served) -> Iterator[None]:
    """The sequencer of `Object Created` grows; moto's is one for all, and its delivery hides errors.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    sequence = itertools.count(time.time_ns())

    def replacement(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        name = str(getattr(event_name, "value", event_name))
        s3_object: dict[str, Any] = {
            "key": key.name,
            "sequencer": f"{next(sequence):018X}",
        }
        if isinstance(key, FakeKey):  # and not a delete marker, whose removal is told, too
            s3_object |= {"size": key.size, "etag": key.etag.strip('"')}
        if bucket.is_versioned:
            s3_object["version-id"] = key.version_id
        event: Any = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": notifications._detail_type(event_name),
            "source": "aws.s3",
            "account": account_id,
            "time": time.time(),
            "region": bucket.region_name,
            "resources": [bucket.arn],
            "detail": {
                "version": "0",
                "bucket": {"name": bucket.name},
                "object": s3_object,
                "request-id": uuid.uuid4().hex[:16].upper(),
                "requester": account_id,
                "source-ip-address": "127.0.0.1",
                "reason": _REASONS.get(name, name),
            },
        }
        for bus in events_backends[account_id][bucket.region_name].event_buses.values():
            for rule in list(bus.rules.values()):
                rule.send_to_targets(event.copy(), transform_input=False)

    with patch.object(notifications, "_send_event_bridge_message", replacement):
        yield


@contextmanager
def buckets_of_stacks(_: Served) -> Iterator[None]:
    """A stack's bucket has the versioning and the notifications of its template; moto leaves them out.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """
    create: Any = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_with_settings(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        bucket = create(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        properties = cloudformation_json.get("Properties", {})
        bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
        if properties.get("NotificationConfiguration", {}).get("EventBridgeConfiguration"):
            bucket.set_notification_configuration({"EventBridgeConfiguration": {}})
        return bucket

    with patch.object(FakeBucket, "create_from_cloudformation_json", classmethod(create_with_settings)):  # type: ignore[arg-type]  # it takes any
        yield


PATCHES: tuple[Patch, ...] = (object_created_events, buckets_of_stacks)
