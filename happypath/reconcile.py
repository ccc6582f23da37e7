"""Looks for uploads that have no outcome although it is time: in the bucket, the table and the executions.

Two passes, each a page at a time, so that any number of uploads fits into memory: over the records without an
outcome, and over the bucket's current objects, for those that the table knows nothing of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from functions.record import refused_sort_key
from functions.upload import SHADOW, InvalidKeyError, parse_key
from happypath.installation import TERMINAL, Installation
from happypath.records import BATCH, Record, at, having
from happypath.redrive import send


class State(StrEnum):
    """What is missing between an upload and its outcome."""

    # There is no record: the event was lost, or still waits in a queue.
    NO_RECORD = "NO_RECORD"
    # The record is that of an upload which this one came after.
    OLDER_RECORD = "OLDER_RECORD"
    # The upload was claimed, and its execution not started.
    NOT_STARTED = "NOT_STARTED"
    # The execution ended and could not, or did not get to, record how.
    NOT_RECORDED = "NOT_RECORDED"
    # It is not too late yet.
    RUNNING = "RUNNING"


@dataclass(frozen=True)
class OpenUpload:
    """An upload without an outcome. `attempt` is the one that would give it one."""

    state: State
    bucket: str
    key: str
    version: str | None
    # When it was uploaded or, for one that was claimed, claimed.
    since: datetime
    attempt: int = 1
    execution_arn: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The element of `reconcile --json`."""
        return {
            "state": str(self.state),
            "bucket": self.bucket,
            "key": self.key,
            "version": self.version,
            "since": self.since.isoformat(),
            "attempt": self.attempt,
            "executionArn": self.execution_arn,
        }


def find(
    installation: Installation, until: datetime, looked: Callable[[int], None] = lambda _: None
) -> Iterator[OpenUpload]:
    """Every upload without an outcome that was uploaded, or claimed, at `until` or before.

    `looked` is told now and then how many more records and objects have been looked at.

    A key that no workflow can use has its outcome when it is recorded as refused. An object that another
    one of the same upload id came after (`a.png` after `a.jpg`) has none of its own, and needs none.
    """
    for record in having(installation, "RECEIVED", looked):
        if datetime.fromisoformat(record["receivedAt"]) <= until:
            yield from _without_outcome(installation, record)
    for objects in _batches(_current_objects(installation, until)):
        looked(len(objects))
        yield from _without_record(installation, objects)


def fix(installation: Installation, upload: OpenUpload) -> bool:
    """Has an open upload run, unless it is running: then False."""
    if upload.state is State.RUNNING:
        return False
    send(installation, upload.bucket, upload.key, upload.version, upload.attempt)
    return True


def _without_outcome(installation: Installation, record: Record) -> Iterator[OpenUpload]:
    execution = installation.execution(record["executionArn"])
    if execution is None:
        state = State.NOT_STARTED
    else:
        state = State.NOT_RECORDED if execution.has_ended else State.RUNNING
    if state is State.NOT_RECORDED:
        # The outcome is written before the execution ends: what is not there now never will be.
        (now,) = at(installation, [record["SK"]]).values() or ({},)
        if now.get("executionArn") != record["executionArn"] or now["objStatus"] in TERMINAL:
            return
    attempt = int(record.get("attempt", "1"))
    yield OpenUpload(
        state,
        bucket=record["bucket"],
        key=record["key"],
        version=record.get("version"),
        since=datetime.fromisoformat(record["receivedAt"]),
        attempt=attempt + 1 if state is State.NOT_RECORDED else attempt,
        execution_arn=record["executionArn"],
    )


@dataclass(frozen=True)
class _Object:
    """A current object of the upload bucket, and where its record may be."""

    bucket: str
    key: str
    version: str | None
    modified: datetime
    # None where no workflow can use the key.
    place_id: str | None
    # The record's sort key, and the one that it has if another place's upload took the first.
    sort_keys: tuple[str, str]

    def owns(self, record: Record | None) -> bool:
        """Whether the first sort key is this object's: its record is of the same place, or there is none."""
        return record is None or self.place_id is None or record.get("placeId") == self.place_id


def _current_objects(installation: Installation, until: datetime) -> Iterator[_Object]:
    bucket = installation.core["UploadBucket"]
    pages = installation.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
    for version in (version for page in pages for version in page.get("Versions", [])):
        if not version["IsLatest"] or version["LastModified"] > until:
            continue
        key = version["Key"]
        if key.startswith(f"{SHADOW}/"):
            continue
        place_id: str | None
        try:
            place_id, upload_id = parse_key(key)
            sort_keys = (upload_id, f"{place_id}/{upload_id}")
        except InvalidKeyError:
            place_id, sort_keys = None, (refused_sort_key(key),) * 2
        # "null" is the version of what was uploaded while the bucket kept none.
        version_id = None if version["VersionId"] == "null" else version["VersionId"]
        yield _Object(bucket, key, version_id, version["LastModified"], place_id, sort_keys)


def _batches(objects: Iterator[_Object]) -> Iterator[list[_Object]]:
    while batch := list(islice(objects, BATCH)):
        yield batch


def _without_record(installation: Installation, objects: list[_Object]) -> Iterator[OpenUpload]:
    first = at(installation, (each.sort_keys[0] for each in objects))
    taken = {each.sort_keys for each in objects if not each.owns(first.get(each.sort_keys[0]))}
    second = at(installation, (sort_key for _, sort_key in taken))
    for each in objects:
        one, other = each.sort_keys
        state = _missing(installation, each, second.get(other) if each.sort_keys in taken else first.get(one))
        if state is not None:
            yield OpenUpload(state, each.bucket, each.key, each.version, each.modified)


def _missing(installation: Installation, uploaded: _Object, record: Record | None) -> State | None:
    """What an object has instead of a record of its own; None if it has one, or needs none."""
    if record is None:
        return State.NO_RECORD
    if uploaded.place_id is None or record.get("version") == uploaded.version:
        return None
    if record["key"] == uploaded.key:
        # It may have been replaced, and that recorded, since it was listed.
        head = _head(installation, uploaded.bucket, uploaded.key)
        is_current = head is not None and head.get("VersionId") == uploaded.version
        return State.OLDER_RECORD if is_current else None
    # The rule of functions.arrival.is_newer for two keys of one upload id.
    owner = _head(installation, record["bucket"], record["key"], record.get("version"))
    if owner is not None and (owner["LastModified"], record["key"]) > (uploaded.modified, uploaded.key):
        return None
    return State.OLDER_RECORD


def _head(installation: Installation, bucket: str, key: str, version: str | None = None) -> Any:
    """The head of an object, of the current version or of that one; None if it is gone."""
    which = {} if version is None else {"VersionId": version}
    try:
        return installation.client("s3").head_object(Bucket=bucket, Key=key, **which)
    except ClientError as error:
        # 405: the version is a delete marker.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in {404, 405}:
            return None
        raise
