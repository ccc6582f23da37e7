from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.s3.models import s3_backends

from functions.platform.aws import AwsCallError, ServiceUnavailableError, ThrottledError, client
from functions.platform.rules import RuleError
from functions.publish import publish
from functions.upload import Upload, published_url
from tests.functions import account
from tests.functions.account import TABLE, answering, error, make_table

CONTEXT = SimpleNamespace(aws_request_id="request-1")
UPLOAD = Upload("uploads", "p/crème brûlée +1.jpg", "p", "crème brûlée +1.jpg", "v1")
ACCOUNT = "123456789012"
RENDITIONS = ("tile", "scaled")
OURS = "arn:aws:states:us-east-1:123456789012:execution:happypath-v4:ours"
FIRST = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND = datetime(2026, 5, 1, 13, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _table() -> None:
    make_table()


def renditions(upload: Upload = UPLOAD) -> dict[str, Any]:
    return {
        "width": 1200,
        "height": 900,
        "tile": {"key": upload.rendition_key("tile"), "width": 400, "height": 400, "bytes": 1},
        "scaled": {"key": upload.rendition_key("scaled"), "width": 600, "height": 450, "bytes": 1},
    }


def received(upload: Upload = UPLOAD, arn: str = OURS, status: str = "RECEIVED", **more: str) -> None:
    account.put(
        "workflow",
        upload.record,
        placeId=upload.place_id,
        objStatus=status,
        executionArn=arn,
        receivedAt="2026-05-01T11:59:59.000Z",
        traceId="1-5759e988-bd862e3fe1be46a994272793",
        **more,
    )


def keep_photo() -> Upload:
    """The photo lies in its bucket, and what was made of it in the other; returns its upload."""
    s3 = client("s3")
    for bucket in ("uploads", "distribution"):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket="uploads", Key=UPLOAD.key, Body=b"photo")["VersionId"]
    for name in RENDITIONS:
        s3.put_object(Bucket="distribution", Key=UPLOAD.rendition_key(name), Body=b"made of it")
    return replace(UPLOAD, version_id=version)


def renditions_left() -> int:
    return len(client("s3").list_objects_v2(Bucket="distribution").get("Contents", []))


def run(upload: Upload) -> Any:
    event = {"detail": upload.as_detail(), "executionArn": OURS, "renditions": renditions(upload)}
    return publish.handler(event, CONTEXT)


def published(upload: Upload = UPLOAD, at: datetime = FIRST) -> dict[str, Any]:
    return publish.publish(
        upload,
        OURS,
        renditions(upload),
        table_name=TABLE,
        distribution_url="https://photos.example.com/",
        now=lambda: at,
    )


def test_the_record_ends_and_the_place_gets_its_photo() -> None:
    received()
    account.put("p", "listing", type="park", name="A park")
    result = published()
    tile = "https://photos.example.com/p/cr%C3%A8me%20br%C3%BBl%C3%A9e%20%2B1.jpg/tile.jpg"
    scaled = "https://photos.example.com/p/cr%C3%A8me%20br%C3%BBl%C3%A9e%20%2B1.jpg/scaled.jpg"
    assert result == {"published": True, "tileURL": tile, "scaledURL": scaled}
    assert account.items() == {
        ("workflow", UPLOAD.record): {
            "placeId": "p",
            "objStatus": "PROCESSED",
            "executionArn": OURS,
            "receivedAt": "2026-05-01T11:59:59.000Z",
            "finishedAt": "2026-05-01T12:00:00.000Z",
            "traceId": "1-5759e988-bd862e3fe1be46a994272793",
            "item": "crème brûlée +1.jpg",
            "path": "p/cr%C3%A8me%20br%C3%BBl%C3%A9e%20%2B1.jpg",
            "renditions": {
                "tile": {"S": "p/crème brûlée +1.jpg/tile.jpg"},
                "scaled": {"S": "p/crème brûlée +1.jpg/scaled.jpg"},
            },
        },
        ("p", "crème brûlée +1.jpg"): {
            "type": "photo",
            "key": "p/crème brûlée +1.jpg",
            "tileURL": tile,
            "scaledURL": scaled,
            "width": "1200",
            "height": "900",
            "created": "2026-05-01T12:00:00.000Z",
        },
        ("p", "listing"): {"type": "park", "name": "A park"},
    }


