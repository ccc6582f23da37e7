"""Uploads that lie in the bucket already are catalogued: each that the catalogue has nothing of by an
execution of its own. It owns no record, so it changes none.

What has been done is known by the catalogue, what is being done by the names of the executions, which follow
from the upload. So this can be interrupted and started again at any time, and repeats nothing.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from functions.catalogue.index import are_whole
from functions.ingest.record import execution_name, fingerprint
from functions.ingest.upload_event import MAX_ATTEMPTS
from functions.upload import Upload
from happypath.errors import ExpectedError
from happypath.operations import cost, usage
from happypath.operations.cost import Bill
from happypath.operations.installation import TERMINAL, Installation
from happypath.operations.objects import StoredObject, batches, current_objects
from happypath.operations.records import Record, batch_get
from happypath.operations.search import tables_of
from happypath.project import cataloguing

# What makes entries of pictures, and of documents.
PICTURES, DOCUMENTS = "catalogue", "document"
# By what a key ends with; what is neither is looked at by the workflow of documents, which reads its bytes.
_OF_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic", ".heif", ".gif", ".bmp", ".tif", ".tiff")
# So many run at once: more would only wait for Rekognition.
_AT_ONCE = 50
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 10.0


class CatalogueError(ExpectedError):
    """Uploads cannot be catalogued; the message says why, and what to do."""


class State(StrEnum):
    """What is to be done about an object."""

    # To be catalogued.
    NEW = "NEW"
    CATALOGUED = "CATALOGUED"
    # It has no outcome yet.
    OPEN = "OPEN"
    # No workflow accepted it, so no search finds it.
    NOT_ACCEPTED = "NOT_ACCEPTED"
    # No workflow ever ran for it, or only for an older version.
    NO_RECORD = "NO_RECORD"


# What a person does about objects that stay as they are.
ADVICE = {
    State.OPEN: "They have no outcome yet: start this again when they have (happypath runs).",
    State.NOT_ACCEPTED: "Only accepted uploads are found. Those that failed: happypath redrive --failed.",
    State.NO_RECORD: "No workflow has seen this version: happypath reconcile --fix sends it to what is live.",
}


@dataclass(frozen=True)
class Found:
    """An object of the bucket, and the workflow that is to catalogue it."""

    stored: StoredObject
    state: State
    workflow: str
    record: Record | None = None

    @property
    def upload(self) -> Upload:
        """The upload that it is."""
        place_id, _, upload_id = self.stored.key.partition("/")
        return Upload(self.stored.bucket, self.stored.key, place_id, upload_id, self.stored.version)

    def ended(self, status: str, reason: str | None, execution_arn: str | None = None) -> Ended:
        """What became of it."""
        return Ended(self.stored.key, self.stored.version, self.workflow, status, reason, execution_arn)


@dataclass(frozen=True)
class Ended:
    """What became of an object: `CATALOGUED`, `REJECTED`, `FAILED`, `CHANGED` meanwhile, or a `State`."""

    key: str
    version: str | None
    workflow: str
    status: str
    reason: str | None = None
    execution_arn: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The element of `catalogue --json`."""
        return {
            "key": self.key,
            "version": self.version,
            "workflow": self.workflow,
            "status": self.status,
            "reason": self.reason,
            "executionArn": self.execution_arn,
        }


def by_name(key: str) -> str:
    """The workflow that an object is catalogued by, as its name has it.

    >>> by_name("camera/left.JPG"), by_name("archive/contract.pdf")
    ('catalogue', 'document')
    """
    return PICTURES if key.lower().endswith(_OF_PICTURES) else DOCUMENTS


def look(
    installation: Installation, key_prefix: str, choose: Callable[[str], str] = by_name
) -> Iterator[Found]:
    """What lies in the bucket under keys that begin so, each with what is to be done about it."""
    for objects in batches(current_objects(installation, prefix=key_prefix)):
        records = batch_get(installation, (each.key for each in objects))
        found = [_found(each, records.get(each.key), choose(each.key)) for each in objects]
        done = are_whole(tables_of(installation), [each.upload for each in found if each.state is State.NEW])
        for each in found:
            is_done = each.stored.key in done
            yield Found(each.stored, State.CATALOGUED, each.workflow, each.record) if is_done else each


def _found(stored: StoredObject, record: Record | None, workflow: str) -> Found:
    if record is None or (record.get("version") != stored.version and "placeId" in record):
        state = State.NO_RECORD
    elif record["objStatus"] == "PROCESSED":
        state = State.NEW
    elif record["objStatus"] == "DELETED":
        # It is there again, or still.
        state = State.NO_RECORD
    else:
        state = State.NOT_ACCEPTED if record["objStatus"] in TERMINAL else State.OPEN
    return Found(stored, state, workflow, record)


def nothing_there(installation: Installation, key_prefix: str) -> CatalogueError:
    """The error of a bucket that has no such objects."""
    under = f" under {key_prefix}" if key_prefix else ""
    return CatalogueError(f"Nothing lies{under} in {installation.core['UploadBucket']}.")


def bill(workflow: str, number: int) -> Bill:
    """What it costs to catalogue so many uploads, none of them within what is free."""
    return cost.bill(workflow, number, 1.0, usage.load(), cost.prices(), free_tier=False, uploaded=False)


def machines_of(installation: Installation, workflows: Iterable[str]) -> dict[str, str]:
    """The state machines of workflows, by their names.

    Raises:
        CatalogueError: one is not deployed.
    """
    there = installation.state_machines()
    for name in workflows:
        if name not in there:
            raise CatalogueError(
                f"There is no workflow {name} in {installation.prefix}: `happypath deploy {name}`."
            )
    return there


