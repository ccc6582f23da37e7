"""Is it a film that can be redacted, and in which pieces?

The whole film is read once, and nothing but its first picture decoded. So a film that is cut off is refused
before anything was paid for, and what follows knows how many pictures each piece must have.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from io import RawIOBase
from itertools import pairwise
from typing import IO, Any

from av.video.frame import VideoFrame

from functions.decision import Reason, Rejection
from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import measure
from functions.platform.settings import VideoSettings, read
from functions.platform.task import Event, Result, task
from functions.platform.values import value, whole
from functions.upload import Upload
from functions.video import frames
from functions.video.film import Film, opened
from functions.video.orientation import IDENTITY, matrix_of
from functions.video.pieces import Frames, Plan, cut
from functions.video.refusal import corrupt, readable
from functions.video.source import S3Film
from functions.video.workspace import Workspace

SETTINGS = read(VideoSettings)
prepare("s3")

PLAN = "plan.json"
# What PutObject takes is 5 GB, and the film that is joined has to fit on the function's disk.
_MOST_BYTES = 4_500_000_000
# Beside the piece nothing is on the disk of the function that redacts it, which has 2 GB.
_MOST_PIECE_BYTES = 1_500_000_000
# By how much what a header says of a film's length may be wrong, in seconds.
_SLACK_S = 1.0
# The least that a film is encoded with, in bits for each pixel, and what it may have if there is room.
_LEAST_BITS = 0.05
_USUAL_BITS = 0.2
# A hand more than the film's own rate, because what is redacted is coded anew.
_MORE_BITS = 2


@dataclass(frozen=True)
class Rules:
    """`max_seconds`: the longest film that is taken; `max_pixels`: the largest pictures; `piece_seconds`: how
    long a piece is, where key frames let it; `at_once`: how many pieces are worked on at once;
    `frames_every_s`: how many seconds apart the pictures are that go on to other workflows, 0 for none;
    `frames_prefix`: what their keys in the bucket of uploads begin with.
    """

    max_seconds: int = value(whole(1, 86_400))
    max_pixels: int = value(whole(1, 100_000_000))
    piece_seconds: int = value(whole(1, 600))
    at_once: int = value(whole(1, 40), 10)
    frames_every_s: int = value(whole(0, 3600), 0)
    frames_prefix: str = value(str, "")

    @property
    def frames(self) -> Frames | None:
        """Which pictures go on to other workflows."""
        return Frames(self.frames_every_s, self.frames_prefix) if self.frames_every_s else None


@task
def handler(upload: Upload, event: Event) -> Result:
    """Plans the work on a film: `pieces`, their numbers, and how many `at_once`.

    The result also has the film's `width`, `height`, `frames` and `seconds`.
    """
    by = rules.read(Rules, event["rules"])
    if by.frames:
        frames.check(by.frames, upload)
    film = S3Film(upload)
    made = plan(film, by)
    Workspace(SETTINGS.work_bucket, event["executionArn"]).write(PLAN, made.as_json())
    pictures = sum(piece.frames for piece in made.pieces)
    measure(FilmBytes=film.size_bytes, FilmFrames=pictures)
    return {
        "pieces": list(range(len(made.pieces))),
        "at_once": by.at_once,
        "width": made.width,
        "height": made.height,
        "frames": pictures,
        "seconds": round(float(pictures / made.rate), 3),
    }


def plan(file: IO[bytes] | RawIOBase, by: Rules) -> Plan:
    """Plans the work on a film, all of which is read once.

    Raises:
        Rejection: it is no film, damaged, of a kind that is not taken, too large or too long; or the pieces
            would not fit into a function's time.
        botocore.exceptions.ClientError, BotoCoreError: S3 failed, where the film lies there.
    """
    with opened(file) as film:
        pixels = film.video.width * film.video.height
        if pixels > by.max_pixels:
            raise Rejection.because(
                Reason.VIDEO_TOO_LARGE,
                width_px=film.video.width,
                height_px=film.video.height,
                max_pixels=by.max_pixels,
            )
        times, keys, last = _times(film)
        length = (times[-1] + last - times[0]) * film.time_base
        if length > by.max_seconds:
            raise Rejection.because(
                Reason.VIDEO_TOO_LONG, seconds=round(float(length), 3), max_seconds=by.max_seconds
            )
        if by.frames and length > by.frames.every_s * frames.MOST:
            raise Rejection.because(
                Reason.VIDEO_TOO_LONG,
                seconds=round(float(length), 3),
                max_frames=frames.MOST,
                message="More pictures of it would go on to other workflows than one execution can send.",
            )
        rate = Fraction(len(times)) / length
        pieces = cut(times, keys, time_base=film.time_base, pixels=pixels, piece_seconds=by.piece_seconds)
        longest = max(
            (times[-1] + last if piece.end is None else piece.end) - piece.start for piece in pieces
        )
        first = _first(film, times[0])
        return Plan(
            time_base=film.time_base,
            rate=rate.limit_denominator(100_000),
            width=film.video.width,
            height=film.video.height,
            matrix=_matrix(first),
            bit_rate=_bit_rate(film, float(length), float(longest * film.time_base), pixels * float(rate)),
            last=last,
            pieces=pieces,
            frames=by.frames,
        )


def _times(film: Film) -> tuple[list[int], list[int], int]:
    """The times of all pictures and of the key frames, in order, and how long the last one is shown."""
    times: dict[int, bool] = {}
    lasting: dict[int, int] = {}
    read_packets = 0
    ends_s = 0.0
    with readable(Reason.CORRUPT_VIDEO, "The film breaks off."):
        for packet in film.packets(film.video, *film.audio):
            if packet.is_corrupt:
                raise corrupt("The film breaks off.")
            if packet.pts is not None:
                ends_s = max(ends_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != film.video.index:
                continue
            read_packets += 1
            # What a film cuts away of itself is decoded, and not shown.
            if packet.is_discard:
                continue
            if packet.pts is None or packet.pts in times:
                raise corrupt("Its pictures have no times of their own.")
            times[packet.pts] = packet.is_keyframe
            lasting[packet.pts] = packet.duration or 0
    keys = sorted(time for time, is_key in times.items() if is_key)
    if not keys:
        raise corrupt("No picture of it can be decoded alone.")
    if read_packets < film.video.frames:
        raise corrupt("The film breaks off.", frames=read_packets, frames_in_header=film.video.frames)
    if film.promised_s > ends_s + _SLACK_S:
        raise corrupt("The film breaks off.", seconds=round(ends_s, 3), seconds_in_header=film.promised_s)
    # What comes before the first key frame nobody can decode.
    shown = sorted(time for time in times if time >= keys[0])
    usual = min((after - before for before, after in pairwise(shown)), default=0)
    last = lasting[shown[-1]] or usual or max(1, int(Fraction(1, 25) / film.time_base))
    return shown, keys, last


def _first(film: Film, start: int) -> VideoFrame:
    first = next(film.frames(start, None), None)
    if first is None:
        raise corrupt("No picture of it can be decoded.")
    return first


def _matrix(frame: VideoFrame) -> tuple[int, ...]:
    given: Any = frame.side_data.get("DISPLAYMATRIX")
    return IDENTITY if given is None else matrix_of(bytes(given))


def _bit_rate(film: Film, length_s: float, longest_s: float, pixels_per_second: float) -> int:
    """The most bits a second that the redacted film gets, so that it will fit whatever it shows.

    It is `length_s` long, and its longest piece `longest_s`.
    """
    own = 8 * film.container.size / length_s
    at_most = min(8 * _MOST_BYTES / length_s - own, 8 * _MOST_PIECE_BYTES / longest_s)
    least = _LEAST_BITS * pixels_per_second
    if at_most < least:
        raise Rejection.because(
            Reason.VIDEO_TOO_LARGE, size_bytes=film.container.size, max_size_bytes=_MOST_BYTES
        )
    # A film of a few moments, or with times that make no sense, has rates that no encoder takes.
    return int(min(max(_MORE_BITS * own, _USUAL_BITS * pixels_per_second, 100_000), at_most, 500_000_000))
