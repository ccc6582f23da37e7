"""`happypath run`: photos through one workflow in a sandbox that lives as long as the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.imaging.formats import magic
from functions.imaging.header import READABLE
from happypath.operations import extras
from happypath.operations.installation import Execution, Installation, claimed_at
from happypath.operations.naming import upload_name
from happypath.operations.progress import progress
from happypath.operations.review import ReviewQueue
from happypath.operations.waiting import Watch
from happypath.project import WORKFLOWS, needed_by
from happypath.samples import Photo
from happypath.sandbox.fault_injection.rules import Faults
from happypath.sandbox.sandbox import Sandbox

# The sandbox is in this process, so asking it often costs little.
_POLL_S = 0.02
# What is shorter needs no progress, and a long history is work to read.
_TELL_EVERY_S = 1.0
_ASKED = (
    "It waits for a person: in `happypath up`, `happypath review` lists it, and `happypath approve` or "
    "`refuse` decides."
)


@dataclass(frozen=True)
class Result:
    """How one upload ended."""

    photo: str
    place_id: str
    upload_id: str
    workflow: str
    status: str
    reason: str | None
    detail: Any
    path: list[str]
    execution_arn: str | None
    trace_id: str | None
    seconds: float
    outputs: list[str]
    # The execution, if it ended and recorded no outcome.
    unrecorded: Execution | None
    # Why there is no outcome, in words.
    missing: str | None

    def as_json(self) -> dict[str, Any]:
        """The element of `run --json`."""
        return {
            "photo": self.photo,
            "placeId": self.place_id,
            "uploadId": self.upload_id,
            "workflow": self.workflow,
            "status": self.status,
            "reason": self.reason,
            "detail": self.detail,
            "path": self.path,
            "executionArn": self.execution_arn,
            "traceId": self.trace_id,
            "seconds": self.seconds,
            "outputs": self.outputs,
            "unrecorded": self.unrecorded and self.unrecorded.as_json(),
        }


@dataclass
class _Pending:
    photo: Photo
    upload_id: str
    started: float
    watch: Watch


@contextmanager
def installed(
    workflows: Sequence[str],
    photos: Iterable[Photo],
    *,
    real_rekognition: bool,
    faults: Faults | None = None,
    iam: bool = True,
    parameters: Mapping[str, str] | None = None,
) -> Iterator[Installation]:
    """A new sandbox with these workflows, none of them live, and the places of these photos.

    `parameters` are those of the workflows' templates, where they differ from those of the samples.

    Raises:
        MissingExtraError: what a workflow needs here is still to be installed.
    """
    photos = list(photos)
    others = [each for name in workflows for each in needed_by(name) if each in WORKFLOWS]
    # What is no picture goes on to them.
    needed = [each for each in others if not all(_is_picture(photo.path) for photo in photos)]
    for workflow in (*workflows, *needed):
        for missing in extras.missing(workflow, real_rekognition=real_rekognition):
            raise missing
    with Sandbox(real_rekognition=real_rekognition, faults=faults, iam=iam) as sandbox:
        sandbox.deploy("core")
        sandbox.initialize("core")
        # A workflow may need another one.
        for each in dict.fromkeys(one for name in workflows for one in (*needed_by(name), name)):
            sandbox.deploy(each, parameters if each in workflows else None)
            sandbox.initialize(each)
        installation = Installation(sandbox.client, sandbox.prefix)
        for place_id, place_type in {photo.place_id: photo.place_type for photo in photos}.items():
            installation.put_place(place_id, place_type, f"A {place_type}")
        yield installation


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        return magic.kind(file.read(magic.FIRST_BYTES)) in {*READABLE, magic.HEIF}


def run(
    photos: Iterable[Photo],
    workflow: str,
    out: Path,
    *,
    timeout_s: float,
    real_rekognition: bool,
    faults: Faults | None = None,
    iam: bool = True,
    parameters: Mapping[str, str] | None = None,
    stay: Callable[[Installation], None] = lambda _: None,
    tell: Callable[[str], None] | None = None,
) -> Generator[Result]:
    """Uploads the photos to a new sandbox and yields each result as it comes.

    Meanwhile `tell` is told about every second what the first execution that has not ended is doing.

    After the last one `stay` is called, and the sandbox is there until it returns.

    One that waits for a person is yielded as `IN_REVIEW`, with what the models saw as its detail: the sandbox
    is over with the run, so that nobody decides.
    An upload without a terminal record after `timeout_s`, or whose execution ended without one, is yielded
    with the status it has by then, or `WAITING` if it has no record at all.

    Raises:
        MissingExtraError: as `installed`.
        InvalidKeyError: no upload can have a photo's name, or its place's.
    """
    photos = list(photos)
    # The number keeps photos of the same name apart.
    named = [
        (photo, *upload_name(photo.path, photo.folder, f"{number:03d}-"))
        for number, photo in enumerate(photos, start=1)
    ]
    with installed(
        [workflow], photos, real_rekognition=real_rekognition, faults=faults, iam=iam, parameters=parameters
    ) as installation:
        installation.set_live(workflow)

        waiting = [_upload(installation, *each) for each in named]
        told = time.monotonic()
        while waiting:
            time.sleep(_POLL_S)
            if tell and time.monotonic() - told > _TELL_EVERY_S:
                if doing := _doing(installation, waiting[0]):
                    tell(doing)
                told = time.monotonic()
            for upload in list(waiting):
                result = _result(installation, upload, workflow, out, timeout_s)
                if result:
                    waiting.remove(upload)
                    yield result
        stay(installation)


def _doing(installation: Installation, upload: _Pending) -> str:
    record = upload.watch.look().record
    if not record or not record.get("executionArn"):
        return ""
    doing = progress(installation.history(record["executionArn"], claimed_at(record)))
    return doing and f"{upload.photo.path.name}: {doing}"


def _upload(installation: Installation, photo: Photo, upload_id: str, key: str) -> _Pending:
    started = time.monotonic()
    installation.upload(photo.path.read_bytes(), key)
    return _Pending(photo, upload_id, started, Watch(installation, key))


def _result(
    installation: Installation, upload: _Pending, workflow: str, out: Path, timeout_s: float
) -> Result | None:
    seen = upload.watch.look()
    record = seen.record
    seconds = time.monotonic() - upload.started
    execution_arn = record.get("executionArn") if record else None
    begun = claimed_at(record)
    asked = ReviewQueue(installation).about(record) if record and seen.is_in_review else None
    if seconds < timeout_s:
        if not seen.is_over or (seen.is_in_review and not asked):
            return None
        # The record is written by the last state but one; the history is whole a moment later.
        if (
            not (seen.unrecorded or seen.is_in_review)
            and execution_arn
            and not installation.execution_ended(execution_arn, begun)
        ):
            return None
    outputs = save(installation, record, out) if record and seen.status == "PROCESSED" else []
    return Result(
        photo=str(upload.photo.path),
        place_id=upload.photo.place_id,
        upload_id=upload.upload_id,
        workflow=workflow,
        status=seen.status,
        reason=record.get("reason") if record else None,
        detail=asked.seen if asked else record.get("detail") if record else None,
        path=[step.state for step in installation.steps(execution_arn, begun)] if execution_arn else [],
        execution_arn=execution_arn,
        trace_id=record.get("traceId") if record else None,
        seconds=round(seconds, 3),
        outputs=outputs,
        unrecorded=seen.unrecorded,
        missing=_ASKED if asked else seen.missing,
    )


def save(installation: Installation, record: dict[str, Any], out: Path) -> list[str]:
    """Saves an upload's renditions below a folder, under their keys, and returns their paths.

    Raises:
        OSError: one cannot be saved; the message says which and why.
    """
    saved = []
    for key, body in installation.outputs(record).items():
        path = out / key
        if not {"", ".", ".."}.isdisjoint(key.split("/")):
            raise OSError(f"{key!r} cannot be saved: as a path it leads out of {out}.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        except OSError as error:
            raise OSError(f"{path} cannot be saved: {error.strerror}. --out names another folder.") from error
        saved.append(str(path))
    return saved
