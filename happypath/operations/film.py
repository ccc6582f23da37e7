"""What a film of some length uses: reckoned before anything runs, by the rules of its workflow.

What was measured of a photo is that of each photo, more or less. A film may be a second or an hour long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from happypath.operations.usage import FunctionUsage

_ROOM = "functions.video."
FIND, REDACT = f"{_ROOM}find.handler", f"{_ROOM}redact.handler"
# What the others take: to read a film once, and to read and write one.
_BYTES_PER_S, _START_S = 40e6, 0.5
# Rekognition is shown pictures of at most so many pixels a side, or sheets of smaller ones, four at once; it
# answers within this.
_SIDE_PX, _GAP_PX, _AT_ONCE, _ANSWER_S = 1024, 8, 4, 0.3
# What a function takes for a million pixels: to decode them; and to decode, encode and decode them once more.
# Measured on a film of 1280 x 720 were 0.0035 and 0.016 s of a processor, less on one of 3840 x 2160. That is
# doubled for Lambda's processors, and reckoned as if there were one of the two.
_DECODE_S, _REDACT_S = 0.007, 0.032
# What is read of the film by one request.
_READ_BYTES = 2 * 1024**2
_LOG_BYTES = 1500


@dataclass(frozen=True)
class Film:
    """A film of so many minutes, pictures a second, and pixels; nothing in it is redacted twice.

    >>> round(Film(2.0).size_bytes)
    41472000
    """

    minutes: float = 1.0
    fps: float = 30.0
    width: int = 1280
    height: int = 720

    @property
    def size_bytes(self) -> float:
        """About what a camera makes of it: a tenth of a bit for each pixel."""
        return self.minutes * 60 * self.fps * self.width * self.height * 0.1 / 8

    def pieces(self, parameters: Mapping[str, Any]) -> int:
        """In how many pieces it is worked on, by the defaults of its workflow's parameters."""
        if "PieceSeconds" not in parameters:
            return 1
        return max(1, ceil(self.minutes * 60 / float(parameters["PieceSeconds"]["Default"])))

    def usage(self, parameters: Mapping[str, Any]) -> dict[str, FunctionUsage]:
        """What the functions use that work on a film, or on one piece of it, by their handlers."""
        pieces = self.pieces(parameters)
        frames = self.minutes * 60 * self.fps / pieces
        megapixels = frames * self.width * self.height / 1e6
        reads = self.size_bytes / pieces / _READ_BYTES + 2
        whole = self.size_bytes / _READ_BYTES + 2
        through_ms = 1000 * (_START_S + self.size_bytes / _BYTES_PER_S)
        found = {
            f"{_ROOM}plan.handler": FunctionUsage(
                through_ms, {"s3:GetObject": whole, "s3:PutObject": 1.0}, _LOG_BYTES
            ),
            f"{_ROOM}join.handler": FunctionUsage(
                3 * through_ms,
                {"s3:GetObject": whole + pieces + 2, "s3:PutObject": 1.0, "dynamodb:GetItem": 1.0},
                _LOG_BYTES,
            ),
            f"{_ROOM}clear.handler": FunctionUsage(
                1000 * _START_S, {"s3:ListObjectsV2": 2.0, "s3:DeleteObject": 2.0 * pieces + 1}, _LOG_BYTES
            ),
        }
        for handler, every, per_megapixel_s in (
            (FIND, "DetectEvery", _DECODE_S),
            (REDACT, "CheckEvery", _REDACT_S),
        ):
            looks = ceil(frames / float(parameters[every]["Default"]) / self._on_a_sheet())
            seconds = megapixels * per_megapixel_s + looks * _ANSWER_S / _AT_ONCE
            calls = {"rekognition:DetectFaces": float(looks), "s3:GetObject": reads, "s3:PutObject": 1.0}
            found[handler] = FunctionUsage(1000 * seconds, calls, _LOG_BYTES)
        return found

    def _on_a_sheet(self) -> int:
        scale = min(1.0, _SIDE_PX / max(self.width, self.height))
        across, down = (
            max(1, int((_SIDE_PX + _GAP_PX) / (side * scale + _GAP_PX))) for side in (self.width, self.height)
        )
        return across * down

    def __str__(self) -> str:
        return f"{self.minutes:g} min of {self.width} x {self.height} pixels, {self.fps:g} pictures a second"


ONE_MINUTE = Film()
