"""Looks for uploads that have no outcome although it is time, and for deletions that are not done: in the
bucket, the table and the executions.

Three passes, each a page at a time, so that any number of uploads fits into memory: over the records, beside
the keys of the bucket in the same order, over the catalogue, and over the bucket's current objects, for those
that the table knows nothing of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from functions.catalogue.index import are_whole, left, remove
from functions.review.execution import wake_again
from functions.review.reviews import NoReviewError, Reviews
from functions.upload import is_key
from happypath.operations import catalogue
from happypath.operations.installation import TERMINAL, Installation, NotDeployedError, claimed_at
from happypath.operations.objects import StoredObject, batches, current_objects, head
from happypath.operations.records import BATCH, Record, batch_get, every
from happypath.operations.redrive import send
from happypath.operations.search import has_catalogue, tables_of
from happypath.project import cataloguing


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
    # What was published of it is still there, though its object is gone.
    NOT_DELETED = "NOT_DELETED"
    # Its deletion ended before everything was removed, and uploads of its key wait.
    UNFINISHED_DELETION = "UNFINISHED_DELETION"
    # A person has decided, and the execution that waits for it was not woken.
    NOT_WOKEN = "NOT_WOKEN"
    # The object is there again, or still, and the record says that it was deleted.
    NOT_RESTORED = "NOT_RESTORED"
    # It is accepted, and what it is to be found by was not written, or not all of it.
    NOT_CATALOGUED = "NOT_CATALOGUED"
    # The catalogue still has entries of a version that is not current. No search finds them.
    STALE_ENTRIES = "STALE_ENTRIES"


# What the state machine of deletions puts right.
_BY_DELETION = {State.NOT_DELETED, State.UNFINISHED_DELETION, State.NOT_RESTORED}


@dataclass(frozen=True)
class OpenUpload:
    """An upload without an outcome. `attempt` is the one that would give it one."""

    state: State
    bucket: str
    key: str
    version: str | None
    # When it was uploaded or, for one that was claimed, claimed; None of entries of which there is no record.
    since: datetime | None
    attempt: int = 1
    # Of an unfinished deletion, that of the deletion.
    execution_arn: str | None = None
    restored: str | None = None
    review: str | None = None

    @property
    def by_deletion(self) -> bool:
        """Whether a deletion puts it right, and not a run of a workflow."""
        return self.state in _BY_DELETION

    @property
    def goes_to(self) -> str:
        """Where `fix` sends it."""
        if self.state in {State.NOT_CATALOGUED, State.STALE_ENTRIES}:
            return "catalogue"
        return "deletion" if self.by_deletion else "queue"

    def as_json(self) -> dict[str, Any]:
        """The element of `reconcile --json`."""
        return {
            "state": str(self.state),
            "bucket": self.bucket,
            "key": self.key,
            "version": self.version,
            "since": None if self.since is None else self.since.isoformat(),
            "attempt": self.attempt,
            "executionArn": self.execution_arn,
        }


def find(
    installation: Installation, until: datetime, looked: Callable[[int], None] = lambda _: None
) -> Iterator[OpenUpload]:
    """Every upload without an outcome that was uploaded, or claimed, at `until` or before.

    `looked` is called now and then with how many more records and objects have been looked at.

    A key that no workflow can use has its outcome when it is recorded as refused. A record of the time when
    ids had no extensions counts as long as its object has no other.
    """
    stored = _Ahead(_keys(installation))
    entries = _Catalogue(installation, until)
    for record in every(installation, looked):
        is_there = stored.has(record["SK"])
        if datetime.fromisoformat(record.get("finishedAt", record["receivedAt"])) > until:
            continue
        if "deletion" in record:
            yield from _unfinished(installation, record)
        elif record["objStatus"] == "RECEIVED":
            yield from _without_outcome(installation, record)
        elif record["objStatus"] == "IN_REVIEW":
            yield from _in_review(installation, record, until)
        elif record["objStatus"] == "PROCESSED" and not is_there and record["SK"] == record["key"]:
            yield from _not_deleted(installation, record)
        else:
            yield from entries.ask(record)
    yield from entries.asked()
    yield from entries.left(looked)
    for objects in batches(current_objects(installation, until)):
        looked(len(objects))
        yield from _without_record(installation, objects)


def fix(installation: Installation, upload: OpenUpload) -> bool:
    """Has an open upload run, unless it is running: then False."""
    if upload.state is State.RUNNING:
        return False
    if upload.state is State.NOT_WOKEN and upload.review:
        clients = installation.client("dynamodb"), installation.client("stepfunctions")
        wake_again(*clients, installation.core["Table"], upload.review)
    elif upload.by_deletion:
        _delete(installation, upload)
    elif upload.state is State.STALE_ENTRIES:
        remove(tables_of(installation), upload.key)
    elif upload.state is State.NOT_CATALOGUED:
        catalogue.again(installation, batch_get(installation, [upload.key])[upload.key])
    else:
        send(installation, upload.bucket, upload.key, upload.version, upload.attempt, upload.restored)
    return True


def _delete(installation: Installation, upload: OpenUpload) -> None:
    """Starts what S3's event would have started."""
    stepfunctions = installation.client("stepfunctions")
    given: dict[str, Any] = {"detail": {"bucket": {"name": upload.bucket}, "object": {"key": upload.key}}}
    if upload.state is State.UNFINISHED_DELETION:
        given["unfinished"] = upload.execution_arn
    arn = installation.deletions()
    try:
        stepfunctions.start_execution(stateMachineArn=arn, input=json.dumps(given))
    except stepfunctions.exceptions.StateMachineDoesNotExist:
        raise NotDeployedError(
            f"There is no {arn.rpartition(':')[2]}, which ends deletions: `happypath deploy deletion`."
        ) from None