def test_published_again_by_the_same_execution_nothing_changes() -> None:
    received()
    first = published(at=FIRST)
    before = account.items()
    assert published(at=SECOND) == first
    assert account.items() == before


def test_reason_and_detail_do_not_outlive_the_outcome() -> None:
    received(reason="left over", detail="{}")
    published()
    record = account.items()["workflow", UPLOAD.record]
    assert "reason" not in record
    assert "detail" not in record


@pytest.mark.parametrize(
    ("arn", "status"),
    [(f"{OURS}-not", "RECEIVED"), (f"{OURS}-not", "PROCESSED"), (OURS, "REJECTED"), (OURS, "FAILED")],
)
def test_a_record_that_is_not_ours_to_end_stays_as_it_is(arn: str, status: str) -> None:
    received(arn=arn, status=status)
    account.put("p", UPLOAD.upload_id, tileURL="of the owner")
    before = account.items()
    assert published() == {"published": False}
    assert account.items() == before


def test_without_a_record_nothing_is_published() -> None:
    assert published() == {"published": False}
    assert account.items() == {}


def test_an_execution_of_the_time_without_extensions_ends_in_the_record_that_it_has() -> None:
    before = Upload("uploads", "p/u.jpg", "p", "u", "v1", "u")
    received(before)
    received(Upload("uploads", "p/u.jpg", "p", "u.jpg", "v2"), arn=f"{OURS}-not")
    assert published(before)["published"] is True
    items = account.items()
    assert items["workflow", "u"]["objStatus"] == "PROCESSED"
    assert items["workflow", "p/u.jpg"]["objStatus"] == "RECEIVED"
    assert ("p", "u") in items
    assert ("p", "u.jpg") not in items


@settings(max_examples=60)
@given(st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_an_address_leads_to_the_key(name: str) -> None:
    key = f"{name}/{name}.jpg/tile.jpg"
    address = published_url("https://photos.example.com", key)
    assert address.isascii()
    parts = urlsplit(address)
    assert (parts.netloc, parts.query, parts.fragment) == ("photos.example.com", "", "")
    assert unquote(parts.path) == f"/{key}"


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (["TransactionConflict", "None"], ThrottledError),
        (["None", "ThrottlingError"], ThrottledError),
        (["None", "ItemCollectionSizeLimitExceeded"], AwsCallError),
    ],
)
def test_a_transaction_cancelled_for_other_reasons_is_an_error_of_its_name(
    codes: list[str], kind: type[Exception]
) -> None:
    received()
    cancelled = error(
        "TransactionCanceledException",
        "TransactWriteItems",
        CancellationReasons=[{"Code": code} for code in codes],
    )
    upload = keep_photo()
    with answering("TransactWriteItems", cancelled):
        with pytest.raises(kind):
            run(upload)
        assert run(upload)["published"] is True


def test_trouble_is_told_to_the_caller() -> None:
    received()
    with (
        answering("TransactWriteItems", error("InternalServerError", "TransactWriteItems", 500)),
        pytest.raises(ClientError, match="InternalServerError"),
    ):
        published()


# One item for a folder


def avatar(name: str, uploaded: datetime, player: str = "p1") -> Upload:
    """An upload of a player's, with its object and its record."""
    upload = Upload("uploads", f"avatars/{player}/{name}", "avatars", f"{player}/{name}")
    client("s3").put_object(Bucket="uploads", Key=upload.key, Body=name.encode())
    stored: Any = s3_backends[ACCOUNT]["aws"].get_object("uploads", upload.key)
    stored.last_modified = uploaded.replace(tzinfo=None)
    received(upload)
    return upload


