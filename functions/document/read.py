"""Leaves the text of a document in the catalogue, and tells the pages that have none."""

from __future__ import annotations

from dataclasses import dataclass

from functions.catalogue import entries
from functions.catalogue.entry import Entry
from functions.catalogue.tables import Tables
from functions.decision import Decision
from functions.document import reading
from functions.document.limits import Limits
from functions.document.part import Part
from functions.document.reading import Document
from functions.document.source import Fetched, fetched
from functions.platform.aws import client, prepare
from functions.platform.decider import decider
from functions.platform.observability import subsegment
from functions.platform.settings import DocumentSettings, read
from functions.platform.values import value, whole
from functions.upload import Upload

SETTINGS = read(DocumentSettings)
prepare("s3", "dynamodb")


@dataclass(frozen=True)
class Rules:
    """`max_pages` of a PDF; `max_scanned_pages`: how many of them may be without text, each of which is
    looked at; `max_characters` of text in all; `max_seconds` of processor time for reading it.
    """

    max_pages: int = value(whole(1, 50_000))
    max_scanned_pages: int = value(whole(0, 1_000))
    max_characters: int = value(whole(1, 10_000_000))
    max_seconds: int = value(whole(1, 80))


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Writes a part of the upload's entries for each page with text, and part 0 for the whole.

    The detail has the document's `type`, the numbers of its `scanned` pages, and how many `parts` there are
    or are going to be; of a PDF the number of its `pages`. Of a picture it has its `type`
    and that it is a `picture`, of which nothing is written.
    """
    limits = Limits(
        max_pages=rules.max_pages,
        max_scanned_pages=rules.max_scanned_pages,
        max_characters=rules.max_characters,
        max_seconds=rules.max_seconds,
        memory_bytes=SETTINGS.reader_bytes,
        unpacked_bytes=SETTINGS.max_unpacked_bytes,
        max_pixels=SETTINGS.max_page_pixels,
    )
    with fetched(upload, SETTINGS.max_document_bytes) as file:
        with subsegment("read"):
            document = reading.read(file.path, limits)
        if document.is_picture:
            return Decision.accept(type=document.type, picture=True)
        if not upload.dry_run:
            _write(upload, file, document)
    scanned = [part.number for part in document.parts if part.scanned]
    return Decision.accept(
        type=document.type,
        scanned=scanned,
        parts=1 + len(document.parts),
        **({} if document.pages is None else {"pages": document.pages}),
    )


def _write(upload: Upload, file: Fetched, document: Document) -> None:
    tables = Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name)
    whole = [] if document.pages is None else [Entry("count", "pages", count=document.pages)]
    read_already = [part for part in document.parts if not part.scanned]
    with subsegment("write"):
        for number, listed, text in [(0, whole, ""), *map(_known, read_already)]:
            entries.write_part(
                tables,
                upload,
                number,
                listed,
                text,
                workflow=upload.workflow,
                at=file.last_modified,
                type=document.type,
            )


def _known(part: Part) -> tuple[int, list[Entry], str]:
    """What is written of a part. Lines of a text are on the page of its number, others are entries."""
    if part.page is not None:
        return part.number, [], part.text
    return part.number, [Entry("words", line) for line in part.text.split("\n") if line], ""
