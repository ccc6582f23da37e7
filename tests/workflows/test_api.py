"""The upload API on its whole way: a form, a photo, what became of it; and what S3 lets in by no form."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from xml.etree import ElementTree

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from PIL import Image

from happypath.sandbox import DeployError
from happypath.sandbox.apigateway.issuer import AUDIENCE, SEARCHERS
from happypath.sandbox.s3 import gate
from happypath.sandbox.sandbox import ORIGINS, Sandbox
from tests.outcomes import rows
from tests.workflows import api
from tests.workflows.api import Person, send
from tests.workflows.driver import Driver
from tests.workflows.tasks import accepted

PHOTO = b"\xff\xd8"


@pytest.fixture
def ann(driver: Driver) -> Person:
    return Person(driver.sandbox, "ann")


def test_a_person_uploads_a_photo_and_sees_both_renditions(driver: Driver, ann: Person) -> None:
    driver.go_live("v1")
    photo = driver.picture(accepted("v1"))
    asked = ann.ask(placeId="ann-park", fileName="größer 1.jpg", sizeBytes=len(photo))

    assert asked.status_code == 201
    upload_id = asked.json()["uploadId"]
    assert upload_id.endswith("-größer_1.jpg")
    assert ann.get(asked.headers["location"]).json()["status"] == "WAITING"
    # Nothing is written before a photo has come.
    assert driver.installation.record(upload_id) is None
    assert send(asked.json()["form"], photo).status_code == 204
    ended = ann.ended(upload_id)
    assert (ended["status"], ended["reason"]) == ("PROCESSED", None)
    assert ended["message"] == "The photo is accepted."
    assert [each["name"] for each in ended["renditions"]] == ["scaled", "tile"]
    for each in ended["renditions"]:
        # As anybody sees it.
        shown = requests.get(each["url"], timeout=60)
        assert shown.headers["content-type"] == "image/jpeg"
        with Image.open(io.BytesIO(shown.content)) as image:
            assert image.format == "JPEG"
    listed = ann.get("/places/ann-park/photos", limit="1").json()["photos"]
    assert [each["uploadId"] for each in listed] == [upload_id]
    assert listed[0]["renditions"] == ended["renditions"]
    stored = driver.installation.client("s3").head_object(Bucket=driver.upload_bucket, Key=upload_id)
    assert stored["ContentType"] == "image/jpeg"


def test_a_person_learns_in_a_sentence_why_a_photo_was_refused(driver: Driver, ann: Person) -> None:
    driver.go_live("v4")
    (row, *_) = [row for row in rows("v4") if row.reason == "NO_PEOPLE_ALLOWED"]
    photo = driver.picture(row)
    asked = ann.ask(placeId=f"the-{row.place}", sizeBytes=len(photo)).json()
    assert send(asked["form"], photo).status_code == 204
    assert ann.ended(asked["uploadId"]) == {
        "uploadId": asked["uploadId"],
        "status": "REJECTED",
        "reason": "NO_PEOPLE_ALLOWED",
        "message": "The photo shows people; photos of this place must not.",
        "renditions": [],
    }


def test_a_person_has_an_avatar_of_their_own(driver: Driver, ann: Person) -> None:
    driver.go_live("v1 avatars/=avatar")
    photo = driver.picture(accepted("avatar"))
    asked = ann.ask(placeId="avatars", sizeBytes=len(photo)).json()
    assert asked["uploadId"].startswith("avatars/ann/")
    assert send(asked["form"], photo).status_code == 204
    (rendition,) = ann.ended(asked["uploadId"])["renditions"]
    assert rendition["name"] == "avatar"
    with Image.open(io.BytesIO(requests.get(rendition["url"], timeout=60).content)) as image:
        assert image.size == (128, 128)


def refusal(answer: requests.Response) -> tuple[int, str]:
    """S3's own error."""
    return answer.status_code, ElementTree.fromstring(answer.content).findtext("Code") or ""


