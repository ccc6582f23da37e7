"""`happypath compare`: the same photos through two deployed workflows, as a dry run."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from functions.ingest.live import Live
from functions.upload import Upload, parse_key, without_extension
from happypath.operations import shadow
from happypath.operations.dry_run import Decision, dry_run, read
from happypath.operations.executions import describe
from happypath.operations.installation import Installation
from happypath.operations.live import changes
from happypath.operations.shadow import Subject


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
        ended = cleaning.enter_context(closing(shadow.through(installation, dry_runs, subjects)))
        for subject, histories in ended:
            decisions = map(read, histories)
            yield Comparison(subject, dict(zip(workflows, decisions, strict=True)))