class _Catalogue:
    """Whether the catalogue has what it is to have, and nothing else."""

    def __init__(self, installation: Installation, until: datetime) -> None:
        self._installation = installation
        self._until = until
        self._tables = tables_of(installation) if has_catalogue(installation) else None
        self._workflows = frozenset(cataloguing())
        self._asked: list[Record] = []

    def ask(self, record: Record) -> Iterator[OpenUpload]:
        """Asks about what a workflow accepted that catalogues: some are asked about at once."""
        if record["objStatus"] == "PROCESSED" and record.get("workflow") in self._workflows:
            self._asked.append(record)
            if len(self._asked) == BATCH:
                yield from self.asked()

    def asked(self) -> Iterator[OpenUpload]:
        """Those that were asked about, and are not whole."""
        if self._tables is None or not self._asked:
            return
        uploads = [catalogue.upload_of(record) for record in self._asked]
        whole = are_whole(self._tables, uploads)
        missing = [record for record in self._asked if record["key"] not in whole]
        self._asked = []
        # They may have been deleted, or replaced, since they were listed.
        now = batch_get(self._installation, [record["SK"] for record in missing])
        for record in missing:
            if _is_same(now.get(record["SK"], {}), record) and not catalogue.is_running(
                self._installation, record
            ):
                yield _of(State.NOT_CATALOGUED, record, record.get("executionArn"))

    def left(self, looked: Callable[[int], None]) -> Iterator[OpenUpload]:
        """What is catalogued and not as it is to be: all of the catalogue is read."""
        for found in left(self._tables, looked) if self._tables is not None else ():
            record = batch_get(self._installation, [found.key]).get(found.key)
            if record is None:
                bucket = self._installation.core["UploadBucket"]
                yield OpenUpload(State.STALE_ENTRIES, bucket, found.key, version=None, since=None)
            elif datetime.fromisoformat(record.get("finishedAt", record["receivedAt"])) > self._until:
                continue
            elif not found.is_current:
                yield _of(State.STALE_ENTRIES, record, record.get("deletion"))
            elif record.get("workflow") not in self._workflows and not catalogue.is_running(
                self._installation, record
            ):
                yield _of(State.NOT_CATALOGUED, record, None)


def _is_same(now: Record, record: Record) -> bool:
    return now.get("objStatus") == record["objStatus"] and now.get("version") == record.get("version")


class _Ahead:
    """Keys in order, read on as far as is asked: each question is of a greater key than the one before."""

    def __init__(self, keys: Iterator[str]) -> None:
        self._keys = keys
        self._next = next(keys, None)

    def has(self, key: str) -> bool:
        """Whether the key is among them."""
        # S3 and DynamoDB both order by the bytes of UTF-8.
        while self._next is not None and self._next.encode() < key.encode():
            self._next = next(self._keys, None)
        return self._next == key


def _keys(installation: Installation) -> Iterator[str]:
    pages = installation.client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=installation.core["UploadBucket"]):
        yield from (each["Key"] for each in page.get("Contents", []))


