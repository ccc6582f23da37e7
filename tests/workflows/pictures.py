"""The uploads of the tables of expected outcomes: pictures, what Rekognition says of them, and places."""

from __future__ import annotations

import json
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from happypath.operations.installation import Installation
from happypath.project import WORKFLOWS
from happypath.sandbox.rekognition import Rekognition
from happypath.sandbox.rekognition.reader import Line, Text
from happypath.sandbox.rekognition.text import text_detections
from tests import papers, scans
from tests.films import damaged, film
from tests.outcomes import SAMPLE_FILES, Row, rows
from tests.workflows.photos import bomb, drawn, gif, heic, strip, truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MADE: Mapping[str, Callable[[], bytes]] = {
    "slope.jpg": partial(drawn, "JPEG"),
    "slope.png": partial(drawn, "PNG"),
    "slope.webp": partial(drawn, "WEBP"),
    "slope.avif": partial(drawn, "AVIF"),
    "slope.heic": heic,
    "strip.png": strip,
    "half.jpg": truncated,
    "text": lambda: b"This is not a photo.\n" * 99,
    "empty": lambda: b"",
    "gif": gif,
    "bomb.png": bomb,
    "film.mp4": film,
    "broken.mp4": lambda: damaged(film()),
    "scan.dcm": scans.scan,
    "half.dcm": scans.half,
    "bomb.dcm": scans.bomb,
    "encrypted.pdf": papers.encrypted,
}
# Rekognition is as sure as this of what a row says that it sees, in percent.
_SURE = 99.0
# Where it sees it: everywhere. Nothing that is tested asks where.
_CORNERS = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def body(row: Row) -> bytes:
    """The bytes of a row's picture; they are no other row's when Rekognition is to say something of it."""
    picture = _picture(row.picture)
    said = answers(row)
    if not said:
        return picture
    # A WebP reaches Rekognition as other bytes than were uploaded.
    if not picture.startswith((b"\xff\xd8", b"\x89PNG")):
        raise ValueError(
            f"{row}: only of a JPEG or PNG can be said what it shows, reads, or is moderated for."
        )
    # Decoders leave alone what comes after a picture's end.
    return picture + json.dumps(said, sort_keys=True).encode()


def given(rekognition: Rekognition, row: Row) -> bytes:
    """The bytes of a row's picture, of which Rekognition says from now on what the row wants it to."""
    picture = body(row)
    if said := answers(row):
        rekognition.record(picture, said)
    return picture


@cache
def _picture(name: str) -> bytes:
    return _MADE[name]() if name in _MADE else SAMPLE_FILES[name].read_bytes()


def answers(row: Row) -> dict[str, Any]:
    """The responses of Rekognition that a row asks for, by operation."""
    found: dict[str, Any] = {}
    if row.shows is not None:
        found["DetectLabels"] = {"Labels": [_label(name) for name in row.shows], "LabelModelVersion": "3.0"}
    if row.moderated is not None:
        found["DetectModerationLabels"] = {
            "ModerationLabels": [
                {"Name": name, "ParentName": "", "Confidence": _SURE, "TaxonomyLevel": 1}
                for name in row.moderated
            ],
            "ModerationModelVersion": "7.0",
            "ContentTypes": [],
        }
    if row.reads is not None:
        found["DetectText"] = {
            "TextDetections": text_detections([_line(text) for text in row.reads]),
            "TextModelVersion": "3.0",
        }
    return found


def _label(said: str) -> dict[str, Any]:
    name, _, sure = said.rpartition(" ")
    is_doubted = sure.replace(".", "").isdecimal()
    return {
        "Name": name if is_doubted else said,
        "Confidence": float(sure) if is_doubted else _SURE,
        "Instances": [],
        "Parents": [],
        "Aliases": [],
        "Categories": [],
    }


def _line(text: str) -> Line:
    return Line(Text(text, _CORNERS, _SURE), tuple(Text(word, _CORNERS, _SURE) for word in text.split()))


def place_id(row: Row) -> str:
    """The place that a row's upload is of; `put_places` lists it."""
    match row.place:
        case None:
            return "the-place-without-type"
        case str() if row.listing is None:
            return row.place
        case str():
            return f"the-{row.place}"
        case _:
            return "the-place-with-" + "-".join(f"{kind}-{value}" for kind, value in row.place.items())


def put_places(installation: Installation) -> None:
    """Lists the places of all tables, as they say."""
    listings = {place_id(row): row.listing for workflow in WORKFLOWS for row in rows(workflow)}
    for place, listing in listings.items():
        if listing is not None:
            installation.client("dynamodb").put_item(
                TableName=installation.core["Table"],
                Item={"PK": {"S": place}, "SK": {"S": "listing"}, **listing},
            )
