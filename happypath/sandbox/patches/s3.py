"""S3: events of objects, and buckets that stacks make."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import local
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import lambda_backends
from moto.core.request import Request
from moto.s3 import notifications
from moto.s3.exceptions import BucketNotEmpty
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend, get_canned_acl, s3_backends
from moto.s3.notifications import S3NotificationEvent
from moto.s3.responses import S3Response

from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.s3 import events, forms, listings
from happypath.sandbox.s3.keys import usable_key

logger = logging.getLogger(__name__)

_PUT = S3NotificationEvent.OBJECT_CREATED_PUT_EVENT
_POSTED = S3NotificationEvent.OBJECT_CREATED_POST_EVENT
_TAGGED = S3NotificationEvent.OBJECT_TAGGING_PUT_EVENT
_REMOVED = S3NotificationEvent.OBJECT_REMOVED_DELETE_EVENT
_MARKED = S3NotificationEvent.OBJECT_REMOVED_DELETE_MARKER_CREATED_EVENT


@contextmanager
def object_events(_: Served) -> Iterator[None]:
    """Events of objects go to the default bus only, with a sequencer that grows, and name what was done.

    moto sends them to every bus, with the same sequencer, and hides errors. Queues, topics and functions get
    neither version nor sequencer from it.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    with (
        patch.object(notifications, "_send_event_bridge_message", events.to_event_bridge),
        patch.object(notifications, "_get_s3_event", events.to_queue_topic_or_function),
    ):
        yield


