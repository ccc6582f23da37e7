"""A part of a document's text: a page, or a section of what has no pages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Of a page: what one item of the catalogue holds (`MOST_PART_BYTES` there), if each takes 4 bytes.
MOST_CHARACTERS = 90_000
# Of a section. It ends with a line where there is one; each line is an entry, which takes so much besides.
_SECTION_CHARACTERS, _LINE_CHARACTERS = 80_000, 80
_UNPRINTABLE = re.compile("[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Part:
    """Its number, from 1; the page that it is, None of a document without pages; its text, with a line feed
    between lines. The text of a `scanned` page is still to be read from its picture.
    """

    number: int
    page: int | None
    text: str
    scanned: bool = False


def plain(text: str) -> str:
    r"""A text without characters that nobody sees, and with line feeds alone between lines.

    >>> plain("a\r\nb\x00c\x85d\u2028e")
    'a\nbc\nd\ne'
    """
    lines = re.sub("\r\n|[\r\x0b\x0c\x85\u2028\u2029]", "\n", text)
    return unicodedata.normalize("NFC", _UNPRINTABLE.sub("", lines))


def sections(paragraphs: Iterable[str]) -> Iterator[Part]:
    """The parts of a document without pages, each of whole paragraphs unless one is too long for it."""
    number, gathered, length = 1, list[str](), 0
    for piece in _pieces(paragraphs):
        if gathered and length + len(piece) + _LINE_CHARACTERS > _SECTION_CHARACTERS:
            yield Part(number, None, "\n".join(gathered))
            number, gathered, length = number + 1, [], 0
        gathered.append(piece)
        length += len(piece) + _LINE_CHARACTERS
    if gathered or number == 1:
        yield Part(number, None, "\n".join(gathered))


def _pieces(paragraphs: Iterable[str]) -> Iterator[str]:
    for text in paragraphs:
        if not text.strip():
            continue
        start = 0
        while len(text) - start > _SECTION_CHARACTERS:
            end = start + _SECTION_CHARACTERS
            space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = end if space <= start else space + 1
            yield text[start:end].rstrip()
            start = end
        yield text[start:]
