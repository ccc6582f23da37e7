"""Pictures on request: who may ask for what, what is published, and what comes back."""

from __future__ import annotations

import base64
import io
import json
import os
import random
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from functions.analysis.region import Region
from functions.catalogue.entry import Entry
from functions.catalogue.tables import Tables
from functions.images import accepted, asked, images, signature
from functions.images.asked import Asked
from functions.images.keys import Keys
from functions.imaging.variant import MOST_CODED_PIXELS, Fit, Type, Variant
from functions.platform.aws import client
from functions.upload import Upload
from tests.functions import catalogue
from tests.functions.account import TABLE, answering, error, items
from tests.functions.pictures import encoded, scene

KEY = "park/a b.jpg"
PATH = "/i/inside,320x/park/a%20b.jpg"
CONTEXT = SimpleNamespace(aws_request_id="request")
NOW = 1_800_000_000
SECRET = b"the key of these tests"


@pytest.fixture(autouse=True)
def _account(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.make()
    for bucket in ("uploads", "distribution", "large"):
        client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket="uploads", Key=KEY, Body=encoded(scene(900, 600), "JPEG"))
    client("secretsmanager").create_secret(Name="signing", SecretString=SECRET.decode())
    monkeypatch.setattr(images, "_KEYS", Keys("signing"))
    monkeypatch.setattr("functions.images.images.time.time", lambda: NOW)
    record(KEY)


def record(key: str, status: str = "PROCESSED", **renditions: str) -> None:
    made = renditions or {"tile": f"{key}/tile.jpg", "scaled": f"{key}/scaled.jpg"}
    client("dynamodb").put_item(
        TableName=TABLE,
        Item={
            "PK": {"S": "workflow"},
            "SK": {"S": key},
            "objStatus": {"S": status},
            "bucket": {"S": "uploads"},
            "executionArn": {"S": "arn:1"},
            "renditions": {"M": {name: {"S": each} for name, each in made.items()}},
        },
    )


