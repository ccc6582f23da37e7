"""Leaves the text of a scanned page in the catalogue, as Rekognition reads it."""

from __future__ import annotations

from dataclasses import dataclass

from functions.catalogue import entries
from functions.catalogue.entry import Entry
from functions.catalogue.tables import Tables
from functions.document import reading, scan
from functions.document.limits import Limits
from functions.document.source import fetched
from functions.platform import rules
from functions.platform.aws import client, prepare
from functions.platform.observability import subsegment
from functions.platform.settings import DocumentSettings, read
from functions.platform.task import Event, Result, task
from functions.platform.values import percent, value, whole
from functions.upload import Upload

SETTINGS = read(DocumentSettings)
prepare("s3", "rekognition", "dynamodb")


@dataclass(frozen=True)
class Rules:
    """`catalogue_from`: how sure Rekognition must be of a line, in percent; `dots_per_inch`: how finely a
    page is drawn, unless it is too large for that; `max_seconds` of processor time for drawing it.
    """

    catalogue_from: float = value(percent)
    max_seconds: int = value(whole(1, 80))
    dots_per_inch: int = value(whole(20, 600), 200)


@task
def handler(upload: Upload, event: Event) -> Result:
    """Writes the part of one page, which the event's `page` says; the result is how many `lines` it has."""
    by = rules.read(Rules, event["rules"])
    page = event["page"]
    limits = Limits(
        max_pages=page,
        max_scanned_pages=1,
        max_characters=0,
        max_seconds=by.max_seconds,
        memory_bytes=SETTINGS.reader_bytes,
        unpacked_bytes=0,
        max_pixels=SETTINGS.max_page_pixels,
    )
    with fetched(upload, SETTINGS.max_document_bytes) as file:
        with subsegment("draw"):
            drawn = reading.draw(file.path, page, by.dots_per_inch, limits)
        last_modified = file.last_modified
    found = scan.lines(drawn, by.catalogue_from)
    if not upload.dry_run:
        entries.write_part(
            Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name),
            upload,
            page,
            [Entry("words", line.text or "", line.confidence, line, page) for line in found],
            workflow=upload.workflow,
            at=last_modified,
            type="pdf",
        )
    return {"lines": len(found)}
