"""Where are faces in one piece of a film?

Every nth picture is looked at, and the first, the last, and both sides of each cut. What was found is kept
for those who redact this piece and its neighbours, and for the next attempt, should Rekognition throttle this
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import measure
from functions.platform.settings import VideoSettings, read
from functions.platform.task import Event, Result, task
from functions.platform.values import percent, value, whole
from functions.upload import Upload
from functions.video.cuts import Cuts
from functions.video.film import Film, opened
from functions.video.looking import Looker, View
from functions.video.orientation import Box, Orientation
from functions.video.pieces import Piece, Plan
from functions.video.plan import PLAN
from functions.video.refusal import corrupt
from functions.video.source import S3Film
from functions.video.workspace import Workspace

SETTINGS = read(VideoSettings)
prepare("s3", "rekognition")


@dataclass(frozen=True)
class Rules:
    """`min_confidence`: how sure Rekognition must be of a face, in percent; `every`: of so many pictures one
    is looked at; `side_px`: the longer side of what Rekognition is shown.
    """

    min_confidence: float = value(percent)
    every: int = value(whole(1, 100))
    side_px: int = value(whole(80, 4096), 1024)


@task
def handler(upload: Upload, event: Event) -> Result:
    """Looks for faces in the piece with this number; the result says in how many pictures, of how many."""
    by = rules.read(Rules, event["rules"])
    work = Workspace(SETTINGS.work_bucket, event["executionArn"])
    plan = Plan.from_json(work.read(PLAN))
    name = boxes_name(event["piece"])
    found = boxes_from_json(work.read_if_any(name) or {})
    try:
        with opened(S3Film(upload)) as film:
            find(film, plan, plan.pieces[event["piece"]], by, found)
    finally:
        # What was paid for is not paid for again.
        work.write(name, {str(time): boxes for time, boxes in found.items()})
    measure(PicturesLookedAt=len(found))
    return {"looked": len(found), "with_faces": sum(map(bool, found.values()))}


def find(film: Film, plan: Plan, piece: Piece, by: Rules, found: dict[int, list[Box]]) -> None:
    """Adds the faces of a piece to what was found, by the times of the pictures that were looked at.

    Raises:
        Rejection: CORRUPT_VIDEO: not all of its pictures can be decoded.
        botocore.exceptions.ClientError, BotoCoreError: S3 or Rekognition failed.
    """
    cuts = Cuts()
    before = None
    seen = 0
    with Looker(view_of(film, plan, by.side_px), by.min_confidence, found) as looker:
        for frame in film.frames(piece.start, piece.end):
            time = frame.pts or 0
            is_cut = cuts.begins(frame)
            if is_cut and before is not None:
                looker.look(before.pts or 0, before)
            if is_cut or seen % by.every == 0:
                looker.look(time, frame)
            before = frame
            seen += 1
        if before is not None:
            looker.look(before.pts or 0, before)
    check_count(piece, seen)


def check_count(piece: Piece, frames: int) -> None:
    """Refuses a film of which a piece has other pictures than its packets promise."""
    if frames != piece.frames:
        raise corrupt("Not all of its pictures can be decoded.", frames=frames, frames_promised=piece.frames)


def view_of(film: Film, plan: Plan, side_px: int) -> View:
    """How a film is shown to Rekognition."""
    pixel = film.video.codec_context.sample_aspect_ratio
    return View(Orientation.of(plan.matrix), pixel or Fraction(1), side_px)


def boxes_name(piece: int) -> str:
    """Where the boxes of a piece are kept."""
    return f"boxes/{piece}.json"


def boxes_from_json(given: dict[str, Any]) -> dict[int, list[Box]]:
    """Boxes as they are kept, by the times of their pictures."""
    return {int(time): [Box(*each) for each in boxes] for time, boxes in given.items()}
