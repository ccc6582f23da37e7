"""The upload API, as API Gateway calls it."""

from __future__ import annotations

import base64
import json
import unicodedata
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from functions import outcome
from functions.api import api, request, reviews, search
from functions.decision import Reason
from functions.platform.aws import client
from functions.upload import parse_key
from happypath.project import template_of
from tests.functions import account
from tests.functions.account import answering, error, make_table

ASKED = {"placeId": "central-park", "fileName": "picnic.jpg", "sizeBytes": 1000, "contentType": "image/jpeg"}
ISSUER = "https://people.example.com"


@pytest.fixture(autouse=True)
def _account() -> None:
    make_table()
    client("s3").create_bucket(Bucket="uploads")
    key = client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/seal", TargetKeyId=key)


def person(subject: str = "ann", issuer: str = ISSUER) -> dict[str, Any]:
    return {"jwt": {"claims": {"iss": issuer, "sub": subject, "aud": "photos"}, "scopes": None}}


PRINCIPAL = {"iam": {"accountId": "123456789012", "userArn": "arn:aws:iam::123456789012:user/server"}}


def call(route: str, caller: dict[str, Any] | None = None, **more: Any) -> SimpleNamespace:
    """The answer to a request: its status, headers and body."""
    context = {"authorizer": person() if caller is None else caller}
    event = {"version": "2.0", "routeKey": route, "requestContext": context, **more}
    answer = api.handler(event, SimpleNamespace(aws_request_id="request-1"))
    assert answer["headers"]["content-type"] == "application/json"
    assert answer["headers"]["cache-control"] == "no-store"
    return SimpleNamespace(
        status=answer["statusCode"], headers=answer["headers"], body=json.loads(answer["body"])
    )


def ask(caller: dict[str, Any] | None = None, **fields: Any) -> SimpleNamespace:
    return call("POST /uploads", caller, body=json.dumps({**ASKED, **fields}))


def status(upload_id: str, caller: dict[str, Any] | None = None) -> SimpleNamespace:
    return call("GET /uploads/{uploadId+}", caller, pathParameters={"uploadId": upload_id})


def photos(place_id: str = "central-park", **query: str) -> SimpleNamespace:
    return call(
        "GET /places/{placeId}/photos",
        pathParameters={"placeId": place_id},
        **({"queryStringParameters": query} if query else {}),
    )


