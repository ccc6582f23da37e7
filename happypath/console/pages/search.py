"""The search: pictures with boxes around what a query finds, and documents with the text around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from functions.catalogue.query import MOST_CHARACTERS
from functions.catalogue.search import Page
from functions.imaging.header import READABLE
from happypath.console import addresses, sights
from happypath.console.parts import Parts
from happypath.console.sights import Seen
from happypath.console.templating import page
from happypath.operations.aws_errors import FORESEEABLE, explain
from happypath.operations.search import (
    Passage,
    UnreadableQueryError,
    in_words,
    passages,
    search,
    why_nothing,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from happypath.console.console import Console

_ON_A_PAGE = 24
# Of what matched in one upload, so much is named.
_MATCHES = 12
# What the language is, by examples.
LANGUAGE = (
    ("label:Person>90", "a label, as surely as that, in percent"),
    ('words:"new york"', "words, one after the other; york alone is a word, too"),
    ("people>=2", "how many there are: people, faces, pages, cars, …"),
    ("place:sample-park type:pdf camera:left", "also workflow: and film:"),
    ("after:2026-11-01 before:2026-11-01T10:05", "when it was taken, or uploaded; in UTC, or with +02:00"),
    ("-label:Car", "not"),
    ("(label:Car OR label:Bus) words:taxi", "either, and both"),
)


@dataclass(frozen=True)
class Hit:
    """An upload that was found, and the text around the words that were found in it."""

    found: Mapping[str, Any]
    passages: Sequence[Passage]

    @property
    def is_picture(self) -> bool:
        """Whether there is a thumbnail of it."""
        return self.found["type"] in READABLE

    @property
    def seen(self) -> Seen:
        """The boxes around what matched."""
        return Seen(sights.of_entries(self.found["found"]))

    @property
    def matches(self) -> list[tuple[str, str]]:
        """What matched, each with its kind, as a person reads it."""
        said = (
            (sights.kind_of(each), in_words(each))
            for each in self.found["found"]
            # Passages have them already.
            if not (self.passages and each["what"] == "words")
        )
        return list(dict.fromkeys(said))[:_MATCHES]


@dataclass(frozen=True)
class Unreadable:
    """Why a query cannot be read, and the query in three parts: the one in the middle is where."""

    said: str
    before: str
    at: str
    after: str

    @classmethod
    def of(cls, error: UnreadableQueryError) -> Unreadable:
        """What an error points at: a character, or the end."""
        at = error.column - 1
        return cls(error.said, error.query[:at], error.query[at : at + 1], error.query[at + 1 :])


def index(request: Request) -> Response:
    """The page: what the query `q` finds, from the cursor `after` on; without a query, how to ask."""
    console: Console = request.app.state.console
    query = request.query_params.get("q", "").strip()
    after = request.query_params.get("after")
    parts = Parts()
    unreadable = None
    found = Page([], None, 0.0)
    if query:
        try:
            found = search(console.installation, query, limit=_ON_A_PAGE, cursor=after)
        except UnreadableQueryError as error:
            unreadable = Unreadable.of(error)
        except FORESEEABLE as error:
            parts.missing.append(explain(error))
    texts: list[list[Passage]] = [[] for _ in found.found]
    if found.found:
        texts = parts.get("The text around it", lambda: passages(console.installation, found.found), texts)
    is_empty = query and not unreadable and not parts.missing and not found.found
    return page(
        request,
        "search.html",
        parts,
        query=query,
        longest=MOST_CHARACTERS,
        unreadable=unreadable,
        language=LANGUAGE,
        hits=[Hit(each, text) for each, text in zip(found.found, texts, strict=True)],
        nothing=parts.get("Why", lambda: why_nothing(console.installation), "") if is_empty else "",
        is_first=after is None,
        more=addresses.search_page(query, found.cursor) if found.cursor else None,
    )


routes = [Route("/search", index)]