def catalogue(
    installation: Installation,
    objects: Iterable[Found],
    machines: Mapping[str, str],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[Ended]:
    """Runs an execution for each object that is new, some at once, and yields how each ended.

    Those that no workflow has seen are yielded, too.
    """
    rest = iter(objects)
    running: deque[_Running] = deque()
    wait_s = _FIRST_WAIT_S
    while True:
        while len(running) < _AT_ONCE and (found := next(rest, None)) is not None:
            # One that has come since the workflows were looked for may be of another.
            if found.state is State.NEW and found.workflow in machines:
                running.append(_start(installation, found, machines[found.workflow]))
            elif found.state is State.NO_RECORD:
                yield found.ended(State.NO_RECORD, ADVICE[State.NO_RECORD])
        if not running:
            return
        turns = [_turn(installation, running) for _ in range(len(running))]
        ended = [each for each in turns if each is not None]
        yield from _checked(installation, ended)
        if ended:
            wait_s = _FIRST_WAIT_S
        else:
            wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


@dataclass(frozen=True)
class _Running:
    found: Found
    execution_arn: str


def _turn(installation: Installation, running: deque[_Running]) -> tuple[Found, Ended] | None:
    """How the first of those that run ended; if it still runs it is the last from now on."""
    first = running.popleft()
    how = _how(installation, first.execution_arn)
    if how is None:
        running.append(first)
        return None
    return first.found, first.found.ended(*how, first.execution_arn)


def _checked(installation: Installation, ended: Sequence[tuple[Found, Ended]]) -> Iterator[Ended]:
    """What ended well is in the catalogue, or was refused, or was replaced or deleted meanwhile."""
    there = are_whole(tables_of(installation), [found.upload for found, _ in ended])
    for found, each in ended:
        if each.status == "FAILED":
            yield each
        elif each.key in there:
            yield found.ended("CATALOGUED", None, each.execution_arn)
        elif each.reason is not None:
            yield replace(each, status="REJECTED")
        else:
            yield replace(each, status="CHANGED", reason="It was replaced or deleted meanwhile.")


def upload_of(record: Record) -> Upload:
    """The upload that a record is of."""
    key, place_id = record["key"], record["placeId"]
    return Upload(record["bucket"], key, place_id, key.removeprefix(f"{place_id}/"), record.get("version"))


def again(installation: Installation, record: Record) -> None:
    """Has an upload catalogued that is accepted, by the workflow of its record if that does it.

    Raises:
        CatalogueError: that workflow is not deployed.
    """
    workflow = _workflow_of(record)
    _started(installation, upload_of(record), record, machines_of(installation, [workflow])[workflow])


def is_running(installation: Installation, record: Record) -> bool:
    """Whether an execution that this module started is cataloguing an upload."""
    workflow = _workflow_of(record)
    machine = installation.state_machines().get(workflow)
    for arn in _executions(upload_of(record), machine) if machine else ():
        execution = installation.execution(arn)
        if execution is None or not execution.has_ended:
            return execution is not None
    return False


def _workflow_of(record: Record) -> str:
    own = record.get("workflow", "")
    return own if own in cataloguing() else by_name(record["key"])


def _start(installation: Installation, found: Found, machine: str) -> _Running:
    return _Running(found, _started(installation, found.upload, found.record or {}, machine))


def _started(installation: Installation, upload: Upload, record: Record, machine: str) -> str:
    """Starts the execution of an upload, or finds the one that was started before → its ARN.

    One that failed is followed by another; one that refused the upload, or runs, is the one.
    """
    stepfunctions = installation.client("stepfunctions")
    # It is found by the workflow that its record is of.
    detail = upload.as_detail() | {"workflow": record.get("workflow")}
    given = json.dumps({"source": "happypath.catalogue", "detail-type": "existing", "detail": detail})
    for arn in _executions(upload, machine):
        try:
            stepfunctions.start_execution(stateMachineArn=machine, name=arn.rpartition(":")[2], input=given)
        except stepfunctions.exceptions.ExecutionAlreadyExists:
            before = _how(installation, arn)
            if before is not None and (before[0] != "SUCCEEDED" or before[1] is None):
                continue
        return arn
    raise CatalogueError(f"{upload.key} was tried {MAX_ATTEMPTS} times: upload it again.")


def _executions(upload: Upload, machine: str) -> Iterator[str]:
    """The ARNs of the executions that an upload may have here, one attempt after the other."""
    # Not the name of the execution that the upload itself may have had of this workflow.
    own = fingerprint(upload.bucket, upload.key, f"{upload.version_id} beside")
    executions = machine.replace(":stateMachine:", ":execution:")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        yield f"{executions}:{execution_name(upload.upload_id, own, attempt)}"


def _how(installation: Installation, execution_arn: str) -> tuple[str, str | None] | None:
    """How an execution ended, and why it refused its upload or failed; None while it runs."""
    stepfunctions = installation.client("stepfunctions")
    try:
        described = stepfunctions.describe_execution(executionArn=execution_arn)
    except stepfunctions.exceptions.ExecutionDoesNotExist:
        # Not yet: what was started a moment ago may not be seen.
        return None
    match described["status"]:
        case "RUNNING":
            return None
        case "SUCCEEDED":
            decision = json.loads(described.get("output") or "{}").get("decision") or {}
            return "SUCCEEDED", decision.get("reason")
        case status:
            return "FAILED", described.get("error") or status
