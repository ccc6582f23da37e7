"""PDF: the text of its pages, and pages as pictures. Nothing in it is run, opened or fetched.

PDFium comes without JavaScript and XFA here, and no form is set up, so that actions are data like any other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pypdfium2.raw

from functions.decision import Reason, Rejection
from functions.document.file_type import encrypted
from functions.document.limits import Limits
from functions.document.part import MOST_CHARACTERS, Part, plain

# Of fewer letters a page is read by its picture, if it has one: scanners and mail rooms stamp a number on it.
_FEW_LETTERS = 16
_MOST_DEPTH = 4
_POINTS_PER_INCH = 72
# What Rekognition is shown at once has no longer side.
SIDE_PX = 4096
_HYPHEN = re.compile("[\ufffe\u0002]")


@dataclass(frozen=True)
class Drawn:
    """A page as a picture: red, green and blue of each pixel, row by row."""

    width: int
    height: int
    pixels: bytes


@contextmanager
def _opened(path: Path) -> Iterator[pypdfium2.PdfDocument]:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code in {pypdfium2.raw.FPDF_ERR_PASSWORD, pypdfium2.raw.FPDF_ERR_SECURITY}:
            raise encrypted("pdf") from None
        raise _corrupt("The file is damaged or incomplete, or has no page.") from None
    try:
        yield document
    finally:
        document.close()


def parts(path: Path, limits: Limits) -> Iterator[Part]:
    """The pages of a PDF.

    Raises:
        Rejection: ENCRYPTED_DOCUMENT, CORRUPT_DOCUMENT, TOO_MANY_PAGES, TOO_MANY_SCANNED_PAGES,
            TOO_MUCH_TEXT.
    """
    with _opened(path) as document:
        pages = len(document)
        if pages > limits.max_pages:
            raise Rejection.because(Reason.TOO_MANY_PAGES, pages=pages, max_pages=limits.max_pages)
        scanned = 0
        for number in range(1, pages + 1):
            part = _part(document, number)
            scanned += part.scanned
            if scanned > limits.max_scanned_pages:
                raise Rejection.because(
                    Reason.TOO_MANY_SCANNED_PAGES, pages=pages, max_scanned_pages=limits.max_scanned_pages
                )
            yield part


def drawn(path: Path, number: int, dots_per_inch: int, limits: Limits) -> Drawn:
    """One page as a picture, so much smaller than asked that it has no more than `max_pixels`.

    Raises:
        Rejection: ENCRYPTED_DOCUMENT, CORRUPT_DOCUMENT.
    """
    with _opened(path) as document, _page(document, number) as page:
        width, height = page.get_size()
        if not (math.isfinite(width * height) and width > 0 and height > 0):
            raise _corrupt(f"Page {number} has no size.")
        scale = min(
            dots_per_inch / _POINTS_PER_INCH,
            SIDE_PX / max(width, height),
            math.sqrt(limits.max_pixels / (width * height)),
        )
        bitmap = page.render(scale=scale, may_draw_forms=False, rev_byteorder=True)
        return Drawn(bitmap.width, bitmap.height, bytes(bitmap.buffer))


@contextmanager
def _page(document: pypdfium2.PdfDocument, number: int) -> Iterator[pypdfium2.PdfPage]:
    try:
        page = document[number - 1]
    except (pypdfium2.PdfiumError, IndexError):
        raise _corrupt(f"Page {number} cannot be read.") from None
    try:
        yield page
    finally:
        page.close()


def _part(document: pypdfium2.PdfDocument, number: int) -> Part:
    with _page(document, number) as page:
        try:
            text_page = page.get_textpage()
        except pypdfium2.PdfiumError:
            raise _corrupt(f"The text of page {number} cannot be read.") from None
        try:
            characters = text_page.count_chars()
            if characters > MOST_CHARACTERS:
                raise Rejection.because(
                    Reason.TOO_MUCH_TEXT, page=number, characters=characters, max_characters=MOST_CHARACTERS
                )
            # PDFium has a mark where it takes a hyphen at the end of a line for one that divides a word.
            text = plain(_HYPHEN.sub("-\n", text_page.get_text_range()))
        finally:
            text_page.close()
        letters = sum(map(str.isalnum, text))
        scanned = letters < _FEW_LETTERS and _is_to_be_seen(page, any_object=not letters)
        return Part(number, number, "" if scanned else text, scanned)


def _is_to_be_seen(page: pypdfium2.PdfPage, *, any_object: bool) -> bool:
    """Whether there is something on a page that may be read from its picture.

    Without any text that is any object, for letters may be drawn as lines.
    """
    kinds = None if any_object else [pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]
    return any(True for _ in page.get_objects(filter=kinds, max_depth=_MOST_DEPTH))


def _corrupt(message: str) -> Rejection:
    return Rejection.because(Reason.CORRUPT_DOCUMENT, type="pdf", message=message)
