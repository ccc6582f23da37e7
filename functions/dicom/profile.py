"""Attributes of a DICOM data set, made anonymous by the Basic Application Level Confidentiality Profile.

DICOM PS3.15, Annex E: `basic_profile.json` is its table E.1-1. Where the table leaves a choice that depends
on what an attribute is needed for, the data set stays valid: it is emptied rather than removed, and
replaced rather than emptied. We are stricter than the table with what it does not know: attributes of no
standard, names of people, dates and free text of any attribute, binary data that is no table of colours.
https://dicom.nema.org/medical/dicom/current/output/chtml/part15/chapter_E.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_has_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.uid import UID

from functions.dicom.pseudonyms import Pseudonym

_REMOVE, _EMPTY, _REPLACE, _UID = "X", "Z", "D", "U"
_STRICTEST_VALID = {"X/Z": _EMPTY, "X/D": _REPLACE, "X/Z/D": _REPLACE, "Z/D": _REPLACE, "X/Z/U": _UID}
# Curves and overlays, which can have words in their bits.
_REPEATING = (0x50, 0x60)
_ABOUT_PEOPLE_AND_TIMES = frozenset(("PN", "DA", "DT", "LT", "ST", "UR", "UT"))
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "OB or OW", "UN"))
# Tables of colours and of grey, and the profile of colours.
_TABLES = frozenset(
    (0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223, 0x00283006, 0x00282000)
)
_DUMMIES: dict[str, Any] = {
    "AE": "ANONYMOUS", "AS": "000Y", "CS": "ANONYMOUS", "DA": "19000101", "DT": "19000101000000", "LO":
    "ANONYMOUS", "LT": "ANONYMOUS", "PN": "ANONYMOUS", "SH": "ANONYMOUS", "ST": "ANONYMOUS", "TM": "000000",
    "UC": "ANONYMOUS", "UR": "about:blank", "UT": "ANONYMOUS", "OB": b"\0\0", "UN": b"\0\0",
}  # fmt: skip
# https://dicom.nema.org/medical/dicom/current/output/chtml/part16/sect_CID_7050.html
_METHODS = (("113100", "Basic Application Confidentiality Profile"), ("113101", "Clean Pixel Data Option"))


def _table() -> dict[int, str]:
    data = json.loads(Path(__file__).with_name("basic_profile.json").read_text(encoding="utf-8"))
    return {
        int(tag, 16): _STRICTEST_VALID.get(action, action)
        for action, lines in data["actions"].items()
        for line in lines
        for tag in line.split()
    }


_TABLE = _table()


def make_anonymous(dataset: Dataset, pseudonym: Pseudonym) -> None:
    """Changes a data set, the ones nested in it too, and says in it that it was done.

    Its text is decoded by its character set, and is UTF-8 from then on. What cannot be decoded is removed.
    """
    _clean(dataset, pseudonym)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = ""
    dataset.PatientID = ""
    dataset.PatientIdentityRemoved = "YES"
    dataset.BurnedInAnnotation = "NO"
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    dataset.DeidentificationMethod = "Happy Path redact-dicom: DICOM PS3.15 2024b, Basic Profile"
    dataset.DeidentificationMethodCodeSequence = Sequence(_method(*each) for each in _METHODS)


def _method(code: str, meaning: str) -> Dataset:
    method = Dataset()
    method.CodeValue = code
    method.CodingSchemeDesignator = "DCM"
    method.CodeMeaning = meaning
    return method


def _clean(dataset: Dataset, pseudonym: Pseudonym) -> None:
    for tag in list(dataset.keys()):
        try:
            element = None if _is_foreign(tag) else dataset[tag]
        except Exception:  # of a dozen kinds; what nobody can read is nothing to publish
            element = None
        if element is None:
            del dataset[tag]
            continue
        action = _action(element)
        if action == _REMOVE:
            del dataset[tag]
        elif action == _EMPTY:
            element.value = Sequence() if element.VR == "SQ" else element.empty_value
        elif action == _REPLACE:
            _replace(element, pseudonym)
        elif element.VR == "SQ":
            for item in element.value:
                _clean(item, pseudonym)
        elif element.VR == "UI":
            _replace_uids(element, pseudonym)


def _is_foreign(tag: BaseTag) -> bool:
    return tag.is_private or not dictionary_has_tag(tag) or tag.group >> 8 in _REPEATING


def _action(element: DataElement) -> str | None:
    found = _TABLE.get(element.tag)
    if found or element.tag in _TABLES:
        return found
    is_strange = element.VR in _ABOUT_PEOPLE_AND_TIMES or element.VR in _BINARY
    # Each data set has one character set, and the one around it says which.
    return _REMOVE if is_strange or element.keyword == "SpecificCharacterSet" else None


def _replace(element: DataElement, pseudonym: Pseudonym) -> None:
    if element.VR == "UI":
        _replace_uids(element, pseudonym)
    elif element.VR == "SQ":
        element.value = Sequence()
    else:
        element.value = _DUMMIES.get(element.VR, element.empty_value)


def _replace_uids(element: DataElement, pseudonym: Pseudonym) -> None:
    """Those that the standard gave say what something is, and not whose."""
    given = element.value if element.VM > 1 else [element.value]
    replaced = [each if UID(each).name != each else pseudonym(each) for each in map(str, given) if each]
    element.value = replaced if len(replaced) > 1 else "".join(replaced)