def publish_avatar(upload: Upload, arn: str = OURS) -> Any:
    key = upload.rendition_key("avatar")
    made = {"width": 9, "height": 9, "avatar": {"key": key, "width": 128, "height": 128, "bytes": 1}}
    rules = {"item": "folder", "type": "avatar"}
    event = {"detail": upload.as_detail(), "executionArn": arn, "renditions": made, "rules": rules}
    return publish.handler(event, CONTEXT)


@pytest.fixture
def _bucket() -> None:
    client("s3").create_bucket(Bucket="uploads")


@pytest.mark.slow
@pytest.mark.usefixtures("_bucket")
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_folder_shows_the_newest_of_its_photos_in_whichever_order_they_are_published(
    order: Sequence[int],
) -> None:
    # The last two were uploaded in the same second.
    uploads = [
        avatar("z.jpg", FIRST),
        avatar("m.jpg", SECOND),
        avatar("a.jpg", SECOND),
        avatar("0.jpg", FIRST),
    ]
    for number in order:
        assert publish_avatar(uploads[number])["published"] is True
    before = account.items()
    for upload in uploads:
        publish_avatar(upload)

    items = account.items()
    assert items == before | {key: items[key] for key in before if key[0] == "workflow"}
    assert {key: item["key"] for key, item in items.items() if key[0] == "avatars"} == {
        ("avatars", "p1"): "avatars/p1/m.jpg"
    }
    assert items["avatars", "p1"] == {
        "key": "avatars/p1/m.jpg",
        "type": "avatar",
        "avatarURL": "https://photos.example.com/avatars/p1/m.jpg/avatar.jpg",
        "width": "9",
        "height": "9",
        "created": "2026-05-01T13:00:00.000Z",
    }
    for upload in uploads:
        record = items["workflow", upload.key]
        assert (record["objStatus"], record["item"]) == ("PROCESSED", "p1")
        assert record["renditions"] == {"avatar": {"S": f"{upload.key}/avatar.jpg"}}


@pytest.mark.usefixtures("_bucket")
def test_a_folders_item_stays_when_the_record_is_not_ours() -> None:
    first, other = avatar("a.jpg", FIRST), avatar("b.jpg", SECOND)
    publish_avatar(first)
    before = account.items()
    assert publish_avatar(other, arn=f"{OURS}-not") == {"published": False}
    assert account.items() == before


@pytest.mark.usefixtures("_bucket")
def test_a_photo_that_is_gone_is_not_published_for_its_folder() -> None:
    upload = avatar("a.jpg", FIRST)
    client("s3").delete_object(Bucket="uploads", Key=upload.key)
    client("s3").create_bucket(Bucket="distribution")
    assert publish_avatar(upload) == {"published": False}
    assert account.items()["workflow", upload.key]["objStatus"] == "DELETED"
    assert ("avatars", "p1") not in account.items()


@pytest.mark.usefixtures("_bucket")
def test_a_photo_in_no_folder_is_shown_by_an_item_of_its_own() -> None:
    upload = replace(
        avatar("me.jpg", FIRST), key="avatars/me.jpg", upload_id="me.jpg", record="avatars/me.jpg"
    )
    client("s3").put_object(Bucket="uploads", Key=upload.key, Body=b"photo")
    received(upload)
    publish_avatar(upload)
    assert account.items()["avatars", "me.jpg"]["key"] == upload.key


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"item": "player"}, 'The rule item must be "upload" or "folder", not'),
        ({"type": ""}, "The rule type must be a text that is not empty"),
        ({"kind": "avatar"}, "There is no rule kind: choose among item, type"),
    ],
)
def test_a_senseless_rule_is_named(rules: Any, said: str) -> None:
    event = {"detail": UPLOAD.as_detail(), "executionArn": OURS, "renditions": renditions(), "rules": rules}
    with pytest.raises(RuleError, match=said):
        publish.handler(event, CONTEXT)


