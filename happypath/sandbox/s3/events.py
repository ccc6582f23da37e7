"""The events that S3 sends of objects: to EventBridge's default bus, to queues, topics and functions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import local
from typing import Any
from urllib.parse import quote_plus

from moto.events.models import events_backends
from moto.s3 import notifications
from moto.s3.models import FakeKey
from moto.s3.notifications import S3NotificationEvent

from happypath.sandbox.eventbridge import delivering

_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
_DELETIONS = {
    "s3:ObjectRemoved:Delete": "Permanently Deleted",
    "s3:ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}
# What a delete marker has for an ETag: that of no bytes.
_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"

# Grows with each event, as that of one object does on AWS.
_sequence = itertools.count(time.time_ns())


class _Quiet(local):
    """The events that this thread does not send, because another one says the same."""

    def __init__(self) -> None:
        self.names: frozenset[S3NotificationEvent] = frozenset()


_quiet = _Quiet()


@contextmanager
def without(*names: S3NotificationEvent) -> Iterator[None]:
    """Sends no events of these names in this thread while the block lasts."""
    before, _quiet.names = _quiet.names, _quiet.names | set(names)
    try:
        yield
    finally:
        _quiet.names = before


def is_quiet(name: Any) -> bool:
    """Whether an event of this name is not to be sent now."""
    return name in _quiet.names


def to_event_bridge(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
    """Sends an event of an object, a version of one, or a delete marker, to the default bus."""
    name = str(getattr(event_name, "value", event_name))
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": _object(bucket, key, name),
        "request-id": uuid.uuid4().hex[:16].upper(),
        "requester": account_id,
        "source-ip-address": "127.0.0.1",
    }
    if name in _REASONS:
        detail["reason"] = _REASONS[name]
    if name in _DELETIONS:
        detail["deletion-type"] = _DELETIONS[name]
    bus = events_backends[account_id][bucket.region_name].event_buses["default"]
    delivering.announce(bus, "aws.s3", notifications._detail_type(event_name), [bucket.arn], detail)


def _object(bucket: Any, key: Any, name: str) -> dict[str, Any]:
    described: dict[str, Any] = {"key": key.name}
    if name.startswith("s3:ObjectCreated"):
        described |= {"size": key.size, "etag": key.etag.strip('"')}
    elif name == "s3:ObjectRemoved:DeleteMarkerCreated":
        described["etag"] = _EMPTY_ETAG
    elif name not in _DELETIONS and isinstance(key, FakeKey):
        described["etag"] = key.etag.strip('"')
    if bucket.is_versioned:
        described["version-id"] = key.version_id
    if name in _REASONS:
        described["sequencer"] = f"{next(_sequence):018X}"
    return described


def to_queue_topic_or_function(
    event_name: Any, bucket: Any, key: Any, notification_id: str
) -> dict[str, Any]:
    """The notification that a bucket sends directly to a queue, topic or function.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    name = str(getattr(event_name, "value", event_name))
    owner = {"principalId": "AWS:SANDBOX"}
    described = _object(bucket, key, name)
    s3_object = {"key": quote_plus(key.name, safe="/")}
    for ours, theirs in (("size", "size"), ("etag", "eTag"), ("version-id", "versionId")):
        if ours in described:
            s3_object[theirs] = described[ours]
    if "sequencer" in described:
        s3_object["sequencer"] = described["sequencer"]
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": bucket.region_name,
                "eventTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "eventName": name.removeprefix("s3:"),
                "userIdentity": owner,
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {
                    "x-amz-request-id": uuid.uuid4().hex[:16].upper(),
                    "x-amz-id-2": uuid.uuid4().hex,
                },
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": notification_id,
                    "bucket": {"name": bucket.name, "ownerIdentity": owner, "arn": bucket.arn},
                    "object": s3_object,
                },
            }
        ]
    }
