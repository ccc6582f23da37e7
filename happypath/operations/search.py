"""What is found in the pictures and documents of an installation, and what is known of one of them."""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from functions.catalogue import entries
from functions.catalogue import search as searching
from functions.catalogue.entries import Part
from functions.catalogue.query import QueryError
from functions.catalogue.search import MOST_ON_A_PAGE, CursorError, Page, TooBroadError
from functions.catalogue.tables import Tables
from functions.catalogue.terms import is_without_spaces, words
from functions.imaging.header import READABLE
from functions.platform.aws import ThrottledError
from happypath.errors import ExpectedError, UsageError
from happypath.operations.installation import Installation
from happypath.project import cataloguing

# What everything that is catalogued is found by.
_EVERYTHING = "after:1970"
# The output of core that tells.
_HAS_CATALOGUE = "CatalogueTable"
# Of text before and behind words.
_AROUND_CHARACTERS = 90
# More of an upload's pages would be a book.
_PASSAGES = 3
# Of a document without pages: some megabytes of text.
_PARTS = 20
# Of a phrase, with what may be between its words.
_LONGEST_CHARACTERS = 4_000
# A run of what is no space; where a hyphen divides a word at a line's end it goes on with the next line.
_RUN = re.compile(r"\S+(?:(?<=[-\u00ad\u2010])[ \t]*\n\s*(?=[^\W\d_])\S+)*")
_DIVIDED = re.compile(r"[-\u00ad\u2010][ \t]*\n\s*(?=[^\W\d_])")


class NoCatalogueError(ExpectedError):
    """The installation is older than the catalogue."""

    def __init__(self, prefix: str) -> None:
        super().__init__(
            f"{prefix} has no catalogue yet: `happypath deploy core` adds it, while the installation goes on."
        )


class UnreadableQueryError(UsageError):
    """A query that cannot be read; the message says what is wrong with it, and where.

    `said` is that without the place, and `column` the place, from 1.
    """

    def __init__(self, query: str, error: QueryError) -> None:
        self.query = query
        self.column = error.column
        self.said = str(error).removeprefix(f"Column {error.column}: ")
        super().__init__(f"the query cannot be read at column {self.column}: {self.said}")


class BroadQueryError(UsageError):
    """A query finds nothing within what a page may read; the message says what to do."""


@dataclass(frozen=True)
class Passage:
    """Text around words that were found, and the page that it is on; None: of a picture."""

    page: int | None
    before: str
    words: str
    after: str


def search(installation: Installation, query: str, *, limit: int, cursor: str | None = None) -> Page:
    """A page of the uploads that a query finds, the newest first: at most `limit`, from the cursor on.

    A page that has read as much as a page may has fewer, and a cursor.

    Raises:
        UnreadableQueryError: the query cannot be read.
        UsageError: no search gave the cursor.
        BroadQueryError: too much would have to be read.
        NoCatalogueError: the installation is older than the catalogue.
    """
    try:
        return searching.search(tables_of(installation), query, limit=limit, cursor=cursor)
    except QueryError as error:
        raise UnreadableQueryError(query, error) from None
    except CursorError as error:
        raise UsageError(str(error)) from None
    except TooBroadError as error:
        raise BroadQueryError(str(error)) from None
    except ThrottledError as error:
        raise ExpectedError(f"{error} Ask again in a while.") from None


def search_far(installation: Installation, query: str, *, limit: int, cursor: str | None = None) -> Page:
    """As `search`, with any limit: page after page is read until there are so many, or one finds nothing
    within what a page may read.

    Raises:
        UsageError, NoCatalogueError: as `search`.
    """
    found: list[dict[str, Any]] = []
    read_units = 0.0
    while True:
        try:
            page = search(installation, query, limit=min(limit - len(found), MOST_ON_A_PAGE), cursor=cursor)
        except BroadQueryError:
            if not found:
                raise
            # The pages before are not lost; whoever goes on from the cursor is told what to do.
            return Page(found, cursor, read_units)
        found += page.found
        read_units += page.read_units
        cursor = page.cursor
        if cursor is None or len(found) >= limit:
            return Page(found, cursor, read_units)


def why_nothing(installation: Installation) -> str:
    """Why a query has found nothing: it asks for too much, or nothing is catalogued; then, what to do."""
    if search(installation, _EVERYTHING, limit=1).found:
        return "Nothing is found: no upload in the catalogue matches."
    return (
        f"Nothing is catalogued yet. Upload to keys that go to one of {', '.join(cataloguing())} "
        "(`happypath live`), or have what is in the bucket catalogued: `happypath catalogue --existing`."
    )


def known(installation: Installation, bucket: str, key: str, version: str | None) -> Iterator[Part]:
    """What is catalogued of a version of an upload, part by part; nothing while there is no catalogue."""
    if has_catalogue(installation):
        yield from entries.read(tables_of(installation), key, entries.generation(bucket, key, version))


