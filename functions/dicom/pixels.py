"""The pixels of a DICOM picture: what they are, within limits, and all frames as an array.

https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.7.6.3.html
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
    JPEGTransferSyntaxes,
    RLELossless,
)

from functions.decision import Reason, Rejection
from functions.dicom.reading import reading
from functions.dicom.structure import Structure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    # A frame: rows, columns and, of colours, three samples. A film has one axis more, the first: frames.
    Frame: TypeAlias = NDArray[Any]
    Film: TypeAlias = NDArray[Any]

_GREY = frozenset(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"))
_COLOURS = frozenset(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"))
# What is written as it was read; all else is written without compression, its types said.
_KEPT = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


@dataclass(frozen=True)
class Pixels:
    """What a data set says of its pixels.

    `bits` are those of a sample, 8 or 16, of which `bits_stored` count.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    bits: int
    bits_stored: int
    is_signed: bool
    interpretation: str
    planar: int

    @property
    def size_bytes(self) -> int:
        """The size of all frames without compression."""
        return self.frames * self.rows * self.columns * self.samples * self.bits // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """That of an array of all frames."""
        colours = (self.samples,) if self.samples > 1 else ()
        return (self.frames, self.rows, self.columns, *colours)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a sample, little endian."""
        return np.dtype(f"<{'i' if self.is_signed else 'u'}{self.bits // 8}")

    def as_detail(self) -> dict[str, Any]:
        """For the detail of a refusal."""
        return {"type": "dicom", "width_px": self.columns, "height_px": self.rows, "frames": self.frames}


def pixels(dataset: Dataset, *, most_frames: int, most_bytes: int) -> Pixels:
    """Reads what a data set says of its pixels.

    Raises:
        Rejection: CORRUPT_IMAGE: it says nothing, or nonsense; UNSUPPORTED_TYPE: pixels of a kind that is not
            for looking at (1, 32 or 64 bits); TOO_MANY_FRAMES; IMAGE_TOO_LARGE: of more bytes without
            compression.
    """
    with reading("What it says of its pixels"):
        found = Pixels(
            rows=_whole(dataset, "Rows"),
            columns=_whole(dataset, "Columns"),
            frames=_whole(dataset, "NumberOfFrames", 1),
            samples=_whole(dataset, "SamplesPerPixel", 1),
            bits=_whole(dataset, "BitsAllocated"),
            bits_stored=_whole(dataset, "BitsStored"),
            is_signed=_whole(dataset, "PixelRepresentation", 0) == 1,
            interpretation=str(dataset.PhotometricInterpretation),
            planar=_whole(dataset, "PlanarConfiguration", 0),
        )
    colours = found.interpretation in _COLOURS
    if (
        found.bits not in {8, 16}
        or not (colours or found.interpretation in _GREY)
        or (colours and found.bits != 8)
    ):
        raise Rejection.because(
            Reason.UNSUPPORTED_TYPE,
            type="dicom",
            bits=found.bits,
            message="Pixels are of 8 or 16 bits, grey, of a palette, RGB or YBR; colours of 8.",
        )
    if (
        min(found.rows, found.columns, found.frames) < 1
        or found.samples != (3 if colours else 1)
        or not 1 <= found.bits_stored <= found.bits
        or found.planar not in {0, 1}
    ):
        raise Rejection.because(
            Reason.CORRUPT_IMAGE, **found.as_detail(), message="What it says of its pixels is no picture."
        )
    if found.frames > most_frames:
        raise Rejection.because(Reason.TOO_MANY_FRAMES, **found.as_detail(), max_frames=most_frames)
    if found.size_bytes > most_bytes:
        raise Rejection.because(Reason.IMAGE_TOO_LARGE, **found.as_detail(), max_size_bytes=most_bytes)
    return found


def _whole(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    value = dataset.get(keyword)
    return default if value in {None, ""} and default is not None else int(value)


def decoder_of(syntax: str, given: Pixels) -> Decoder:
    """What decodes a transfer syntax.

    Raises:
        Rejection: UNSUPPORTED_TRANSFER_SYNTAX.
    """
    decoder = None
    with reading("Its transfer syntax"), suppress(NotImplementedError):
        decoder = get_decoder(UID(syntax))
    # libjpeg, as it is built here, reads 8 bits.
    is_wide_jpeg = syntax == JPEGExtended12Bit and given.bits_stored > 8
    if decoder is None or not decoder.is_available or is_wide_jpeg:
        raise Rejection.because(Reason.UNSUPPORTED_TRANSFER_SYNTAX, type="dicom", transfer_syntax=syntax[:64])
    return decoder


def syntax_after(syntax: str) -> str:
    """The transfer syntax in which a file of this one is written: its own, if it has no compression.

    A compressed frame can have comments of its own, and a lossy one would change a second time.
    """
    return syntax if syntax in _KEPT else ExplicitVRLittleEndian


def decoded(structure: Structure, given: Pixels) -> tuple[Film, Pixels]:
    """All frames of a file, and what they are now; colours are RGB where they were compressed by JPEG.

    Bits that are not of the picture are clear.

    Raises:
        Rejection: CORRUPT_IMAGE: a frame cannot be decoded, is missing, or is of another size than it says.
    """
    decoder = decoder_of(structure.syntax, given)
    if (structure.pixel_bytes is None) != decoder.is_encapsulated:
        raise Rejection.because(
            Reason.CORRUPT_IMAGE,
            **given.as_detail(),
            message="Its pixels do not lie as its transfer syntax says.",
        )
    source: Any
    if structure.pixel_bytes is None:
        _check_encoded(structure, given)
        source = BytesIO(structure.data)
        source.seek(structure.pixels)
    else:
        source = memoryview(structure.data)[structure.pixels : structure.pixels + structure.pixel_bytes]
    options: Any = {
        "rows": given.rows,
        "columns": given.columns,
        "number_of_frames": given.frames,
        "samples_per_pixel": given.samples,
        "bits_allocated": given.bits,
        "bits_stored": given.bits_stored,
        "pixel_representation": int(given.is_signed),
        "photometric_interpretation": given.interpretation,
        "planar_configuration": given.planar,
        "pixel_keyword": "PixelData",
        "pixel_vr": structure.pixel_vr,
        "allow_excess_frames": False,
    }
    with reading("Its pixels"):
        film, now = decoder.as_array(source, raw=True, **options)
        interpretation = str(now["photometric_interpretation"]).replace("YBR_FULL_422", "YBR_FULL")
        film = film.reshape(given.shape)
        if structure.syntax in JPEGTransferSyntaxes and interpretation == "YBR_FULL":
            # One by one: it takes ten times their memory.
            for frame in film:
                frame[:] = as_rgb(frame, interpretation)
            interpretation = "RGB"
        return (
            np.ascontiguousarray(film, dtype=given.dtype),
            replace(given, interpretation=interpretation, planar=0),
        )


def as_rgb(frame: Frame, interpretation: str) -> Frame:
    """A frame of colours as RGB."""
    return convert_color_space(frame, "YBR_FULL", "RGB") if interpretation == "YBR_FULL" else frame


def _check_encoded(structure: Structure, given: Pixels) -> None:
    """Refuses frames that would be larger, once they are decoded, than the file says."""
    source: Any = BytesIO(structure.data)
    source.seek(structure.pixels)
    with reading("A frame"):
        for number, encoded in enumerate(generate_frames(source, number_of_frames=given.frames), start=1):
            if not _fits(structure.syntax, encoded, given):
                raise Rejection.because(
                    Reason.CORRUPT_IMAGE, **given.as_detail(), message=f"Frame {number} is of another size."
                )
            if number == given.frames:
                return


def _fits(syntax: str, encoded: bytes, given: Pixels) -> bool:
    if syntax == RLELossless:
        return _runs_fit(encoded, given)
    with Image.open(BytesIO(encoded), formats=("JPEG", "JPEG2000")) as picture:
        return picture.size == (given.columns, given.rows) and len(picture.getbands()) == given.samples


def _runs_fit(encoded: bytes, given: Pixels) -> bool:
    """Whether the runs of a frame make no more than it has; each run can make 64 bytes of one.

    https://dicom.nema.org/medical/dicom/current/output/chtml/part05/chapter_G.html
    """
    # Padding included, as some writers fill a segment up.
    most = 2 * given.rows * given.columns * given.samples * given.bits // 8 + 1024
    made, position, size = 0, 64, len(encoded)
    while position < size and made <= most:
        code = encoded[position]
        if code < 128:
            made += code + 1
            position += code + 2
        else:
            made += 257 - code if code > 128 else 0
            position += 2 if code > 128 else 1
    return made <= most
