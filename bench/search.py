"""How long a search takes, what it reads and whether it finds the same as SQLite's FTS5 on the same data."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.frame import Bar, Result, Table, number, progress
from functions.catalogue import entries
from functions.catalogue.entries import Part
from functions.catalogue.entry import Entry
from functions.catalogue.index import postings
from functions.catalogue.search import search
from functions.catalogue.tables import Item, Tables
from functions.ingest.record import timestamp
from functions.upload import Upload
from happypath.operations.installation import Installation
from happypath.project import ROOT
from happypath.sandbox.sandbox import Sandbox

UPLOADS = 1_000
# Six labels, three lines of words, and a count.
_LABELS, _LINES, _WORDS_IN_LINE = 6, 3, 8
_KNOWN_LABELS, _KNOWN_WORDS = 300, 2_000
_OF_EACH_KIND = 15
_PAGE = 25


@dataclass(frozen=True)
class _Question:
    """The same question in both languages."""

    ours: str
    fts5: str


def run(rounds: int) -> Result:
    """Asks each question, rounds times."""
    progress(f"  search: {UPLOADS} uploads of {_LABELS + _LINES + 1} entries, each question {rounds} times")
    # moto's state is one for a process.
    command = [sys.executable, "-m", "bench.search", str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    found: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
    every = [each for kind in found.values() for each in kind]
    two_terms = [each for kind in found if kind in _TWO_TERMS for each in found[kind]]
    rows: list[list[str | float]] = [
        [
            kind,
            *(
                number(statistics.median(each[name] for each in asked))
                for name in ("found", "ms", "fts5_ms", "units")
            ),
            number(sum(each["units"] for each in asked) / sum(each["returned_units"] for each in asked)),
        ]
        for kind, asked in found.items()
    ]
    return Result(
        about=(
            f"{UPLOADS:,} uploads with {UPLOADS * (_LABELS + _LINES + 1):,} entries, {_OF_EACH_KIND} "
            "questions of each kind, terms as frequent as words of a language are. Milliseconds are of the "
            f"first {_PAGE} uploads, over loopback in the sandbox, beside all rows of FTS5, in memory. Units "
            "read are of all pages, and at last a multiple of those of the records and entries returned."
        ),
        bars=[
            Bar(
                "questions that find what FTS5 finds, %",
                100,
                100 * statistics.mean(each["same"] for each in every),
                at_least=True,
            ),
            Bar(
                "read units of two terms, of those of what they return",
                3,
                max(each["units"] / each["returned_units"] for each in two_terms if each["found"]),
            ),
            Bar(
                "the first page of two terms, median ms",
                100,
                statistics.median(each["ms"] for each in two_terms),
            ),
        ],
        tables=[
            Table(
                "Search",
                ["question", "found", "ms", "FTS5, ms", "read units", "÷ of what is returned"],
                rows,
            )
        ],
        data=found,
    )


_TWO_TERMS = ("two labels", "label and word", "two words")


def measure(rounds: int) -> dict[str, list[dict[str, Any]]]:
    """What each question found, read and took."""
    chance = random.Random(19)  # noqa: S311  # the same data each time
    with Sandbox() as sandbox, sqlite3.connect(":memory:") as fts5:
        sandbox.deploy("core")
        core = Installation(sandbox.client, sandbox.prefix).core
        tables = Tables(sandbox.client("dynamodb"), core["CatalogueTable"], core["Table"])
        known = _fill(tables, sandbox.client("dynamodb"), core, fts5, chance)
        return {
            kind: [_ask(tables, fts5, each, rounds) for each in questions]
            for kind, questions in _questions(known, chance).items()
        }


def _ask(tables: Tables, fts5: sqlite3.Connection, question: _Question, rounds: int) -> dict[str, Any]:
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        search(tables, question.ours, limit=_PAGE)
        ours.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        rows = fts5.execute("SELECT key FROM uploads WHERE uploads MATCH ?", [question.fts5]).fetchall()
        theirs.append((time.perf_counter() - started) * 1000)
    begun = tables.read_units
    found = [each for page in _pages(tables, question.ours) for each in page]
    units = tables.read_units - begun
    keys = [each["key"] for each in found]
    return {
        "query": question.ours,
        "found": len(found),
        "same": sorted(keys) == sorted(key for (key,) in rows),
        "ms": statistics.median(ours),
        "fts5_ms": statistics.median(theirs),
        "units": units,
        "returned_units": _units_by_keys(tables, found),
    }


def _units_by_keys(tables: Tables, found: list[dict[str, Any]]) -> float:
    """The read units of the records and entries of uploads, if somebody knew their keys."""
    begun = tables.read_units
    tables.records([each["key"] for each in found])
    generations = {
        each["key"]: entries.generation(each["bucket"], each["key"], each["version"]) for each in found
    }
    tables.existing([(entries.PREFIX + key, f"{each}#00000") for key, each in generations.items()])
    # Records are read as they are now, entries need not be: that costs half.
    return tables.read_units - begun - len(found) / 2


def _pages(tables: Tables, query: str) -> Iterator[list[dict[str, Any]]]:
    cursor = None
    while True:
        page = search(tables, query, limit=100, cursor=cursor)
        yield page.found
        cursor = page.cursor
        if cursor is None:
            return


def _frequent(names: list[str], chance: random.Random, count: int) -> list[str]:
    """Names, the first far more often than the last: by Zipf's law."""
    return chance.choices(names, [1 / (rank + 2) for rank in range(len(names))], k=count)


