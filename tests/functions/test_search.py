"""What queries find, what they say of what they cannot read, and what they read."""

from __future__ import annotations

import pytest

from functions.analysis.region import Region
from functions.catalogue.entry import Entry
from functions.catalogue.query import QueryError, parse
from functions.catalogue.search import CursorError, TooBroadError, search
from functions.catalogue.tables import Tables
from tests.functions import catalogue
from tests.functions.catalogue import catalogued, found, upload

FACE = Region(0.1, 0.2, 0.3, 0.4, "label", 95.0)


@pytest.fixture
def tables() -> Tables:
    return catalogue.make()


@pytest.fixture
def three(tables: Tables) -> Tables:
    """A picture of two people, one of a car, and a document, the newest last."""
    catalogued(
        tables,
        upload("park/people.jpg"),
        [
            Entry("label", "Person", 95.0, FACE),
            Entry("label", "Person", 71.5),
            Entry("label", "Driving License", 99.0),
            Entry("count", "people", count=2),
            Entry("words", "STATE OF NEW", 98.0, Region(0, 0, 1, 0.1, "text", 98.0)),
            Entry("words", "YORK", 80.0),
            Entry("camera", "left"),
        ],
    )
    catalogued(
        tables,
        upload("street/car.jpg"),
        [Entry("label", "Car", 88.0), Entry("label", "Person", 60.0), Entry("count", "people", count=0)],
        minute=5,
        workflow="v4",
    )
    pages = (
        "Annual report of the Café\nStraße, a docu-\nment of New",
        "York and 東京都庁 is here.\nNew Jersey too",
    )
    catalogued(
        tables,
        upload("archive/report.pdf"),
        *pages,
        minute=10,
        kind="pdf",
    )
    return tables


FINDS = [
    ("label:Person", "car people"),
    ("label:person>90", "people"),
    ("label:Person<=60", "car"),
    ('label:"driving  LICENSE"', "people"),
    ("label:Driving", ""),
    ("label:Person -label:Car", "people"),
    ("-label:Person", "report"),
    ('words:"new york"', "report people"),
    ('"new york">=80', "report people"),
    ('"new york">80', "report"),
    ('-"new york"', "car"),
    ('"york new"', ""),
    ("new york", "report people"),
    ("new -jersey", "people"),
    ("cafe strasse", "report"),
    ('"a document of"', "report"),
    ("東京", "report"),
    ('"京都 庁"', "report"),
    ("京東", ""),
    ("people>=2", "people"),
    ("people=0", "car"),
    ("people<9", "car people"),
    ("faces>=1", ""),
    ("place:park", "people"),
    ("place:Park", ""),
    ("workflow:v4 OR type:PDF", "report car"),
    ("camera:LEFT", "people"),
    ("(label:Car OR label:Person>90) -workflow:v4", "people"),
    ("-(label:Car OR words:jersey)", "people"),
    ("-(label:Person -label:Car)", "report car"),
    ("after:2026-11-01T12:05", "report car"),
    ("before:2026-11-01T12:05", "people"),
    ("after:2026-11-01T13:05+01:00 before:2026-11-01T12:10:00.000Z", "car"),
    ("-after:2026-11-01T12:05", "people"),
    ("type:pdf OR before:2026-11-01T12:01", "report people"),
    ("after:2026-11-02", ""),
    ("label:Person before:2026 after:2027", ""),
    ("NOT label:Person AND report", "report"),
]


def test_a_query_finds(three: Tables) -> None:
    # One after the other: what they are asked of takes longer to make than they do.
    for query, keys in FINDS:
        short = [key.partition("/")[2].partition(".")[0] for key in found(three, query)]
        assert (query, short) == (query, keys.split())


def test_an_upload_is_found_with_what_was_asked_for(three: Tables) -> None:
    page = search(three, 'label:Person people>=2 words:"new york"', limit=1)

    assert page.cursor is None
    assert page.found == [
        {
            "key": "park/people.jpg",
            "bucket": "uploads",
            "version": "1",
            "placeId": "park",
            "workflow": "catalogue",
            "at": "2026-11-01T12:00:00.000Z",
            "type": "jpg",
            "found": [
                # A phrase is as sure as the least sure of its words.
                {
                    "what": "words",
                    "value": "new york",
                    "confidence": 80.0,
                    "where": {"region": {"left": 0, "top": 0, "width": 1, "height": 0.1}},
                },
                {
                    "what": "label",
                    "value": "Person",
                    "confidence": 95.0,
                    "where": {"region": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}},
                },
                {"what": "label", "value": "Person", "confidence": 71.5, "where": {}},
                {"what": "count", "value": "people", "confidence": 100.0, "where": {}, "count": 2},
            ],
        }
    ]
    (tokyo,) = search(three, "東京").found
    assert tokyo["found"][0]["value"] == "東京"
    (jersey,) = search(three, "jersey").found
    assert jersey["found"] == [
        {"what": "words", "value": "jersey", "confidence": 100.0, "where": {"page": 2}}
    ]


@pytest.mark.parametrize(
    ("query", "column", "says"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("label:Person OR", 16, "missing"),
        ("(label:Person", 1, "no )"),
        ("label:Person)", 13, "no ("),
        ("()", 2, "missing"),
        ('words:"new york', 7, "not closed"),
        ("lable:Person", 1, "no field lable: choose among label, words"),
        ("http://example.com", 1, "no field http"),
        ("label:Person>most", 1, "followed by a number, not 'most'"),
        ("label:Person>-1", 1, "number"),
        ("label:Person>٣", 1, "number"),
        ("place:park>3", 1, "takes no comparison"),
        ("count:people", 1, "no field count"),
        ("people >= 2", 8, "'>= 2' cannot be read"),
        ("label: Person", 1, "label: has no value"),
        ("park after:soon", 6, "'soon' is no date"),
        ("after:2026-02-30", 1, "no date"),
        ("after:0001-01-01T00:00+10:00", 1, "no date"),
        ("??? park", 1, "nothing to find in '???'"),
        ("a " * 31, 61, "at most 30 terms"),
        ("(" * 11 + "a" + ")" * 11, 11, "at most 10 deep"),
        ("a" * 1_001, 1_001, "at most 1,000 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_by_column(query: str, column: int, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)

    assert caught.value.column == column
    assert says in str(caught.value)


@pytest.mark.parametrize("cursor", ["", "x", "é", "2026", "A" * 5_000, "MjAyNi0xMS0wMVQxMjowMDowMC4wMDBaIw"])
def test_a_cursor_that_no_search_gave_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError, match="begin without one"):
        search(catalogue.make(), "park", cursor=cursor)


def test_a_page_that_would_read_too_much_says_so(three: Tables) -> None:
    with pytest.raises(TooBroadError, match="narrow the query"):
        search(three, "label:Person faces>=1 OR label:Car", most_read_units=0)
