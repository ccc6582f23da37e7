"""Redacted pictures of a film for other workflows: one every so many seconds, as JPEG.

They are made with the pieces, kept until nothing was refused, and then put into the bucket of uploads, where
the live workflows say what becomes of them. A film whose execution is repeated has the same keys again.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

from av.video.frame import VideoFrame
from PIL import Image

from functions.platform import rules
from functions.platform.aws import client
from functions.upload import InvalidKeyError, Upload, parse_key
from functions.video.film import opened
from functions.video.orientation import Orientation
from functions.video.pieces import Frames, Piece, Plan
from functions.video.workspace import Workspace

_FOLDER = "frames/"
_QUALITY = 90
# What takes one at a time some 0.1 s each.
_AT_ONCE = 8
# So many are put within the time of a function that also has a film to join.
MOST = 10_000


def check(frames: Frames, upload: Upload) -> None:
    """Checks where frames of a film are to go, before anything is paid for.

    Raises:
        RuleError: they would have no keys of uploads, or come back to where the film came from.
    """
    place, _, _ = frames.prefix.partition("/")
    if place == upload.place_id:
        raise rules.RuleError(
            f"The rule frames_prefix must not begin with {place}, where the film itself lies: set another."
        )
    try:
        parse_key(_key(frames, upload, 10**5))
    except InvalidKeyError as error:
        raise rules.RuleError(
            f"With the rule frames_prefix {frames.prefix!r}, frames have no key: {error}."
        ) from None


def keep(work: Workspace, plan: Plan, piece: Piece, made: Path) -> int:
    """Keeps frames of a redacted piece until it is known whether they may go out; returns how many.

    Raises:
        Rejection: CORRUPT_VIDEO: the piece cannot be decoded.
        botocore.exceptions.ClientError, BotoCoreError: S3 failed.
    """
    if plan.frames is None:
        return 0
    count = 0
    file = made.with_name("frame.jpg")
    for seconds, picture in _chosen(plan, piece, plan.frames.every_s, made):
        picture.save(file, quality=_QUALITY)
        work.put(f"{_FOLDER}{seconds}.jpg", file)
        count += 1
    return count


def _chosen(plan: Plan, piece: Piece, every_s: int, made: Path) -> Iterator[tuple[int, Image.Image]]:
    """The first picture from each multiple of `every_s` on, by that many seconds since the film's start."""
    before = piece.start - plan.pieces[0].start
    due = -(-before * plan.time_base // every_s)
    with opened(made) as redacted:
        scale = redacted.time_base / plan.time_base
        pixel = redacted.video.codec_context.sample_aspect_ratio
        for frame in redacted.frames(0, None):
            number = (before + round((frame.pts or 0) * scale)) * plan.time_base // every_s
            if number >= due:
                yield int(number * every_s), _shown(plan, frame, pixel or Fraction(1))
                due = number + 1


def _shown(plan: Plan, frame: VideoFrame, pixel: Fraction) -> Image.Image:
    """A picture upright and with square pixels, and no larger than it is stored."""
    width = round(frame.width * min(Fraction(1), pixel))
    height = round(frame.height / max(Fraction(1), pixel))
    flat = frame.reformat(width=max(1, width), height=max(1, height), format="rgb24")
    return Orientation.of(plan.matrix).upright(flat.to_image())  # type: ignore[no-untyped-call]


def send(work: Workspace, plan: Plan, upload: Upload) -> int:
    """Puts all frames that are kept into the bucket of uploads; returns how many.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: S3 failed.
    """
    if plan.frames is None:
        return 0
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(partial(_send, work, plan.frames, upload), work.names(_FOLDER)))


def _send(work: Workspace, frames: Frames, upload: Upload, name: str) -> int:
    seconds = int(name.removeprefix(_FOLDER).removesuffix(".jpg"))
    client("s3").put_object(
        Bucket=upload.bucket,
        Key=_key(frames, upload, seconds),
        Body=work.read_bytes(name),
        ContentType="image/jpeg",
    )
    return 1


def _key(frames: Frames, upload: Upload, seconds: int) -> str:
    return f"{frames.prefix}/{upload.key}/{seconds}.jpg"
