"""What a photo's bytes say of it, without decoding a pixel: one module for each type, and what they share.

A decoder is never shown a file as it was uploaded. Each type has two functions: `header` reads size and
orientation by as few bytes as it can, and `pixels` gives what a decoder needs for the picture and nothing
else: no EXIF, no text, no thumbnails, no second picture. So nothing but the picture can attack a decoder, or
be carried over into what is published. What follows the only scan of a JPEG is kept: to find where it begins
would take a tenth of the decoding's time: a decoder has all pixels by then, and reads on to the end marker at
most.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Protocol

# Segments, chunks or boxes that a header may have. Real ones have some dozens; a file of nothing else would
# keep us walking.
HEADER_PARTS = 500
CUT_OFF = "pixels are missing: it was cut off"


class BrokenFileError(Exception):
    """The bytes are not what the type asks for; the message says where."""


class UnreadableVariantError(Exception):
    """The bytes may be right, but are a variant of the type that is not read here; the message names it."""


class TooComplexError(Exception):
    """The bytes may be right, but reading them would cost too much; the message says what is too much."""


class Source(Protocol):
    """As much of a binary file as the formats need."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, fewer only at the end of the file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Moves to a place, which may lie beyond the end."""


@dataclass(frozen=True)
class Stored:
    """The size in pixels in which a picture is stored, and the EXIF orientation (1 to 8) that turns it."""

    width: int
    height: int
    orientation: int = 1

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as the photo is looked at."""
        # From 5 on, the picture lies on its side.
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    def at_least(self, fraction: float) -> tuple[int, int]:
        """Width and height, as stored, of which a fraction of both suffices."""
        return math.ceil(self.width * fraction), math.ceil(self.height * fraction)

    def turned(self, orientation: int) -> Stored:
        """The same size under another orientation."""
        return Stored(self.width, self.height, orientation)


@dataclass(frozen=True)
class Pixels:
    """What a decoder needs, as a file of its own, and what gives its numbers a meaning."""

    stored: Stored
    file: io.BytesIO
    # The colours' meaning; without it they are sRGB.
    icc_profile: bytes | None = None
    # Whether all pixels are gray, whatever mode the decoder makes of them.
    is_gray: bool = False
    # Of samples of 16 bits, which decoders cut to 8, the one colour that is transparent.
    transparent: tuple[int, ...] | None = None
    # Left, top, right and bottom, in stored pixels, of the part that is the picture; None for all of it.
    crop: tuple[int, int, int, int] | None = None
    # Whether the file ends without what marks its end, so that pixels may be missing.
    has_no_end: bool = False


def exactly(source: Source, size: int, where: str) -> bytes:
    """The next `size` bytes.

    Raises:
        BrokenFileError: the file ends before.
    """
    data = source.read(size)
    if len(data) < size:
        raise BrokenFileError(f"it ends inside {where}")
    return data
