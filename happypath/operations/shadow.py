"""Photos through dry runs of deployed workflows, some at once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from functions.upload import DRY_RUN, Upload
from happypath.operations.dry_run import DryRun
from happypath.operations.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Generator

    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    History: TypeAlias = list[HistoryEventTypeDef]

# Photos that are looked at at once. Rekognition has few transactions per second, and those that are uploaded
# need them, too.
AT_ONCE = 5
# Between two looks at those: soon at first, for a sandbox, then longer each time. DescribeExecution has ten
# calls a second of an account and region, and those that are looked at take that many for one look.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_FIRST_LOOK_S, _LONGER, _POLL_S = 0.1, 1.25, 1.0


@dataclass(frozen=True)
class Subject:
    """A photo to run dry: an object of the upload bucket, or a file that is to be one."""

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


def through(
    installation: Installation, dry_runs: Sequence[DryRun], subjects: Iterable[Subject]
) -> Generator[tuple[Subject, list[History]]]:
    """Runs each photo through all of the dry runs, and yields it with their histories once all have ended.

    What was put into the upload bucket for it is removed, however this ends.

    Raises:
        OSError: a file cannot be read.
    """
    with ExitStack() as cleaning:
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
                histories = run.look()
                if histories is not None:
                    running.remove(run)
                    run.close()
                    yield run.subject, histories
            time.sleep(wait_s)
            wait_s = min(wait_s * _LONGER, _POLL_S)


def _close(runs: Iterable[_Run]) -> None:
    for run in runs:
        run.close()


class _Run:
    """One photo on its way through the dry runs."""

    def __init__(self, installation: Installation, subject: Subject, dry_runs: Sequence[DryRun]) -> None:
        self.subject = subject
        self._histories: dict[int, History] = {}
        with ExitStack() as opened:
            detail = opened.enter_context(subject.object(installation)).as_detail()
            self._executions = [(run, run.start(detail)) for run in dry_runs]
            self._opened = opened.pop_all()

    def look(self) -> list[History] | None:
        """The histories in the order of the dry runs, once all have ended."""
        for number, (run, execution) in enumerate(self._executions):
            if number not in self._histories:
                history = run.history(execution)
                if history is not None:
                    self._histories[number] = history
        if len(self._histories) < len(self._executions):
            return None
        return [self._histories[number] for number in range(len(self._executions))]

    def close(self) -> None:
        """Removes the object, if it was made for the run."""
        self._opened.close()
