"""Reviews by the API, as API Gateway calls it: who may decide, and what is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from functions.api import reviews, upload_id
from functions.api.request import Caller
from functions.ingest.record import timestamp
from functions.platform.aws import client
from tests.functions import account
from tests.functions.account import TABLE, answering, error, make_table
from tests.review_item import TOKEN, review_item

ISSUER = "https://people.example.com"
KEY = "the-shop/<b>mug.jpg"


@pytest.fixture(autouse=True)
def _account() -> None:
    make_table()
    key = client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    client("kms").create_alias(AliasName="alias/seal", TargetKeyId=key)


def ask_for_review(name: str = "r1", key: str = KEY, *, minutes_ago: float = 5, **more: str) -> str:
    asked = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    account.put("workflow", key, objStatus="IN_REVIEW", receivedAt=timestamp(asked), review=name)
    item = review_item(name, key, timestamp(asked), {"score": 0.6}, **more)
    client("dynamodb").put_item(TableName=TABLE, Item=item)
    return name


def claims(subject: str, *groups: str) -> dict[str, Any]:
    found = {"iss": ISSUER, "sub": subject, "aud": "photos"}
    return {"jwt": {"claims": {**found, "cognito:groups": f"[{' '.join(groups)}]"}}}


RITA, BOB = claims("rita", "reviewers"), claims("bob", "editors", "reviewers")


def call(
    route: str, review_id: str | None = None, caller: dict[str, Any] = RITA, **more: Any
) -> SimpleNamespace:
    event = {"version": "2.0", "routeKey": route, "requestContext": {"authorizer": caller}, **more}
    if review_id is not None:
        event["pathParameters"] = {"reviewId": review_id}
    found = reviews.handler(event, SimpleNamespace(aws_request_id="request-1"))
    assert TOKEN not in found["body"]
    return SimpleNamespace(status=found["statusCode"], body=json.loads(found["body"]))


def act(what: str, review_id: str, caller: dict[str, Any] = RITA, **fields: Any) -> SimpleNamespace:
    more = {"body": json.dumps(fields)} if fields else {}
    return call(f"POST /reviews/{{reviewId}}/{what}", review_id, caller, **more)


def show(review_id: str, caller: dict[str, Any] = RITA) -> SimpleNamespace:
    return call("GET /reviews/{reviewId}", review_id, caller)


def test_what_waits_is_listed_the_oldest_first() -> None:
    ask_for_review("younger", "the-shop/b.jpg", minutes_ago=1)
    ask_for_review("older", minutes_ago=10)
    ask_for_review("decided", "the-shop/c.jpg", verdict="approved", reviewer="bob", decidedAt="2026-01-01")
    found = call("GET /reviews").body
    assert found["waiting"] == 2
    assert [each["id"] for each in found["reviews"]] == ["older", "younger"]
    assert found["reviews"][0]["waited_s"] > found["reviews"][1]["waited_s"] > 0
    first = call("GET /reviews", queryStringParameters={"limit": "1"}).body
    assert (first["waiting"], [each["id"] for each in first["reviews"]]) == (2, ["older"])
    assert call("GET /reviews", queryStringParameters={"limit": "101"}).status == 400
    assert call("GET /reviews", queryStringParameters={"all": "1"}).status == 400


def test_a_reviewer_sees_what_the_models_saw_and_the_photo_for_some_minutes() -> None:
    found = show(ask_for_review()).body
    assert (found["key"], found["seen"]) == (KEY, {"score": 0.6})
    query = parse_qs(urlsplit(found["photo"]).query)
    assert (query["versionId"], query["X-Amz-Expires"]) == (["v-1"], ["300"])
    # Whatever was uploaded, it is no page.
    assert query["response-content-disposition"] == ["attachment"]
    assert not found.keys() & {"bucket", "executionArn", "reviewArn", "token"}


def test_a_reviewer_claims_and_decides_and_is_recorded_by_the_tokens_subject() -> None:
    review_id = ask_for_review()
    assert act("claim", review_id).body["claimedBy"] == "rita"
    for what in ("claim", "pass", "approve", "refuse"):
        fields: dict[str, Any] = {"reason": "too dark"} if what == "refuse" else {}
        refused = act(what, review_id, BOB, **fields)
        assert refused.status == 409, what
        assert refused.body["message"].endswith(".")
    assert act("pass", review_id).body["claimedBy"] is None
    decided = act("refuse", review_id, BOB, reason="too dark", note="Open the <curtain>.").body
    assert (decided["verdict"], decided["reviewer"], decided["reason"]) == ("refused", "bob", "TOO_DARK")
    assert decided["note"] == "Open the <curtain>."
    assert "photo" not in decided
    late = act("approve", review_id)
    assert (late.status, "was refused by bob" in late.body["message"]) == (409, True)
    assert show(review_id).body["verdict"] == "refused"
    assert call("GET /reviews").body["waiting"] == 0


def test_approval_needs_no_body() -> None:
    approved = act("approve", ask_for_review())
    assert (approved.status, approved.body["verdict"], approved.body["reviewer"]) == (200, "approved", "rita")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "JSON object"),
        ({"note": "x"}, "needs a reason"),
        ({"reason": "!"}, "needs a reason"),
        ({"reason": 7}, "reason must be a text"),
        ({"reason": "x", "verdict": "approved"}, "There is no field 'verdict'"),
        ({"reason": "x", "note": "n" * 2001}, "at most 2000 characters"),
    ],
)
def test_a_refusal_that_makes_no_sense_changes_nothing(fields: dict[str, Any], said: str) -> None:
    review_id = ask_for_review()
    refused = act("refuse", review_id, **fields)
    assert refused.status == 400
    assert said in refused.body["message"]
    assert show(review_id).body["verdict"] is None


@pytest.mark.parametrize(
    "caller", [claims("ann"), claims("ann", "editors"), {"iam": {"userArn": "arn:aws:iam::1:user/server"}}]
)
def test_who_is_no_reviewer_learns_nothing_and_changes_nothing(caller: dict[str, Any]) -> None:
    review_id = ask_for_review()
    for route in reviews._ROUTES:
        for name in (review_id, "none"):
            answer = call(route, name, caller, body='{"reason": "x"}')
            assert (answer.status, answer.body["message"]) == (403, "You may not decide about photos.")
    assert show(review_id).body["status"] == "WAITING"
    assert call("GET /reviews", caller={}).status == 401


def test_nobody_decides_about_a_photo_of_their_own() -> None:
    rita = Caller((ISSUER, "rita"))
    sealed = upload_id.issue("the-shop", "mug.jpg", rita, datetime.now(UTC), "alias/seal")
    for name, key in (("sealed", sealed), ("folder", "avatars/rita/me.jpg")):
        review_id = ask_for_review(name, key)
        for what in ("claim", "pass", "approve", "refuse"):
            fields: dict[str, Any] = {"reason": "x"} if what == "refuse" else {}
            answer = act(what, review_id, **fields)
            assert (answer.status, "your own" in answer.body["message"]) == (403, True)
        assert show(review_id).status == 403
        assert show(review_id, BOB).body["status"] == "WAITING"
        assert act("approve", review_id, BOB).status == 200


def test_what_is_not_there_is_404() -> None:
    for route in reviews._ROUTES.keys() - {"GET /reviews"}:
        for name in ("none", "", "no\ud800ne", "n" * 2000, "a b"):
            answer = call(route, name, body='{"reason": "x"}')
            assert (answer.status, answer.body["message"]) == (404, "There is no such review."), route


def test_what_passes_by_itself_is_503() -> None:
    review_id = ask_for_review()
    with answering("UpdateItem", error("ThrottlingException", "UpdateItem")):
        assert act("approve", review_id).status == 503
    assert show(review_id).body["verdict"] is None
