"""What became of an upload, for those whom it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from functions.api import upload_id as ids
from functions.api.photos import renditions
from functions.api.request import Caller, RequestError
from functions.ingest.record import PARTITION
from functions.outcome import sentence
from functions.platform.aws import client
from functions.upload import is_key


def of(
    upload_id: str, caller: Caller, now: datetime, *, table_name: str, bucket: str, seal_key: str
) -> dict[str, Any]:
    """The state of an upload. A person sees what that person asked to upload, the account's principals all.

    Raises:
        RequestError: there is no such upload, or it is somebody else's (404, which does not say which).
    """
    expires = ids.expiry(upload_id, caller, seal_key)
    if not is_key(upload_id) or (expires is None and caller.person is not None):
        raise _unknown()
    place_id, _, name = upload_id.partition("/")
    record = _item(table_name, PARTITION, upload_id)
    status, reason = record.get("objStatus", {}).get("S"), None
    photo: Mapping[str, Any] = {}
    if status is None:
        # Its event may wait in the queue, for as long as no workflow is live.
        if _has_arrived(bucket, upload_id):
            status = "RECEIVED"
        elif expires is not None and now <= expires:
            status = "WAITING"
        else:
            raise _unknown()
    elif status == "PROCESSED":
        photo = _item(table_name, place_id, record.get("item", {}).get("S", name))
        # The item shows another photo by now.
        photo = photo if photo.get("key", {}).get("S", upload_id) == upload_id else {}
    elif status == "REJECTED":
        reason = record.get("reason", {}).get("S")
    return {
        "uploadId": upload_id,
        "status": status,
        "reason": reason,
        "message": sentence(status, reason),
        "renditions": renditions(photo),
    }


def _unknown() -> RequestError:
    return RequestError(404, "There is no such upload, or its form expired before a photo arrived.")


def _item(table_name: str, partition: str, sort: str) -> Mapping[str, Any]:
    found = client("dynamodb").get_item(
        TableName=table_name, Key={"PK": {"S": partition}, "SK": {"S": sort}}, ConsistentRead=True
    )
    return found.get("Item", {})


def _has_arrived(bucket: str, key: str) -> bool:
    """Whether there is such an object. To list it one need not be allowed to read it."""
    listed = client("s3").list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return any(each["Key"] == key for each in listed.get("Contents", []))