def test_what_a_form_is_not_for_s3_refuses_and_nothing_is_recorded(driver: Driver, ann: Person) -> None:
    driver.go_live("v1")
    asked = ann.ask(sizeBytes=2).json()
    form, upload_id = asked["form"], asked["uploadId"]
    bobs = Person(driver.sandbox, "bob").ask().json()["uploadId"]
    refused = {
        "a byte over the limit": send(form, b"abc"),
        "nothing at all": send(form, b""),
        "another content type": send(form, PHOTO, **{"Content-Type": "image/png"}),
        "a foreign key": send(form, PHOTO, key=bobs),
        "a place of its own": send(form, PHOTO, key="another-park/photo.jpg"),
        "the browser's name of the file": send(form, PHOTO, key="the-park/${filename}"),
        "more than the form has": send(form, PHOTO, acl="public-read"),
        "a page to go to": send(form, PHOTO, success_action_redirect="https://evil.example.com"),
        "another's signature": send(form, PHOTO, **{"x-amz-signature": "0" * 64}),
        "no policy": send({**form, "fields": {"key": upload_id}}, PHOTO),
    }
    assert {what: refusal(answer) for what, answer in refused.items()} == {
        "a byte over the limit": (400, "EntityTooLarge"),
        "nothing at all": (400, "EntityTooSmall"),
        "another content type": (403, "AccessDenied"),
        "a foreign key": (403, "AccessDenied"),
        "a place of its own": (403, "AccessDenied"),
        "the browser's name of the file": (403, "AccessDenied"),
        "more than the form has": (403, "AccessDenied"),
        "a page to go to": (403, "AccessDenied"),
        "another's signature": (403, "SignatureDoesNotMatch"),
        "no policy": (403, "AccessDenied"),
    }

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=301)

    with patch.object(gate, "datetime", Later):
        late = send(form, PHOTO)
    assert refusal(late) == (403, "AccessDenied")
    assert b"Policy expired" in late.content
    # What would have been announced is so by now: this one, of the same form, comes after all of those.
    assert send(form, PHOTO).status_code == 204
    driver.ended(upload_id)
    keys = {upload_id, bobs, "another-park/photo.jpg", "the-park/photo.jpg"}
    assert {key for key in keys if driver.installation.record(key)} == {upload_id}
    s3 = driver.installation.client("s3")
    found = s3.list_object_versions(Bucket=driver.upload_bucket, Prefix=upload_id)
    assert [each["Key"] for each in found["Versions"]] == [upload_id]
    assert ann.status(upload_id).json()["status"] == "REJECTED"


def test_nobody_comes_in_without_a_token_for_this_api(driver: Driver, ann: Person) -> None:
    issuer = driver.sandbox.issuer
    header = "eyJhbGciOiJub25lIn0"
    forged = f"{header}.{issuer.token('ann', AUDIENCE).split('.')[1]}."
    for token in (
        None,
        "",
        "Bearer",
        "Bearer x",
        f"Bearer {issuer.token('ann', 'another')}",
        f"Bearer {issuer.token('ann', AUDIENCE, lifetime_s=-3600)}",
        f"Bearer {forged}",
        f"Bearer {issuer.token('ann', AUDIENCE)[:-8]}AAAAAAAA",
    ):
        headers = {} if token is None else {"authorization": token}
        for method, path in (("POST", "/uploads"), ("GET", "/uploads/a/b"), ("GET", "/places/a/photos")):
            answer = requests.request(method, f"{ann.url}{path}", headers=headers, timeout=60)
            assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"}), token


def test_nobody_sees_what_another_asked_for(driver: Driver, ann: Person) -> None:
    bob = Person(driver.sandbox, "bob")
    upload_id = ann.ask().json()["uploadId"]
    assert ann.status(upload_id).status_code == 200
    assert bob.status(upload_id).status_code == 404
    assert bob.status(upload_id).json() == bob.status("the-park/none.jpg").json()
    # The records of all uploads are no place.
    assert ann.get("/places/workflow/photos").status_code == 404
    assert ann.get("/places/%77orkflow/photos").status_code == 404


def test_an_upload_that_is_held_has_arrived(driver: Driver, ann: Person) -> None:
    driver.go_live("none")
    asked = ann.ask().json()
    send(asked["form"], PHOTO)
    assert driver.installation.record(asked["uploadId"]) is None
    assert ann.status(asked["uploadId"]).json()["status"] == "RECEIVED"
    driver.go_live("v1")
    assert ann.ended(asked["uploadId"])["status"] == "REJECTED"


def test_a_page_of_another_origin_is_let_in_if_it_is_named(driver: Driver, ann: Person) -> None:
    origin = ORIGINS.split(",")[0]
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    for address in (f"{ann.url}/uploads", ann.ask().json()["form"]["url"]):
        allowed = requests.options(address, headers=asked, timeout=60)
        assert allowed.ok
        assert allowed.headers["access-control-allow-origin"] == origin
        assert "POST" in allowed.headers["access-control-allow-methods"]
        stranger = requests.options(address, headers={**asked, "Origin": "https://evil.example"}, timeout=60)
        assert "access-control-allow-origin" not in stranger.headers


def test_the_access_log_has_each_request_and_no_token(driver: Driver, ann: Person) -> None:
    ann.ask(placeId="logged-park")
    # A caller who would write a line.
    ann.get('/uploads/a","status":"429","b":"/c')
    groups = (f"/aws/vendedlogs/apis/{driver.sandbox.prefix}-api", f"/aws/lambda/{driver.sandbox.prefix}-api")
    logs = driver.installation.client("logs")
    lines = [
        [event["message"] for page in pages for event in page["events"]]
        for pages in (logs.get_paginator("filter_log_events").paginate(logGroupName=each) for each in groups)
    ]
    asked = [json.loads(line) for line in lines[0]]
    assert {"POST /uploads", "GET /uploads/{uploadId+}"} <= {each["route"] for each in asked}
    assert {each["status"] for each in asked} <= {
        *("200", "201", "204", "400", "401", "403", "404", "500", "503")
    }
    token = ann.headers["authorization"].removeprefix("Bearer ")
    assert not any(token in line or "x-amz-signature" in line for group in lines for line in group)


