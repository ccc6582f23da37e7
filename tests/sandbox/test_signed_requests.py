"""Signed addresses and forms: what S3 lets in, and what it refuses. Sent as curl and browsers send them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree

import boto3
import pytest
import requests
from botocore.config import Config

from happypath.sandbox.account import CREDENTIALS, REGION
from happypath.sandbox.s3 import gate
from happypath.sandbox.sandbox import Sandbox

PHOTO = bytes(range(256)) * 10
BUCKET = "signed-requests"


@pytest.fixture(scope="module", params=["s3", "s3v4"])
def s3(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=sandbox.endpoint,
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(signature_version=request.param),
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    for each in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=each["Key"])
    client.delete_bucket(Bucket=BUCKET)


def address(s3: Any, operation: str, key: str, **more: Any) -> str:
    return str(s3.generate_presigned_url(operation, {"Bucket": BUCKET, "Key": key, **more}, ExpiresIn=60))


def refused(response: requests.Response, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert ElementTree.fromstring(response.content).findtext("Code") == code


@pytest.mark.parametrize("key", ["a/photo.jpg", "a/ü x+y%20&=.jpg", "a//b/"])
def test_what_is_put_to_a_signed_address_is_got_from_one(s3: Any, key: str) -> None:
    assert requests.put(address(s3, "put_object", key), data=PHOTO, timeout=30).status_code == 200
    assert requests.get(address(s3, "get_object", key), timeout=30).content == PHOTO


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_photo_that_is_called_a_form_is_stored_as_it_is(s3: Any, content_type: str) -> None:
    url = address(s3, "put_object", "form", ContentType=content_type)
    sent = requests.put(url, data=PHOTO, headers={"Content-Type": content_type}, timeout=30)
    assert sent.status_code == 200, sent.text
    stored = s3.get_object(Bucket=BUCKET, Key="form")
    assert (stored["Body"].read(), stored["ContentType"]) == (PHOTO, content_type)


def test_another_request_than_the_signed_one_is_refused(s3: Any) -> None:
    url = address(s3, "put_object", "mine.jpg")
    refused(requests.put(url.replace("mine", "yours"), data=PHOTO, timeout=30), 403, "SignatureDoesNotMatch")
    refused(requests.get(url, timeout=30), 403, "SignatureDoesNotMatch")
    bent = url.replace("Signature=", "Signature=0")
    refused(requests.put(bent, data=PHOTO, timeout=30), 403, "SignatureDoesNotMatch")
    public = requests.put(url, data=PHOTO, headers={"x-amz-acl": "public-read"}, timeout=30)
    assert public.status_code == 403
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="yours")


def test_a_signed_address_ends(s3: Any) -> None:
    url = address(s3, "put_object", "late.jpg")

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(seconds=61)

    with patch.object(gate, "datetime", Later):
        refused(requests.put(url, data=PHOTO, timeout=30), 403, "AccessDenied")
    assert requests.put(url, data=PHOTO, timeout=30).status_code == 200


def test_half_a_signature_is_refused(s3: Any) -> None:
    url = address(s3, "put_object", "half.jpg")
    half = "&".join(each for each in url.split("&") if "Signature=" not in each and "Expires=" not in each)
    assert requests.put(half, data=PHOTO, timeout=30).status_code in {400, 403}


def form(s3: Any, **fields: str) -> dict[str, Any]:
    given: dict[str, Any] = s3.generate_presigned_post(
        BUCKET,
        "u/${filename}",
        Fields={"Content-Type": "image/jpeg", "x-amz-meta-place": "park", **fields},
        Conditions=[
            ["content-length-range", 10, len(PHOTO)],
            ["starts-with", "$Content-Type", "image/"],
            {"x-amz-meta-place": "park"},
            *({name: value} for name, value in fields.items()),
        ],
    )
    return given


def post(given: dict[str, Any], body: bytes = PHOTO, **changed: str) -> requests.Response:
    fields = {**given["fields"], **{name.replace("_", "-"): value for name, value in changed.items()}}
    return requests.post(given["url"], data=fields, files={"file": ("a b.jpg", body)}, timeout=30)


def test_a_form_that_its_policy_allows_is_stored(s3: Any) -> None:
    answer = post(form(s3))
    assert (answer.status_code, answer.content) == (204, b"")
    stored = s3.get_object(Bucket=BUCKET, Key="u/a b.jpg")
    assert stored["Body"].read() == PHOTO
    assert (stored["ContentType"], stored["Metadata"]) == ("image/jpeg", {"place": "park"})
    assert answer.headers["ETag"] == stored["ETag"]


def test_a_form_is_answered_as_it_asks(s3: Any) -> None:
    answer = post(form(s3, success_action_status="201"))
    assert answer.status_code == 201
    assert ElementTree.fromstring(answer.content).findtext("Key") == "u/a b.jpg"


@pytest.mark.parametrize(
    ("body", "changed", "status", "code"),
    [
        (PHOTO + b"x", {}, 400, "EntityTooLarge"),
        (b"x", {}, 400, "EntityTooSmall"),
        (PHOTO, {"key": "other/x.jpg"}, 403, "AccessDenied"),
        (PHOTO, {"Content_Type": "text/html"}, 403, "AccessDenied"),
        (PHOTO, {"x_amz_meta_place": "bar"}, 403, "AccessDenied"),
        (PHOTO, {"x_amz_meta_more": "1"}, 403, "AccessDenied"),
        (PHOTO, {"acl": "public-read"}, 403, "AccessDenied"),
        (PHOTO, {"policy": "eyJjb25kaXRpb25zIjogW119"}, 403, "SignatureDoesNotMatch"),
    ],
)
def test_a_form_that_its_policy_does_not_allow_is_refused(
    s3: Any, body: bytes, changed: dict[str, str], status: int, code: str
) -> None:
    given = form(s3)
    given["fields"]["key"] = "u/refused.jpg"
    refused(post(given, body, **changed), status, code)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="u/refused")
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="other/")


def test_a_form_without_a_policy_is_nobodys(s3: Any, sandbox: Sandbox) -> None:
    bare = {"url": f"{sandbox.endpoint}/{BUCKET}", "fields": {"key": "x"}}
    refused(post(bare), 403, "AccessDenied")


def test_a_form_is_not_taken_after_its_policy_ended(s3: Any) -> None:
    given = s3.generate_presigned_post(BUCKET, "late", ExpiresIn=-1)
    refused(post(given), 403, "AccessDenied")