def later(seconds: float) -> Any:
    return patch.object(api, "utc_now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))


def record(upload_id: str, **attributes: str) -> None:
    account.put("workflow", upload_id, placeId="central-park", **attributes)


def test_a_form_is_for_exactly_what_was_asked_for_and_a_short_time() -> None:
    before = datetime.now(UTC)
    answer = ask(fileName="größer picnic.JPG")

    assert answer.status == 201
    key = answer.body["uploadId"]
    assert key.startswith("central-park/")
    assert key.endswith("-größer_picnic.JPG")
    assert answer.headers["location"] == "/uploads/" + key.replace("ö", "%C3%B6").replace("ß", "%C3%9F")
    form = answer.body["form"]
    assert form["url"] == "https://uploads.s3.amazonaws.com/"
    assert (form["fields"]["key"], form["fields"]["Content-Type"]) == (key, "image/jpeg")
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    assert ["content-length-range", 1, 1000] in policy["conditions"]
    assert {"Content-Type": "image/jpeg"} in policy["conditions"]
    assert {"key": key} in policy["conditions"]
    assert {"bucket": "uploads"} in policy["conditions"]
    # Nothing may begin with something.
    assert not any(isinstance(each, list) and each[0] == "starts-with" for each in policy["conditions"])
    expires = datetime.fromisoformat(policy["expiration"])
    assert timedelta(seconds=298) < expires - before <= timedelta(seconds=310)
    assert abs(datetime.fromisoformat(answer.body["expires"]) - expires) <= timedelta(seconds=2)
    assert account.items() == {}


def test_each_route_of_the_template_is_answered() -> None:
    paths = template_of("api")["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    declared = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    answered = [*api._ROUTES, *reviews._ROUTES, *search._ROUTES]
    assert sorted(declared) == sorted(answered)


def test_a_form_goes_to_the_region_of_its_bucket() -> None:
    """From another one S3 redirects, which a browser does not follow."""
    with patch.dict("os.environ", AWS_DEFAULT_REGION="eu-central-1"):
        from functions.platform import aws

        s3 = aws._client.__wrapped__("s3")
        url = s3.generate_presigned_post(Bucket="uploads", Key="a/b")["url"]
    assert url == "https://uploads.s3.eu-central-1.amazonaws.com/"


def test_no_two_uploads_have_one_key() -> None:
    keys = {ask(caller).body["uploadId"] for caller in (person("ann"), person("bob"), PRINCIPAL) * 3}
    assert len(keys) == 9


def test_an_avatar_goes_to_the_folder_of_the_person() -> None:
    key = ask(person("player-1"), placeId="avatars").body["uploadId"]
    assert key.startswith("avatars/player-1/")
    assert parse_key(key)[0] == "avatars"
    assert status(key, person("player-1")).body["status"] == "WAITING"
    assert status(key, person("player-2")).status == 404
    assert ask(PRINCIPAL, placeId="avatars").body["errors"].keys() == {"placeId"}
    for subject in ("a/b", "..", "listing", "a\nb", "${filename}", "s" * 900, "\ud800"):
        answer = ask(person(subject), placeId="avatars")
        assert (answer.status, "form" in answer.body) == (403, False), subject
        assert ask(person(subject)).status == 201


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"placeId": ""}, {"placeId": "must be a text"}),
        ({"placeId": 7}, {"placeId": "must be a text"}),
        ({"placeId": "a/b"}, {"placeId": "no slash"}),
        ({"placeId": "workflow"}, {"placeId": "reserved"}),
        ({"placeId": ".dry-run"}, {"placeId": "reserved"}),
        ({"placeId": ".."}, {"placeId": "reserved"}),
        ({"placeId": "p" * 900}, {"placeId": "too long"}),
        ({"placeId": "a\nb"}, {"placeId": "cannot be seen"}),
        ({"placeId": "a\u202eb"}, {"placeId": "cannot be seen"}),
        ({"placeId": "a\ud800b"}, {"placeId": "cannot be seen"}),
        ({"placeId": "a${filename}"}, {"placeId": "${filename}"}),
        ({"fileName": ""}, {"fileName": "must be a text"}),
        ({"fileName": None}, {"fileName": "must be a text"}),
        ({"fileName": "../.."}, {"fileName": "a letter or a digit"}),
        ({"fileName": "\u202e\u0000"}, {"fileName": "a letter or a digit"}),
        ({"sizeBytes": 0}, {"sizeBytes": "from 1 to 50000000"}),
        ({"sizeBytes": -1}, {"sizeBytes": "from 1 to 50000000"}),
        ({"sizeBytes": 50_000_001}, {"sizeBytes": "from 1 to 50000000"}),
        ({"sizeBytes": 10**30}, {"sizeBytes": "from 1 to 50000000"}),
        ({"sizeBytes": "1000"}, {"sizeBytes": "a whole number"}),
        ({"sizeBytes": 10.5}, {"sizeBytes": "a whole number"}),
        ({"sizeBytes": True}, {"sizeBytes": "a whole number"}),
        ({"sizeBytes": float("nan")}, {"sizeBytes": "a whole number"}),
        ({"contentType": "text/html"}, {"contentType": "image/jpeg, image/png"}),
        ({"contentType": ["image/jpeg"]}, {"contentType": "image/jpeg, image/png"}),
        ({"contentType": {}}, {"contentType": "image/jpeg, image/png"}),
        ({"acl": "public-read"}, {"acl": "There is no field 'acl'."}),
        ({"": 1, "sizeBytes": None}, {"": "no field ''", "sizeBytes": "a whole number"}),
    ],
)
def test_each_bad_field_has_its_sentence(fields: dict[str, Any], errors: dict[str, str]) -> None:
    answer = ask(**fields)

    assert answer.status == 400
    assert answer.body["errors"].keys() == errors.keys()
    for name, part in errors.items():
        assert part in answer.body["errors"][name]
        assert answer.body["errors"][name].endswith(".")
        assert answer.body["errors"][name] in answer.body["message"]