def ask(path: str, query: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    event = {
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": method}},
    }
    answer = images.handler(event, CONTEXT)
    json.dumps(answer)
    return answer


def picture(answer: Mapping[str, Any]) -> Image.Image:
    assert answer["statusCode"] == 200, answer
    with Image.open(io.BytesIO(base64.b64decode(answer["body"]))) as image:
        image.load()
        return image.copy()


def signed(path: str, expires: int = NOW + 60, key: bytes = SECRET) -> str:
    return signature.query(path, expires, key)


def test_a_step_of_the_ladder_needs_no_signature() -> None:
    answer = ask(PATH)
    assert picture(answer).size == (320, 213)
    assert answer["headers"]["content-type"] == "image/jpeg"
    assert answer["headers"]["vary"] == "Accept"
    assert answer["headers"]["cache-control"] == "public, max-age=300"
    assert ask(PATH, method="HEAD") == {**answer, "body": ""}
    # Decoded on the way, as API Gateway does.
    assert picture(ask("/i/inside,320x/park/a b.jpg")).size == (320, 213)


@pytest.mark.parametrize("path", ["inside,321x", "inside,320x,q70", "inside,320x,gray", "cover,320x320"])
def test_all_else_needs_one(path: str) -> None:
    whole = f"/i/{path}/park/a%20b.jpg"
    assert ask(whole)["statusCode"] == 403
    assert ask(whole, signed(whole))["statusCode"] == 200


def test_a_signature_holds_for_its_path_and_its_time_alone() -> None:
    path = "/i/cover,300x200/park/a%20b.jpg"
    right = signed(path)
    assert picture(ask(path, right)).size == (300, 200)
    # No longer than it holds is an answer kept.
    assert ask(path, right)["headers"]["cache-control"] == "public, max-age=60"
    for query in (
        signed(path, NOW),
        signed(path, key=b"another"),
        signed("/i/cover,300x201/park/a%20b.jpg"),
        right.replace(str(NOW + 60), str(NOW + 61)),
        right[:-1] + ("0" if right[-1] != "0" else "1"),
        f"expires={NOW + 60}",
        "signature=x",
        f"expires=%F0%9F%98%80&signature={'é' * 64}",
        right.replace("expires=", "expires=0"),
    ):
        assert ask(path, query)["statusCode"] == 403, query
    # The same signature, replayed under another path.
    for other in ("/i/cover,300x200/park/other.jpg", "/i/cover,300x202/park/a%20b.jpg"):
        assert ask(other, right)["statusCode"] == 403
    assert ask(path, f"{right}&w=1")["statusCode"] == 400


def test_a_new_key_leaves_the_one_before_in_force() -> None:
    path = "/i/cover,300x200/park/a%20b.jpg"
    assert ask(path, signed(path))["statusCode"] == 200
    now = [0.0]
    keys = Keys("signing", lambda: now[0])
    assert keys.known() == (SECRET,)
    client("secretsmanager").put_secret_value(SecretId="signing", SecretString="new")
    with answering("GetSecretValue") as calls:
        assert keys.known() == keys.again() == (SECRET,)
        assert calls == []
        now[0] = 31
        assert keys.known() == (SECRET,)
        assert keys.again() == (b"new", SECRET)
        # Hostile signatures cost a call now and then.
        assert keys.again() == (b"new", SECRET)
        assert len(calls) == 2
    client("secretsmanager").put_secret_value(SecretId="signing", SecretString="newer")
    now[0] = 400
    assert keys.known() == (b"newer", b"new")


@pytest.mark.parametrize("status", ["RECEIVED", "IN_REVIEW", "REJECTED", "FAILED", "DELETED"])
def test_only_what_is_published_is_shown(status: str) -> None:
    record(KEY, status)
    assert ask(PATH)["statusCode"] == 404
    assert ask("/i/inside,320x/park/none.jpg")["statusCode"] == 404


def test_of_a_redacted_photo_nobody_sees_what_was_redacted() -> None:
    client("s3").put_object(
        Bucket="distribution", Key="redact/x.png/redacted.png", Body=encoded(Image.new("RGB", (90, 60)))
    )
    client("s3").put_object(Bucket="uploads", Key="redact/x.png", Body=encoded(scene(900, 600), "JPEG"))
    record("redact/x.png", redacted="redact/x.png/redacted.png")
    assert picture(ask("/i/inside,320x/redact/x.png")).size == (90, 60)
    record("redact/x.png", film="redact/x.png/redacted.mp4")
    assert ask("/i/inside,320x/redact/x.png")["statusCode"] == 404


def test_a_picture_that_somebody_has_is_not_made_again() -> None:
    tag = ask(PATH)["headers"]["etag"]
    with answering("GetObject") as calls:
        for held in (tag, f'"x", W/{tag}', "*"):
            answer = ask(PATH, if_none_match=held)
            assert (answer["statusCode"], answer["body"]) == (304, "")
            assert answer["headers"]["etag"] == tag
        assert calls == []
    assert ask(PATH, accept="image/webp")["headers"]["etag"] != tag
    # Another photo under the key is another picture.
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={"PK": {"S": "workflow"}, "SK": {"S": KEY}},
        UpdateExpression="SET executionArn = :arn",
        ExpressionAttributeValues={":arn": {"S": "arn:2"}},
    )
    assert ask(PATH, if_none_match=tag)["statusCode"] == 200


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("image/avif,image/webp,image/apng,*/*;q=0.8", Type.AVIF),
        ("image/webp,*/*", Type.WEBP),
        ("image/avif;q=0, image/webp;q=0.5", Type.WEBP),
        ("image/avif;q=0.7, image/webp;q=0.9, */*", Type.WEBP),
        ("image/avif;q=0.7, image/jpeg", Type.JPEG),
        ("image/png, image/jpeg;q=0.1", Type.JPEG),
        ("image/webp;q=2, image/avif;q=0.5", Type.WEBP),
        ("image/avif;q=0.000", Type.JPEG),
        ("*/*", Type.JPEG),
        ("", Type.JPEG),
        (",;=\x00,image/", Type.JPEG),
    ],
)
def test_the_type_is_one_that_the_viewer_takes(accept: str, type_: Type) -> None:
    assert accepted.choose(accepted.named(accept), 600, 400, False) is type_


