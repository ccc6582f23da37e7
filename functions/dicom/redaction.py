"""A DICOM file without what says whose it is: in its attributes, in its pixels, anywhere in its bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from functions.decision import Reason, Rejection
from functions.dicom import identity
from functions.dicom.looks import Found, sheets, words
from functions.dicom.pixels import Pixels, decoded, decoder_of, pixels, syntax_after
from functions.dicom.profile import make_anonymous
from functions.dicom.pseudonyms import Pseudonym
from functions.dicom.reading import reading
from functions.dicom.structure import PIXEL_DATA, structure
from functions.dicom.views import View, black, views
from functions.imaging.obscuring import Part
from functions.imaging.steps import step
from functions.platform.observability import logger
from functions.redact.finding import Sought

if TYPE_CHECKING:
    from functions.dicom.pixels import Film

# What is masked again, wider, where words can still be read.
_PASSES = 3
_PREVIEW_PX = 800


@dataclass(frozen=True)
class Limits:
    """What the memory and the time of a function are enough for."""

    file_bytes: int
    # Of all frames without compression.
    pixel_bytes: int
    frames: int
    # At all frames once; they are looked at twice, or more often where words are found again.
    looks: int


@dataclass(frozen=True)
class Look:
    """How words are looked for, and how much around them is masked, in parts of their height."""

    sought: Sought
    margin: float


@dataclass(frozen=True)
class Redacted:
    """What is published: a DICOM file, a PNG of its first frame, and what was done."""

    dicom: bytes
    preview: bytes
    pixels: Pixels
    detail: Mapping[str, int | str]


def redacted(data: bytes, pseudonym: Pseudonym, look: Look, limits: Limits) -> Redacted:
    """Makes a file anonymous, and looks at what has become of it.

    Raises:
        Rejection: it is no DICOM file that is supported (`structure`, `pixels`), is larger than the limits,
        or something
            could still be read afterwards: STILL_VISIBLE.
        botocore.exceptions.ClientError, BotoCoreError: Rekognition throttles, fails or refuses.
    """
    with step("read"):
        source = structure(data, most_bytes=limits.file_bytes)
        dataset = source.attributes()
        given = pixels(dataset, most_frames=limits.frames, most_bytes=limits.pixel_bytes)
        decoder_of(source.syntax, given)
    with step("decode") as work:
        film, shown = decoded(source, given)
        seen = views(dataset, film, shown.interpretation)
        work.note(frames=shown.frames, width_px=shown.columns, height_px=shown.rows, views=len(seen))
    plan = sheets(film, seen)
    if len(plan) > limits.looks:
        raise Rejection.because(
            Reason.TOO_MANY_FRAMES, **given.as_detail(), looks=len(plan), max_looks=limits.looks
        )
    syntax = syntax_after(source.syntax)
    with reading("What it says"):
        said = identity.identity(dataset)
        make_anonymous(dataset, pseudonym)
        forgotten = identity.forget(dataset, said)
        _describe(dataset, shown)
        head = _head(dataset, syntax, film.nbytes)

    masked: set[Part] = set()
    found = _look(film, seen, look)
    for number in range(1, _PASSES + 1):
        parts = {_wider(each.box, number * look.margin, film) for each in found}
        _mask(dataset, film, parts, shown.interpretation)
        masked |= parts
        written = b"".join((head, film.data.cast("B"), b"\0" * (film.nbytes % 2)))
        # What is looked at is what anybody gets to see, and there is no need of two films.
        del film
        film = _read_again(written, limits)
        if not (found := _look(film, seen, look)):
            break
    if found or identity.mentions(written, said, attributes_end=len(head)):
        raise Rejection.because(
            Reason.STILL_VISIBLE,
            type="dicom",
            places=len(found),
            frames=len({each.frame for each in found}),
            message="Words can still be read on it." if found else "Its bytes still say whose it is.",
        )
    return Redacted(
        written,
        _preview(film[0], seen[0]),
        shown,
        {"looks": len(plan), "masked": len(masked), "forgotten": forgotten, "transferSyntax": syntax},
    )


def _describe(dataset: Dataset, shown: Pixels) -> None:
    """Says how the pixels are written, which may not be how they were."""
    dataset.PhotometricInterpretation = shown.interpretation
    dataset.BitsAllocated = shown.bits
    dataset.BitsStored = shown.bits_stored
    dataset.HighBit = shown.bits_stored - 1
    dataset.PixelRepresentation = int(shown.is_signed)
    if shown.samples > 1:
        dataset.PlanarConfiguration = 0


def _head(dataset: Dataset, syntax: str, pixel_bytes: int) -> bytes:
    """The file up to the value of its pixel data. Nothing of the original's meta information is in it."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = UID(syntax)
    dataset.file_meta = meta
    file = BytesIO()
    implicit = syntax == ImplicitVRLittleEndian
    dcmwrite(file, dataset, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    tag = (PIXEL_DATA >> 16).to_bytes(2, "little") + (PIXEL_DATA & 0xFFFF).to_bytes(2, "little")
    vr = b"" if implicit else b"OW\0\0"
    return file.getvalue() + tag + vr + (pixel_bytes + pixel_bytes % 2).to_bytes(4, "little")


def _look(film: Film, seen: list[View], look: Look) -> list[Found]:
    """All words on all frames, without those that may stay."""
    found: list[Found] = []
    plan = sheets(film, seen)
    with step("look") as work:
        work.note(looks=len(plan))
        for number, sheet in enumerate(plan, start=1):
            found += words(film, seen, sheet, look.sought)
            logger.info("looked", extra={"look": number, "of": len(plan), "places": len(found)})
    return found


def _wider(box: Part, margin: float, film: Film) -> Part:
    left, top, right, bottom = box
    rows, columns = film.shape[1:3]
    around = math.ceil(margin * min(right - left, bottom - top)) + 1
    return (
        max(0, left - around),
        max(0, top - around),
        min(columns, right + around),
        min(rows, bottom + around),
    )


def _mask(dataset: Dataset, film: Film, parts: set[Part], interpretation: str) -> None:
    """Blackens the parts of every frame, whichever frame they were found on."""
    for frame in film if parts else ():
        darkest = black(dataset, frame, interpretation)
        for left, top, right, bottom in parts:
            frame[top:bottom, left:right] = darkest


def _read_again(written: bytes, limits: Limits) -> Film:
    """The film of a file that was written, as anybody reads it."""
    source = structure(written, most_bytes=len(written))
    given = pixels(source.attributes(), most_frames=limits.frames, most_bytes=limits.pixel_bytes)
    return decoded(source, given)[0]


def _preview(frame: Any, view: View) -> bytes:
    # As few pixels as do: a view takes several times their memory.
    step = max(1, max(frame.shape[:2]) // (2 * _PREVIEW_PX))
    picture = Image.fromarray(np.ascontiguousarray(view(frame[::step, ::step])))
    picture.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
    file = BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
