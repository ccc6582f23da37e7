"""What says in a DICOM file whose it is, and whether it is still said anywhere once that is gone.

Attributes that the profile keeps may repeat what it removes: a name in a series' list of codes, a date in a
number of software. So what was removed is sought in all that is left, and at last in every byte of the
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

# Texts in lower case.
Texts: TypeAlias = frozenset[str]

_PATIENT = 0x0010
_PLACES_AND_NUMBERS = frozenset((
    "AccessionNumber", "AdmissionID", "DeviceSerialNumber", "InstitutionAddress", "InstitutionName",
    "InstitutionalDepartmentName", "IssuerOfPatientID", "PerformedProcedureStepID", "RequestedProcedureID",
    "ServiceEpisodeID", "StationName", "StudyID",
))  # fmt: skip
_TEXTS = frozenset(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT", "PN"))
# Shorter texts are in every file by chance: they are not sought in bytes, nor in what has few letters to
# choose from.
_BYTES = 6
_WORD = 3
_CODES = frozenset(("CS", "DS", "IS"))


def identity(dataset: Dataset) -> Texts:
    """What says whose a data set is: parts of names, what is said of the patient, places, numbers, dates,
    UIDs.

    What cannot be decoded is not known here, and is removed.
    """
    return frozenset(
        text
        for element in _elements(dataset)
        for part in _identifying(element)
        if _length(text := part.strip("\0 ").casefold()) >= _WORD
    )


def forget(dataset: Dataset, texts: Texts) -> int:
    """Removes all attributes that have one of the texts as a word, or words; how many they were."""
    if not texts:
        return 0
    long, any_length = _words(text for text in texts if _length(text) >= _BYTES), _words(texts)
    found = 0
    for tag in list(dataset.keys()):
        element = dataset[tag]
        if element.VR == "SQ":
            found += sum(forget(item, texts) for item in element.value)
            continue
        pattern = long if element.VR in _CODES else any_length
        if element.VR in _TEXTS | _CODES and pattern.search(_text(element).casefold()):
            del dataset[tag]
            found += 1
    return found


def mentions(data: bytes | bytearray, texts: Texts, *, attributes_end: int) -> int:
    """How many of the texts are somewhere in a file, whose pixels begin at `attributes_end`.

    Before the pixels case does not matter.
    """
    attributes = bytes(data[:attributes_end]).lower()

    def is_there(text: str) -> bool:
        spellings = {each.encode() for each in (text, text.upper(), text.title())}
        return text.encode() in attributes or any(data.find(each, attributes_end) >= 0 for each in spellings)

    return sum(is_there(text) for text in texts if _length(text) >= _BYTES)


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except Exception:  # noqa: S112  # of a dozen kinds; the profile removes it
            continue
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)
        else:
            yield element


def _identifying(element: DataElement) -> Iterator[str]:
    text = _text(element)
    if element.VR == "PN":
        yield from re.split(r"[\s^=\\,.]+", text)
    elif element.VR in {"DA", "DT"}:
        yield from (each[:8] for each in text.split("\\") if len(each) >= 8)
    elif element.VR == "UI":
        yield from (each for each in text.split("\\") if UID(each).name == each)
    elif element.VR in _TEXTS and (element.tag.group == _PATIENT or element.keyword in _PLACES_AND_NUMBERS):
        yield from text.split("\\")


def _text(element: DataElement) -> str:
    values = element.value if element.VM > 1 else [element.value]
    return "\\".join("" if each is None else str(each) for each in values)


def _length(text: str) -> int:
    """In UTF-8: a name in Chinese has two letters, and those are not in every file by chance."""
    return len(text.encode())


def _words(texts: Iterable[str]) -> re.Pattern[str]:
    longest_first = sorted(map(re.escape, texts), key=len, reverse=True)
    # Of no texts, what is nowhere.
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(longest_first) or '(?!)'})(?![^\W_])")