def test_people_of_a_group_search_what_all_have_uploaded_and_nobody_else_does(
    driver: Driver, ann: Person
) -> None:
    found = api.search(driver)
    assert [(each["workflow"], each["found"][0]["what"]) for each in found] == [("v1", "label")] * 2
    assert len({each["uploadId"] for each in found}) == 2
    assert not found[0].keys() & {"bucket", "version"}
    sam = Person(driver.sandbox, "sam", SEARCHERS)
    # As a browser sends it: quotes, spaces and all of Unicode.
    for query in ('words:"new york" OR label:größer', '"a&b=c+d%20#?/;,ü🙂"'):
        assert sam.get("/search", q=query).json() == {"uploads": [], "cursor": None}
    unreadable = sam.get("/search", q='place:park words:"new york')
    assert (unreadable.status_code, unreadable.json()["column"]) == (400, 18)
    assert ann.get("/search", q="label:Person").json()["message"] == "You may not search."
    assert ann.get("/search", q="label:Person").status_code == 403
    with driver.sandbox.faults("dynamodb:Query=throttle"):
        assert sam.get("/search", q="label:Person").status_code == 503


def test_two_at_once_with_one_name_have_two_photos(driver: Driver, sandbox: Sandbox) -> None:
    driver.go_live("v1")
    photo = driver.picture(accepted("v1"))
    people = [Person(sandbox, subject) for subject in ("ann", "bob", "ann")]
    asked = [each.ask(sizeBytes=len(photo)).json() for each in people]
    for each in asked:
        assert send(each["form"], photo).status_code == 204
    ends = [person.ended(each["uploadId"]) for person, each in zip(people, asked, strict=True)]
    assert len({each["renditions"][0]["url"] for each in ends}) == 3


def signed(method: str, url: str, body: bytes = b"") -> requests.Response:
    """What an application is answered that signs with the account's own credentials."""
    request = AWSRequest(method, url, data=body)
    SigV4Auth(Credentials("sandbox", "sandbox"), "execute-api", "us-east-1").add_auth(request)
    return requests.request(method, url, data=body, headers=dict(request.headers), timeout=60)


def test_without_an_issuer_callers_sign_with_credentials_that_may_invoke_it(
    driver: Driver, sandbox: Sandbox, ann: Person
) -> None:
    upload_id = ann.ask().json()["uploadId"]
    for half in ({"JwtIssuer": ""}, {"JwtAudience": ""}):
        with pytest.raises(DeployError, match="JwtIssuer and JwtAudience go together"):
            sandbox.deploy("api", half)
    sandbox.deploy("api", {"JwtIssuer": "", "JwtAudience": ""})
    try:
        # Its address is the same, and tokens are worth nothing.
        assert ann.status(upload_id).status_code == 403
        assert requests.get(f"{ann.url}/uploads/{upload_id}", timeout=60).status_code == 403
        assert signed("POST", f"{ann.url}/uploads", b"{}").status_code == 400
        key = driver.new_key()
        detail = {"bucket": driver.upload_bucket, "key": key}
        driver.send({"source": "custom.happyPath", "detail-type": "uploadComplete", "detail": detail})
        assert driver.ended_record(key)["objStatus"] == "DELETED"
        # All uploads are an application's, whoever put them where they are.
        found = signed("GET", f"{ann.url}/uploads/{key}")
        assert (found.status_code, found.json()["message"]) == (200, "The photo was deleted.")
    finally:
        sandbox.deploy("api")
    assert ann.status(upload_id).json()["status"] == "WAITING"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("dynamodb:GetItem=throttle", 503),
        ("dynamodb:GetItem=error", 503),
        ("s3:ListObjectsV2=throttle", 503),
        ("s3:ListObjectsV2=error", 503),
        ("s3:ListObjectsV2=denied", 500),
        ("dynamodb:GetItem=gone", 500),
        ("function:api=kill", 500),
        ("function:api=throttle", 503),
    ],
)
def test_what_passes_by_itself_is_503_and_all_else_500_and_says_nothing(
    driver: Driver, ann: Person, fault: str, status: int
) -> None:
    upload_id = ann.ask().json()["uploadId"]
    with driver.sandbox.faults(fault):
        answer = ann.status(upload_id)
    assert answer.status_code == status
    assert answer.json()["message"] in {
        "Please try again in a moment.",
        "Service Unavailable",
        "Internal Server Error",
    }
    assert ann.status(upload_id).json()["status"] == "WAITING"
