"""`happypath search`: what is printed of what is found, and of a query that cannot be read."""

from __future__ import annotations

import json
import re
from functools import partial

import pytest

from functions.analysis.region import Region
from functions.catalogue import search as searching
from functions.catalogue.entry import Entry
from happypath.operations.search import BroadQueryError, Passage, around, passages, search, search_far
from tests.operations.catalogued import catalogued
from tests.operations.conftest import Command, Offline

PAGES = ("Of the Café\nin New", "York, a docu-\nment. It is long: " + "on and on " * 20, "new york " * 3)


@pytest.fixture
def two(installation: Offline) -> Offline:
    box = Region(0.1, 0.2, 0.3, 0.4, "label", 95.0)
    catalogued(
        installation,
        "park/two people.jpg",
        [Entry("label", "Person", 95.04, box), Entry("count", "people", count=2), Entry("camera", "left")],
    )
    catalogued(installation, "archive/report.pdf", *PAGES, minute=5, kind="pdf")
    return installation


def test_a_table_says_what_matched_and_where(happypath: Command, two: Offline) -> None:
    done = happypath("search", "label:person>90 people>=2 camera:left OR words:document")
    assert done.status == 0
    heading, document, picture = done.output.splitlines()
    assert heading.split() == ["upload", "when", "matched"]
    assert re.fullmatch(r"archive/report\.pdf +2026-11-01 \S+ +\"document\" page 2", document.rstrip())
    assert picture.rstrip().endswith("label Person 95.0 %; people 2; camera left")
    assert done.notices == ""


def test_json_is_an_array_of_uploads_and_the_cursor_is_beside_it(happypath: Command, two: Offline) -> None:
    first = happypath("search", "after:2026-11-01", "--json", "--limit", "1")
    assert [each["key"] for each in json.loads(first.output)] == ["archive/report.pdf"]
    cursor = re.fullmatch(r"There is more: --cursor (\S+)\n", first.notices)
    assert cursor
    last = happypath("search", "after:2026-11-01", "--json", "--limit", "1", "--cursor", cursor[1])
    (found,) = json.loads(last.output)
    assert (found["key"], found["placeId"], found["type"]) == ("park/two people.jpg", "park", "jpg")
    assert last.notices == ""
    label = happypath("search", "label:Person", "--json")
    assert json.loads(label.output)[0]["found"][0]["where"]["region"] == {
        "left": 0.1,
        "top": 0.2,
        "width": 0.3,
        "height": 0.4,
    }


@pytest.mark.parametrize("query", ["label:Cat", "people>=3", "-after:2026"])
def test_nothing_is_an_empty_array(happypath: Command, two: Offline, query: str) -> None:
    done = happypath("search", query, "--json")
    assert (done.status, json.loads(done.output), done.notices) == (
        0,
        [],
        "Nothing is found: no upload in the catalogue matches.\n",
    )


def test_a_catalogue_that_is_empty_says_so(happypath: Command, two: Offline) -> None:
    for key in ("park/two people.jpg", "archive/report.pdf"):
        two.put_record(key, "REJECTED", key=key)
    done = happypath("search", "label:Person")
    assert (done.status, done.output) == (0, "")
    assert done.notices.startswith("Nothing is catalogued yet. Upload to keys that go to one of catalogue")


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("label:Person (words:a", ["label:Person (words:a", "             ^"]),
        ("東京 label:", ["東京 label:", "     ^"]),
        ("a\n\x1b[31m: b", ["a \\u001b[31m: b", "  ^"]),
        ("colour:red", ["colour:red", "^"]),
        ("a OR", ["a OR", "    ^"]),
        (f"{'a' * 70} )", [f"…{'a' * 37} )", f"{' ' * 39}^"]),
    ],
)
def test_a_query_that_cannot_be_read_is_pointed_at(
    happypath: Command, installation: Offline, query: str, lines: list[str]
) -> None:
    done = happypath("search", query)
    said, *pointed = done.notices.splitlines()
    assert (done.status, done.output, pointed) == (2, "", lines)
    assert re.match(r"happypath: the query cannot be read at column \d+: \S+", said)


