from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from functions.ingest.upload_event import UnknownShapeError, UploadEvent, is_newer, locate, parse
from functions.platform.aws import client
from tests.functions.account import answering, error

BUCKET = "uploads"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)


def s3_event(key: str, **of_object: Any) -> dict[str, Any]:
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-05-01T12:00:00Z",
        "detail": {"bucket": {"name": BUCKET}, "object": {"key": key, "size": 5, **of_object}},
    }


def custom_event(key: str, **detail: Any) -> dict[str, Any]:
    return {
        "source": "custom.happyPath",
        "detail-type": "uploadComplete",
        "time": "2026-05-01T12:00:00Z",
        "detail": {"bucket": BUCKET, "key": key, **detail},
    }


def notification(*keys: str, **of_object: Any) -> dict[str, Any]:
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": "2026-05-01T12:00:00.000Z",
                "s3": {"bucket": {"name": BUCKET}, "object": {"key": quote_plus(key), **of_object}},
            }
            for key in keys
        ]
    }


def make_bucket(*, versions: bool = True) -> None:
    client("s3").create_bucket(Bucket=BUCKET)
    if versions:
        client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def upload(key: str, body: bytes = b"photo") -> str:
    return client("s3").put_object(Bucket=BUCKET, Key=key, Body=body).get("VersionId", "")


@given(key=KEYS)
def test_the_key_of_s3s_event_is_plain(key: str) -> None:
    event = s3_event(key, **{"version-id": "v1", "sequencer": "0A"})
    assert parse(json.dumps(event)) == [
        UploadEvent(BUCKET, key, version_id="v1", sequencer="0A", time="2026-05-01T12:00:00Z")
    ]


@given(keys=st.lists(KEYS, min_size=1, max_size=3))
def test_the_keys_of_a_notification_are_encoded(keys: list[str]) -> None:
    event = notification(*keys, versionId="v1", sequencer="0A")
    assert parse(json.dumps(event)) == [
        UploadEvent(BUCKET, key, version_id="v1", sequencer="0A", time="2026-05-01T12:00:00.000Z")
        for key in keys
    ]


@given(key=KEYS)
def test_the_key_of_a_custom_event_is_one_or_the_other(key: str) -> None:
    (upload_event,) = parse(json.dumps(custom_event(key, placeId="p", ID="u")))
    assert (upload_event.key, upload_event.perhaps_encoded) == (key, True)
    assert (upload_event.place_id, upload_event.upload_id) == ("p", "u")
    assert (upload_event.source, upload_event.detail_type) == ("custom.happyPath", "uploadComplete")


def test_a_custom_event_may_name_a_version_and_an_attempt() -> None:
    (upload_event,) = parse(json.dumps(custom_event("p/u.jpg", version="v1", attempt=2)))
    assert (upload_event.version_id, upload_event.attempt) == ("v1", 2)
    (upload_event,) = parse(json.dumps(custom_event("p/u.jpg")))
    assert (upload_event.version_id, upload_event.attempt) == (None, 1)


@pytest.mark.parametrize("version_id", ["null", None, ""])
def test_no_version_is_told_apart_from_a_version(version_id: str | None) -> None:
    (upload_event,) = parse(json.dumps(s3_event("p/u.jpg", **{"version-id": version_id})))
    assert upload_event.version_id is None


def test_a_senseless_sequencer_is_none() -> None:
    (upload_event,) = parse(json.dumps(s3_event("p/u.jpg", sequencer="later")))
    assert upload_event.sequencer is None


def test_s3s_test_notification_means_nothing() -> None:
    assert parse(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})) == []


def enveloped(body: str) -> str:
    """As SNS hands a message over to a queue."""
    topic = "arn:aws:sns:us-east-1:123456789012:uploads"
    return json.dumps({"Type": "Notification", "MessageId": "1", "TopicArn": topic, "Message": body})


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRemoved:Delete",
        "ObjectRemoved:DeleteMarkerCreated",
        "LifecycleExpiration:Delete",
        "ObjectAcl:Put",
    ],
)
def test_a_notification_of_anything_but_a_new_object_is_no_upload(name: str) -> None:
    body = notification("p/new.jpg")
    other = {**notification("p/old.jpg")["Records"][0], "eventName": name}
    assert parse(json.dumps({"Records": [other]})) == []
    both = json.dumps({"Records": [other, *body["Records"]]})
    assert [each.key for each in parse(both)] == ["p/new.jpg"]


