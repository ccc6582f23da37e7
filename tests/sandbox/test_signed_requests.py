"""Signed addresses and forms: what S3 lets in, and what it refuses. Sent as curl and browsers send them."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit
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


def fields_of(given: dict[str, Any]) -> bytes:
    """A form's body, up to its file."""
    head = '--b\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n'
    fields = "".join(f"{head.format(name, '')}{value}\r\n" for name, value in given["fields"].items())
    return (fields + head.format("file", '; filename="f"')).encode()


def begun(given: dict[str, Any], file: bytes, length: int, **more: str) -> socket.socket:
    """Sends a form's fields, and the beginning of its file: the whole is said to be of `length` bytes."""
    url = urlsplit(given["url"])
    head = [f"POST {url.path or '/'} HTTP/1.1", f"Host: {url.netloc}", f"Content-Length: {length}"]
    head += [f"{name}: {value}" for name, value in more.items()]
    head.append("Content-Type: multipart/form-data; boundary=b")
    client = socket.create_connection((url.hostname or "", url.port or 80), timeout=30)
    client.sendall(("\r\n".join(head) + "\r\n\r\n").encode() + fields_of(given) + file)
    return client


def answered(client: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(client)
    response.begin()
    return response


@pytest.mark.parametrize(
    ("changed", "file", "status", "code"),
    [
        ({}, PHOTO + b"x", 400, "EntityTooLarge"),
        ({"policy": "e30="}, b"", 403, "SignatureDoesNotMatch"),
        ({"key": "other/x"}, b"", 403, "AccessDenied"),
        ({"key": "k" * 1025}, b"", 400, "KeyTooLongError"),
        ({"x-amz-meta-more": "m" * 20_000}, b"", 400, "MaxPostPreDataLengthExceeded"),
    ],
)
def test_a_form_is_refused_as_soon_as_it_breaks_its_policy(
    s3: Any, changed: dict[str, str], file: bytes, status: int, code: str
) -> None:
    """The rest never comes, of which there would be gigabytes: who waits for it waits for ever."""
    given = form(s3)
    given["fields"] |= {"key": "u/early.jpg", **changed}
    with begun(given, file, 4_000_000_000) as client:
        response = answered(client)
        assert response.status == status
        assert ElementTree.fromstring(response.read()).findtext("Code") == code
        assert response.headers["Connection"] == "close"
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="u/early")


def test_who_goes_on_sending_what_is_too_large_learns_why(s3: Any) -> None:
    answer = post(form(s3), bytes(30_000_000))
    refused(answer, 400, "EntityTooLarge")
    told = ElementTree.fromstring(answer.content)
    assert (told.findtext("ProposedSize"), told.findtext("MaxSizeAllowed")) == ("30000000", str(len(PHOTO)))


def test_a_form_that_breaks_off_stores_nothing(s3: Any, caplog: pytest.LogCaptureFixture) -> None:
    given = form(s3)
    given["fields"]["key"] = "u/broken.jpg"
    with begun(given, PHOTO[:100], 2_000) as client:
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="u/broken")
    assert not caplog.records


def test_what_follows_the_file_of_a_form_counts_for_nothing(s3: Any) -> None:
    given = form(s3)
    given["fields"]["key"] = "u/first.jpg"
    late = b'\r\n--b\r\nContent-Disposition: form-data; name="acl"\r\n\r\npublic-read\r\n--b--\r\n'
    length = len(fields_of(given) + PHOTO + late)
    with begun(given, PHOTO + late, length) as client:
        assert answered(client).status == 204
    assert s3.get_object(Bucket=BUCKET, Key="u/first.jpg")["Body"].read() == PHOTO


@pytest.mark.parametrize("body", [b"\r\n" + PHOTO[:100] + b"\r\n", b"--b--" * 10, b"\n\r\n--" * 20])
def test_a_forms_file_is_stored_to_the_byte(s3: Any, body: bytes) -> None:
    assert post(form(s3), body).status_code == 204
    assert s3.get_object(Bucket=BUCKET, Key="u/a b.jpg")["Body"].read() == body


def test_a_form_is_stored_where_its_policy_was_asked_for(s3: Any) -> None:
    given = form(s3)
    given["fields"]["key"] = "u/mine.jpg"
    # Another key: in the address, as a second field, and in other letters.
    given["url"] += "?key=other/address.jpg"
    twice = [*given["fields"].items(), ("key", "other/second.jpg"), ("KEY", "other/letters.jpg")]
    answer = requests.post(given["url"], data=twice, files={"file": ("f", PHOTO)}, timeout=30)
    assert answer.status_code == 204, answer.text
    found = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert "u/mine.jpg" in found
    assert not [key for key in found if key.startswith("other/")]
    before = [("KEY", "other/letters.jpg"), *given["fields"].items()]
    refused(
        requests.post(given["url"], data=before, files={"file": ("f", PHOTO)}, timeout=30),
        403,
        "AccessDenied",
    )


def test_a_form_may_lead_its_browser_on(s3: Any) -> None:
    given = form(s3, success_action_redirect="https://www.example.com/done?a=b")
    fields = given["fields"]
    answer = requests.post(
        given["url"], data=fields, files={"file": ("r.jpg", PHOTO)}, timeout=30, allow_redirects=False
    )
    assert answer.status_code == 303
    location = urlsplit(answer.headers["Location"])
    assert (location.netloc, location.path) == ("www.example.com", "/done")
    asked = parse_qs(location.query)
    assert (asked["a"], asked["bucket"], asked["key"]) == (["b"], [BUCKET], ["u/r.jpg"])
    assert asked["etag"] == [answer.headers["ETag"]]


def test_a_page_of_another_origin_reads_why_its_form_was_refused(s3: Any) -> None:
    rule = {
        "AllowedMethods": ["POST"],
        "AllowedOrigins": ["https://a.example.com"],
        "ExposeHeaders": ["ETag"],
    }
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    try:
        here = "https://a.example.com"
        for origin, allowed in ((here, here), ("https://b.example.com", None)):
            with begun(form(s3), PHOTO + b"x", 1_000_000, Origin=origin) as client:
                response = answered(client)
            assert response.status == 400
            assert response.headers["Access-Control-Allow-Origin"] == allowed
    finally:
        s3.delete_bucket_cors(Bucket=BUCKET)


def test_an_object_that_says_that_it_is_too_large_is_not_waited_for(s3: Any) -> None:
    url = urlsplit(address(s3, "put_object", "huge"))
    with socket.create_connection((url.hostname or "", url.port or 80), timeout=30) as client:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\n"
        client.sendall(f"{head}Content-Length: {5 * 1024**3 + 1}\r\n\r\n".encode())
        response = answered(client)
        assert response.status == 400
        assert ElementTree.fromstring(response.read()).findtext("Code") == "EntityTooLarge"


def test_a_form_without_a_policy_is_nobodys(s3: Any, sandbox: Sandbox) -> None:
    bare = {"url": f"{sandbox.endpoint}/{BUCKET}", "fields": {"key": "x"}}
    refused(post(bare), 403, "AccessDenied")


def test_a_form_is_not_taken_after_its_policy_ended(s3: Any) -> None:
    given = s3.generate_presigned_post(BUCKET, "late", ExpiresIn=-1)
    refused(post(given), 403, "AccessDenied")
