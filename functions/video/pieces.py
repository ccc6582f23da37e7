"""How a film is cut into pieces, and what it takes to work on one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from functions.decision import Reason, Rejection

# A history of Step Functions has 25,000 events at most, and a piece takes some 14 of them, and 3 more each
# time it is tried again.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MOST_PIECES = 800
# The longest that a piece may take by the estimate below; a function has 900 s.
_LONGEST_S = 600.0
# What a picture takes in a function of two processors at the worst, when its piece must be redacted again:
# twice it is decoded, encoded and decoded once more, and once it is looked at for itself.
# Measured were 0.016 s of a processor a megapixel for the former, and 0.0035 s for the latter; Lambda's are
# taken for half as fast.
_SECONDS_PER_MEGAPIXEL = 0.05
_SECONDS_PER_LOOK = 0.1


@dataclass(frozen=True)
class Piece:
    """Pictures from the key frame at `start` to before `end`, in units of the film's time base.

    `end` is None for the last piece. `frames` is how many pictures there are.
    """

    start: int
    end: int | None
    frames: int


@dataclass(frozen=True)
class Frames:
    """Which redacted pictures go on to other workflows: one every so many seconds, below a prefix of keys."""

    every_s: int
    prefix: str


@dataclass(frozen=True)
class Plan:
    """What is done to a film, as all tasks of an execution know it.

    `rate` is how many pictures a second there are on average, `bit_rate` the most bits a second that the
    redacted film may have, `matrix` how it is turned when it is shown; `last` is how long the last picture is
    shown, in units of the time base; `frames` is None where no pictures go on to other workflows.
    """

    time_base: Fraction
    rate: Fraction
    width: int
    height: int
    matrix: tuple[int, ...]
    bit_rate: int
    last: int
    pieces: tuple[Piece, ...]
    frames: Frames | None = None

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            **asdict(self),
            "time_base": str(self.time_base),
            "rate": str(self.rate),
            "pieces": [[piece.start, piece.end, piece.frames] for piece in self.pieces],
        }

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Plan:
        """A plan that `as_json` wrote."""
        return cls(
            **{
                **given,
                "time_base": Fraction(given["time_base"]),
                "rate": Fraction(given["rate"]),
                "matrix": tuple(given["matrix"]),
                "pieces": tuple(Piece(*each) for each in given["pieces"]),
                "frames": given["frames"] and Frames(**given["frames"]),
            }
        )


def seconds_at_worst(frames: int, pixels: int) -> float:
    """How long a function takes for a piece, at the worst."""
    return frames * (pixels / 1e6 * _SECONDS_PER_MEGAPIXEL + _SECONDS_PER_LOOK)


def cut(
    times: Sequence[int], keys: Sequence[int], *, time_base: Fraction, pixels: int, piece_seconds: float
) -> tuple[Piece, ...]:
    """Cuts a film at key frames into pieces of about `piece_seconds`, and none that takes too long.

    `times` are those of all pictures, in order, and `keys` those of the key frames among them.

    Raises:
        Rejection: KEY_FRAMES_TOO_FAR: from one key frame to the next it is too long for a function.
    """
    length_s = float((times[-1] - times[0]) * time_base)
    wanted_s = max(piece_seconds, length_s / MOST_PIECES * 2)
    most = int(_LONGEST_S / seconds_at_worst(1, pixels))
    position = {time: number for number, time in enumerate(times)}
    # Before the first key frame there is nothing: the caller leaves such pictures out.
    numbers = [position[key] for key in keys]
    starts = [0]
    for here, after in pairwise([*numbers, len(times)]):
        if after - here > most:
            raise Rejection.because(
                Reason.KEY_FRAMES_TOO_FAR,
                seconds=round(float(times[here] * time_base), 3),
                frames=after - here,
                max_frames=most,
                message="Between two key frames there are more pictures than a function can redact in its "
                "time. Encode the film anew, with more key frames.",
            )
        is_long = float((times[here] - times[starts[-1]]) * time_base) >= wanted_s
        if here > starts[-1] and (is_long or after - starts[-1] > most):
            starts.append(here)
    if len(starts) > MOST_PIECES:
        raise Rejection.because(
            Reason.VIDEO_TOO_LONG,
            pieces=len(starts),
            max_pieces=MOST_PIECES,
            message="It would take more pieces than one execution can have.",
        )
    ends = [times[start] for start in starts[1:]]
    return tuple(
        Piece(times[start], end, until - start)
        for start, end, until in zip(starts, [*ends, None], [*starts[1:], len(times)], strict=True)
    )
