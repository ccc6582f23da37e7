"""Notices: one for each end of an upload, the same each time it is sent, and sent again rather than lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from functions.notices import notices
from functions.notices.notice import ENDS, notice
from functions.outcome import sentence
from functions.upload import rendition_key
from tests.functions.account import answering, error

CONTEXT = SimpleNamespace(aws_request_id="request-1")
URL = "https://photos.example.com"
BUCKET = "uploads"
ARN = "arn:aws:states:us-east-1:123456789012:execution:happypath-v4:a"


def image(status: str, key: str = "park/a b.jpg", **more: Any) -> dict[str, Any]:
    """A workflow record as the stream has it; None leaves an attribute out."""
    values = {
        "PK": "workflow",
        "SK": key,
        "objStatus": status,
        "bucket": BUCKET,
        "key": key,
        "version": "v1",
        "placeId": key.partition("/")[0],
        "workflow": "v4",
        "executionArn": ARN,
        "finishedAt": None if status == "RECEIVED" else "2026-05-01T12:00:00.000Z",
        **more,
    }
    return {
        name: value if isinstance(value, dict) else {"S": value}
        for name, value in values.items()
        if value is not None
    }


def change(
    new: Mapping[str, Any] | None, old: Mapping[str, Any] | None = None, number: int = 1
) -> dict[str, Any]:
    """A record of the stream."""
    there = new or old or {}
    images = {"NewImage": new, "OldImage": old}
    return {
        "eventName": "MODIFY",
        "dynamodb": {
            "ApproximateCreationDateTime": 1777636800.0,
            "Keys": {name: there[name] for name in ("PK", "SK")},
            "SequenceNumber": str(number),
            **{name: each for name, each in images.items() if each is not None},
        },
    }


def ended(number: int = 1, key: str = "park/a.jpg", **more: Any) -> dict[str, Any]:
    return change(image("PROCESSED", key, **more), image("RECEIVED", key), number)


def handled(*records: dict[str, Any]) -> list[str]:
    answer = notices.handler({"Records": records}, CONTEXT)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def sent(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The details of the entries of calls of PutEvents."""
    return [json.loads(entry["Detail"]) for call in calls for entry in call["Entries"]]


def test_a_notice_says_what_became_of_an_upload() -> None:
    renditions = {
        "M": {name: {"S": rendition_key("park/a b.jpg", name)} for name in ("tile", "scaled")},
    }
    made = notice(change(image("PROCESSED", renditions=renditions), image("RECEIVED")), f"{URL}/")
    assert made is not None
    assert len(made.pop("id")) == 64
    assert made == {
        "bucket": BUCKET,
        "key": "park/a b.jpg",
        "version": "v1",
        "placeId": "park",
        "uploadId": "a b.jpg",
        "workflow": "v4",
        "status": "PROCESSED",
        "reason": None,
        "sentence": "The photo is accepted.",
        "renditions": [
            {"name": "scaled", "url": f"{URL}/park/a%20b.jpg/scaled.jpg"},
            {"name": "tile", "url": f"{URL}/park/a%20b.jpg/tile.jpg"},
        ],
        "at": "2026-05-01T12:00:00.000Z",
        "review": None,
    }


def test_a_deletion_says_when_and_that_nothing_is_there_to_see() -> None:
    renditions = {"M": {"tile": {"S": "park/a b.jpg/tile.jpg"}}}
    deleted = image("DELETED", deletedAt="2026-05-02T00:00:00.000Z", renditions=renditions)
    made = notice(change(deleted, image("PROCESSED", renditions=renditions)), URL)
    assert made is not None
    assert (made["status"], made["at"], made["renditions"]) == ("DELETED", "2026-05-02T00:00:00.000Z", [])


def test_an_object_that_no_workflow_can_use_has_no_place() -> None:
    refused = image(
        "REJECTED", "no-place.jpg", placeId=None, workflow=None, executionArn=None, reason="INVALID_KEY"
    )
    made = notice(change(refused), URL)
    assert made is not None
    missing = ("placeId", "uploadId", "workflow")
    assert [made[name] for name in missing] == [None, None, None]
    assert (made["key"], made["reason"]) == ("no-place.jpg", "INVALID_KEY")
    assert made["sentence"] == sentence("REJECTED", "INVALID_KEY")


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (image("RECEIVED"), None),
        (image("IN_REVIEW"), image("RECEIVED")),
        (image("RECEIVED"), image("FAILED")),
        (image("PROCESSED", traceId="1"), image("PROCESSED")),
        # What a deletion does after it has told of itself.
        (image("DELETED"), image("DELETED", deletion="arn")),
        (None, image("PROCESSED")),
        # A photo of a place, whatever it calls its attributes.
        (image("PROCESSED", PK="park"), None),
    ],
)
def test_what_is_no_end_has_no_notice(new: dict[str, Any] | None, old: dict[str, Any] | None) -> None:
    assert notice(change(new, old), URL) is None


