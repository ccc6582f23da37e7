"""Labelled pictures through a workflow's deciders, in a dry run that asks all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from happypath.operations import shadow
from happypath.operations.accuracy import deciders
from happypath.operations.accuracy.deciders import Definition, Seen
from happypath.operations.accuracy.kept import Kept
from happypath.operations.dry_run import DryRun, dry_run, read
from happypath.operations.shadow import Subject

if TYPE_CHECKING:
    from happypath.operations.installation import Installation


T = TypeVar("T")


class Measuring:
    """A workflow that is deployed, ready to be asked about pictures: see `measuring`."""

    def __init__(self, installation: Installation, run: DryRun, definition: Definition) -> None:
        self.deciders = deciders.of(definition)
        self.reasons = deciders.reasons(definition)
        # Of what decides: answers are comparable while it is the same.
        self.digest = hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()
        self._installation = installation
        self._run = run

    def see(self, pictures: Mapping[T, tuple[Path, str]], kept: Kept) -> Generator[tuple[T, Seen]]:
        """What the deciders say of each picture, as it comes; of each its file and its place are given.

        What is kept is not asked again; what is new, and no error, is kept.

        Raises:
            OSError: a file cannot be read.
        """
        subjects = {}
        for name, (path, place) in pictures.items():
            seen = kept.get(path, place)
            if seen is not None:
                yield name, seen
            else:
                subjects[Subject(str(path), place)] = name
        with closing(shadow.through(self._installation, [self._run], subjects)) as ended:
            for subject, (history,) in ended:
                end = read(history)
                said = deciders.decisions(history, self._run.definition)
                seen = Seen(end.status, end.reason, said)
                if not seen.has_failed:
                    kept.add(Path(subject.name), subject.place_id, seen)
                yield subjects[subject], seen


@contextmanager
def measuring(installation: Installation, workflow: str) -> Iterator[Measuring]:
    """A deployed workflow's deciders, as long as the block lasts. Nothing comes of what they decide.

    Raises:
        DryRunError: the workflow cannot run as a dry run.
    """
    deployed: list[Definition] = []

    def change(definition: Definition) -> Definition:
        deployed.append(definition)
        return deciders.asking_all(definition)

    with dry_run(installation, workflow, change) as run:
        yield Measuring(installation, run, deployed[0])