def test_a_notification_by_sns_is_the_one_that_it_holds() -> None:
    inner = json.dumps(notification("p/u.jpg", sequencer="0A"))
    assert parse(enveloped(inner)) == parse(inner)


def test_an_envelope_in_an_envelope_is_none_of_ours() -> None:
    inner = json.dumps(notification("p/u.jpg", sequencer="0A"))
    with pytest.raises(UnknownShapeError):
        parse(enveloped(enveloped(inner)))
    with pytest.raises(UnknownShapeError, match="not JSON"):
        parse(enveloped("plain text"))


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("not JSON", "not JSON"),
        ("", "not JSON"),
        ("null", "neither"),
        ("[]", "neither"),
        ('"aws.s3"', "neither"),
        ({}, "neither"),
        ({"Records": []}, "neither"),
        ({**s3_event("p/u.jpg"), "detail-type": "Object Deleted"}, "neither"),
        ({**s3_event("p/u.jpg"), "source": "custom.happyPath"}, "neither"),
        ({**s3_event("p/u.jpg"), "detail": None}, "detail.bucket.name"),
        ({**s3_event("p/u.jpg"), "detail": {"bucket": BUCKET}}, "detail.bucket.name"),
        (s3_event(""), "detail.object.key"),
        (s3_event("p/\ud800.jpg"), "not Unicode"),
        (s3_event("p/" + "é" * 512), "1026 bytes"),
        (custom_event(""), "detail.key"),
        ({**custom_event("p/u.jpg"), "detail": {"key": "p/u.jpg"}}, "detail.bucket"),
        *[(custom_event("p/u.jpg", attempt=no), "the attempt") for no in (0, -1, 1000, 1.0, "2", True, None)],
        ({"Records": ["p/u.jpg"]}, "eventName"),
        ({"Records": [{"eventName": "ObjectRemoved:Delete"}]}, "'ObjectRemoved:Delete' is not S3's"),
        ({"Records": [{"eventName": "INSERT", "eventSource": "aws:dynamodb"}]}, "'INSERT' is not S3's"),
        ({"Records": [{"eventName": "ObjectCreated:Put", "s3": {}}]}, "s3.bucket.name"),
        (json.dumps(notification("KEY")).replace("KEY", "p/%FF.jpg"), "not URL-encoded UTF-8"),
    ],
)
def test_anything_else_is_refused_with_what_is_wrong(message: Any, complaint: str) -> None:
    with pytest.raises(UnknownShapeError, match=complaint):
        parse(message if isinstance(message, str) else json.dumps(message))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["bucket", "name", "object", "key", "s3", "eventName", "placeId"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(detail=JSON, shape=st.sampled_from(["s3", "custom", "records"]))
def test_no_content_breaks_the_parser(detail: Any, shape: str) -> None:
    message: Any = {
        "s3": {**s3_event("k"), "detail": detail},
        "custom": {**custom_event("k"), "detail": detail},
        "records": {"Records": detail},
    }[shape]
    try:
        events = parse(json.dumps(message))
    except UnknownShapeError:
        return
    assert all(upload_event.bucket and upload_event.key for upload_event in events)


def test_one_request_tells_that_the_object_is_there_and_whose_trace_it_belongs_to() -> None:
    make_bucket()
    named = f"Root=1-{int(time.time()):08x}-{'a' * 24};Parent=53995c3f42cd8ad8;Sampled=1"
    put = client("s3").put_object(
        Bucket=BUCKET, Key="p/u.jpg", Body=b"photo", Metadata={"x-amzn-trace-id": named}
    )
    for version_id in (put["VersionId"], None):
        with answering("HeadObject") as calls:
            located = locate(UploadEvent(BUCKET, "p/u.jpg", version_id=version_id, sequencer="0A"))
        assert (located.version_id, located.sequencer) == (put["VersionId"], "0A")
        assert str(located.trace) == named
        assert not located.deleted
        assert len(calls) == 1


def test_a_version_that_was_replaced_is_still_there() -> None:
    make_bucket()
    older, _ = upload("p/u.jpg", b"older"), upload("p/u.jpg", b"newer")
    with answering("HeadObject") as calls:
        located = locate(UploadEvent(BUCKET, "p/u.jpg", version_id=older))
    assert (located.version_id, located.deleted) == (older, False)
    assert len(calls) == 2


@pytest.mark.parametrize("perhaps_encoded", [False, True])
@pytest.mark.parametrize("deleted", ["by a delete marker", "for good", "for good, and another came"])
def test_what_is_gone_is_said_to_be(deleted: str, perhaps_encoded: bool) -> None:
    make_bucket()
    version_id = upload("p/u.jpg", b"older")
    for_good = {} if deleted == "by a delete marker" else {"VersionId": version_id}
    client("s3").delete_object(Bucket=BUCKET, Key="p/u.jpg", **for_good)  # type: ignore[arg-type]
    if deleted.endswith("came"):
        upload("p/u.jpg", b"newer")
    upload_event = UploadEvent(BUCKET, "p/u.jpg", version_id=version_id, perhaps_encoded=perhaps_encoded)
    assert locate(upload_event) == replace(upload_event, deleted=True)


def test_an_unknown_version_is_looked_up() -> None:
    make_bucket()
    upload("p/u.jpg", b"first")
    version_id = upload("p/u.jpg", b"second")
    located = locate(UploadEvent(BUCKET, "p/u.jpg"))
    assert located.version_id == located.identity == version_id


def test_without_versions_the_etag_tells_uploads_apart() -> None:
    make_bucket(versions=False)
    upload("p/u.jpg", b"first")
    first = locate(UploadEvent(BUCKET, "p/u.jpg"))
    upload("p/u.jpg", b"second")
    second = locate(UploadEvent(BUCKET, "p/u.jpg"))
    assert first.version_id is None
    assert second.version_id is None
    assert first.identity != second.identity


@pytest.mark.parametrize(
    "key", ["p/a b+c.jpg", "p/100%.jpg", "p/100%25.jpg", "café/crème brûlée.jpg", "p/u.jpg"]
)
@pytest.mark.parametrize("encoding", [str, quote, quote_plus])
def test_a_custom_events_key_is_read_as_the_object_that_exists(key: str, encoding: Any) -> None:
    make_bucket()
    version_id = upload(key)
    (upload_event,) = parse(json.dumps(custom_event(encoding(key))))
    located = locate(upload_event)
    assert (located.key, located.version_id) == (key, version_id)


def test_a_custom_events_key_is_read_as_the_version_that_it_names() -> None:
    make_bucket()
    plain, decoded = upload("p/a+b.jpg"), upload("p/a b.jpg")
    upload("p/a b.jpg", b"newer")
    for version_id, key in ((plain, "p/a+b.jpg"), (decoded, "p/a b.jpg")):
        (upload_event,) = parse(json.dumps(custom_event("p/a+b.jpg", version=version_id)))
        located = locate(upload_event)
        assert (located.key, located.version_id) == (key, version_id)
    (upload_event,) = parse(json.dumps(custom_event("p/a+b.jpg", version="1" * 32)))
    assert locate(upload_event) == replace(upload_event, deleted=True)


def test_a_custom_events_key_is_plain_when_both_readings_exist() -> None:
    make_bucket()
    upload("p/a b.jpg")
    plain = upload("p/a+b.jpg")
    (upload_event,) = parse(json.dumps(custom_event("p/a+b.jpg")))
    assert locate(upload_event).version_id == plain


def test_the_key_of_s3s_event_is_never_decoded() -> None:
    make_bucket()
    upload("p/a b.jpg")
    located = locate(UploadEvent(BUCKET, "p/a+b.jpg"))
    assert (located.key, located.version_id, located.deleted) == ("p/a+b.jpg", None, True)


@pytest.mark.parametrize("key", ["p/%41%FF.jpg", "p/%41.jpg"])
def test_an_object_that_may_not_be_seen_stays_as_the_event_tells_of_it(key: str) -> None:
    make_bucket()
    upload_event = UploadEvent(BUCKET, key, perhaps_encoded=True)
    with answering("HeadObject", error("403", "HeadObject", 403)):
        assert locate(upload_event) == upload_event


def test_trouble_of_s3_is_not_taken_for_a_missing_object() -> None:
    make_bucket()
    with (
        answering("HeadObject", error("SlowDown", "HeadObject", 503)),
        pytest.raises(ClientError, match="SlowDown"),
    ):
        locate(UploadEvent(BUCKET, "p/u.jpg"))


@pytest.mark.parametrize(
    ("place_id", "upload_id", "contradicts"),
    [
        (None, None, False),
        # Applications of the time when ids had no extensions.
        ("café du coin", "a+b.2", False),
        ("caf%C3%A9+du+coin", "a%2Bb.2", False),
        ("café du coin", "a+b.2.jpg", False),
        ("caf%C3%A9+du+coin", "a%2Bb.2.jpg", False),
        ("café du coin", None, False),
        ("elsewhere", "a+b.2.jpg", True),
        ("café du coin", "another", True),
        ("café du coin", "a+b", True),
        ("café du coin", "a+b.2.JPG", True),
        ("café du coin", "a+b.2.jpg.jpg", True),
        ("café du coin", "a+b.2.", True),
    ],
)
def test_a_custom_event_may_not_contradict_its_key(
    place_id: str | None, upload_id: str | None, contradicts: bool
) -> None:
    upload_event = UploadEvent(BUCKET, "café du coin/a+b.2.jpg", place_id=place_id, upload_id=upload_id)
    assert upload_event.contradicts("café du coin", "a+b.2.jpg") is contradicts


def seen(version: str, sequencer: str | None = None) -> dict[str, str]:
    told = {"bucket": BUCKET, "key": "p/u.jpg", "version": version}
    return told if sequencer is None else {**told, "sequencer": sequencer}


@pytest.mark.parametrize(
    ("sequencer", "recorded", "newer"),
    [
        ("0055AED6DCD90281E6", "0055AED6DCD90281E5", True),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", False),
        ("0055aed6dcd90281e6", "0055AED6DCD90281E5", True),
        # Of different lengths, and however they are padded: later, and earlier.
        ("617f08299329d189", "0055AED6DCD90281E5", True),
        ("0055AED6DCD90281E5", "617f08299329d189", False),
    ],
)
def test_the_sequencer_orders_uploads_of_one_key(sequencer: str, recorded: str, newer: bool) -> None:
    upload_event = UploadEvent(BUCKET, "p/u.jpg", version_id="ours", sequencer=sequencer)
    with answering("HeadObject") as calls:
        assert is_newer(upload_event, than=seen("theirs", recorded)) is newer
    assert calls == []


@pytest.mark.parametrize(
    ("sequencer", "recorded"),
    # Missing, missing, equal, and of different lengths where the padding matters.
    [(None, "0A"), ("0A", None), ("0A", "0a"), ("0A", "0A0"), ("0A0", "0A"), ("F", "10"), ("10", "F")],
)
def test_where_sequencers_do_not_tell_the_current_version_is_newer(
    sequencer: str | None, recorded: str | None
) -> None:
    make_bucket()
    old, new = upload("p/u.jpg", b"old"), upload("p/u.jpg", b"new")
    arrives_new = UploadEvent(BUCKET, "p/u.jpg", version_id=new, sequencer=sequencer)
    assert is_newer(arrives_new, than=seen(old, recorded))
    arrives_old = UploadEvent(BUCKET, "p/u.jpg", version_id=old, sequencer=recorded)
    assert not is_newer(arrives_old, than=seen(new, sequencer))


def test_a_deleted_upload_is_not_newer() -> None:
    make_bucket()
    old, new = upload("p/u.jpg", b"old"), upload("p/u.jpg", b"new")
    client("s3").delete_object(Bucket=BUCKET, Key="p/u.jpg")
    assert not is_newer(UploadEvent(BUCKET, "p/u.jpg", version_id=new), than=seen(old))