def _fill(
    tables: Tables, dynamodb: Any, core: Mapping[str, str], fts5: sqlite3.Connection, chance: random.Random
) -> list[tuple[list[str], list[str]]]:
    """Catalogues made-up uploads on both sides, and returns the labels and lines of each."""
    labels = [f"label{number}" for number in range(_KNOWN_LABELS)]
    words = [f"word{number}" for number in range(_KNOWN_WORDS)]
    fts5.execute("CREATE VIRTUAL TABLE uploads USING fts5(key UNINDEXED, labels, words)")
    known = []
    items: list[Item] = []
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for position in range(UPLOADS):
        place, name = f"place-{position % 17}", f"{position:04}.jpg"
        upload = Upload(core["UploadBucket"], f"{place}/{name}", place, name, f"v{position}")
        seen = list(dict.fromkeys(_frequent(labels, chance, 20)))[:_LABELS]
        lines = [" ".join(_frequent(words, chance, _WORDS_IN_LINE)) for _ in range(_LINES)]
        made = [
            *(Entry("label", each, chance.uniform(50, 100)) for each in seen),
            *(Entry("words", each, chance.uniform(50, 100)) for each in lines),
            Entry("count", "people", count=chance.randrange(4)),
        ]
        part = Part(
            bucket=upload.bucket,
            key=upload.key,
            version=upload.version_id,
            place_id=place,
            workflow="catalogue",
            at=timestamp(begin + timedelta(minutes=position)),
            type="jpg",
            number=0,
            entries=tuple(made),
        )
        items += (part.as_item(), *(each.as_item() for each in postings([part])))
        record = {
            "PK": "workflow",
            "SK": upload.key,
            "key": upload.key,
            "bucket": upload.bucket,
            "placeId": place,
            "version": str(upload.version_id),
            "objStatus": "PROCESSED",
            "workflow": "catalogue",
        }
        dynamodb.put_item(TableName=core["Table"], Item={each: {"S": text} for each, text in record.items()})
        fts5.execute("INSERT INTO uploads VALUES (?, ?, ?)", [upload.key, " ".join(seen), " ".join(lines)])
        known.append((seen, lines))
    tables.write(items)
    return known


def _questions(known: list[tuple[list[str], list[str]]], chance: random.Random) -> dict[str, list[_Question]]:
    """Questions of each kind, most of them with terms that an upload has."""

    def two_labels(labels: list[str], _: list[str]) -> _Question:
        one, other = chance.sample(labels, 2)
        return _Question(f"label:{one} label:{other}", f"labels:{one} AND labels:{other}")

    def label_and_word(labels: list[str], lines: list[str]) -> _Question:
        label, word = chance.choice(labels), chance.choice(lines[0].split())
        return _Question(f"label:{label} words:{word}", f"labels:{label} AND words:{word}")

    def two_words(_: list[str], lines: list[str]) -> _Question:
        one, other = chance.choice(lines[0].split()), chance.choice(lines[1].split())
        return _Question(f"{one} {other}", f"words:{one} AND words:{other}")

    def phrase(_: list[str], lines: list[str]) -> _Question:
        first, second = lines[0].split()[-1], lines[1].split()[0]
        return _Question(f'"{first} {second}"', f'words:"{first} {second}"')

    def denied(labels: list[str], lines: list[str]) -> _Question:
        label, word = labels[0], chance.choice(lines[2].split())
        return _Question(f"{word} -label:{label}", f"words:{word} NOT labels:{label}")

    def either(labels: list[str], lines: list[str]) -> _Question:
        one, other, word = labels[0], labels[-1], chance.choice(lines[0].split())
        return _Question(
            f"(label:{one} OR label:{other}) {word}", f"(labels:{one} OR labels:{other}) AND words:{word}"
        )

    kinds: dict[str, Callable[[list[str], list[str]], _Question]] = {
        "two labels": two_labels,
        "label and word": label_and_word,
        "two words": two_words,
        "phrase across lines": phrase,
        "word without label": denied,
        "one of two labels, and word": either,
    }
    return {kind: [make(*chance.choice(known)) for _ in range(_OF_EACH_KIND)] for kind, make in kinds.items()}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
