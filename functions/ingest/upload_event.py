"""What a message of the queue says has arrived, which object that is, and which of two came later."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from functions.platform.current_object import found, head, http_status
from functions.platform.observability import logger
from functions.platform.trace_header import TraceHeader
from functions.upload import without_extension

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
# How often one upload can be run. The number is the end of the execution's name, which has a limit.
MAX_ATTEMPTS = 999
# The metadata of an object in which its uploader may name a trace: `x-amz-meta-x-amzn-trace-id` over HTTP.
_TRACE = "x-amzn-trace-id"


class UnknownShapeError(ValueError):
    """A message is none of the events that mean an upload; the message says what is wrong with it."""


@dataclass(frozen=True)
class UploadEvent:
    """One uploaded object, as its event describes it."""

    bucket: str
    # Never URL-encoded, unless `perhaps_encoded`.
    key: str
    # None where the event does not say, or the bucket keeps no versions.
    version_id: str | None = None
    etag: str | None = None
    # S3's own order of the events of one key, in hexadecimal.
    sequencer: str | None = None
    source: str = "aws.s3"
    detail_type: str = "Object Created"
    time: str | None = None
    # What a custom event says of its key.
    place_id: str | None = None
    upload_id: str | None = None
    perhaps_encoded: bool = False
    # Above 1 when an operator has an upload run again that failed (`happypath redrive`).
    attempt: int = 1
    # What made a version current again, by the deletion of the one that hid it (statemachines/deletion).
    restored: str | None = None
    # What only S3 can tell (`locate`): that there is no such object any more, or a delete marker upon it; and
    # the trace that its uploader named.
    deleted: bool = False
    trace: TraceHeader | None = None

    @property
    def identity(self) -> str:
        """What tells this upload from another one of the same key: the version, or the best that is known."""
        known = self.version_id or self.etag or self.sequencer or ""
        # It may have been an upload before, and no execution's name is given twice.
        return f"{known} {self.restored}" if self.restored else known

    def contradicts(self, place_id: str, upload_id: str) -> bool:
        """Whether the event names another place or upload than the key does.

        Applications of the time when ids had no extensions name the upload without it.
        """
        return any(
            said is not None and names.isdisjoint({said, unquote_plus(said)})
            for said, names in (
                (self.place_id, {place_id}),
                (self.upload_id, {upload_id, without_extension(upload_id)}),
            )
        )


def parse(body: str) -> list[UploadEvent]:
    """Reads the body of an SQS message.

    Three shapes mean an upload: S3's own event on EventBridge (`aws.s3`, `Object Created`; its key is plain),
    the custom event (`custom.happyPath`, `uploadComplete`; its key is plain or URL-encoded, and it may name a
    `version`, an `attempt`, and by which deletion that version was `restored`), and S3's classic notification
    (`Records`; its keys are URL-encoded), for buckets that notify the queue directly. Any of them may come in
    the envelope of SNS. S3's test notification, sent when such a bucket is connected, means nothing, and nor
    do its notifications of anything but new objects: a bucket may be told to send them all to one place.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html

    Raises:
        UnknownShapeError: the body is something else.
    """
    return _parse(_json(body))


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise UnknownShapeError("the message is not JSON") from None


def _parse(message: Any, *, in_envelope: bool = False) -> list[UploadEvent]:
    match message:
        case {"Type": "Notification", "TopicArn": str(), "Message": str(body)} if not in_envelope:
            return _parse(_json(body), in_envelope=True)
        case {"source": "aws.s3", "detail-type": "Object Created"}:
            return [_of_s3(message)]
        case {"source": "custom.happyPath", "detail-type": "uploadComplete"}:
            return [_custom(message)]
        case {"Records": [_, *_] as records}:
            return [event for record in records if (event := _classic(record))]
        case {"Service": "Amazon S3", "Event": "s3:TestEvent"}:
            return []
    raise UnknownShapeError(
        "the message is neither an aws.s3 'Object Created' event, nor a custom.happyPath 'uploadComplete' "
        "event, nor an S3 notification"
    )


def _of_s3(event: Any) -> UploadEvent:
    return UploadEvent(
        bucket=_text(event, "detail", "bucket", "name"),
        key=_key(_text(event, "detail", "object", "key")),
        version_id=_version(_optional(event, "detail", "object", "version-id")),
        sequencer=_sequencer(_optional(event, "detail", "object", "sequencer")),
        time=_optional(event, "time"),
    )


def _custom(event: Any) -> UploadEvent:
    return UploadEvent(
        bucket=_text(event, "detail", "bucket"),
        key=_key(_text(event, "detail", "key")),
        version_id=_version(_optional(event, "detail", "version")),
        source=event["source"],
        detail_type=event["detail-type"],
        time=_optional(event, "time"),
        place_id=_optional(event, "detail", "placeId"),
        upload_id=_optional(event, "detail", "ID"),
        perhaps_encoded=True,
        attempt=_attempt(event["detail"].get("attempt", 1)),
        restored=_optional(event, "detail", "restored"),
    )


def _classic(record: Any) -> UploadEvent | None:
    name = _text(record, "eventName").removeprefix("s3:")
    if not name.startswith("ObjectCreated:"):
        if _optional(record, "eventSource") != "aws:s3":
            raise UnknownShapeError(f"the notification {name!r} is not S3's")
        # What is deleted is followed by its event on EventBridge.
        logger.info(
            "no upload: S3 notifies of %s", name, extra={"key": _optional(record, "s3", "object", "key")}
        )
        return None
    return UploadEvent(
        bucket=_text(record, "s3", "bucket", "name"),
        key=_decoded(_text(record, "s3", "object", "key")),
        version_id=_version(_optional(record, "s3", "object", "versionId")),
        sequencer=_sequencer(_optional(record, "s3", "object", "sequencer")),
        time=_optional(record, "eventTime"),
    )


def _optional(event: Any, *path: str) -> str | None:
    for step in path:
        event = event.get(step) if isinstance(event, Mapping) else None
    return event if isinstance(event, str) and event else None


def _text(event: Any, *path: str) -> str:
    value = _optional(event, *path)
    if value is None:
        raise UnknownShapeError(f"the message has no text at {'.'.join(path)}")
    return value


def _key(key: str) -> str:
    # JSON can hold half of a surrogate pair, which no key can.
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        raise UnknownShapeError(f"the key {key!r} is not Unicode text") from None
    if size_bytes > 1024:
        raise UnknownShapeError(f"the key has {size_bytes} bytes, an S3 key at most 1024")
    return key


def _decoded(key: str) -> str:
    try:
        return _key(unquote_plus(key, errors="strict"))
    except UnicodeDecodeError:
        raise UnknownShapeError(f"the key {key!r} is not URL-encoded UTF-8") from None


def _version(version_id: str | None) -> str | None:
    # "null" names whatever was written last while the bucket kept no versions: it tells no two uploads apart.
    return None if version_id == "null" else version_id


def _attempt(attempt: Any) -> int:
    # To Python, true is a whole number, too.
    if type(attempt) is not int or not 1 <= attempt <= MAX_ATTEMPTS:
        raise UnknownShapeError(f"the attempt {attempt!r} is not a whole number from 1 to {MAX_ATTEMPTS}")
    return attempt


def _sequencer(sequencer: str | None) -> str | None:
    return sequencer if sequencer and _HEXADECIMAL.fullmatch(sequencer) else None


def locate(event: UploadEvent) -> UploadEvent:
    """Completes an upload event with what only S3 can tell: whether the object is still there, which version
    it is where the event does not say, how the key is to be read, and the uploader's trace.

    A custom event's key is taken literally when such an object exists, else as URL-encoded when that one
    exists. An object that may not be looked at stays as the event has it: the workflow will meet the
    same answer, and record it by its name.

    It takes one HeadObject; for a version that is not the current one any longer, two.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: S3 throttles, fails or cannot be reached.
    """
    forbidden = False
    for key in _readings(event):
        try:
            there = found(event.bucket, key, event.version_id)
        except ClientError as error:
            if http_status(error) != 403:
                raise
            forbidden = True
            continue
        if there is not None:
            return replace(
                event,
                key=key,
                version_id=_version(there.get("VersionId")),
                etag=there["ETag"].strip('"'),
                trace=_uploaders_trace(there),
            )
    return replace(event, deleted=not forbidden)


def _readings(event: UploadEvent) -> list[str]:
    if not event.perhaps_encoded:
        return [event.key]
    try:
        decoded = _decoded(event.key)
    except UnknownShapeError:
        return [event.key]
    return list(dict.fromkeys([event.key, decoded]))


def _uploaders_trace(there: HeadObjectOutputTypeDef) -> TraceHeader | None:
    """The trace that the uploader named in the metadata; None when there is none that makes sense."""
    header = TraceHeader.parse(there["Metadata"].get(_TRACE))
    return header if header and header.is_current(time.time()) else None


def is_newer(event: UploadEvent, *, than: Mapping[str, str]) -> bool:
    """Whether an event is of a later upload than the one of its key that a workflow record names.

    S3's sequencers decide. Where one is missing, or they are equal, the event is newer if it is the current
    version of its key. And if one of the two is gone and the other is the current version, that is the newer
    one: a version that is deleted by itself brings the one before it back. The answer is the same however
    often and in which order the events come, so a repeated event never takes a record back.
    """
    if event.deleted or than.get("objStatus") == "DELETED":
        current = head(event.bucket, event.key)
        if current is not None and "VersionId" in current:
            if event.deleted and current["VersionId"] == than.get("version"):
                return False
            if not event.deleted and current["VersionId"] == event.version_id:
                return True
    later = _later(event.sequencer, than.get("sequencer"))
    if later is not None:
        return later
    current = head(event.bucket, event.key)
    return current is not None and (event.version_id or event.identity) in {
        current.get("VersionId"),
        current["ETag"].strip('"'),
    }


def _later(sequencer: str | None, other: str | None) -> bool | None:
    """Compares two sequencers of one key; None where they do not tell.

    They can differ in length, and S3's user guide has said both that the shorter is to be padded on the left
    and on the right. Where it matters, they do not tell.
    """
    if sequencer is None or other is None:
        return None
    one, two = sequencer.lower(), other.lower()
    width = max(len(one), len(two))
    on_the_left = _order(one.rjust(width, "0"), two.rjust(width, "0"))
    on_the_right = _order(one.ljust(width, "0"), two.ljust(width, "0"))
    return on_the_left > 0 if on_the_left == on_the_right != 0 else None


def _order(one: str, two: str) -> int:
    return (one > two) - (one < two)
