"""What only some workflows need on this machine, and whether it is there."""

from __future__ import annotations

from importlib.util import find_spec

from happypath.errors import MissingExtraError
from happypath.project import extras_of
from happypath.sandbox.rekognition import reader

# What `scripts/install` calls it → the module that tells, the kind of files, and what there is to download.
_FILES = {
    "dicom": ("pydicom", "DICOM files", "18 MB"),
    "document": ("pypdfium2", "documents", "10 MB"),
    "video": ("av", "films", "37 MB"),
}


def missing(workflow: str, *, real_rekognition: bool = False) -> list[MissingExtraError]:
    """An error for each thing that the workflow needs, that can be installed, and that is not."""
    return [
        error
        for extra in extras_of(workflow)
        if (error := _missing(workflow, extra, real_rekognition=real_rekognition))
    ]


def _missing(workflow: str, extra: str, *, real_rekognition: bool) -> MissingExtraError | None:
    if extra == "ocr":
        if not real_rekognition and not reader.is_installed() and reader.can_be_installed():
            return reader.NoReaderError(f"{workflow} reads words in pictures. ")
        return None
    module, files, size = _FILES[extra]
    if find_spec(module) is None:
        return MissingExtraError(
            extra,
            f"{workflow} takes {files}, and what reads them is not installed: run scripts/install "
            f"{extra} ({size} to download).",
        )
    return None
