"""What is catalogued of a picture, and what of it is found when a person was asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.catalogue import describe, index_task
from functions.catalogue.description import Rules, described, told
from functions.catalogue.entry import Entry
from functions.catalogue.key_pattern import Told
from functions.catalogue.posting import Found
from functions.ingest.record import PARTITION
from functions.platform.aws import AccessDeniedError, PhotoNotFoundError, client
from functions.platform.rules import RuleError, read
from functions.upload import Upload
from tests import table
from tests.functions.account import answering, error, make_table, put
from tests.functions.test_labels import label
from tests.functions.test_moderation import CONTEXT
from tests.functions.test_rekognition import BUCKET, photo

RULES = {
    "catalogue_from": "55",
    "review_below": "0",
    "counts": {"people": "Person", "pedestrians": "Person, Pedestrian", "cars": "Car"},
    "keys": "{film}/{second}.jpg, {camera}/{time}*",
}
KEY = "catalogue/left/2026-11-01T10:00:00Z.jpg"


def instance(confidence: float, left: float = 0.1) -> dict[str, Any]:
    return {
        "BoundingBox": {"Left": left, "Top": 0.2, "Width": 0.3, "Height": 0.4},
        "Confidence": confidence,
    }


def seen(name: str, confidence: float, *parents: str, boxes: tuple[float, ...] = ()) -> dict[str, Any]:
    there = label(name, *parents, confidence=confidence)
    return there | {"Instances": [instance(each, 0.1 * number) for number, each in enumerate(boxes)]}


def line(number: int, text: str, confidence: float = 99.0) -> list[dict[str, Any]]:
    box = {"Geometry": {"BoundingBox": {"Left": 0.1, "Top": 0.1 * number, "Width": 0.5, "Height": 0.05}}}
    first = {"Type": "LINE", "Id": number, "DetectedText": text, "Confidence": confidence, **box}
    words = [
        {"Type": "WORD", "Id": 100 + 10 * number + place, "ParentId": number, "DetectedText": word}
        | {"Confidence": confidence, **box}
        for place, word in enumerate(text.split())
    ]
    return [first, *words]


def uploaded(key: str = KEY, status: str = "RECEIVED") -> Upload:
    make_table()
    table.make(client("dynamodb"), "catalogue", "CatalogueTable")
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=BUCKET, Key=key, Body=photo(100, 100))["VersionId"]
    place, _, upload_id = key.partition("/")
    put(PARTITION, key, objStatus=status, bucket=BUCKET, key=key, version=version)
    return Upload(BUCKET, key, place, upload_id, version)


def event(upload: Upload, **more: Any) -> dict[str, Any]:
    detail = {**upload.as_detail(), "workflow": "catalogue"}
    return {"detail": detail, "executionArn": "arn:execution", **more}


def asked(
    upload: Upload, *labels: Any, texts: Any = (), faces: Any = (), **rules: Any
) -> tuple[dict[str, Any], list[Any]]:
    """What Describe answers, and the calls of Rekognition that it took."""
    with (
        answering("DetectLabels", {"Labels": list(labels)}) as first,
        answering("DetectText", {"TextDetections": list(texts)}) as second,
        answering("DetectFaces", {"FaceDetails": list(faces)}) as third,
    ):
        result = describe.handler(event(upload, rules=RULES | rules), CONTEXT)
    return result, [first, second, third]


def items(begin: str) -> list[dict[str, Any]]:
    """The items of the catalogue whose partition keys begin so."""
    found = client("dynamodb").scan(TableName="catalogue")["Items"]
    return [item for item in found if item["PK"]["S"].startswith(begin)]


def test_a_picture_is_found_by_labels_words_counts_and_what_its_key_says() -> None:
    upload = uploaded()
    box = instance(99.0)
    result, calls = asked(
        upload,
        seen("Person", 98.0, boxes=(97.0, 60.0)),
        seen("Woman", 97.0, "Person", boxes=(97.0,)),
        seen("Sky", 70.0),
        texts=[*line(1, "NEW YORK STATE"), *line(2, "DRIVER")],
        faces=[{"BoundingBox": box["BoundingBox"], "Confidence": 99.0}],
    )

    # Each operation once, and of faces nothing but where they are.
    assert [len(each) for each in calls] == [1, 1, 1]
    assert "Attributes" not in calls[2][0]
    assert result["accepted"]
    answer = index_task.handler(event(upload, decision=result), CONTEXT)
    assert answer == result["detail"]
    assert answer["counts"] == {"people": 2, "pedestrians": 2, "cars": 0, "faces": 1, "words": 4}
    assert answer["labels"] == [
        {"name": "Person", "confidence": 98.0, "instances": 2},
        {"name": "Woman", "confidence": 97.0, "instances": 1},
        {"name": "Sky", "confidence": 70.0},
    ]
    assert answer["camera"] == "left"
    terms = {item["PK"]["S"].rpartition("#")[0] for item in items("")}
    assert terms >= {
        *("label#person", "label#woman", "label#sky", "words#york", "words#driver"),
        *("count#people", "count#cars", "count#faces", "camera#left", "type#jpg", "workflow#catalogue"),
    }
    # It was taken when its key says so.
    assert {item["SK"]["S"][:24] for item in items("label#")} == {"2026-11-01T10:00:00.000Z"}


def test_again_it_is_the_same_and_a_dry_run_leaves_nothing() -> None:
    upload = uploaded()
    dry, _ = asked(replace(upload, dry_run=False), seen("Sky", 70.0))
    index_task.handler(event(upload, decision=dry), CONTEXT)
    before = client("dynamodb").scan(TableName="catalogue")["Items"]
    for _ in range(2):
        again, _ = asked(upload, seen("Sky", 70.0))
        index_task.handler(event(upload, decision=again), CONTEXT)
    assert client("dynamodb").scan(TableName="catalogue")["Items"] == before

    client("dynamodb").delete_table(TableName="catalogue")
    detail = {**event(upload)["detail"], "dryRun": True}
    with (
        answering("DetectLabels", {"Labels": [seen("Sky", 70.0)]}),
        answering("DetectText", {"TextDetections": []}),
        answering("DetectFaces", {"FaceDetails": []}),
    ):
        decision = describe.handler(
            {"detail": detail, "executionArn": "arn:execution", "rules": RULES}, CONTEXT
        )
    assert decision == dry
    rehearsed = {"detail": detail, "executionArn": "arn:execution", "decision": decision}
    assert index_task.handler(rehearsed, CONTEXT) == dry["detail"]


@pytest.mark.parametrize(
    ("verdict", "found", "people"),
    [
        ({"accepted": True, "reason": None, "detail": {"review": "r", "reviewer": "me"}}, True, 2),
        ({"accepted": False, "reason": "REFUSED_BY_REVIEWER", "detail": {"review": "r"}}, False, 1),
        ({"accepted": False, "reason": "REVIEW_EXPIRED", "detail": {"review": "r"}}, False, 1),
    ],
)
def test_what_is_doubtful_is_found_when_a_person_approves(verdict: Any, found: bool, people: int) -> None:
    upload = uploaded(status="IN_REVIEW")
    result, _ = asked(
        upload,
        seen("Person", 90.0, boxes=(90.0,)),
        seen("Pedestrian", 58.0, "Person", boxes=(58.0, 57.0)),
        review_below="60",
    )
    assert (result["accepted"], result["reason"]) == (False, "NEEDS_REVIEW")
    (shown,) = result["detail"]["doubtful"]
    assert (shown["name"], shown["confidence"], len(shown["boxes"])) == ("Pedestrian", 58.0, 2)
    assert [each["name"] for each in result["detail"]["labels"]] == ["Person"]

    answer = index_task.handler(event(upload, decision=verdict), CONTEXT)
    assert answer["counts"]["people"] == people
    assert bool(items("label#pedestrian#")) is found
    (count,) = items("count#people#")
    assert Found.of_item(count, ("count", "people")).count == people
    # What was not approved is not kept either.
    assert len(items("upload#")) == 1 + found


def test_nobody_is_asked_about_a_count_alone() -> None:
    # What is of a kind is surer than the kind, of which there are more.
    seen_so: Any = [
        seen("Woman", 90.0, "Person", boxes=(90.0,)),
        seen("Person", 58.0, boxes=(58.0, 57.0)),
    ]
    found = described(seen_so, [], [], 0, read(Rules, RULES | {"review_below": "60"}), Told())
    assert found.doubtful == ()
    assert [each.count for each in found.entries if each.value == "people"] == [1]


def test_what_was_replaced_meanwhile_leaves_nothing() -> None:
    upload = uploaded()
    result, _ = asked(upload, seen("Sky", 70.0))
    put(PARTITION, KEY, objStatus="RECEIVED", bucket=BUCKET, key=KEY, version="another")
    index_task.handler(event(upload, decision=result), CONTEXT)
    assert items("") == []


def test_a_frame_says_its_film_and_where_in_it() -> None:
    upload = uploaded("catalogue/redact-video/left/20261101T100000Z.mp4/65.jpg")
    result, _ = asked(upload, seen("Person", 90.0, boxes=(90.0,)))
    detail = index_task.handler(event(upload, decision=result), CONTEXT)
    assert (detail["camera"], detail["film"]) == ("left", "redact-video/left/20261101T100000Z.mp4")
    (item,) = items("upload#")
    assert item["at"] == {"S": "2026-11-01T10:01:05.000Z"}
    (posting,) = items("label#person#")
    assert "65.0" in posting["shown"]["S"]


def test_a_picture_that_cannot_be_looked_at_is_refused_and_errors_are_errors() -> None:
    upload = uploaded()
    client("s3").put_object(Bucket=BUCKET, Key="catalogue/text", Body=b"no picture")
    text = Upload(BUCKET, "catalogue/text", "catalogue", "text")
    result, _ = asked(text)
    assert (result["accepted"], result["reason"]) == (False, "CORRUPT_IMAGE")
    with pytest.raises(PhotoNotFoundError):
        asked(replace(upload, key="catalogue/gone.jpg", version_id=None))
    with answering("PutItem", error("AccessDeniedException", "PutItem")), pytest.raises(AccessDeniedError):
        asked(upload)


def test_it_says_where_there_may_be_more_than_rekognition_gives() -> None:
    rules = read(Rules, RULES)
    lines = described([], [], [], 100, rules, Told()).entries
    assert told(lines)["may_be_more"] == ["words"]
    assert "may_be_more" not in told(described([], [], [], 99, rules, Told()).entries)
    crowd: Any = [seen(f"Thing {number}", 60.0, boxes=(60.0,) * 3) for number in range(999)]
    many = described(crowd, [], [], 0, rules, Told()).entries
    assert len(told(many)["labels"]) == 20
    assert sum(len(str(entry.as_json())) for entry in many) < 300_000


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"counts": "Person"}, "counts must be an object"),
        ({"counts": {"faces": "Face"}}, "counts must have a name"),
        ({"counts": {"of it": "Person"}}, "counts must have a name"),
        ({"counts": {"people": ""}}, "counts must have a name"),
        ({"counts": {"cars": "Car", "Cars": "Car"}}, "counts has a name twice"),
        ({"keys": "{year}"}, r"keys must have \{film\}.* and not \{year\}"),
        ({"review_below": "101"}, "review_below must be a number"),
    ],
)
def test_rules_that_make_no_sense_say_why(changed: dict[str, Any], why: str) -> None:
    with pytest.raises(RuleError, match=why):
        read(Rules, RULES | changed)


def test_a_label_is_found_by_its_kinds_and_other_words_for_it() -> None:
    phone: Any = label("Mobile Phone", "Electronics", aliases=("Cell Phone",), confidence=80.0)
    rules = read(Rules, RULES)
    found = described([phone], [], [], 0, rules, Told()).entries
    assert {each.value for each in found if each.what == "label"} == {
        *("Mobile Phone", "Electronics", "Cell Phone")
    }
    assert Entry("count", "people", count=0) in found