def test_what_is_missing_is_named() -> None:
    answer = call("POST /uploads", body="{}")
    assert answer.status == 400
    assert answer.body["errors"] == {name: f"{name} is missing." for name in ASKED}


@pytest.mark.parametrize("body", [None, "", "x", "[]", "1", "null", "[" * 16_000, "9" * 5_000, '{"a":'])
def test_a_body_that_is_no_json_object_is_refused(body: str | None) -> None:
    answer = call("POST /uploads", body=body)
    assert (answer.status, answer.body["message"]) == (400, "The body must be a JSON object.")


def test_a_body_that_would_be_answered_at_length_is_refused() -> None:
    answer = call("POST /uploads", body=json.dumps(dict.fromkeys(map(str, range(10_000)))))
    assert (answer.status, answer.body["errors"]) == (413, {})


def test_a_body_may_come_in_base64() -> None:
    body = base64.b64encode(json.dumps(ASKED).encode()).decode()
    assert call("POST /uploads", body=body, isBase64Encoded=True).status == 201
    for wrong in ("///", base64.b64encode(b"\xff{}").decode()):
        assert call("POST /uploads", body=wrong, isBase64Encoded=True).status == 400


@given(st.text(min_size=1, max_size=400))
def test_whatever_a_file_is_called_its_name_is_part_of_one_key(name: str) -> None:
    try:
        made = request._file_name(name)
    except ValueError:
        return
    assert not set(made) & set("/\\${}<>&\"'%?#\x7f ")
    assert all(unicodedata.category(each)[0] in "LMNP" for each in made)
    assert len(made.encode()) <= 128
    assert parse_key(f"central-park/{'0' * 40}-{made}")


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("IMG_1.JPG", "IMG_1.JPG"),
        (r"C:\fakepath\a.jpg", "a.jpg"),
        ("../../etc/passwd", "passwd"),
        (".htaccess", "htaccess"),
        ("e\u0301te\u0301.jpg", "\xe9t\xe9.jpg"),  # composed
        ("写真 1.png", "写真_1.png"),
        ("gpj.\u202eexe", "gpj._exe"),
        ("${filename}", "filename_"),
        ("😀.jpg", "jpg"),
        ("ö" * 200 + ".jpeg", "ö" * 61 + ".jpeg"),
        ("a." + "b" * 200, "a." + "b" * 126),
    ],
)
def test_a_files_name_is_kept_as_far_as_it_can(name: str, made: str) -> None:
    assert ask(fileName=name).body["uploadId"].partition("-")[2].partition("-")[2] == made


def test_an_upload_waits_arrives_is_decided_and_published() -> None:
    key = ask().body["uploadId"]
    waiting = status(key)
    assert (waiting.status, waiting.body["status"]) == (200, "WAITING")
    assert waiting.body["message"] == "The photo has not arrived yet."
    with later(310):
        assert status(key).status == 404
    client("s3").put_object(Bucket="uploads", Key=f"{key}.other", Body=b"")
    assert status(key).body["status"] == "WAITING"
    client("s3").put_object(Bucket="uploads", Key=key, Body=b"photo")
    # As long as no workflow is live there is no record.
    with later(10**6):
        assert status(key).body["status"] == "RECEIVED"
    record(key, objStatus="REJECTED", reason="NO_PEOPLE_ALLOWED")
    assert status(key).body == {
        "uploadId": key,
        "status": "REJECTED",
        "reason": "NO_PEOPLE_ALLOWED",
        "message": "The photo shows people; photos of this place must not.",
        "renditions": [],
    }
    record(key, objStatus="FAILED", reason="ThrottledError")
    # What went wrong within is nobody's business.
    assert status(key).body["reason"] is None
    record(key, objStatus="PROCESSED")
    place_id, _, name = key.partition("/")
    account.put(place_id, name, tileURL="https://p/t.jpg", scaledURL="https://p/s.jpg", type="photo")
    assert status(key).body["renditions"] == [
        {"name": "scaled", "url": "https://p/s.jpg"},
        {"name": "tile", "url": "https://p/t.jpg"},
    ]