def in_words(entry: Mapping[str, Any]) -> str:
    """An entry, as JSON has it, for a person.

    >>> in_words({"what": "words", "value": "new york", "confidence": 97.03, "where": {"page": 3}})
    '"new york" 97.0 % page 3'
    >>> in_words({"what": "count", "value": "people", "confidence": 100.0, "where": {}, "count": 2})
    'people 2'
    """
    what, value, where = entry["what"], entry["value"], entry["where"]
    name = f'"{value}"' if what == "words" else value if what == "count" else f"{what} {value}"
    number = f" {entry['count']}" if "count" in entry else ""
    # What is written in a document, or in a key, is sure.
    sure = f" {entry['confidence']:.1f} %" if entry["confidence"] < 100 else ""
    page = f" page {where['page']}" if "page" in where else ""
    second = f" at {where['second']:g} s" if "second" in where else ""
    return f"{name}{number}{sure}{page}{second}"


def passages(installation: Installation, found: Sequence[Mapping[str, Any]]) -> list[list[Passage]]:
    """The text around the words that a search found in documents, for each of the uploads that it found."""
    tables = tables_of(installation)

    def of(upload: Mapping[str, Any]) -> list[Passage]:
        generation = entries.generation(upload["bucket"], upload["key"], upload["version"])

        def parts(page: int | None) -> Iterator[Part]:
            if page is None:
                yield from islice(entries.read(tables, upload["key"], generation), _PARTS)
            else:
                # What begins there may go on on the next.
                for number in (page, page + 1):
                    yield from entries.read(tables, upload["key"], generation, number)

        said = [each for each in upload["found"] if each["what"] == "words"]
        if upload["type"] in READABLE:
            # They are shown on the picture.
            return []
        pages = [each["where"].get("page") for each in said[:_PASSAGES]]
        made = (
            _first(map(text_of, parts(page)), each["value"], page)
            for each, page in zip(said, pages, strict=False)
        )
        return [each for each in made if each is not None]

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(of, found))


def _first(texts: Iterable[str], phrase: str, page: int | None) -> Passage | None:
    """The first place of a phrase in texts that follow each other."""
    before = ""
    for text in texts:
        if (passage := around(f"{before}\n{text}" if before else text, phrase, page)) is not None:
            return passage
        before = text[-_LONGEST_CHARACTERS:]
    return None


def text_of(part: Part) -> str:
    """The text of a part, or the lines that were read on it."""
    return part.text or "\n".join(each.value for each in part.entries if each.what == "words")


def around(text: str, phrase: str, page: int | None = None) -> Passage | None:
    """A piece of a text around the first place of a phrase; None where it is not in it.

    >>> around("in the city of New\\nYork, in June", "new york")
    Passage(page=None, before='in the city of ', words='New York,', after=' in June')
    """
    wanted = words(phrase)
    if not wanted:
        return None
    last: deque[tuple[str, int, int]] = deque(maxlen=len(wanted))
    for start, end in _runs(text):
        for word in words(_DIVIDED.sub("", text[start:end])):
            last.append((word, start, end))
            if [each for each, *_ in last] == wanted:
                return _cut(text, last[0][1], end, page)
    return None


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Where what may be a word is: what is between spaces, or a character of a script without them."""
    for run in _RUN.finditer(text):
        start, is_alone = run.start(), False
        if not run[0].isascii():
            for at, each in enumerate(run[0], run.start()):
                is_mark = unicodedata.category(each)[0] == "M"
                if not is_mark and (is_alone or is_without_spaces(each)):
                    if start < at:
                        yield start, at
                    start, is_alone = at, is_without_spaces(each)
        yield start, run.end()


def _cut(text: str, start: int, end: int, page: int | None) -> Passage:
    first, last = max(0, start - _AROUND_CHARACTERS), end + _AROUND_CHARACTERS
    return Passage(
        page,
        _plain(text[first:start], cut_before=first > 0),
        _plain(text[start:end]),
        _plain(text[end:last], cut_after=last < len(text)),
    )


def _plain(text: str, *, cut_before: bool = False, cut_after: bool = False) -> str:
    """Text in one line; where it was cut off, an ellipsis for that and a word that may be half."""
    line = re.sub(r"\s+", " ", _DIVIDED.sub("", text))
    if cut_before:
        line = f"… {line.partition(' ')[2] or line}"
    if cut_after:
        line = f"{line.rpartition(' ')[0] or line} …"
    return line


def has_catalogue(installation: Installation) -> bool:
    """Whether the installation's core has a catalogue: one that is older has none."""
    return _HAS_CATALOGUE in installation.core


def tables_of(installation: Installation) -> Tables:
    """The catalogue of an installation, and its records.

    Raises:
        NoCatalogueError: the installation is older than the catalogue.
    """
    core = installation.core
    if not has_catalogue(installation):
        raise NoCatalogueError(installation.prefix)
    return Tables(installation.client("dynamodb"), core[_HAS_CATALOGUE], core["Table"])