# A photo that is gone


@pytest.mark.parametrize("for_good", [False, True])
def test_a_photo_that_was_deleted_meanwhile_is_not_published_and_leaves_nothing(*, for_good: bool) -> None:
    upload = keep_photo()
    if for_good:
        # The one before it is current again, and is another upload.
        client("s3").put_object(Bucket="uploads", Key=upload.key, Body=b"newer")
    which: Any = {"VersionId": upload.version_id} if for_good else {}
    client("s3").delete_object(Bucket="uploads", Key=upload.key, **which)
    received(reason="left over")
    assert run(upload) == {"published": False}
    ((_, record),) = account.items().items()
    assert record["objStatus"] == "DELETED"
    assert record["deletedAt"] == record["finishedAt"]
    assert {"deletion", "reason", "item", "path"}.isdisjoint(record)
    assert renditions_left() == 0
    before = account.items()
    assert run(upload) == {"published": False}
    assert account.items() == before


def test_a_photo_that_was_replaced_is_published_until_the_newer_one_takes_its_record() -> None:
    upload = keep_photo()
    client("s3").put_object(Bucket="uploads", Key=upload.key, Body=b"newer")
    received()
    assert run(upload)["published"] is True


@pytest.mark.parametrize(("arn", "status"), [(f"{OURS}-not", "RECEIVED"), (OURS, "PROCESSED")])
def test_a_photo_that_is_gone_is_withdrawn_from_no_record_that_another_ends(arn: str, status: str) -> None:
    upload = keep_photo()
    client("s3").delete_object(Bucket="uploads", Key=upload.key)
    received(arn=arn, status=status)
    before = account.items()
    assert run(upload) == {"published": False}
    assert account.items() == before
    assert renditions_left() == len(RENDITIONS)


def test_a_withdrawal_that_was_cut_short_locks_the_record_and_goes_on() -> None:
    upload = keep_photo()
    client("s3").delete_object(Bucket="uploads", Key=upload.key)
    received()
    with (
        answering("DeleteObject", error("InternalError", "DeleteObject", 500)),
        pytest.raises(ServiceUnavailableError),
    ):
        run(upload)
    assert account.items()["workflow", UPLOAD.record]["deletion"] == OURS
    assert run(upload) == {"published": False}
    assert "deletion" not in account.items()["workflow", UPLOAD.record]
    assert renditions_left() == 0


def test_what_another_workflow_published_of_a_replaced_photo_is_removed() -> None:
    upload = keep_photo()
    s3 = client("s3")
    deeper = f"{upload.key}/another.jpg/tile.jpg"
    s3.put_object(Bucket="distribution", Key=deeper, Body=b"of another upload")
    redacted = upload.rendition_key("redacted", "png")
    s3.put_object(Bucket="distribution", Key=redacted, Body=b"made of it")
    received(upload, replaced="arn:aws:states:us-east-1:123456789012:execution:happypath-v1:before")
    made = {"width": 1200, "height": 900, "redacted": {"key": redacted}}
    event = {"detail": upload.as_detail(), "executionArn": OURS, "renditions": made}

    for _ in range(2):
        assert publish.handler(event, CONTEXT)["published"] is True
        there = {each["Key"] for each in s3.list_objects_v2(Bucket="distribution")["Contents"]}
        assert there == {redacted, deeper}


def test_what_lies_beside_a_photo_that_replaced_none_is_not_looked_at() -> None:
    upload = keep_photo()
    received(upload)
    event = {"detail": upload.as_detail(), "executionArn": OURS, "renditions": renditions(upload)}
    with answering("ListObjectsV2") as calls:
        assert publish.handler(event, CONTEXT)["published"] is True
    assert calls == []
