"""Makes the faces in one piece of a film unrecognisable, and looks whether they are.

The boxes of the pieces before and after count, too, so that a face at a seam is hidden on both sides of it.
What was encoded is decoded and looked at again: every nth picture, the first and the last, and both sides of
each cut. If a face is found, the piece is redacted once more, from a look at every picture, in black; if one
is found then, the film is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from functions.decision import Reason, Rejection
from functions.imaging.obscuring import Style
from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import logger, measure, subsegment
from functions.platform.settings import VideoSettings, read
from functions.platform.task import Event, Result, task
from functions.platform.values import number, percent, value, whole
from functions.upload import Upload
from functions.video import find, frames
from functions.video.encoding import encoding
from functions.video.film import Film, opened
from functions.video.obscuring import Obscurer
from functions.video.orientation import Box
from functions.video.pieces import Piece, Plan
from functions.video.plan import PLAN
from functions.video.source import S3Film
from functions.video.tracks import covers
from functions.video.workspace import Workspace

SETTINGS = read(VideoSettings)
prepare("s3", "rekognition")


@dataclass(frozen=True)
class Rules:
    """`style`: how faces are made unrecognisable; `margin`: what is hidden around a box, in parts of its
    sides; `hold_seconds`: how long a face is hidden before it is first found, after it is last found, and in
    between when it is missed; `check_every`: of so many redacted pictures one is looked at. `min_confidence`
    and `side_px` are as for finding.
    """

    min_confidence: float = value(percent)
    check_every: int = value(whole(1, 100))
    style: Style = value(Style.named)
    margin: float = value(number(0, 2))
    hold_seconds: float = value(number(0, 10))
    side_px: int = value(whole(80, 4096), 1024)


@task
def handler(upload: Upload, event: Event) -> Result:
    """Redacts the piece with this number; the result says how many boxes were hidden in its pictures."""
    by = rules.read(Rules, event["rules"])
    place = int(event["piece"])
    work = Workspace(SETTINGS.work_bucket, event["executionArn"])
    plan = Plan.from_json(work.read(PLAN))
    near = range(max(0, place - 1), min(len(plan.pieces), place + 2))
    seen: dict[int, list[Box]] = {}
    for each in near:
        seen |= find.boxes_from_json(work.read(find.boxes_name(each)))
    with TemporaryDirectory() as folder, opened(S3Film(upload)) as film:
        made = Path(folder) / "piece.mp4"
        hidden = redact(film, plan, plan.pieces[place], seen, by, made)
        work.put(piece_name(place), made)
        frames.keep(work, plan, plan.pieces[place], made)
    measure(BoxesHidden=hidden)
    return {"hidden": hidden}


def redact(film: Film, plan: Plan, piece: Piece, seen: Mapping[int, list[Box]], by: Rules, made: Path) -> int:
    """Writes a redacted piece, in which no face is found any more; returns how many boxes are hidden in it.

    `seen` is what was found in this piece and its neighbours, by the times of the pictures.

    Raises:
        Rejection: STILL_VISIBLE: a face can be found in what was redacted twice; CORRUPT_VIDEO: not all of
            its pictures can be decoded.
        botocore.exceptions.ClientError, BotoCoreError: S3 or Rekognition failed.
    """
    hidden = _encode(film, plan, piece, seen, by, made)
    left = _look_again(plan, piece, by, made)
    if not left:
        return hidden
    logger.info("a face can still be seen: redacted once more", extra={"pictures": len(left)})
    every = dict(seen)
    find.find(film, plan, piece, find.Rules(by.min_confidence, 1, by.side_px), every)
    # What was seen in the result counts for itself: it may be seen in no picture of the film.
    for time, boxes in left.items():
        every[time] = [*every.get(time, []), *boxes]
    stronger = replace(by, style=Style.BLACK, margin=2 * by.margin, hold_seconds=2 * by.hold_seconds)
    hidden = _encode(film, plan, piece, every, stronger, made)
    left = _look_again(plan, piece, by, made)
    if left:
        raise Rejection.because(
            Reason.STILL_VISIBLE,
            seconds=[round(float(time * plan.time_base), 3) for time in sorted(left)][:20],
            message="Faces were found in what had been redacted twice.",
        )
    return hidden


def _encode(
    film: Film, plan: Plan, piece: Piece, seen: Mapping[int, list[Box]], by: Rules, made: Path
) -> int:
    obscurer = Obscurer(covers(seen, hold=int(by.hold_seconds / plan.time_base)), by.style, by.margin)
    pictures = hidden = 0
    with subsegment("encode") as work, encoding(made, film, plan, piece.start) as encoder:
        for frame in film.frames(piece.start, piece.end):
            prepared = encoder.prepared(frame)
            hidden += obscurer.obscure(prepared)
            encoder.encode(prepared)
            pictures += 1
        work.note(frames=pictures, hidden=hidden)
    find.check_count(piece, pictures)
    return hidden


def _look_again(plan: Plan, piece: Piece, by: Rules, made: Path) -> dict[int, list[Box]]:
    """The faces that are found in a redacted piece, by the times of the pictures in the film."""
    again = find.Rules(by.min_confidence, by.check_every, by.side_px)
    found: dict[int, list[Box]] = {}
    with subsegment("look again"), opened(made) as redacted:
        find.find(redacted, plan, Piece(0, None, piece.frames), again, found)
        scale = redacted.time_base / plan.time_base
    return {piece.start + round(time * scale): boxes for time, boxes in found.items() if boxes}


def piece_name(place: int) -> str:
    """Where a redacted piece is kept."""
    return f"pieces/{place}.mp4"
