"""The tasks on documents: what they leave in the catalogue, and what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.catalogue import entries
from functions.catalogue.tables import Tables
from functions.document import read, read_page
from functions.platform.aws import client
from functions.upload import Upload
from tests import papers
from tests.functions.forked_reader import forking
from tests.functions.looks import BAR, looking
from tests.functions.test_moderation import CONTEXT

KEY = "archive/a"
RULES = {"max_pages": "10", "max_scanned_pages": "5", "max_characters": "100000", "max_seconds": "20"}
PAGE_RULES = {"catalogue_from": "55", "max_seconds": "20"}


@pytest.fixture(scope="module", autouse=True)
def _forks() -> Iterator[None]:
    with forking():
        yield


@pytest.fixture(autouse=True)
def _account(_aws: None) -> None:
    client("s3").create_bucket(Bucket="uploads")
    client("dynamodb").create_table(
        TableName="catalogue",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "PK", "AttributeType": "S"},
            {"AttributeName": "SK", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )


def event(data: bytes, **more: Any) -> dict[str, Any]:
    client("s3").put_object(Bucket="uploads", Key=KEY, Body=data)
    detail = {"bucket": "uploads", "key": KEY, "placeId": "archive", "ID": "a", "workflow": "document"}
    return {"executionArn": "arn", "rules": RULES, "detail": detail | more.pop("detail", {}), **more}


def left() -> list[entries.Part]:
    upload = Upload("uploads", KEY, "archive", "a")
    own = entries.generation(upload.bucket, upload.key, upload.version_id)
    return list(entries.read(Tables(client("dynamodb"), "catalogue", "table"), KEY, own))


def test_each_page_with_text_is_a_part_and_the_others_are_told() -> None:
    resources = b"/XObject << /I 1000 0 R >>"
    made = papers.pages(
        [papers.written(["The first page says enough."]), papers.stream(b"9 9 m 99 99 l S")],
        resources=resources,
    )
    decision = read.handler(event(papers.pdf(made)), CONTEXT)
    assert decision == {
        "accepted": True,
        "reason": None,
        "detail": {"type": "pdf", "scanned": [2], "parts": 3, "pages": 2},
    }
    whole, first = left()
    assert [each.as_json() for each in whole.entries] == [
        {"what": "count", "value": "pages", "confidence": 100.0, "where": {}, "count": 2}
    ]
    assert (first.number, first.text, first.entries) == (1, "The first page says enough.", ())
    assert {(part.type, part.workflow, part.place_id) for part in left()} == {("pdf", "document", "archive")}


def test_lines_of_a_document_without_pages_are_on_none() -> None:
    decision = read.handler(event(papers.MAKE["files"]()["letter.docx"]), CONTEXT)
    assert decision["detail"] == {"type": "docx", "scanned": [], "parts": 2}
    _, section = left()
    assert section.text == ""
    assert [each.value for each in section.entries[:2]] == list(papers.MAKE["LETTER"][0])
    assert {(each.what, each.page) for each in section.entries} == {("words", None)}


def test_of_a_picture_nothing_is_left_here() -> None:
    png = (papers.FOLDER.parent / "documents" / "licence-new-york-1.png").read_bytes()
    assert read.handler(event(png), CONTEXT)["detail"] == {"type": "png", "picture": True}
    assert left() == []


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"x" * 1_000_001, "DOCUMENT_TOO_LARGE", {"size_bytes": 1_000_001, "max_size_bytes": 1_000_000}),
        (papers.many_pages(11), "TOO_MANY_PAGES", {"pages": 11, "max_pages": 10}),
        (papers.scanned_pages(6), "TOO_MANY_SCANNED_PAGES", {"pages": 6, "max_scanned_pages": 5}),
        (b"word " * 20_001, "TOO_MUCH_TEXT", {"max_characters": 100_000}),
        (b"", "CORRUPT_DOCUMENT", {"message": "The file is empty."}),
    ],
)
def test_a_refusal_is_a_decision_that_names_the_limit(
    data: bytes, reason: str, detail: dict[str, Any]
) -> None:
    assert read.handler(event(data), CONTEXT) == {"accepted": False, "reason": reason, "detail": detail}
    assert left() == []


def test_a_scanned_page_is_a_part_with_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    red, green, blue = (part / 255 for part in BAR)
    bars = b"%g %g %g rg 40 300 200 20 re f 40 100 200 20 re f" % (red, green, blue)
    data = papers.pdf(papers.pages([papers.stream(b""), papers.stream(bars)], size=(400, 400)))
    with looking(monkeypatch) as eyes:
        eyes.texts = ["above", "below"]
        asked = event(data, page=2, rules=PAGE_RULES)
        assert read_page.handler(asked | {"detail": asked["detail"] | {"dryRun": True}}, CONTEXT) == {
            "lines": 2
        }
        assert left() == []
        assert read_page.handler(asked, CONTEXT) == {"lines": 2}
    (part,) = left()
    assert (part.number, part.type, part.text) == (2, "pdf", "")
    assert [(each.value, each.page, each.confidence) for each in part.entries] == [
        ("above", 2, 99.0),
        ("below", 2, 99.0),
    ]
    region = part.entries[0].region
    assert region is not None
    sides = (region.left, region.top, region.width, region.height)
    assert sides == pytest.approx((0.1, 0.2, 0.5, 0.05), abs=0.01)


def test_a_rehearsal_leaves_nothing() -> None:
    sent = event(papers.MAKE["files"]()["report.pdf"], detail={"dryRun": True})
    assert read.handler(sent, CONTEXT)["detail"]["pages"] == 2
    assert left() == []
