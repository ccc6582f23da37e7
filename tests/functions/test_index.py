"""Whatever happens to uploads, in whatever order, a search finds what a look at all that is current finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.catalogue import entries
from functions.catalogue.entry import Entry
from functions.catalogue.index import index, left, postings, remove
from functions.catalogue.search import search
from functions.catalogue.tables import Tables
from functions.decision import Rejection
from functions.platform.aws import ThrottledError, client
from functions.upload import Upload
from tests.functions import catalogue
from tests.functions.account import answering, error
from tests.functions.catalogue import catalogued, found, items, record, upload, write

KEYS = ["park/a.jpg", "park/#b#.jpg", "bar/ü 🙂.pdf"]
LABELS = ["Person", "Car", "Driving License"]
WORDS = ["new", "york", "Café", "東", "of"]


@dataclass(frozen=True)
class Known:
    """A version of an upload, as the test knows it."""

    version: str
    labels: tuple[tuple[str, int], ...]
    people: int | None
    lines: tuple[str, ...]
    minute: int


@dataclass
class World:
    """What is current: by key the version that the record names, and whether it is PROCESSED."""

    current: dict[str, tuple[Known, bool]] = field(default_factory=dict)


knowns: Any = st.builds(
    Known,
    version=st.sampled_from(["1", "2", "3"]),
    labels=st.lists(st.tuples(st.sampled_from(LABELS), st.integers(50, 100)), max_size=4).map(tuple),
    people=st.none() | st.integers(0, 3),
    lines=st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join), max_size=3).map(tuple),
    minute=st.integers(0, 3),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(["catalogue", "catalogue", "reject", "fail", "replace", "delete", "late"]),
        st.sampled_from(KEYS),
        knowns,
    ),
    min_size=1,
    max_size=7,
)

# A query, and what it means for a version, said without the index.
Meaning = tuple[str, Callable[[str, Known], bool]]


def _plain(text: str) -> str:
    return f" {re.sub('東', ' 東 ', text).replace('Café', 'cafe')} ".replace("  ", " ")


def _has_phrase(known: Known, phrase: str) -> bool:
    text = re.sub(" +", " ", _plain(" ".join(known.lines)))
    return re.sub(" +", " ", _plain(phrase)) in text


terms: Any = st.one_of(
    st.tuples(st.sampled_from(LABELS), st.sampled_from([None, ">80", "<=80"])).map(
        lambda it: (
            f'label:"{it[0]}"{it[1] or ""}',
            lambda key, known: any(
                name == it[0] and {None: True, ">80": most > 80, "<=80": most <= 80}[it[1]]
                for name, most in _highest(known).items()
            ),
        )
    ),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(
        lambda words: (f'"{" ".join(words)}"', lambda key, known: _has_phrase(known, " ".join(words)))
    ),
    st.integers(0, 3).map(
        lambda least: (
            f"people>={least}",
            lambda key, known: known.people is not None and known.people >= least,
        )
    ),
    st.just(("place:park", lambda key, known: key.startswith("park/"))),
    st.integers(0, 3).map(
        lambda minute: (f"after:2026-11-01T12:0{minute}", lambda key, known: known.minute >= minute)
    ),
    st.integers(0, 3).map(
        lambda minute: (f"before:2026-11-01T12:0{minute}", lambda key, known: known.minute < minute)
    ),
)


def _highest(known: Known) -> dict[str, int]:
    return {name: max(each for other, each in known.labels if other == name) for name, _ in known.labels}


def _joined(inner: Any) -> Any:
    return st.one_of(
        st.tuples(inner, inner).map(
            lambda two: (
                f"({two[0][0]} {two[1][0]})",
                lambda key, known: two[0][1](key, known) and two[1][1](key, known),
            )
        ),
        st.tuples(inner, inner).map(
            lambda two: (
                f"({two[0][0]} OR {two[1][0]})",
                lambda key, known: two[0][1](key, known) or two[1][1](key, known),
            )
        ),
        inner.map(lambda one: (f"-{one[0]}", lambda key, known: not one[1](key, known))),
    )


queries: Any = st.recursive(terms, _joined, max_leaves=5)


def _entries(known: Known) -> Sequence[Entry]:
    return [
        *(Entry("label", name, confidence) for name, confidence in known.labels),
        *(Entry("words", line) for line in known.lines),
        *([] if known.people is None else [Entry("count", "people", count=known.people)]),
    ]


def _happens(tables: Tables, world: World, what: str, key: str, known: Known) -> None:
    own = upload(key, known.version)
    match what:
        case "catalogue":
            catalogued(tables, own, _entries(known), minute=known.minute)
            world.current[key] = (known, True)
        case "reject" | "fail":
            # Refused, or broken, when the entries were there already.
            record(own, "RECEIVED")
            write(tables, own, _entries(known), minute=known.minute)
            index(tables, own)
            record(own, "REJECTED" if what == "reject" else "FAILED")
            world.current[key] = (known, False)
        case "replace":
            # By an upload of a workflow that catalogues nothing, or that has not come so far.
            record(upload(key, "other"))
            world.current.pop(key, None)
        case "delete":
            record(own, "DELETED")
            remove(tables, key)
            world.current.pop(key, None)
            assert not list(_of(key))
        case "late":
            # An execution that lost its record, and does not know.
            current = world.current.get(key)
            if current is None or current[0].version != known.version:
                write(tables, own, _entries(known), minute=known.minute)
                index(tables, own)


def _of(key: str) -> Any:
    """All items that say of which key they are."""
    return (
        item
        for item in items()
        if item["PK"]["S"].partition("#")[2] == key or item.get("key", {}).get("S") == key
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(happened=steps, asked=st.lists(queries, min_size=1, max_size=5))
def test_a_search_equals_a_scan_of_what_is_current(happened: Any, asked: Any) -> None:
    tables, world = _emptied(), World()
    for what, key, known in happened:
        _happens(tables, world, what, key, known)

    for query, means in asked:
        expected = {key for key, (known, is_there) in world.current.items() if is_there and means(key, known)}
        whole = found(tables, query)
        assert (query, set(whole)) == (query, expected)
        minutes = [world.current[key][0].minute for key in whole]
        assert minutes == sorted(minutes, reverse=True)
        assert _page_by_page(tables, query) == whole
    _cleared(tables, world)


def _page_by_page(tables: Tables, query: str) -> list[str]:
    keys: list[str] = []
    cursor = None
    while True:
        page = search(tables, query, limit=1, cursor=cursor)
        keys += (each["key"] for each in page.found)
        cursor = page.cursor
        if cursor is None:
            return keys


def _cleared(tables: Tables, world: World) -> None:
    """What stays when all has gone that is not current: that, and what may be run again."""
    for each in list(left(tables)):
        assert not each.is_current
        assert remove(tables, each.key)
    assert list(left(tables)) == []
    stays = {item["key"]["S"] for item in items() if "key" in item}
    assert {key for key, (_, is_there) in world.current.items() if is_there} <= stays <= set(world.current)


def _emptied() -> Tables:
    """The tables, empty, without the time that it takes to make them."""
    dynamodb = client("dynamodb")
    if not dynamodb.list_tables()["TableNames"]:
        return catalogue.make()
    for name in (catalogue.CATALOGUE, catalogue.RECORDS):
        for item in dynamodb.scan(TableName=name)["Items"]:
            dynamodb.delete_item(TableName=name, Key={"PK": item["PK"], "SK": item["SK"]})
    return Tables(dynamodb, catalogue.CATALOGUE, catalogue.RECORDS, wait=lambda seconds: None)


FIRST = [Entry("label", "Person", 90.0), Entry("words", "new york")]
SECOND = [Entry("label", "Car", 90.0), Entry("words", "york")]


class Killed(BaseException):
    """Lambda ends the process, in the middle of anything."""


def _killed_at(call: int, work: Callable[[], object]) -> bool:
    """Does some work up to a write, before and after which it is killed; whether it came so far."""
    made = 0
    through = Tables._write

    def write_or_die(self: Tables, requests: Any, *more: Any) -> bool:
        nonlocal made

        def each() -> Any:
            nonlocal made
            for request in requests:
                made += 1
                if made == call:
                    raise Killed
                yield request

        return through(self, each(), *more)

    try:
        with (
            patch.object(Tables, "_write", write_or_die),
            patch("functions.catalogue.tables._MOST_WRITTEN", 1),
        ):
            work()
    except Killed:
        return True
    return False


def test_killed_at_any_write_and_begun_again_it_comes_out_the_same() -> None:
    tables = catalogue.make()
    one, two = upload(version="1"), upload(version="2")

    def replaced(kill: int | None) -> tuple[list[Any], bool]:
        record(two, "DELETED")
        remove(tables, two.key)
        catalogued(tables, one, FIRST)
        # An earlier attempt at the second version saw something else, at another time.
        record(two, "RECEIVED")
        write(tables, two, FIRST, SECOND, minute=7)
        index(tables, two)
        write(tables, two, SECOND, minute=1)
        killed = kill is not None and _killed_at(kill, lambda: index(tables, two, parts=1))
        index(tables, two, parts=1)
        record(two)
        assert found(tables, "york") == [two.key]
        return sorted(items(), key=str), killed

    wanted, _ = replaced(None)
    parts = [item["PK"]["S"].partition("#")[::2] for item in wanted]
    assert {("label", "car"), ("words", "york")} <= {(what, rest.partition("#")[0]) for what, rest in parts}
    kill = 0
    while True:
        kill += 1
        kept, killed = replaced(kill)
        assert kept == wanted, kill
        if not killed:
            break
    assert kill > 15


def test_what_dynamodb_leaves_undone_is_asked_for_again_and_then_throttled() -> None:
    tables = catalogue.make()
    some = {
        "UnprocessedItems": {
            catalogue.CATALOGUE: [{"DeleteRequest": {"Key": {"PK": {"S": "a"}, "SK": {"S": "b"}}}}]
        }
    }

    record(upload(), "RECEIVED")
    write(tables, upload(), FIRST)
    with answering("BatchWriteItem", some, some) as calls:
        index(tables, upload())
    assert calls[1]["RequestItems"] == some["UnprocessedItems"]
    with answering("BatchWriteItem", *[some] * 9), pytest.raises(ThrottledError, match="BatchWriteItem"):
        index(tables, upload())
    record(upload())
    unread = {
        "Responses": {},
        "UnprocessedKeys": {
            catalogue.RECORDS: {"Keys": [{"PK": {"S": "workflow"}, "SK": {"S": upload().key}}]}
        },
        "ConsumedCapacity": [],
    }
    with answering("BatchGetItem", unread):
        assert found(tables, "york") == [upload().key]
    with answering("BatchGetItem", *[unread] * 9), pytest.raises(ThrottledError, match="BatchGetItem"):
        found(tables, "york")
    with answering("Query", error("ThrottlingException", "Query")), pytest.raises(ClientError):
        found(tables, "york")


def test_a_version_that_lost_its_record_leaves_nothing_and_takes_nothing_along() -> None:
    tables = catalogue.make()
    late, current = upload(version="1"), upload(version="2")
    write(tables, late, FIRST)
    catalogued(tables, current, SECOND)
    write(tables, late, FIRST)

    index(tables, late)

    assert found(tables, "york") == [current.key]
    assert not list(left(tables))


def test_more_than_can_be_found_is_refused() -> None:
    tables = catalogue.make()
    with patch("functions.catalogue.index.MOST_WORDS", 3), pytest.raises(Rejection, match="most_words"):
        catalogued(tables, upload(), "a b c d")
    with patch("functions.catalogue.index.MOST_TERMS", 6), pytest.raises(Rejection, match="most_terms"):
        catalogued(tables, upload(), "a b c d")
    with pytest.raises(Rejection, match="size_bytes"):
        write(tables, upload(), "a" * 400_000)
    with pytest.raises(Rejection, match="most_parts"):
        entries.write_part(tables, upload(), 100_000, [], workflow="v", at=catalogue.NOON, type="pdf")


def test_keys_texts_and_words_may_be_anything() -> None:
    tables = catalogue.make()
    odd: dict[str, Upload] = {}
    for number, (key, text, query) in enumerate(
        [
            ("park/" + "k" * 1_000, "x" * 5_000, "x" * 5_000),
            ("park/a#b\n\t\x01.jpg", "ends in half a pair \ud800 here", '"half a pair"'),
            ("bar/\u202e.jpg", "שָׁלוֹם עולם", '"שלום"'),
            ("bar/1", "العَرَبِيَّة", '"العربية"'),
            ("bar/2", "हिन्दी भाषा", '"हिन्दी भाषा"'),
            ("bar/3", "ภาษาไทย", '"ไทย"'),
            ("bar/4", "ｶﾞｷﾞ ﬁne", '"ガギ fine"'),
            ("bar/5", "İstanbul", '"istanbul"'),
            ("bar/6", "soft\u00adhyphen zero\u200bwidth", '"softhyphen zero width"'),
        ]
    ):
        odd[query] = catalogued(tables, upload(key, f"v{number}"), text)
    catalogued(tables, upload("bar/empty"), "", [])

    for query, each in odd.items():
        # The longest word is longer than a query may be.
        if len(query) < 1_000:
            assert (query, found(tables, query)) == (query, [each.key])
    bar = found(tables, "place:bar")
    assert "bar/empty" in bar
    assert bar == found(tables, "-place:park") == found(tables, "type:jpg place:bar")


def test_a_stream_of_pages_is_read_no_further_than_it_is_needed() -> None:
    tables = catalogue.make()
    for number in range(60):
        own = upload(f"park/{number:02}", "1")
        rare = [Entry("label", "Car")] if number % 20 == 0 else []
        record(own)
        write(tables, own, [Entry("label", "Person"), *rare], minute=number)
        made = entries.generation(own.bucket, own.key, own.version_id)
        tables.write(each.as_item() for each in postings(list(entries.read(tables, own.key, made))))

    with answering("Query") as calls:
        page = search(tables, "label:Person", limit=5)
    # One of each partition, whatever there is.
    assert [len(page.found), len(calls)] == [5, 2]
    # A page that may read no more ends, and the next goes on there.
    short = search(tables, "label:Person", limit=100, most_read_units=2)
    assert 5 < len(short.found) < 60
    rest = search(tables, "label:Person", limit=100, cursor=short.cursor)
    assert [each["key"] for each in short.found + rest.found] == [
        f"park/{number:02}" for number in range(59, -1, -1)
    ]
    with answering("Query") as calls:
        assert found(tables, "label:Person label:Car") == ["park/40", "park/20", "park/00"]
    assert len(calls) <= 9