def test_an_item_that_shows_another_photo_by_now_is_not_this_ones() -> None:
    key = ask().body["uploadId"]
    record(key, objStatus="PROCESSED", item="player")
    account.put("central-park", "player", avatarURL="https://p/a.jpg", key="avatars/another")
    assert status(key).body["renditions"] == []
    account.put("central-park", "player", avatarURL="https://p/a.jpg", key=key)
    assert status(key).body["renditions"] == [{"name": "avatar", "url": "https://p/a.jpg"}]


def test_a_person_sees_what_that_person_asked_for_and_nothing_else() -> None:
    key = ask(person("ann")).body["uploadId"]
    record(key, objStatus="RECEIVED")
    record("central-park/put-by-aws.jpg", objStatus="RECEIVED")

    assert status(key, person("ann")).status == 200
    others = (person("bob"), person("ann", "https://another.example.com"))
    for caller in others:
        assert status(key, caller).status == 404
    assert status("central-park/put-by-aws.jpg", person("ann")).status == 404
    # As if there were none.
    assert status(key, others[0]).body == status("central-park/none.jpg", others[0]).body
    for upload_id in (key, "central-park/put-by-aws.jpg"):
        assert status(upload_id, PRINCIPAL).status == 200


def test_an_id_that_was_made_up_is_of_no_upload() -> None:
    key = ask().body["uploadId"]
    place_id, _, name = key.partition("/")
    made_up = [
        f"other-park/{name}",
        f"{place_id}/{'f' * 8}{name[8:]}",
        f"{place_id}/{name[:20]}{'0' * 20}{name[40:]}",
        f"{key}x",
        f"{key}/x",
        f"x/{key}",
        key.upper(),
        "",
        "/",
        "workflow/workflow",
        "central-park/listing",
        "\ud800/a",
        "a/" + "ö" * 600,
    ]
    for caller in (person(), PRINCIPAL):
        for each in made_up:
            assert status(each, caller).status == 404, each


def test_nobody_is_let_in_without_an_authorizer_or_a_subject() -> None:
    for caller, expected in (
        ({}, 401),
        ({"lambda": {"sub": "ann"}}, 401),
        ({"jwt": {"claims": {"iss": ISSUER}}}, 403),
        ({"jwt": {"claims": {"iss": ISSUER, "sub": ""}}}, 403),
    ):
        for answer in (ask(caller), status("a/b", caller)):
            assert answer.status == expected
    event = {"routeKey": "POST /uploads", "requestContext": {}, "body": json.dumps(ASKED)}
    assert api.handler(event, SimpleNamespace(aws_request_id="1"))["statusCode"] == 401


def publish(number: int) -> str:
    name = f"{number:03}.jpg"
    client("dynamodb").put_item(
        TableName=account.TABLE,
        Item={
            "PK": {"S": "central-park"},
            "SK": {"S": name},
            "type": {"S": "photo"},
            "created": {"S": "2026-05-01T12:00:00.000Z"},
            "width": {"N": "1200"},
            "height": {"N": "900"},
            "tileURL": {"S": f"https://p/{name}/tile.jpg"},
            "scaledURL": {"S": f"https://p/{name}/scaled.jpg"},
        },
    )
    return f"central-park/{name}"


