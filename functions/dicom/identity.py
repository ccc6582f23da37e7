"""What says in a DICOM file whose it is, and whether it is still said anywhere once that is gone.

Attributes that the profile keeps may repeat what it removes: a name in the maker's, a date in the number of a
software. So what was removed is sought in all that is left, and at last in the bytes of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID

from functions.decision import Reason, Rejection

_PATIENT = 0x0010
_PLACES_AND_NUMBERS = frozenset((
    "AccessionNumber", "AdmissionID", "DeviceSerialNumber", "InstitutionAddress", "InstitutionName",
    "InstitutionalDepartmentName", "IssuerOfPatientID", "PerformedProcedureStepID", "RequestedProcedureID",
    "ServiceEpisodeID", "StationName", "StudyID",
))  # fmt: skip
_TEXTS = frozenset(("AE", "CS", "LO", "LT", "SH", "ST", "UC", "UR", "UT", "PN"))
# Shorter texts are in every file by chance: they are sought as words only, and not among codes and numbers.
_LONG = 6
_SHORT = 3
_CODES = frozenset(("CS", "DS", "IS"))
# Among samples of pixels are all digits, one after the other, and short words, too.
_IN_PIXELS = 8
_MOST_TEXTS = 2_000
# From the first digit: a search from each of a million would take days.
_UID = re.compile(rb"(?<![0-9])[0-9]+(?:\.[0-9]+){3,}")


@dataclass(frozen=True)
class Identity:
    """What says whose a data set is: texts in lower case, and UIDs."""

    texts: frozenset[str]
    uids: frozenset[str]


def identity(dataset: Dataset) -> Identity:
    """The parts of names, what is said of the patient, places, numbers and dates, and the UIDs of a data set.

    What cannot be decoded is not known here, and is removed.

    Raises:
        Rejection: IMAGE_TOO_COMPLEX: there are more texts than any real file has.
    """
    texts: set[str] = set()
    uids: set[str] = set()
    for element in _elements(dataset):
        if element.VR == "UI":
            uids.update(each for each in _text(element).split("\\") if UID(each).name == each)
        else:
            parts = (part.strip("\0 ").casefold() for part in _identifying(element))
            texts.update(part for part in parts if _length(part) >= _SHORT)
        if len(texts) > _MOST_TEXTS:
            raise Rejection.because(
                Reason.IMAGE_TOO_COMPLEX,
                type="dicom",
                message=f"It has more than {_MOST_TEXTS} names and dates.",
            )
    return Identity(frozenset(texts), frozenset(uids))


def forget(dataset: Dataset, said: Identity) -> int:
    """Removes all attributes that have one of the texts as a word, or words, or a UID; how many they were."""
    long = _words(text for text in said.texts if _length(text) >= _LONG)
    return _forget(dataset, said, _words(said.texts), long)


def mentions(data: bytes, said: Identity, *, attributes_end: int) -> int:
    """How many texts and UIDs are still in a file, whose pixels begin at `attributes_end`: as words, and in
    pixels any text of 8 bytes that is more than a number.
    """
    attributes = data[:attributes_end].lower()
    long = {text for text in said.texts if _length(text) >= _LONG}
    found = set(_words(long).findall(attributes.decode(errors="replace")))
    for text in long - found:
        spellings = {each.encode() for each in (text, text.upper(), text.title())}
        if (
            _length(text) >= _IN_PIXELS
            and any(map(str.isalpha, text))
            and any(data.find(each, attributes_end) >= 0 for each in spellings)
        ):
            found.add(text)
    return len(found) + len(said.uids & {each.decode() for each in _UID.findall(attributes)})


def _forget(dataset: Dataset, said: Identity, any_length: re.Pattern[str], long: re.Pattern[str]) -> int:
    found = 0
    for tag in list(dataset.keys()):
        element = dataset[tag]
        if element.VR == "SQ":
            found += sum(_forget(item, said, any_length, long) for item in element.value)
        elif element.VR in _TEXTS | _CODES:
            text = _text(element).casefold()
            pattern = long if element.VR in _CODES else any_length
            uids = {each.decode() for each in _UID.findall(text.encode())}
            if pattern.search(text) or uids & said.uids:
                del dataset[tag]
                found += 1
    return found


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
