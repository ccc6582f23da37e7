"""Joins the redacted pieces of a film and its own sound, and writes the film to where it is published.

The sound's packets are copied as they are. Of the film's metadata, its subtitles, its other streams and its
pictures of itself nothing is taken over.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from heapq import merge
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from functions.decision import Reason
from functions.platform.aws import prepare
from functions.platform.observability import logger, measure, subsegment
from functions.platform.settings import JoinSettings, read
from functions.platform.task import Event, Result, task
from functions.publish import distribution
from functions.upload import Upload, rendition_key
from functions.video import frames
from functions.video.film import Film, codec_of, opened
from functions.video.orientation import IDENTITY
from functions.video.pieces import Plan
from functions.video.plan import PLAN
from functions.video.redact import piece_name
from functions.video.refusal import corrupt, readable
from functions.video.source import S3Film
from functions.video.vorbis import without_comments
from functions.video.workspace import Workspace

SETTINGS = read(JoinSettings)
prepare("s3", "dynamodb")

# The index stands first, so that a film can be shown before all of it is there; nothing says what wrote it.
_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
# When it is to be written, in seconds, the stream's number, and the packet.
_Timed: TypeAlias = "tuple[Fraction, int, Packet[Any]]"


class IncompleteFilmError(Exception):
    """The pieces do not make the film that was planned; the message says what is missing."""


@task
def handler(upload: Upload, event: Event) -> Result:
    """Writes the redacted film; in a dry run, only its size is told."""
    work = Workspace(SETTINGS.work_bucket, event["executionArn"])
    plan = Plan.from_json(work.read(PLAN))
    key = rendition_key(upload.key, "redacted", "mp4")
    with TemporaryDirectory() as folder:
        made = Path(folder) / "film.mp4"
        with opened(S3Film(upload)) as film, subsegment("join") as note:
            pictures = join(film, plan, work, made)
            note.note(frames=pictures, size_bytes=made.stat().st_size)
        if not upload.dry_run and distribution.publish(
            upload,
            event["executionArn"],
            {key: made},
            bucket=SETTINGS.distribution_bucket,
            table_name=SETTINGS.table_name,
        ):
            sent = frames.send(work, plan, upload)
            logger.info("frames put for other workflows", extra={"frames": sent})
        size_bytes = made.stat().st_size
    measure(RedactedFilmBytes=size_bytes)
    return {
        "width": plan.width,
        "height": plan.height,
        "redacted": {"key": key, "width": plan.width, "height": plan.height, "bytes": size_bytes},
    }


def join(film: Film, plan: Plan, work: Workspace, made: Path) -> int:
    """Writes the film into an MP4 file, its index first; returns how many pictures it has.

    Raises:
        IncompleteFilmError: a piece has not the pictures that it was to have.
        Rejection: CORRUPT_VIDEO: the film's sound cannot be read.
        botocore.exceptions.ClientError, BotoCoreError: S3 failed; a piece is not there.
    """
    first = made.with_name("first.mp4")
    work.get(piece_name(0), first)
    with (
        opened(first) as shape,
        av.open(str(made), "w", format="mp4", container_options=_OPTIONS) as container,
    ):
        pictures = container.add_stream_from_template(shape.video)
        pictures.time_base = plan.time_base
        if plan.matrix != IDENTITY:
            pictures.set_display_matrix(plan.matrix)
        sounds = {stream.index: _sound_like(stream, container) for stream in film.audio}
        header = bytes(shape.video.codec_context.extradata or b"")
        timed = [_pictures(plan, work, made.with_name("piece.mp4"), pictures, header)]
        if sounds:
            timed.append(_sounds(film, sounds))
        with readable(Reason.CORRUPT_VIDEO, "The film's sound cannot be joined to its pictures."):
            for _, _, packet in merge(*timed, key=lambda each: each[:2]):
                container.mux_one(packet)
    return sum(piece.frames for piece in plan.pieces)


def _sound_like(stream: AudioStream, container: OutputContainer) -> AudioStream:
    """A stream for the packets of another one."""
    made = container.add_stream_from_template(stream)
    if codec_of(stream) == "vorbis":
        made.codec_context.extradata = without_comments(bytes(stream.codec_context.extradata or b""))
    return made


def _pictures(
    plan: Plan, work: Workspace, file: Path, stream: VideoStream, header: bytes
) -> Iterator[_Timed]:
    """The packets of all pieces; one piece is on disk at a time."""
    for number, piece in enumerate(plan.pieces):
        work.get(piece_name(number), file)
        with opened(file) as redacted:
            if bytes(redacted.video.codec_context.extradata or b"") != header:
                raise IncompleteFilmError(f"Piece {number} is coded in another way than the first.")
            scale = redacted.time_base / plan.time_base
            pictures = 0
            for packet in redacted.packets():
                pictures += 1
                packet.pts = packet.dts = piece.start + round((packet.pts or 0) * scale)
                packet.time_base = plan.time_base
                packet.duration = plan.last
                packet.stream = stream
                yield packet.pts * plan.time_base, stream.index, packet
            if pictures != piece.frames:
                raise IncompleteFilmError(
                    f"Piece {number} has {pictures} pictures instead of {piece.frames}."
                )


def _sounds(film: Film, streams: dict[int, AudioStream]) -> Iterator[_Timed]:
    """The packets of the film's own sound."""
    with readable(Reason.CORRUPT_VIDEO, "The film's sound breaks off."):
        for packet in film.packets(*film.audio):
            time = packet.dts if packet.dts is not None else packet.pts
            if time is None:
                raise corrupt("The film's sound has no times.")
            packet.stream = streams[packet.stream_index]
            yield time * packet.time_base, packet.stream.index, packet
