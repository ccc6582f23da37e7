"""The page of the search: boxes on pictures, texts of documents, pages, and queries that cannot be read."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from functions.analysis.region import Region
from functions.catalogue.entry import Entry
from happypath.console import addresses
from tests.console.test_hostile import BAD, KEY, Tags
from tests.operations.catalogued import catalogued
from tests.operations.conftest import Offline

BOX = Region(0.1, 0.2, 0.3, 0.4, "label", 95.0)


@pytest.fixture
def two(installation: Offline) -> Offline:
    seen = [
        Entry("label", "Person", 95.04, BOX),
        Entry("label", "Car", 80.0),
        Entry("words", "TAXI", 99.0, BOX),
        Entry("count", "people (all)", count=2),
        Entry("camera", "left: door"),
    ]
    catalogued(installation, "park/two people.jpg", seen)
    catalogued(installation, "archive/report.pdf", "The city of\nNew York is large.", minute=5, kind="pdf")
    return installation


def asked(client: TestClient, query: str, **more: str) -> str:
    answer = client.get("/search", params={"q": query, **more})
    assert answer.status_code == 200
    return answer.text


def test_a_picture_has_boxes_and_a_document_the_text_around(client: TestClient, two: Offline) -> None:
    page = asked(client, 'label:person OR "new york"')
    assert page.index("archive/report.pdf") < page.index("park/two people.jpg")
    assert '<span class="quiet">Page 1</span> <bdi>The city of <mark>New York</mark> is large.</bdi>' in page
    assert re.findall(
        r'<rect class="box (\w+)".*? x="(\S+)" y="(\S+)" width="(\S+)" height="(\S+)"', page
    ) == [("labels", "10.000", "20.000", "30.000", "40.000")]
    assert 'aria-label="Person, 95 %"' in page
    assert (
        f'src="{addresses.thumbnail("park/two people.jpg", "1", large=True)}"'.replace("&", "&amp;") in page
    )
    assert page.count("/thumbnail?") == 1
    assert 'href="/uploads/archive/report.pdf"' in page
    assert "<title>label:person OR &#34;new york&#34; · Happy Path</title>" in page


def test_the_page_of_an_upload_shows_what_is_known_of_it(client: TestClient, two: Offline) -> None:
    picture = addresses.upload_page("park/two people.jpg")
    assert len(re.findall(r'<rect class="box labels"', client.get(picture).text)) == 1
    known = Tags(client.get(f"{picture}?view=catalogue").text)
    assert re.search(r"label Person\s*1\s*95.0 %", known.text)
    assert "TAXI" in known.text
    document = addresses.upload_page("archive/report.pdf")
    first = client.get(document).text
    assert "As uploaded</a> it is PDF." in first
    assert "<img src" not in first.partition("<main")[2]
    page = client.get(f"{document}?view=catalogue").text
    assert "<h3>Page 1</h3>" in page
    catalogued(two, "archive/note.docx", "one", "two", kind="docx")
    assert "<h3>Section 2</h3>" in client.get("/uploads/archive/note.docx?view=catalogue").text
    assert ">The city of\nNew York is large.</pre>" in page
    queries = re.findall(r'href="(/search\?[^"]*)"><bdi>', client.get(f"{picture}?view=catalogue").text)
    assert len(queries) == 4
    for query in queries:
        assert "park/two people.jpg" in client.get(query.replace("&amp;", "&")).text
    del two.core["CatalogueTable"]
    assert "Nothing is catalogued of this upload." in client.get(f"{picture}?view=catalogue").text
    assert "catalogued of it is missing" not in client.get(f"{picture}?view=catalogue").text


def test_pages_follow_each_other_by_their_addresses(
    client: TestClient, installation: Offline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("happypath.console.pages.search._ON_A_PAGE", 2)
    for number in range(3):
        catalogued(installation, f"park/{number}.jpg", [Entry("label", "Car", 90.0)], minute=number)
    first = asked(client, "label:Car")
    (more,) = re.findall(r'href="(/search[^"]*)">Next page', first)
    assert "First page" not in first
    last = client.get(more.replace("&amp;", "&")).text
    assert re.findall(r'<li class="hit">', first + last) == 3 * ['<li class="hit">']
    assert Tags(last).text.count("park/0.jpg") == 1
    assert "Next page" not in last
    assert 'href="/search?q=label%3ACar">First page' in last


@pytest.mark.parametrize(
    ("query", "place", "said"),
    [
        ("label:Person )", "label:Person <mark>)</mark>", "there is no ( for this )"),
        ("label:Person OR", "label:Person OR<mark>\u00a0</mark>", "something to find is missing here"),
        ("colour:<b>red", "<mark>c</mark>olour:&lt;b&gt;red", ""),
    ],
)
def test_a_query_that_cannot_be_read_shows_its_place(
    client: TestClient, query: str, place: str, said: str
) -> None:
    page = asked(client, query)
    assert f"<code>{place}</code>" in page
    assert said in page
    assert 'aria-invalid="true"' in page
    assert re.search(r'<details id="language" open>', page)


def test_without_a_query_the_language_is_shown_by_examples_that_can_be_read(
    client: TestClient, two: Offline
) -> None:
    page = client.get("/search").text
    examples = re.findall(r'href="(/search\?q=[^"]*)"><code>', page)
    assert len(examples) > 5
    for each in examples:
        answer = client.get(each.replace("&amp;", "&")).text
        assert "cannot be read" not in answer
        assert "aria-invalid" not in answer


def test_what_cannot_be_shown_is_said(client: TestClient, installation: Offline) -> None:
    assert "Nothing is catalogued yet." in asked(client, "label:Person")
    catalogued(installation, "park/a.jpg", [])
    assert "no upload in the catalogue matches." in asked(client, "label:Person")
    assert "No search gave this cursor" in asked(client, "label:Person", after="x")
    del installation.core["CatalogueTable"]
    assert "happypath deploy core" in asked(client, "label:Person")


def test_what_is_hostile_is_text(client: TestClient, installation: Offline) -> None:
    bad = BAD.replace("\x00", "")
    known = [Entry("label", bad, 90.0, BOX), Entry("camera", bad)]
    catalogued(installation, KEY, known, kind=bad[:20])
    catalogued(installation, f"{KEY}.pdf", f"{bad} new york {bad}", minute=1, kind="pdf")
    quoted = bad.replace('"', "")
    paths = [f"{addresses.upload_page(key)}?view=catalogue" for key in (KEY, f"{KEY}.pdf")]
    for query in ("alert", "after:2026", f'"{quoted}"', bad, bad * 20, f"label:{bad}"):
        paths.append(f"/search?{urlencode({'q': query})}")
    for path in paths:
        page = client.get(path).text
        tags = Tags(page)
        assert not tags.attributes & {"onerror", "onload", "onclick", "style"}
        assert tags.tags.count("script") == len(re.findall(r'<script src="/static/[^"]+"', page))
        assert "<img src=x" not in page
        assert not re.search("[\u202e\x00\x1b]", tags.text)
    found = Tags(asked(client, "new york"))
    assert "alert(2)>&amp;\\u202egpj.exe" in found.text
    assert client.get("/search", params={"q": "a" * 5000}).status_code == 200
