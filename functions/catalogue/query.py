"""The language of queries, read into a tree: `label:Person>90 -label:Car words:"new york" place:sample-park`.

Terms side by side must all hold; `OR` and parentheses join others, `-` denies. Bare words and phrases in
quotes are words. docs/search.md has the fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from functions.catalogue.terms import ALL, Term, term, words
from functions.ingest.record import timestamp

MOST_CHARACTERS = 1_000
MOST_TERMS = 30
_MOST_DEPTH = 10

_FIELDS = ("label", "words", "place", "workflow", "type", "camera", "film", "after", "before")
# By the confidence or the number with which it is found.
_COMPARED = frozenset({"label", "words", "count"})
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    "=": lambda one, other: one == other,
}
_TOKEN = re.compile(
    r"""
    (?P<space> \s+ )
  | (?P<open> \( ) | (?P<close> \) )
  | (?P<not> - (?=\S) )
  | (?P<field> \w[\w-]* : )?
    (?: "(?P<quoted> [^"]* )" | (?P<bare> [^\s()":<>=]+ (?: : [^\s()":<>=]+ )* ) )
    (?: (?P<comparison> >= | <= | > | < | = ) (?P<number> [^\s()"]* ) )?
    (?= [\s()] | $ )
    """,
    re.VERBOSE,
)
_DATE = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?)?)?"
)


class QueryError(Exception):
    """A query cannot be read. The message says what is wrong and what to do; `column` counts from 1."""

    def __init__(self, column: int, message: str) -> None:
        self.column = column
        super().__init__(f"Column {column}: {message}")


@dataclass(frozen=True)
class Compared:
    """A comparison with a number."""

    operator: str
    number: float

    def holds(self, number: float) -> bool:
        """Whether it holds of a number."""
        return _COMPARISONS[self.operator](number, self.number)


@dataclass(frozen=True)
class Has:
    """Uploads that have a term, or all of a phrase's words one after the other, as surely as is asked for.

    A phrase is as sure as the least sure of its words.
    """

    terms: tuple[Term, ...]
    compared: Compared | None = None


@dataclass(frozen=True)
class During:
    """Uploads from `since` and before `until`: each ISO 8601, UTC, milliseconds."""

    since: str | None = None
    until: str | None = None


@dataclass(frozen=True)
class Not:
    """Uploads of which something does not hold."""

    query: Query


@dataclass(frozen=True)
class And:
    """Uploads of which all holds."""

    queries: tuple[Query, ...]


@dataclass(frozen=True)
class Or:
    """Uploads of which something holds."""

    queries: tuple[Query, ...]


Query: TypeAlias = Has | During | Not | And | Or


@dataclass(frozen=True)
class _Token:
    kind: str
    column: int
    field: str = ""
    value: str = ""
    comparison: str | None = None
    number: str = ""


def parse(text: str) -> Query:
    """Reads a query.

    >>> parse("-label:Car>90")
    Not(query=Has(terms=(('label', 'car'),), compared=Compared(operator='>', number=90.0)))

    Raises:
        QueryError: the query cannot be read, is empty, or is too long.
    """
    if len(text) > MOST_CHARACTERS:
        raise QueryError(MOST_CHARACTERS + 1, f"a query has at most {MOST_CHARACTERS:,} characters.")
    return _Parser(list(_tokens(text)), len(text) + 1).read()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        column = position + 1
        if match is None:
            raise _unreadable(text, position)
        position = match.end()
        named = match.groupdict()
        if named["space"]:
            continue
        simple = next((kind for kind in ("open", "close", "not") if named[kind]), None)
        if simple:
            found.append(_Token(simple, column))
            continue
        field = named["field"] and named["field"][:-1]
        bare = named["bare"]
        if not field and bare in {"OR", "AND", "NOT"} and not named["comparison"]:
            if bare != "AND":
                found.append(_Token(bare.lower(), column))
            continue
        value = named["quoted"] if bare is None else bare
        if not field:
            # A phrase, a count (people>=2) or a word.
            field = "words" if bare is None or not named["comparison"] else "count"
        found.append(_Token("term", column, field, value, named["comparison"], named["number"] or ""))
    return found


def _unreadable(text: str, position: int) -> QueryError:
    rest = text[position:]
    if rest.count('"') % 2:
        return QueryError(text.rindex('"') + 1, 'a quote is opened and not closed: write words:"new york".')
    field = re.match(r"(\w[\w-]*):(?:[\s()]|$)", rest)
    if field:
        return QueryError(position + 1, f"{field[1]}: has no value: write it directly behind the colon.")
    return QueryError(
        position + 1, f'{rest[:20]!r} cannot be read: put what has signs in it into quotes, as in "a:b".'
    )


class _Parser:
    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._at = 0
        self._depth = 0
        self._terms = 0

    def read(self) -> Query:
        if not self._tokens:
            raise QueryError(1, "the query is empty: write what to find, such as label:Person.")
        found = self._either()
        if self._at < len(self._tokens):
            raise QueryError(self._tokens[self._at].column, "there is no ( for this ).")
        return found

    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else "end"

    def _column(self) -> int:
        return self._tokens[self._at].column if self._at < len(self._tokens) else self._end

    def _either(self) -> Query:
        found = [self._all()]
        while self._kind() == "or":
            self._at += 1
            found.append(self._all())
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _all(self) -> Query:
        found: list[Query] = []
        while self._kind() in {"term", "open", "not"}:
            found.append(self._one())
        if not found:
            raise QueryError(self._column(), "something to find is missing here.")
        return found[0] if len(found) == 1 else And(tuple(found))

    def _one(self) -> Query:
        denied = False
        while self._kind() == "not":
            denied = not denied
            self._at += 1
        if self._kind() == "open":
            column = self._column()
            self._at += 1
            self._depth += 1
            if self._depth > _MOST_DEPTH:
                raise QueryError(column, f"parentheses are at most {_MOST_DEPTH} deep.")
            found = self._either()
            if self._kind() != "close":
                raise QueryError(column, "there is no ) for this (.")
            self._depth -= 1
        elif self._kind() == "term":
            found = self._term(self._tokens[self._at])
        else:
            raise QueryError(self._column(), "something to find is missing here.")
        self._at += 1
        return Not(found) if denied else found

    def _term(self, token: _Token) -> Query:
        found = _read(token)
        self._terms += len(found.terms) if isinstance(found, Has) else 1
        if self._terms > MOST_TERMS:
            raise QueryError(token.column, f"a query has at most {MOST_TERMS} terms.")
        return found


def _read(token: _Token) -> Query:
    field, value = token.field, token.value
    compared = _compared(token)
    if field not in _FIELDS and not (field == "count" and compared):
        raise QueryError(
            token.column,
            f"there is no field {field}: choose among {', '.join(_FIELDS)}, or put all of it into quotes.",
        )
    if compared is not None and field not in _COMPARED:
        raise QueryError(
            token.column, f"{field}: takes no comparison; label and words do, and counts: people>=2."
        )
    if field in {"after", "before"}:
        moment = _moment(value, token.column)
        return During(since=moment) if field == "after" else During(until=moment)
    if field == "words":
        terms = tuple(("words", word) for word in words(value))
    else:
        named = term(field, value)
        terms = () if named is None else (named,)
    if not terms:
        raise QueryError(
            token.column, f"there is nothing to find in {value!r}: write a word with letters or digits."
        )
    return Has(terms, compared)


def _compared(token: _Token) -> Compared | None:
    if token.comparison is None:
        return None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", token.number, re.ASCII):
        raise QueryError(token.column, f"{token.comparison} is followed by a number, not {token.number!r}.")
    return Compared(token.comparison, float(token.number))


def _moment(value: str, column: int) -> str:
    match = _DATE.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        moment = datetime(
            int(year),
            int(month or 1),
            int(day or 1),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int(float(fraction or 0) * 1_000_000),
            UTC if zone in {None, "Z"} else datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo,
        )
        return timestamp(moment)
    except (ValueError, OverflowError):
        raise QueryError(
            column,
            f"{value!r} is no date: write 2026, 2026-11, 2026-11-01 or 2026-11-01T10:05, in UTC or +02:00.",
        ) from None


def opposite(during: During) -> Query:
    """When something was not."""
    found = []
    if during.since is not None:
        found.append(During(until=during.since))
    if during.until is not None:
        found.append(During(since=during.until))
    return found[0] if len(found) == 1 else Or(tuple(found))


EVERYTHING = Has((ALL,))
