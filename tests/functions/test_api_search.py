"""The search of the API, as API Gateway calls it: who may, what is answered, and what is refused."""

from __future__ import annotations

import base64
import json
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from functions.api import search
from functions.catalogue.entry import Entry
from functions.catalogue.search import search as found
from functions.platform.aws import ThrottledError, client
from tests.functions import catalogue
from tests.functions.account import TABLE, answering, error
from tests.functions.catalogue import catalogued, upload

ISSUER = "https://people.example.com"


@pytest.fixture(autouse=True)
def _account() -> None:
    tables = catalogue.make()
    key = client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/seal", TargetKeyId=key)
    for number in range(5):
        catalogued(
            tables, upload(f"park/{number}.jpg"), [Entry("label", "Person", 90 + number)], minute=number
        )
    # Where a photo is published its record has it, as functions.publish.publish writes it.
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={"PK": {"S": "workflow"}, "SK": {"S": "park/4.jpg"}},
        UpdateExpression="SET renditions = :keys",
        ExpressionAttributeValues={":keys": {"M": {"tile": {"S": "park/4.jpg/tile.jpg"}}}},
    )


def claims(*groups: str, **more: Any) -> dict[str, Any]:
    found = {"iss": ISSUER, "sub": "sam", "aud": "photos", "cognito:groups": f"[{' '.join(groups)}]", **more}
    return {"jwt": {"claims": found}}


def ask(caller: dict[str, Any] | None = None, **query: str) -> SimpleNamespace:
    event = {
        "version": "2.0",
        "routeKey": "GET /search",
        "requestContext": {"authorizer": claims("searchers") if caller is None else caller},
        **({"queryStringParameters": query} if query else {}),
    }
    found = search.handler(event, SimpleNamespace(aws_request_id="request-1"))
    return SimpleNamespace(
        status=found["statusCode"], headers=found["headers"], body=json.loads(found["body"])
    )


def test_what_is_found_says_why_and_where_it_is_published_and_nothing_of_the_account() -> None:
    answer = ask(q="label:Person>=93 place:park")

    assert answer.status == 200
    assert answer.body == {
        "uploads": [
            {
                "uploadId": f"park/{number}.jpg",
                "placeId": "park",
                "workflow": "catalogue",
                "type": "jpg",
                "at": f"2026-11-01T12:0{number}:00.000Z",
                "found": [{"what": "label", "value": "Person", "confidence": 90.0 + number, "where": {}}],
                "renditions": [{"name": "tile", "url": "https://photos.example.com/park/4.jpg/tile.jpg"}]
                if number == 4
                else [],
            }
            for number in (4, 3)
        ],
        "cursor": None,
    }
    assert ask(q="label:Car").body == {"uploads": [], "cursor": None}


def test_who_may_not_search_finds_nothing_and_reads_nothing() -> None:
    others: list[dict[str, Any]] = [
        claims(),
        claims("reviewers", "searchers2"),
        claims(**{"cognito:groups": "a searchers"}),
        {"iam": {"userArn": "arn:aws:iam::1:user/server"}},
    ]
    with answering("Query") as reads, answering("GenerateMac") as seals:
        for caller in others:
            for query in ({"q": "label:Person"}, {"q": "(", "cursor": "x"}, {}):
                refused = ask(caller, **query)
                assert (refused.status, refused.body["message"]) == (403, "You may not search.")
        assert ask({}, q="label:Person").status == 401
    assert reads == seals == []
    assert ask(claims("archivists"), q="label:Person").status == 200


def test_pages_follow_each_other_by_cursors_of_their_query_alone() -> None:
    seen: list[str] = []
    query = {"q": "label:person", "limit": "2"}
    while True:
        page = ask(None, **query).body
        seen += [each["uploadId"] for each in page["uploads"]]
        if page["cursor"] is None:
            break
        query["cursor"] = page["cursor"]
    assert seen == [f"park/{number}.jpg" for number in (4, 3, 2, 1, 0)]

    cursor = query["cursor"]
    raw = base64.urlsafe_b64decode(cursor)
    forged = [
        "",
        "x",
        "é",
        cursor[:-4],
        base64.urlsafe_b64encode(raw[:10]).decode(),
        base64.urlsafe_b64encode(b"\0" * 10 + raw[10:]).decode(),
        # What the catalogue itself would take.
        raw[10:].decode(),
        "A" * 5_000,
        f"{cursor},{cursor}",
    ]
    for each in forged:
        answer = ask(q="label:person", cursor=each)
        assert (answer.status, answer.body["errors"]) == (
            400,
            {"cursor": "cursor was not given out for this query."},
        )
    assert ask(q="label:Person", cursor=cursor).status == 400


def test_what_cannot_be_read_is_refused_with_its_column() -> None:
    for query, column, says in (
        ("", 1, "the query is empty"),
        ("label:Person lable:Car", 14, "there is no field lable"),
        ('a "new york', 3, "a quote is opened and not closed"),
        ("a" * 1_001, 1_001, "at most 1,000 characters"),
        ("\ud800\0\u202e", 1, ""),
    ):
        answer = ask(q=query)
        assert (answer.status, answer.body["column"], answer.body["errors"].keys()) == (400, column, {"q"})
        assert answer.body["message"] == answer.body["errors"]["q"]
        assert says in answer.body["message"]
        assert answer.body["message"].startswith(f"Column {column}: ")


def test_what_is_missing_unknown_or_senseless_is_named() -> None:
    assert ask().body["errors"] == {"q": "q is missing: the query."}
    assert ask(q="a", page="2").body["errors"] == {"page": "There is no parameter 'page'."}
    for limit in ("0", "101", "-1", "x", "", "9" * 5_000):
        assert ask(q="a", limit=limit).body["errors"].keys() == {"limit"}


def test_a_query_that_reads_too_much_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.api.search.search", partial(found, most_read_units=0.5))
    answer = ask(q="-label:Person -label:Car type:jpg")
    assert (answer.status, "column" in answer.body) == (400, False)
    assert "narrow the query" in answer.body["errors"]["q"]


def test_what_passes_by_itself_is_503_and_what_does_not_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for operation in ("Query", "BatchGetItem", "GenerateMac"):
        with answering(operation, error("ThrottlingException", operation)):
            answer = ask(q="label:Person", limit="1")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1"), operation
        with answering(operation, error("AccessDeniedException", operation)), pytest.raises(ClientError):
            ask(q="label:Person", limit="1")
    # DynamoDB leaves parts of a batch undone, too.
    monkeypatch.setattr("functions.api.search.search", Mock(side_effect=ThrottledError("BatchGetItem")))
    answer = ask(q="label:Person")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