def test_what_cannot_be_asked_is_said(happypath: Command, two: Offline, installation: Offline) -> None:
    done = happypath("search", "label:Person", "--cursor", "x")
    assert (done.status, done.output) == (2, "")
    assert "No search gave this cursor" in done.notices
    del installation.core["CatalogueTable"]
    done = happypath("search", "label:Person", "--json")
    assert (done.status, done.output) == (1, "")
    assert "`happypath deploy core`" in done.notices


def test_many_are_read_page_after_page(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("happypath.operations.search.MOST_ON_A_PAGE", 3)
    for number in range(9):
        catalogued(installation, f"park/{number}.jpg", [Entry("label", "Car", 90.0)], minute=number)
    found = search_far(installation, "label:car", limit=7)
    assert [each["key"] for each in found.found] == [f"park/{number}.jpg" for number in range(8, 1, -1)]
    rest = search_far(installation, "label:car", limit=1_000, cursor=found.cursor)
    assert (len(rest.found), rest.cursor) == (2, None)


def test_what_was_found_is_told_though_the_next_page_would_read_too_much(
    installation: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        key = f"park/{number}.jpg"
        catalogued(installation, key, [Entry("label", "Car", 90.0)], minute=number)
        if number < 9:
            installation.put_record(key, "REJECTED", key=key)
    monkeypatch.setattr("happypath.operations.search.MOST_ON_A_PAGE", 1)
    monkeypatch.setattr("functions.catalogue.streams._FEWEST", 2)
    monkeypatch.setattr(
        "happypath.operations.search.searching.search", partial(searching.search, most_read_units=2)
    )
    found = search_far(installation, "label:car", limit=5)
    assert [each["key"] for each in found.found] == ["park/9.jpg"]
    with pytest.raises(BroadQueryError, match="narrow the query"):
        search_far(installation, "label:car", limit=5, cursor=found.cursor)


def test_texts_are_those_around_the_words(installation: Offline, two: Offline) -> None:
    found = search(installation, '"new york" "a document" café', limit=5).found
    ((across, divided, cafe),) = passages(installation, found)
    assert across == Passage(1, "Of the Café in ", "New York,", across.after)
    assert (divided.page, divided.before, divided.words) == (2, "York, ", "a document.")
    assert divided.after.startswith(" It is long: on and")
    assert divided.after.endswith(" and …")
    assert (cafe.before, cafe.words, cafe.after) == ("Of the ", "Café", " in New")


def test_texts_of_sections_are_looked_for(installation: Offline) -> None:
    # As a document without pages is catalogued: each line is an entry.
    lines = [[Entry("words", each) for each in section] for section in (["One", "two."], ["Three", "four"])]
    catalogued(installation, "archive/a.docx", [], *lines, kind="docx")
    found = search(installation, '"two three" four', limit=5).found
    assert passages(installation, found) == [
        [
            Passage(None, "One ", "two. Three", " four"),
            Passage(None, "One two. Three ", "four", ""),
        ]
    ]


@pytest.mark.parametrize(
    ("text", "phrase", "words"),
    [
        ("Die STRASSE ist lang", "straße", "STRASSE"),
        ("im Bundes-\n  haus sitzt", "bundeshaus", "Bundeshaus"),
        ("東京都庁", "京都", "京都"),
        ("see 東京都庁.", "see 東", "see 東"),
        ("東a b", "a b", "a b"),
        ("नई दिल्ली", "दिल्ली", "दिल्ली"),
        ("ที่กรุงเทพ", "กรุง", "กรุง"),
        ("nothing of it", "new york", None),
        ("", "a", None),
        ("x", "…", None),
    ],
)
def test_a_text_around_a_phrase(text: str, phrase: str, words: str | None) -> None:
    found = around(text, phrase)
    assert (found and found.words) == words


def test_a_text_without_spaces_is_cut_too() -> None:
    found = around("東" * 500 + "京都" + "庁" * 500, "京都")
    assert found == Passage(None, f"… {'東' * 90}", "京都", f"{'庁' * 90} …")