@contextmanager
def one_event_of_each_write(_: Served) -> Iterator[None]:
    """A write sends one event; moto adds `Object Tags Added` to each, and a Put to what came in parts.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
    """
    send: Any = notifications.send_event
    complete: Any = S3Backend.complete_multipart_upload
    tag: Any = S3Backend.put_object_tagging
    # Only the operation of this name is about tags; other writes set them, too.
    operation: Any = S3Response.put_object_tagging

    def send_one(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        if not events.is_quiet(event_name):
            send(account_id, event_name, bucket, key)

    def complete_with_one(backend: Any, *arguments: Any, **named: Any) -> Any:
        with events.without(_PUT):
            return complete(backend, *arguments, **named)

    def tag_silently(backend: Any, *arguments: Any, **named: Any) -> Any:
        if tagging.active:
            return tag(backend, *arguments, **named)
        with events.without(_TAGGED):
            return tag(backend, *arguments, **named)

    def tag_by_operation(response: Any) -> Any:
        tagging.active = True
        try:
            return operation(response)
        finally:
            tagging.active = False

    tagging = _Tagging()
    with (
        patch.object(notifications, "send_event", send_one),
        patch.object(S3Backend, "complete_multipart_upload", complete_with_one),
        patch.object(S3Backend, "put_object_tagging", tag_silently),
        patch.object(S3Response, "put_object_tagging", tag_by_operation),
    ):
        yield


class _Tagging(local):
    """Whether this thread answers PutObjectTagging."""

    active = False


class _Suspended(local):
    """Whether this thread does what keeps the versions of a suspended bucket."""

    keeps = False

    @contextmanager
    def keeping(self) -> Iterator[None]:
        before, self.keeps = self.keeps, True
        try:
            yield
        finally:
            self.keeps = before


@contextmanager
def versions_of_suspended_buckets(_: Served) -> Iterator[None]:
    """In a suspended bucket a write and a delete replace the version `null` alone; with moto all versions go.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeletingObjectsfromVersionSuspendedBuckets.html
    """
    put: Any = S3Backend.put_object
    delete: Any = S3Backend.delete_object
    head: Any = S3Response.head_object
    suspended = _Suspended()

    def is_versioned(bucket: Any) -> bool:
        status = bucket.versioning_status
        return status == "Enabled" or (suspended.keeps and status == "Suspended")

    def put_beside(backend: Any, bucket_name: str, key_name: str, *given: Any, **named: Any) -> Any:
        bucket = backend.get_bucket(bucket_name)
        if bucket.versioning_status != "Suspended":
            return put(backend, bucket_name, key_name, *given, **named)
        is_quiet = named.pop("disable_notification", False)
        with suspended.keeping():
            stored = put(backend, bucket_name, key_name, *given, **named, disable_notification=True)
        stored._version_id = "null"
        _keep_one_null(bucket, key_name, stored)
        if not is_quiet:
            event = _POSTED if named.get("request_method") == "POST" else _PUT
            notifications.send_event(backend.account_id, event, bucket, stored)
        return stored

    def delete_one(backend: Any, bucket_name: str, key_name: str, *given: Any, **named: Any) -> Any:
        with suspended.keeping():
            return delete(backend, bucket_name, key_name, *given, **named)

    def mark(backend: Any, bucket_name: str, key_name: str) -> Any:
        # A key that never was gets a marker, too.
        bucket = backend.get_bucket(bucket_name)
        current: Any = bucket.keys.get(key_name) or SimpleNamespace(name=key_name)
        marker = FakeDeleteMarker(current)
        bucket.keys.setlist(key_name, [*bucket.keys.getlist(key_name, []), marker])
        if bucket.versioning_status == "Suspended":
            marker._version_id = "null"
            _keep_one_null(bucket, key_name, marker)
        return marker

    def head_any(response: Any, *given: Any, **named: Any) -> Any:
        with suspended.keeping():
            return head(response, *given, **named)

    with (
        patch.object(FakeBucket, "is_versioned", property(is_versioned)),
        patch.object(S3Backend, "put_object", put_beside),
        patch.object(S3Backend, "delete_object", delete_one),
        patch.object(S3Backend, "_set_delete_marker", mark),
        patch.object(S3Response, "head_object", head_any),
    ):
        yield


def _keep_one_null(bucket: Any, key_name: str, newest: Any) -> None:
    """Leaves of the versions `null` of a key the newest."""
    versions = bucket.keys.getlist(key_name, [])
    bucket.keys.setlist(key_name, [each for each in versions if each.version_id != "null" or each is newest])


@contextmanager
def deletion_events(_: Served) -> Iterator[None]:
    """Each deletion sends an event, a delete marker too; moto sends one for the last version only.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    delete: Any = S3Backend.delete_object

    def delete_and_tell(
        backend: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = backend.get_bucket(bucket_name)
        before = list(bucket.keys.getlist(key_name, []))
        with events.without(_REMOVED):
            answer = delete(backend, bucket_name, key_name, version_id=version_id, bypass=bypass)
        after = bucket.keys.getlist(key_name, [])
        markers = [each for each in after if not any(each is earlier for earlier in before)]
        for marker in markers:
            notifications.send_event(backend.account_id, _MARKED, bucket, marker)
        # What a marker replaces, in a suspended bucket, went by it.
        for gone in [] if markers else [each for each in before if not any(each is left for left in after)]:
            notifications.send_event(backend.account_id, _REMOVED, bucket, gone)
        return answer

    with patch.object(S3Backend, "delete_object", delete_and_tell):
        yield


@contextmanager
def buckets_of_stacks(served: Served) -> Iterator[None]:
    """A stack's bucket has its template's versioning, notifications, CORS and bucket key; moto's has not.

    One with objects in it is not deleted with its stack, which fails; moto's stack goes without it.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
    """
    create: Any = FakeBucket.create_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def create_with_settings(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **more: Any
    ) -> Any:
        bucket = create(cls, resource_name, cloudformation_json, account_id, region_name, **more)
        properties = cloudformation_json.get("Properties", {})
        bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
        for rule in properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", ()):
            bucket.encryption["Rule"]["BucketKeyEnabled"] = str(rule.get("BucketKeyEnabled", False)).lower()
        notifying = _notifications(properties.get("NotificationConfiguration") or {})
        if notifying.keys() == {"EventBridgeConfiguration"}:
            bucket.set_notification_configuration(notifying)
        elif notifying:
            served.own_client("s3").put_bucket_notification_configuration(
                Bucket=bucket.name, NotificationConfiguration=notifying
            )
        if rules := properties.get("CorsConfiguration", {}).get("CorsRules"):
            bucket.set_cors([_as_in_the_api(rule) for rule in rules])
        return bucket

    delete: Any = FakeBucket.delete_from_cloudformation_json.__func__  # type: ignore[attr-defined]

    def delete_if_empty(
        cls: Any, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        if s3_backends[account_id]["aws"].get_bucket(resource_name).keys:
            raise BucketNotEmpty(bucket_name=resource_name)
        delete(cls, resource_name, cloudformation_json, account_id, region_name)

    with (
        patch.object(FakeBucket, "create_from_cloudformation_json", classmethod(create_with_settings)),  # type: ignore[arg-type]  # it takes any
        patch.object(FakeBucket, "delete_from_cloudformation_json", classmethod(delete_if_empty)),
    ):
        yield


def _notifications(properties: dict[str, Any]) -> dict[str, Any]:
    """A template's NotificationConfiguration → as PutBucketNotificationConfiguration takes it."""
    found: dict[str, Any] = {}
    for name, target, api_name in (
        ("LambdaConfigurations", "Function", "LambdaFunction"),
        ("QueueConfigurations", "Queue", "Queue"),
        ("TopicConfigurations", "Topic", "Topic"),
    ):
        if name in properties:
            found[f"{api_name}Configurations"] = [
                {
                    f"{api_name}Arn": each[target],
                    "Events": [each["Event"]],
                    **(
                        {"Filter": {"Key": {"FilterRules": each["Filter"]["S3Key"]["Rules"]}}}
                        if "Filter" in each
                        else {}
                    ),
                }
                for each in properties[name]
            ]
    bridge = properties.get("EventBridgeConfiguration")
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    return found


def _as_in_the_api(rule: dict[str, Any]) -> dict[str, Any]:
    """A template's CORS rule → as PutBucketCors takes it."""
    names = {
        "AllowedMethods": "AllowedMethod",
        "AllowedOrigins": "AllowedOrigin",
        "AllowedHeaders": "AllowedHeader",
        "ExposedHeaders": "ExposeHeader",
    }
    found: dict[str, Any] = {names[name]: list(value) for name, value in rule.items() if name in names}
    return {**found, "MaxAgeSeconds": str(rule["MaxAge"])} if "MaxAge" in rule else found


@contextmanager
def functions_are_notified_asynchronously(_: Served) -> Iterator[None]:
    """Who writes an object does not wait for the functions that its bucket notifies; with moto it does.

    https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html
    """

    def invoke(account_id: str, event_body: Any, fn_arn: str, region_name: str) -> None:
        try:
            function: Any = lambda_backends[account_id][region_name].get_function(fn_arn)
            function.invoke(json.dumps(event_body), {"X-Amz-Invocation-Type": "Event"}, {})
        except Exception as error:  # whatever it is, who wrote the object does not hear of it
            logger.warning("S3: a bucket could not notify %s: %s", fn_arn, error)

    with patch.object(notifications, "_invoke_awslambda", invoke):
        yield


@contextmanager
def bodies_of_any_type(_: Served) -> Iterator[None]:
    """What is put is the object, whatever its type says; moto reads a form of it if curl calls it one.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    """
    may_be_form = property(lambda request: request.method != "PUT" and bool(request.content_type))
    with patch.object(Request, "want_form_data_parsed", may_be_form, create=True):
        yield


@contextmanager
def keys_of_objects(_: Served) -> Iterator[None]:
    """An object is under the key that its request names, else under its bucket's; the key must be usable.

    moto takes any text for a key, and the bucket's for requests that name AWS's own.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/specifying-kms-encryption.html
    """
    put: Any = S3Backend.put_object
    get: Any = S3Response.get_object

    def put_under_its_key(backend: Any, bucket_name: str, *given: Any, **named: Any) -> Any:
        key_id = named.get("kms_key_id")
        rule = (backend.get_bucket(bucket_name).encryption or {}).get("Rule", {})
        default = rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
        key_id = key_id or (None if named.get("encryption") else default)
        if key_id:
            named["kms_key_id"] = usable_key(key_id, backend.get_bucket(bucket_name).region_name)
        stored = put(backend, bucket_name, *given, **named)
        if not key_id:
            stored.kms_key_id = None
        return stored

    def get_decrypted(response: Any) -> Any:
        answer = get(response)
        key_id = answer[1].get("x-amz-server-side-encryption-aws-kms-key-id")
        if key_id and answer[0] < HTTPStatus.MULTIPLE_CHOICES:
            usable_key(key_id, key_id.split(":")[3])
        return answer

    with (
        patch.object(S3Backend, "put_object", put_under_its_key),
        patch.object(S3Response, "get_object", get_decrypted),
    ):
        yield


@contextmanager
def acl_of_parts(_: Served) -> Iterator[None]:
    """An object that came in parts is its owner's, as any other; moto answers its ACL with 500.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
    """
    get: Any = S3Backend.get_object_acl

    def get_or_private(backend: Any, key: Any) -> Any:
        return get(backend, key) or get_canned_acl("private")

    with patch.object(S3Backend, "get_object_acl", get_or_private):
        yield


@contextmanager
def keys_of_any_characters(_: Served) -> Iterator[None]:
    """A key may have characters that XML has not: they are references, or encoded as the request asks.

    moto encodes in two of the listings, and writes what is no XML in the others.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    serialize: Any = S3Response.serialized

    def serialize_readably(response: Any, action_result: Any) -> Any:
        if response.querystring.get("encoding-type") == ["url"]:
            listings.encode(action_result.result)
        status, headers, body = serialize(response, action_result)
        return status, headers, listings.as_xml(body)

    with patch.object(S3Response, "serialized", serialize_readably):
        yield


@contextmanager
def form_answers(_: Served) -> Iterator[None]:
    """A form is stored by its own fields, and answered as it asks; moto takes those of the address, too.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
    """
    post: Any = S3Response._bucket_response_post

    def post_whole(response: Any, request: Any, bucket_name: str) -> Any:
        if not str(request.content_type).startswith("multipart/form-data"):
            return post(response, request, bucket_name)
        body = request.environ["wsgi.input"].getvalue()
        return forms.store(response.backend, bucket_name, request.content_type, body)

    with patch.object(S3Response, "_bucket_response_post", post_whole):
        yield


PATCHES: tuple[Patch, ...] = (
    object_events,
    one_event_of_each_write,
    versions_of_suspended_buckets,
    deletion_events,
    buckets_of_stacks,
    functions_are_notified_asynchronously,
    bodies_of_any_type,
    keys_of_objects,
    acl_of_parts,
    keys_of_any_characters,
    form_answers,
)