def test_what_would_take_too_long_is_a_jpeg() -> None:
    takes = tuple(Type)
    webp = (Type.WEBP,)
    assert accepted.choose(takes, 2, MOST_CODED_PIXELS // 2, False) is Type.AVIF
    assert accepted.choose(webp, 2000, MOST_CODED_PIXELS // 2000, False) is Type.WEBP
    for each in (takes, webp):
        assert accepted.choose(each, 2001, MOST_CODED_PIXELS // 2000, False) is Type.JPEG
    assert accepted.choose(takes, 100, 16_384, True) is Type.AVIF
    assert accepted.choose(webp, 100, 16_384, True) is Type.PNG


def test_more_pixels_than_are_made_are_refused_before_they_are_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("functions.imaging.variant.MOST_PIXELS", 599 * 900)
    whole = "/i/inside,9000x9000/park/a%20b.jpg"
    answer = ask(whole, signed(whole))
    assert (answer["statusCode"], answer["body"][:30]) == (400, "The picture would be 900x600, ")
    less = "/i/inside,899x9000/park/a%20b.jpg"
    assert picture(ask(less, signed(less))).size == (899, 599)


def test_faces_that_the_catalogue_knows_are_not_asked_for() -> None:
    tables = Tables(client("dynamodb"), catalogue.CATALOGUE, TABLE)
    photo = Upload("uploads", KEY, "park", "a b.jpg", None)
    faces = [
        Entry("face", "face", confidence, Region(left, 0.1, 0.1, 0.2, "face", confidence))
        for left, confidence in ((0.7, 99.0), (0.1, 60.0))
    ]
    catalogue.write(tables, photo, [*faces, Entry("count", "faces", count=2)])
    with answering("DetectFaces") as calls:
        ask("/i/face,400x400/park/a%20b.jpg")
        assert calls == []
    # One is too doubtful.
    (face,) = items()["workflow", KEY]["faces"]
    assert float(face["L"][0]["N"]) == 0.7


def test_faces_are_asked_for_once_and_kept_with_the_record() -> None:
    path = "/i/face,400x400/park/a%20b.jpg"
    box = {"Left": 0.7, "Top": 0.1, "Width": 0.1, "Height": 0.2}
    found = {"FaceDetails": [{"BoundingBox": box, "Confidence": 99.0}]}
    with answering("DetectFaces", found) as calls:
        first = ask(path)
        assert ask(path) == first
        assert len(calls) == 1
    assert [float(side) for side in items()["workflow", KEY]["faces"][0]["L"][0].values()] == [0.7]
    record(KEY)
    with answering("DetectFaces", {"FaceDetails": []}):
        middle = ask(path)
    assert picture(middle).tobytes() != picture(first).tobytes()
    assert items()["workflow", KEY]["faces"] == []
    # Where nobody can be asked, the middle has to do, and is not kept: neither here nor by caches.
    record(KEY)
    with answering("DetectFaces", *[error("ThrottlingException", "DetectFaces")] * 9):
        for_now = ask(path)
    assert picture(for_now).tobytes() == picture(middle).tobytes()
    assert for_now["headers"]["cache-control"] == "public, max-age=5"
    assert "etag" not in for_now["headers"]
    assert "faces" not in items()["workflow", KEY]


def test_what_lambda_cannot_answer_comes_from_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_MOST_BYTES", 1000)
    for _ in range(2):
        answer = ask(PATH)
        assert (answer["statusCode"], answer["body"]) == (302, "")
        assert "/large/" in answer["headers"]["location"] or "//large." in answer["headers"]["location"]
        assert "X-Amz-Expires=300" in answer["headers"]["location"]
        # The address is not kept longer than it holds.
        assert answer["headers"]["cache-control"] == "public, max-age=150"
    # Nor longer than the signature does.
    soon = ask(PATH, signed(PATH, NOW + 7))
    assert (soon["statusCode"], soon["headers"]["cache-control"]) == (302, "public, max-age=7")
    (there,) = client("s3").list_objects_v2(Bucket="large")["Contents"]
    got = client("s3").get_object(Bucket="large", Key=there["Key"])
    assert got["ContentType"] == "image/jpeg"
    with Image.open(io.BytesIO(got["Body"].read())) as image:
        assert image.size == (320, 213)


def test_a_fallback_stands_for_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = images.SETTINGS
    monkeypatch.setattr(images, "SETTINGS", type(settings)(**{**vars(settings), "fallback_key": KEY}))
    answer = ask("/i/inside,320x/park/none.jpg")
    assert (answer["statusCode"], answer["headers"]["cache-control"]) == (404, "public, max-age=5")
    assert picture(answer | {"statusCode": 200}).size == (320, 213)
    # Whatever strangers ask for, it is made once.
    with answering("GetObject") as calls:
        assert ask("/i/inside,320x/park/nothing.jpg")["body"] == answer["body"]
        assert calls == []
    record(KEY, "DELETED")
    assert ask("/i/inside,320x/park/none.jpg")["body"] == "There is no such photo.\n"
    assert ask("/i/inside,321x/park/none.jpg")["statusCode"] == 403
    # The first is of the photo that there is not, the others are of the fallback.
    with answering("GetItem", {}, *[error("ThrottlingException", "GetItem")] * 9):
        assert ask("/i/inside,320x/park/none.jpg")["statusCode"] == 503


def test_what_fails_for_a_moment_is_to_be_asked_for_again() -> None:
    with answering("GetItem", *[error("ThrottlingException", "GetItem")] * 9):
        answer = ask(PATH)
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
    with answering("GetObject", error("NoSuchKey", "GetObject", 404)):
        assert ask(PATH)["statusCode"] == 404


KEYS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30).filter(
    lambda text: not {"", ".", ".."} & set(text.split("/"))
)


@given(
    KEYS,
    st.builds(
        Variant,
        st.sampled_from(Fit),
        st.integers(1, 3000),
        st.integers(1, 3000),
        quality=st.integers(1, 95),
        blur_px=st.integers(0, 50),
        gray=st.booleans(),
        turn_degrees=st.sampled_from([0, 90, 180, 270]),
    ),
)
def test_a_path_is_read_as_it_was_written(name: str, variant: Variant) -> None:
    wanted = Asked(f"park/{name}", variant)
    assert asked.read(wanted.path) == wanted
    assert images._read(wanted.path) == wanted


HOSTILE = [
    *("", "/", "/i", "/i/", "/i//", "/i/x", "/i/inside,320x", "/i/inside,320x/", "/i/inside,320x/a"),
    *("//i/inside,320x/a/b", "/i/inside,320x/../../etc/passwd", "/i/inside,320x/..%2f..%2fetc/passwd"),
    *("/i/inside,320x/a/%2e%2e/b", "/i/inside,320x/a/b%00.jpg", "/i/inside,320x/a/%ff%fe"),
    *("/i/inside,320x/a//b", "/i/inside,320x/workflow/x", "/i/inside,320x/.dry-run/x", "/i/inside,-1x/a/b"),
    *("/i/inside,0x0/a/b", "/i/inside,1e9x/a/b", "/i/inside,99999x/a/b", "/i/cover,10000x10000/a/b"),
    *("/i/inside,\u0663x/a/b", "/i/inside,320x,q96/a/b", "/i/inside,320x,blur51/a/b"),
    *("/i/inside,320x,rotate1/a/b", "/i/inside,320x,gray,gray/a/b", "/i/INSIDE,320x/a/b"),
    *("/i/inside,320x,/a/b", "/i/,/a/b", f"/i/{'q' * 5000}/a/b", f"/i/inside,320x/a/{'b' * 2000}"),
    *("/i/inside,320x/<script>/b", "/i/inside,320x/http://10.0.0.1/x", "/i/inside%2C320x/park/a%20b.jpg"),
    "/i/inside,320x/park/%61%20b.jpg",
]


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: ascii(path[:50]))
def test_a_hostile_path_is_refused_in_a_sentence(path: str) -> None:
    answer = ask(path)
    assert answer["statusCode"] in {400, 403, 404}, answer
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert answer["body"].count("\n") == 1
    assert len(answer["body"]) < 300
    assert answer["body"].isascii()


def test_a_thousand_hostile_requests_are_answered() -> None:
    """Pieces of good and bad requests, put together at random."""
    dice = random.Random(20)
    pieces = ["/i/", "inside", "cover", ",", "320x", "x", "q", "gray", "/", "park", "a%20b.jpg", "..", "%"]
    pieces += ["%2f", "%00", "é", "?", "#", "\\", "//", "😀", "-1", "%c0%af", "\0", " "]
    queries = f"expires= signature= expires={NOW + 60} & = % a %00 %ff 😀 {'0' * 40} expires[]=1".split()
    headers = ["*/*", "image/webp", "\0", "a" * 5000, ";;;", f"image/avif;q={'9' * 99}", "é", '"', "*", "W/"]
    statuses = set()
    for _ in range(1000):
        answer = ask(
            "".join(dice.choices(pieces, k=dice.randrange(8))) if dice.random() < 0.9 else PATH,
            "".join(dice.choices(queries, k=dice.randrange(4))),
            dice.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "X"]),
            accept=dice.choice(headers),
            if_none_match=dice.choice(headers),
            range=dice.choice(["bytes=0-", "bytes=9-1", "x"]),
        )
        statuses.add(answer["statusCode"])
        assert answer["statusCode"] < 500, answer
    assert statuses >= {200, 400, 403, 404, 405}