def _in_review(installation: Installation, record: Record, until: datetime) -> Iterator[OpenUpload]:
    """A review may take its time. It has an execution that waits, and nobody has decided long ago."""
    for upload in _without_outcome(installation, record):
        if upload.state is not State.RUNNING:
            yield upload
            continue
        try:
            review = Reviews(installation.client("dynamodb"), installation.core["Table"]).show(
                record["review"]
            )
        except NoReviewError:
            # It is only going to be asked.
            continue
        if review.decided_at is not None and datetime.fromisoformat(review.decided_at) <= until:
            # Unless its execution is on its way by now.
            now = batch_get(installation, [record["SK"]]).get(record["SK"], {})
            if now.get("objStatus") == "IN_REVIEW" and now.get("review") == review.id:
                yield replace(upload, state=State.NOT_WOKEN, review=review.id)


def _unfinished(installation: Installation, record: Record) -> Iterator[OpenUpload]:
    execution = installation.execution(record["deletion"], claimed_at(record))
    if execution is not None and not execution.has_ended:
        return
    # It takes the attribute away before it ends.
    now = batch_get(installation, [record["SK"]]).get(record["SK"], {})
    if now.get("deletion") == record["deletion"]:
        yield _of(State.UNFINISHED_DELETION, record, record["deletion"])


def _not_deleted(installation: Installation, record: Record) -> Iterator[OpenUpload]:
    # It may have been deleted, and that recorded, since it was listed; or uploaded.
    now = batch_get(installation, [record["SK"]]).get(record["SK"], {})
    if _is_same(now, record) and head(installation, record["bucket"], record["key"]) is None:
        yield _of(State.NOT_DELETED, record, record.get("executionArn"))


def _of(state: State, record: Record, execution_arn: str | None) -> OpenUpload:
    return OpenUpload(
        state,
        bucket=record["bucket"],
        key=record["key"],
        version=record.get("version"),
        since=datetime.fromisoformat(record.get("deletedAt", record["receivedAt"])),
        attempt=int(record.get("attempt", "1")),
        execution_arn=execution_arn,
    )


def _without_outcome(installation: Installation, record: Record) -> Iterator[OpenUpload]:
    execution = installation.execution(record["executionArn"], claimed_at(record))
    if execution is None:
        state = State.NOT_STARTED
    else:
        state = State.NOT_RECORDED if execution.has_ended else State.RUNNING
    there = batch_get(installation, [record["SK"], record["key"]]) if state is not State.RUNNING else {}
    if record["key"] != record["SK"] and record["key"] in there:
        return
    if state is State.NOT_RECORDED:
        # The outcome is written before the execution ends: what is not there now never will be.
        now = there.get(record["SK"], {})
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
        restored=record.get("restored"),
    )


def _without_record(installation: Installation, objects: list[StoredObject]) -> Iterator[OpenUpload]:
    own = batch_get(installation, (each.key for each in objects))
    former = _former(installation, [each for each in objects if each.key not in own])
    for each in objects:
        state = _missing(installation, each, own.get(each.key) or former.get(each.key))
        if state is not None:
            yield OpenUpload(state, each.bucket, each.key, each.version, each.modified)


def _former(installation: Installation, objects: list[StoredObject]) -> dict[str, Record]:
    """The records of the time when ids had no extensions, by the keys of their objects."""
    sort_keys = [sort_key for each in objects for sort_key in each.former_sort_keys if is_key(sort_key)]
    found: dict[str, Record] = {}
    for first in range(0, len(sort_keys), BATCH):
        records = batch_get(installation, sort_keys[first : first + BATCH])
        found |= {record["key"]: record for record in records.values()}
    return found


def _missing(installation: Installation, uploaded: StoredObject, record: Record | None) -> State | None:
    """What an object has instead of a record of its own; None if it has one, or needs none."""
    if record is None:
        return State.NO_RECORD
    # Of a key that no workflow can use there is one refusal, for all its versions.
    if "placeId" not in record or "deletion" in record:
        return None
    is_deleted = record["objStatus"] == "DELETED"
    if record.get("version") == uploaded.version and not is_deleted:
        return None
    # It may have been replaced, and that recorded, since it was listed.
    current = head(installation, uploaded.bucket, uploaded.key)
    is_current = current is not None and current.get("VersionId") == uploaded.version
    if not is_current:
        return None
    return State.NOT_RESTORED if is_deleted else State.OLDER_RECORD