@pytest.mark.parametrize("status", ENDS)
def test_each_end_has_one_notice_with_one_id(status: str) -> None:
    ends = [
        change(image(status), image("RECEIVED")),
        change(image(status)),
        change(image(status, version="v2"), image("RECEIVED")),
        change(image(status, executionArn=f"{ARN}-2"), image("FAILED")),
        # Gone before they were claimed, one version after the other.
        change(image(status, executionArn=None, version="v3"), image(status, executionArn=None)),
        change(image(status, key="park/other.jpg")),
    ]
    made = [notice(each, URL) for each in ends for _ in range(2)]
    ids = [each["id"] for each in made if each is not None]
    assert ids[::2] == ids[1::2]
    # The same end whether its record was there before.
    assert ids[0] == ids[2]
    assert len(set(ids)) == len(ends) - 1


def test_a_record_without_a_time_has_that_of_its_change_whoever_reads_the_stream() -> None:
    by_lambda = change(image("FAILED", finishedAt=None))
    by_hand = change(image("FAILED", finishedAt=None))
    by_hand["dynamodb"]["ApproximateCreationDateTime"] = "2026-05-01T14:00:00+02:00"
    made = notice(by_lambda, URL)
    assert made is not None
    assert made == notice(by_hand, URL)
    assert made["at"] == "2026-05-01T12:00:00.000Z"


def test_entries_go_in_tens_and_in_order() -> None:
    records = [ended(number, f"park/{number}.jpg") for number in range(23)]
    with answering("PutEvents") as calls:
        assert handled(*records) == []
    assert [len(call["Entries"]) for call in calls] == [10, 10, 3]
    assert [each["uploadId"] for each in sent(calls)] == [f"{number}.jpg" for number in range(23)]
    first = calls[0]["Entries"][0]
    assert (first["Source"], first["DetailType"]) == ("happypath", "Photo processed")


def test_a_batch_without_an_end_asks_nothing_of_eventbridge() -> None:
    with answering("PutEvents") as calls:
        assert handled(change(image("RECEIVED"))) == []
    assert calls == []


def test_from_the_first_entry_that_is_not_taken_all_comes_again() -> None:
    records = [ended(number, f"park/{number}.jpg") for number in range(23)]
    taken = {"EventId": "1"}
    no = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
    some = {"FailedEntryCount": 2, "Entries": [*[taken] * 4, no, taken, no, *[taken] * 3]}
    with answering("PutEvents", None, some) as calls:
        assert handled(*records) == ["14"]
    assert len(calls) == 2
    with answering("PutEvents") as again:
        assert handled(*records[14:]) == []
    ids = {each["id"] for each in sent(calls)}
    assert {each["id"] for each in sent(again)} & ids == {each["id"] for each in sent(calls)[14:]}


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalException", "AccessDeniedException"])
def test_a_request_that_fails_comes_again_from_its_first_entry(code: str) -> None:
    records = [ended(number, f"park/{number}.jpg") for number in range(12)]
    failure: ClientError = error(code, "PutEvents")
    with answering("PutEvents", None, failure):
        assert handled(*records) == ["10"]


@pytest.mark.parametrize(
    "broken",
    [
        {
            "SequenceNumber": "5",
            "Keys": {"PK": {"S": "workflow"}},
            "NewImage": {"objStatus": {"S": "FAILED"}},
        },
        {"SequenceNumber": "5", "Keys": {}, "NewImage": "nothing"},
        {
            "SequenceNumber": "5",
            "Keys": {"PK": {"S": "workflow"}},
            "NewImage": image("PROCESSED", renditions={"S": "text"}),
        },
    ],
)
def test_what_cannot_be_read_is_named_and_what_comes_before_it_is_sent(broken: dict[str, Any]) -> None:
    records = [ended(3), ended(4, "park/b.jpg"), {"dynamodb": broken}, ended(6, "park/c.jpg")]
    expected = [] if broken["Keys"] == {} else ["5"]
    with answering("PutEvents") as calls:
        assert handled(*records) == expected
    keys = [each["key"] for each in sent(calls)]
    assert keys == ["park/a.jpg", "park/b.jpg"] + ([] if expected else ["park/c.jpg"])


def test_however_long_its_texts_are_an_event_fits() -> None:
    # A control character takes six bytes as JSON, and S3 allows it in keys.
    key = "p/" + "\x01" * 1000
    renditions = {"M": {name: {"S": rendition_key(key, name)} for name in "abcdefgh"}}
    reason = "\x01" * 400_000
    records = [
        change(
            image("PROCESSED", key, reason=reason, renditions=renditions, version=str(number)), None, number
        )
        for number in range(20)
    ]
    with answering("PutEvents") as calls:
        assert handled(*records) == []
    assert len(sent(calls)) == 20
    assert len(calls) > 2
    for call in calls:
        sizes = [sum(len(text.encode()) for text in entry.values()) for entry in call["Entries"]]
        assert sum(sizes) <= 256 * 1024
    assert all(len(each["reason"]) == 1000 for each in sent(calls))


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_any_key_comes_back_as_it_was(place: str, rest: str) -> None:
    place = place.replace("/", "-")
    made = notice(ended(key=f"{place}/{rest}", placeId=place), URL)
    assert made is not None
    assert (made["placeId"], made["uploadId"]) == (place, rest)
    assert made["key"] == f"{place}/{rest}"
