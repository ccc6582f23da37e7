"""A photo as it was uploaded: what it is, how large it is, and whether it can be used at all.

All of it is read from the photo's own bytes; neither its name nor its Content-Type is asked. Importing this
module imports no decoder.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from functions.decision import Reason, Rejection
from functions.imaging.formats import (
    BrokenFileError,
    Pixels,
    Source,
    TooComplexError,
    UnreadableVariantError,
    heif,
    jpeg,
    magic,
    png,
    webp,
)

_FORMATS = {"jpg": jpeg, "png": png, "webp": webp, "avif": heif, "heic": heif}
# All types that can be read.
READABLE = frozenset(_FORMATS)
# A photo may be so many times as long as it is wide, or as wide as it is long. Panoramas are within 16; of
# what is longer, a rendition would be a line.
MAX_ASPECT_RATIO = 20


@dataclass(frozen=True)
class Header:
    """The type of a photo (`jpg`, `png`, `webp`, `avif`, `heic`), and its size in pixels when it is held
    upright.
    """

    type: str
    width: int
    height: int

    @property
    def aspect_ratio(self) -> float:
        """How many times the longer side is the shorter one."""
        return max(self.width, self.height) / min(self.width, self.height)

    def as_detail(self) -> dict[str, Any]:
        """Type and size for the detail of a decision."""
        return {"type": self.type, "width_px": self.width, "height_px": self.height}


def header(file: Source, types: frozenset[str] = READABLE) -> Header:
    """Reads as much of a file as tells its type and size.

    Raises:
        Rejection: UNSUPPORTED_TYPE for an image of a type that is not among `types`, or of a kind that is not
            read; IMAGE_TOO_COMPLEX for one that would cost too much to read; CORRUPT_IMAGE for what is no
            image, or is broken as far as it was read. The detail names the `type` where it is known, and says
            in its `message` what is wrong.
    """
    type_ = _type(file, types)
    with _refusals(type_):
        stored = _FORMATS[type_].header(file)
    return Header(type_, *stored.upright)


def pixels(
    data: bytes, *, max_pixels: int, enough: Callable[[int, int], float] = lambda *_: 1.0
) -> tuple[Header, Pixels]:
    """What a decoder needs of a whole photo, when it may be decoded.

    `enough` is given its width and height in pixels, and says which fraction of them is going to be used.

    Raises:
        Rejection: as for `header`; and IMAGE_TOO_LARGE for a photo of more than `max_pixels` (width times
            height), however small its file is.
    """
    first = header(io.BytesIO(data))
    if first.width * first.height > max_pixels:
        raise Rejection.because(Reason.IMAGE_TOO_LARGE, **first.as_detail(), max_pixels=max_pixels)
    with _refusals(first.type):
        found = _FORMATS[first.type].pixels(data, enough(first.width, first.height))
    return Header(first.type, *found.stored.upright), found


def _type(file: Source, types: frozenset[str]) -> str:
    file.seek(0)
    first = file.read(magic.FIRST_BYTES)
    if not first:
        raise Rejection.because(Reason.CORRUPT_IMAGE, message="The file is empty.")
    found = magic.kind(first)
    if found == magic.HEIF:
        found = heif.codec(file) or found
    if found is None:
        raise Rejection.because(Reason.CORRUPT_IMAGE, message="The file is not an image of any known type.")
    if found not in types:
        raise Rejection.because(Reason.UNSUPPORTED_TYPE, type=found, allowed=sorted(types))
    return found


@contextmanager
def _refusals(type_: str) -> Iterator[None]:
    try:
        yield
    except BrokenFileError as error:
        raise Rejection.because(
            Reason.CORRUPT_IMAGE, type=type_, message=f"The {type_} file is broken: {error}."
        ) from None
    except TooComplexError as error:
        raise Rejection.because(
            Reason.IMAGE_TOO_COMPLEX,
            type=type_,
            message=f"The {type_} file costs too much to read: {error}. Save it anew with another program.",
        ) from None
    except UnreadableVariantError as error:
        raise Rejection.because(
            Reason.UNSUPPORTED_TYPE, type=type_, message=f"The file is {error}: save it as an ordinary one."
        ) from None