def test_three_hundred_hostile_files_are_refused_in_a_sentence() -> None:
    """Good files of each type with bytes changed, cut off or repeated, and what is no picture at all."""
    dice = random.Random(300)
    good = [encoded(scene(90, 60), kind) for kind in ("JPEG", "PNG", "WEBP", "AVIF")]
    statuses = set()
    for number in range(300):
        data = bytearray(dice.choice(good))
        match number % 5:
            case 0:
                data = data[: dice.randrange(len(data))]
            case 1:
                for _ in range(dice.randrange(1, 30)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
            case 2:
                at = dice.randrange(len(data))
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(200)))
            case 3:
                data = bytearray(dice.randbytes(dice.randrange(2000)))
            case 4:
                # The size that it says, which must not be believed.
                at = dice.randrange(min(200, len(data)))
                data[at : at + 4] = b"\x7f\xff\xff\xff"
        client("s3").put_object(Bucket="uploads", Key=KEY, Body=bytes(data))
        answer = ask(PATH)
        statuses.add(answer["statusCode"])
        assert answer["statusCode"] in {200, 422}, answer
        if answer["statusCode"] == 422:
            assert answer["body"].count("\n") == 1
    assert statuses == {200, 422}


def test_a_refusal_says_nothing_of_the_account() -> None:
    for path in HOSTILE:
        text = json.dumps(ask(path))
        assert not any(name in text for name in ("arn:", "uploads", TABLE, os.environ["SIGNING_SECRET"]))
