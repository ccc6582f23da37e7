"""`happypath compare`: the same photos through two deployed workflows, as a dry run."""

from __future__ import annotations

import heapq
import json
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from functions.ingest.live import Live
from functions.upload import DRY_RUN, Upload, parse_key, without_extension
from happypath.operations.dry_run import Decision, DryRun, dry_run
from happypath.operations.executions import describe
from happypath.operations.installation import Installation
from happypath.operations.live import changes

# Photos that are looked at at once. Rekognition has few transactions per second, and those that are uploaded
# need them, too.
AT_ONCE = 5
# Between two looks at those: soon at first, for a sandbox, then longer each time. DescribeExecution has ten
# calls a second of an account and region, and those that are looked at take that many for one look.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_FIRST_LOOK_S, _LONGER, _POLL_S = 0.1, 1.25, 1.0


@dataclass(frozen=True)
class Subject:
    """A photo to compare workflows with: an object of the upload bucket, or a file that is to be one."""

    # As a person calls it: the file's path, or the object's key.
    name: str
    place_id: str
    # The upload that it was, or None for a file.
    upload: Upload | None = None

    @contextmanager
    def object(self, installation: Installation) -> Iterator[Upload]:
        """The object in the upload bucket. That of a file is there as long as the block lasts.

        It is stored under a prefix that sends no events, in the same private bucket, and is removed without
        leaving a version.
        """
        if self.upload is not None:
            yield self.upload
            return
        path = Path(self.name)
        bucket, key = installation.core["UploadBucket"], f"{DRY_RUN}/{secrets.token_hex(16)}{path.suffix}"
        s3 = installation.client("s3")
        put = s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        try:
            yield Upload(bucket, key, self.place_id, path.name, put["VersionId"])
        finally:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=put["VersionId"])


@dataclass(frozen=True)
class Comparison:
    """What two workflows would have done with one photo, by their names, in the order asked for."""

    subject: Subject
    decisions: dict[str, Decision]

    @property
    def differs(self) -> bool:
        """Whether their outcomes, or the reasons for them, are different."""
        return len({decision.verdict for decision in self.decisions.values()}) > 1

    @property
    def shared(self) -> int:
        """How many states their paths have in common from the start."""
        paths = [decision.path for decision in self.decisions.values()]
        return sum(1 for _ in takewhile(lambda states: len(set(states)) == 1, zip(*paths, strict=False)))

    def as_json(self) -> dict[str, Any]:
        """The element of `compare --json`."""
        return {
            "photo": self.subject.name,
            "placeId": self.subject.place_id,
            "differs": self.differs,
            "decisions": {name: decision.as_json() for name, decision in self.decisions.items()},
        }


def last(installation: Installation, number: int, workflows: Sequence[str]) -> list[Subject]:
    """The uploads that workflows were started for last, newest first; one that ran again counts once.

    An upload whose key is no upload's was never started, and none of the versions has a say in it. Nor have
    `workflows` in one whose key begins as the live parameter sends it elsewhere.
    """
    live = _live(installation)
    newest = heapq.merge(
        *(installation.executions(workflow, None) for workflow in installation.state_machines()),
        key=lambda each: each["startDate"],
        reverse=True,
    )
    found: dict[tuple[str, str | None], Subject] = {}
    for execution in newest:
        described = describe(installation, execution["executionArn"])
        given = described.input if described else None
        upload = _uploaded(given or "", installation.core["UploadBucket"])
        own = live.own(upload.key) if upload else None
        if upload is None or (own is not None and own[1] not in workflows):
            continue
        found.setdefault((upload.key, upload.version_id), Subject(upload.key, upload.place_id, upload))
        if len(found) == number:
            break
    return list(found.values())


def _live(installation: Installation) -> Live:
    try:
        return Live.parse(changes(installation)[0].value)
    except ValueError:
        return Live()  # it sends nothing anywhere


def _uploaded(text: str, bucket: str) -> Upload | None:
    """The upload that an execution is about; None for an input that somebody made up."""
    try:
        said = Upload.from_detail(json.loads(text)["detail"])
        place_id, upload_id = parse_key(said.key)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    # Executions of the time when ids had no extensions may still be listed.
    named = said.place_id == place_id and said.upload_id in {upload_id, without_extension(upload_id)}
    return replace(said, upload_id=upload_id) if named and said.bucket == bucket else None


def compare(
    installation: Installation, workflows: Sequence[str], subjects: Iterable[Subject]
) -> Iterator[Comparison]:
    """Runs each photo through both workflows as a dry run, and yields each comparison as it is done.

    Nothing is published, no record is written, and no list or alarm of the workflows shows it. Calls to
    Rekognition cost what they cost.

    Raises:
        DryRunError: one of the workflows cannot run as a dry run.
        OSError: a file cannot be read.
    """
    with ExitStack() as cleaning:
        dry_runs = [cleaning.enter_context(dry_run(installation, each)) for each in workflows]
        waiting = iter(subjects)
        running: list[_Run] = []
        cleaning.callback(_close, running)
        wait_s = _FIRST_LOOK_S
        while True:
            while len(running) < AT_ONCE and (subject := next(waiting, None)):
                running.append(_Run(installation, subject, dry_runs))
            if not running:
                return
            for run in list(running):
                comparison = run.look()
                if comparison:
                    running.remove(run)
                    run.close()
                    yield comparison
            time.sleep(wait_s)
            wait_s = min(wait_s * _LONGER, _POLL_S)


def _close(runs: Iterable[_Run]) -> None:
    for run in runs:
        run.close()


class _Run:
    """One photo on its way through both workflows."""

    def __init__(self, installation: Installation, subject: Subject, dry_runs: Sequence[DryRun]) -> None:
        self._subject = subject
        self._decisions: dict[str, Decision] = {}
        with ExitStack() as opened:
            detail = opened.enter_context(subject.object(installation)).as_detail()
            self._executions = [(run, run.start(detail)) for run in dry_runs]
            self._opened = opened.pop_all()

    def look(self) -> Comparison | None:
        """The comparison, once both have ended."""
        for run, execution in self._executions:
            if run.workflow not in self._decisions:
                decision = run.decision(execution)
                if decision:
                    self._decisions[run.workflow] = decision
        if len(self._decisions) < len(self._executions):
            return None
        in_order = {run.workflow: self._decisions[run.workflow] for run, _ in self._executions}
        return Comparison(self._subject, in_order)

    def close(self) -> None:
        """Removes the object, if it was made for the run."""
        self._opened.close()