def test_the_photos_of_a_place_come_page_by_page() -> None:
    everything = [publish(number) for number in range(7)]
    account.put("central-park", "listing", type="park", name="Central Park")
    seen: list[str] = []
    query: dict[str, str] = {"limit": "3"}
    while True:
        answer = photos(**query)
        assert answer.status == 200
        # Full, though the place's own item is among them.
        assert len(answer.body["photos"]) == (3 if answer.body["cursor"] else 1)
        seen += [each["uploadId"] for each in answer.body["photos"]]
        if answer.body["cursor"] is None:
            break
        query["cursor"] = answer.body["cursor"]
    assert seen == everything[::-1]
    assert photos().body == {"photos": photos(limit="100").body["photos"], "cursor": None}
    assert photos().body["photos"][-1] == {
        "uploadId": "central-park/000.jpg",
        "created": "2026-05-01T12:00:00.000Z",
        "width": 1200,
        "height": 900,
        "renditions": [
            {"name": "scaled", "url": "https://p/000.jpg/scaled.jpg"},
            {"name": "tile", "url": "https://p/000.jpg/tile.jpg"},
        ],
    }
    assert photos("nowhere").body == {"photos": [], "cursor": None}


def test_a_page_goes_on_where_there_is_much_else() -> None:
    first = publish(0)
    for number in range(12):
        account.put("central-park", f"{number:03}.txt", type="document")
    answer = photos(limit="1")
    while not answer.body["photos"]:
        answer = photos(limit="1", cursor=answer.body["cursor"])
    assert [each["uploadId"] for each in answer.body["photos"]] == [first]


def test_a_cursor_is_of_one_place_and_of_this_api() -> None:
    for number in range(3):
        publish(number)
    cursor = photos(limit="1").body["cursor"]
    raw = base64.urlsafe_b64decode(cursor)
    forged = [
        "",
        "x",
        "é",
        cursor[:-4],
        base64.urlsafe_b64encode(raw[:10]).decode(),
        base64.urlsafe_b64encode(raw[:10] + b"000.jpg").decode(),
        base64.urlsafe_b64encode(b"\0" * 10 + raw[10:]).decode(),
        base64.urlsafe_b64encode(json.dumps({"PK": "workflow", "SK": "a"}).encode()).decode(),
        base64.urlsafe_b64encode(raw[:10] + b"\xff").decode(),
        f"{cursor},{cursor}",
    ]
    for each in forged:
        answer = photos(cursor=each)
        assert (answer.status, answer.body["errors"].keys()) == (400, {"cursor"}), each
    assert photos("other-park", cursor=cursor).status == 400
    # Nor is the seal of an upload one of a cursor.
    sealed = bytes.fromhex(ask().body["uploadId"].partition("/")[2][20:40])
    assert photos(cursor=base64.urlsafe_b64encode(sealed + b"a").decode()).status == 400


@pytest.mark.parametrize("place_id", ["workflow", ".", "..", ".dry-run", "a/b", "a\0b", "p" * 1000])
def test_what_can_be_no_place_is_not_looked_for(place_id: str) -> None:
    with answering("Query") as calls:
        assert photos(place_id).status == 404
    assert calls == []


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "\u0661", "9" * 5000])
def test_a_senseless_limit_is_refused(limit: str) -> None:
    assert photos(limit=limit).body["errors"].keys() == {"limit"}


def test_an_unknown_parameter_is_refused() -> None:
    assert photos(page="2").body["errors"] == {"page": "There is no parameter 'page'."}


@pytest.mark.parametrize("operation", ["GenerateMac", "Query"])
def test_what_passes_by_itself_is_told_so_and_what_does_not_is_an_error(operation: str) -> None:
    for number in range(2):
        publish(number)
    with answering(operation, error("ThrottlingException", operation)):
        answer = photos(limit="1")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    with answering(operation, error("AccessDeniedException", operation)), pytest.raises(ClientError):
        photos(limit="1")


def test_each_reason_of_ours_has_a_sentence_of_its_own() -> None:
    sentences = {outcome.sentence("REJECTED", each) for each in Reason}
    assert len(sentences) == len(Reason)
    assert not any(each.startswith("The photo was refused") for each in sentences)
    assert all(each.endswith(".") for each in sentences)
