"""DICOM files that tests make."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

NAME = "Winterbottom^Prudence"
PATIENT_ID = "WB-4711-0815"
# Below the number that is kept for examples (RFC 5612).
ROOT = "1.3.6.1.4.1.32473.7"


def dataset(pixels: np.ndarray[Any, Any] | None = None, **attributes: Any) -> Dataset:
    """A picture of a patient: a slope of grey, or these frames; colours are the last of 4 axes."""
    if pixels is None:
        pixels = np.tile(np.linspace(0, 200, 96, dtype=np.uint8), (1, 64, 1))
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 100"
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = f"{ROOT}.3"
    made.StudyInstanceUID = f"{ROOT}.1"
    made.SeriesInstanceUID = f"{ROOT}.2"
    made.StudyDate = "20110525"
    made.Modality = "OT"
    made.InstitutionName = "Saint Elsewhere"
    made.PatientName = NAME
    made.PatientID = PATIENT_ID
    made.PatientBirthDate = "19470308"
    made.Rows, made.Columns = pixels.shape[1:3]
    if len(pixels) > 1:
        made.NumberOfFrames = len(pixels)
    made.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    made.PhotometricInterpretation = "RGB" if pixels.ndim == 4 else "MONOCHROME2"
    if pixels.ndim == 4:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = pixels.dtype.itemsize * 8
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(pixels.dtype.kind == "i")
    data = pixels.tobytes()
    made.PixelData = data + b"\0" * (len(data) % 2)
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def written(made: Dataset, syntax: str = ExplicitVRLittleEndian, *, implicit: bool = False) -> bytes:
    """A data set as a file."""
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID(syntax)
    made.file_meta.SourceApplicationEntityTitle = "WINTERBOTTOM"
    file = BytesIO()
    dcmwrite(file, made, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def with_words(
    *words: str, size: tuple[int, int] = (640, 480), at: int = 20, grey: int = 255
) -> np.ndarray[Any, Any]:
    """One frame with lines of text burned in."""
    picture = Image.new("L", size, 20)
    draw = ImageDraw.Draw(picture)
    for number, word in enumerate(words):
        draw.text((20, at + 60 * number), word, fill=grey, font=ImageFont.load_default(28))
    return np.asarray(picture, dtype=np.uint8)[np.newaxis]


def scan() -> bytes:
    """A file that can be published."""
    return written(dataset())


def half() -> bytes:
    """The same, cut off."""
    return scan()[:-100]


def bomb() -> bytes:
    """A small file that says that it has 4 gigapixels."""
    return written(dataset(Rows=65535, Columns=65535))
