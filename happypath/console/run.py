"""What a page knows of one upload: its record, its execution, and what that did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from functions.ingest.record import execution_name, fingerprint
from functions.upload import InvalidKeyError, is_key, parse_key
from happypath.console import pictures
from happypath.console.graph import history, overlay
from happypath.console.graph.definition import Graph
from happypath.console.graph.history import Visit, Walk
from happypath.console.graph.overlay import Step
from happypath.console.graph.svg import Overlay
from happypath.console.parts import Parts
from happypath.operations import executions
from happypath.operations.executions import Definition, Execution
from happypath.operations.installation import Installation, claimed_at

if TYPE_CHECKING:
    from happypath.console.console import Console

_VERSIONS_SHOWN = 20


@dataclass(frozen=True)
class Version:
    """A version of the uploaded object, and the name that its first execution has."""

    id: str
    at: datetime
    size_bytes: int
    execution: str | None
    is_deletion: bool = False


@dataclass
class Run:
    """One upload. A field is None if the data does not exist or could not be loaded; the page says which."""

    key: str | None = None
    record: Mapping[str, Any] | None = None
    arn: str | None = None
    execution: Execution | None = None
    definition: Definition | None = None
    walk: Walk = field(default_factory=Walk)
    photo: Mapping[str, Any] | None = None
    versions: Sequence[Version] = ()

    @property
    def version(self) -> str | None:
        """The version of the photo that the execution is of."""
        detail = self.execution.detail if self.execution else {}
        version = detail.get("version") or (self.record or {}).get("version")
        return version if isinstance(version, str) else None

    @property
    def workflow(self) -> str | None:
        """The workflow's name."""
        detail = self.execution.detail if self.execution else {}
        workflow = detail.get("workflow") or (self.record or {}).get("workflow")
        return workflow if isinstance(workflow, str) else None

    @property
    def is_of_record(self) -> bool:
        """Whether the record is of this execution; else a newer one has taken it over."""
        return self.record is not None and self.record.get("executionArn") == self.arn

    @property
    def is_outdated(self) -> bool:
        """Whether a newer version was uploaded that has no record yet."""
        if self.record is None or not self.is_of_record or not self.versions:
            return False
        newest, known = self.versions[0], self.record.get("version")
        return known is not None and not newest.is_deletion and newest.id != known

    @property
    def is_being_deleted(self) -> bool:
        """Whether the photo was deleted, and what was published of it is not all gone, by its record."""
        if self.record is None or not self.is_of_record:
            return False
        is_gone = bool(self.versions) and self.versions[0].is_deletion
        shows = self.record.get("objStatus") == "PROCESSED"
        return "deletion" in self.record or (is_gone and shows)

    @property
    def is_running(self) -> bool:
        """Whether the page is going to change by itself."""
        if self.is_outdated or self.is_being_deleted:
            return True
        if self.execution is not None:
            # Or a newer one has taken the record over while the page was made.
            taken_over = self.record is not None and not self.is_of_record
            return self.execution.is_running or (taken_over and self.is_undecided)
        return self.is_undecided

    @property
    def is_undecided(self) -> bool:
        """Whether the upload has no outcome, as far as its record says."""
        return self.record is None or self.record.get("objStatus") in ("RECEIVED", "IN_REVIEW")

    @cached_property
    def graph(self) -> Graph | None:
        """The graph of the definition."""
        return pictures.graph_of(self.definition.text) if self.definition else None

    @cached_property
    def steps(self) -> list[Step]:
        """Which edges were gone, and why."""
        return overlay.steps(self.graph, self.walk) if self.graph else []

    @cached_property
    def overlay(self) -> Overlay:
        """What is drawn over the graph."""
        return overlay.overlay(self.graph, self.walk) if self.graph else Overlay()

    def left_by(self, visit: Visit) -> Step | None:
        """Why the state was followed by the next one."""
        return self._left_by.get(id(visit))

    @cached_property
    def _left_by(self) -> dict[int, Step]:
        return {id(step.visit): step for step in self.steps if step.edge.kind != "start"}


def of_key(console: Console, parts: Parts, key: str) -> Run:
    """The upload of that key: what its record says, and its last execution."""
    record = parts.get("The record", lambda: record_of(console.installation, key), None)
    key = record["key"] if record else key
    run = Run(key, record, (record or {}).get("executionArn"))
    _fill(console, parts, run)
    return run


def of_execution(console: Console, parts: Parts, name: str) -> Run:
    """The execution of that name, and the upload that it is of.

    Raises:
        NoExecutionError: there is none.
    """
    execution = executions.find(console.installation, name)
    key = execution.detail.get("key")
    run = Run(key if isinstance(key, str) else None, arn=execution.arn, execution=execution)
    if run.key is not None:
        known = run.key
        run.record = parts.get("The record", lambda: record_of(console.installation, known), None)
    _fill(console, parts, run)
    return run


def record_of(installation: Installation, key: str) -> Mapping[str, Any] | None:
    """The record of a key, in whichever of Unicode's forms it is given."""
    for form in dict.fromkeys([key, normalize("NFC", key), normalize("NFD", key)]):
        if is_key(form) and (record := installation.record(form)) is not None:
            return record
    return None


def _fill(console: Console, parts: Parts, run: Run) -> None:
    """Asks for what is still unknown.

    The execution first: what is read after its end is final, and a page of an execution that has ended is not
    loaded again. All the rest at once.
    """
    installation, arn, key = console.installation, run.arn, run.key
    # Of another execution than the record's it is not known when it began.
    received = claimed_at(run.record) if run.is_of_record else None
    if arn is not None and run.execution is None:
        run.execution = parts.get(
            "The execution", lambda: executions.describe(installation, arn, received), None
        )
    if key is not None and run.execution and not run.execution.is_running and run.is_undecided:
        run.record = parts.get("The record", lambda: record_of(installation, key), run.record)
    with ThreadPoolExecutor(max_workers=4) as pool:
        waiting: dict[str, Any] = {}
        if key is not None:
            waiting["versions"] = pool.submit(
                parts.get, "The list of versions", lambda: _versions(installation, key), ()
            )
        if (record := run.record) is not None:
            waiting["photo"] = pool.submit(
                parts.get, "The published photo", lambda: installation.shown(record), None
            )
        if arn is not None:
            waiting["definition"] = pool.submit(
                parts.get, "The graph", lambda: executions.definition(installation, arn), None
            )
            waiting["walk"] = pool.submit(
                parts.get,
                "The way through the graph",
                lambda: history.read(console.histories.get(installation, arn, received)),
                Walk(),
            )
        for name, future in waiting.items():
            setattr(run, name, future.result())


def _versions(installation: Installation, key: str) -> list[Version]:
    """The versions of the object, newest first."""
    bucket = installation.core["UploadBucket"]
    page = installation.client("s3").list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=_VERSIONS_SHOWN)
    found = [
        Version(each["VersionId"], each["LastModified"], each["Size"], _execution_of(bucket, key, each))
        for each in page.get("Versions", [])
        if each["Key"] == key
    ]
    found += [
        Version(each["VersionId"], each["LastModified"], 0, None, is_deletion=True)
        for each in page.get("DeleteMarkers", [])
        if each["Key"] == key
    ]
    return sorted(found, key=lambda version: version.at, reverse=True)


def _execution_of(bucket: str, key: str, version: Mapping[str, Any]) -> str | None:
    try:
        _, upload_id = parse_key(key)
    except InvalidKeyError:
        return None
    return execution_name(upload_id, fingerprint(bucket, key, version["VersionId"]))
