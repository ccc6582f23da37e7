"""What uploads must come to: a table for each workflow, `<workflow>.json`, that all layers of tests read.

A table is a list of uploads, each an object with these keys; nothing in it names its workflow, so that a copy
serves a copy of the workflow:

- `picture`: the stem of a sample ("coffee", "licence-new-york-1"), or one of `MADE`, which tests make.
- `name`: what the key ends with; the extension of the picture unless given.
- `shows`, `reads`, `moderated`: what Rekognition is to answer about the picture, labels, words and labels of
  moderation; what it does not say, and a sample without them, is detected. A label is 99 percent sure, or as
  sure as a number behind it says: "Knife 55.5".
- `place`: a type of place; "nowhere" for a place that is not listed, null for one that is listed without a
  type, an object for a type that is this value of DynamoDB, such as {"N": "5"}; "park" unless given.
- `review`: what a person does who is asked about it, "approve" (also where nobody is) or "refuse".
- `path`: the states that the execution goes through, in order.
- `reason`: why it is REJECTED; absent or null when it is PROCESSED.
- `detail`: a part of the detail in the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from functions.decision import REASON
from happypath.project import SAMPLES

FOLDER = Path(__file__).parent
# With what stacks are deployed for the tables where that is not what the samples have: a person decides about
# labels that Rekognition is little sure of.
PARAMETERS: Mapping[str, Mapping[str, str]] = {"catalogue": {"ReviewBelow": "56"}}
NOWHERE = "nowhere"
# Pictures that are no samples, as the tables name them, with their extensions: a drawn slope that shows
# nothing, a picture 21 times as long as it is high, a JPEG whose picture breaks off, what is no picture, a
# PNG of 30,000 x 30,000 pixels; three DICOM files: one to publish, one that breaks off, and one that says it
# has 4 gigapixels; a PDF with a password; a film of a second, and one that cannot be decoded after half
# of it.
MADE = {
    "slope.jpg": ".jpg",
    "slope.png": ".png",
    "slope.webp": ".webp",
    "slope.avif": ".avif",
    "slope.heic": ".heic",
    "strip.png": ".png",
    "half.jpg": ".jpg",
    "text": ".jpg",
    "empty": ".jpg",
    "gif": ".jpg",
    "bomb.png": ".png",
    "film.mp4": ".mp4",
    "broken.mp4": ".mp4",
    "scan.dcm": ".dcm",
    "half.dcm": ".dcm",
    "bomb.dcm": ".dcm",
    "encrypted.pdf": ".pdf",
}
_SUFFIXES = frozenset({".jpg", ".png", ".webp", ".pdf", ".docx"})
# The samples by their stems.
SAMPLE_FILES = {path.stem: path for path in SAMPLES.glob("*/*.*") if path.suffix in _SUFFIXES}


@dataclass(frozen=True)
class Row:
    """One upload, and how it must end."""

    picture: str
    path: tuple[str, ...]
    name: str = ""
    shows: tuple[str, ...] | None = None
    reads: tuple[str, ...] | None = None
    moderated: tuple[str, ...] | None = None
    review: str = "approve"
    place: str | Mapping[str, Any] | None = "park"
    reason: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [*(self.shows or ()), *(self.reads or ()), *(self.moderated or ())]
        showing = f" with {', '.join(said)}" if said else ""
        named = f" as {self.name}" if self.name else ""
        return f"{self.picture}{named}{showing} at {self.place}: {self.status}"

    @property
    def status(self) -> str:
        """How the record must end."""
        return "REJECTED" if self.reason else "PROCESSED"

    @property
    def suffix(self) -> str:
        """What the key ends with."""
        if self.name:
            return self.name
        return MADE[self.picture] if self.picture in MADE else SAMPLE_FILES[self.picture].suffix

    @property
    def listing(self) -> dict[str, Any] | None:
        """The attributes of the place's listing, as DynamoDB has them; None for a place without one."""
        if self.place == NOWHERE:
            return None
        if self.place is None:
            return {}
        return {"type": {"S": self.place} if isinstance(self.place, str) else dict(self.place)}


@cache
def rows(workflow: str) -> tuple[Row, ...]:
    """The table of a workflow.

    Raises:
        ValueError: there is none, or something in it is wrong; the message says where and what.
    """
    file = FOLDER / f"{workflow}.json"
    if not file.exists():
        raise ValueError(f"There is no {file}: say there what uploads to {workflow} come to.")
    table = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(table, list) or not table:
        raise ValueError(f"{file} must be a list of uploads.")
    read = tuple(_row(each, f"{file.name}, row {number}") for number, each in enumerate(table, 1))
    for number, row in enumerate(read):
        if row in read[:number]:
            raise ValueError(f"{file.name}, row {number + 1}: there is this row already.")
    return read


def _row(given: Any, where: str) -> Row:
    if not isinstance(given, dict):
        raise ValueError(f"{where} must be an object, not {given!r}.")
    for key in ("picture", "path"):
        if key not in given:
            raise ValueError(f"{where}: {key} is missing.")
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _KEYS:
            raise ValueError(f"{where}: there is no key {key!r}, choose among {', '.join(_KEYS)}.")
        is_right, must = _KEYS[key]
        if not is_right(value):
            raise ValueError(f"{where}: {key} must be {must}, not {value!r}.")
        values[key] = tuple(value) if isinstance(value, list) else value
    return Row(**values)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


_TEXTS = (_is_texts, "a list of texts")
_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "picture": (
        lambda value: isinstance(value, str) and value in MADE.keys() | SAMPLE_FILES.keys(),
        f"the stem of a sample or one of {', '.join(MADE)}",
    ),
    "path": (lambda value: _is_texts(value) and bool(value), "a list of states"),
    "name": (lambda value: isinstance(value, str) and bool(value), "a text that is not empty"),
    "shows": _TEXTS,
    "reads": _TEXTS,
    "moderated": _TEXTS,
    "review": (lambda value: value in {"approve", "refuse"}, '"approve" or "refuse"'),
    "place": (
        lambda value: (
            value is None or isinstance(value, str) or (isinstance(value, dict) and len(value) == 1)
        ),
        'a type of place, "nowhere", null or a value of DynamoDB such as {"N": "5"}',
    ),
    "reason": (
        lambda value: value is None or (isinstance(value, str) and bool(REASON.fullmatch(value))),
        "null, or capital letters, digits and underscores",
    ),
    "detail": (lambda value: isinstance(value, dict), "an object"),
}
