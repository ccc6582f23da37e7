"""Who may claim and decide a review, and what follows from a change of its item, on a table in memory."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from functions.review.execution import follow, wake_again, withdraw
from functions.review.reviews import (
    MOST_NOTE,
    MalformedVerdictError,
    NoReviewError,
    NotYoursError,
    Reviews,
)
from tests import table
from tests.mocked import mocked

TABLE = "t"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mocked():
        client = boto3.client("dynamodb", region_name="us-east-1")
        table.make(client, TABLE)
        yield client


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reviews(dynamodb: Any, clock: Clock) -> Reviews:
    """Three open reviews, of which `b` is the oldest, and a record that is only going to be reviewed."""
    for review_id, minutes in (("a", 2), ("b", 0), ("c", 1)):
        put(dynamodb, review_id, START + timedelta(minutes=minutes))
    record(dynamodb, "p/soon.jpg", "soon")
    return Reviews(dynamodb, TABLE, clock)


def put(dynamodb: Any, review_id: str, asked: datetime) -> None:
    key = f"p/{review_id}.jpg"
    texts = {
        "PK": "review",
        "SK": review_id,
        "key": key,
        "bucket": "u",
        "version": "null",
        "placeId": "p",
        "uploadId": f"{review_id}.jpg",
        "workflow": "v4",
        "executionArn": "arn:e",
        "reviewArn": "arn:r",
        "seen": '{"score": 0.5}',
        "askedAt": asked.isoformat(),
        "on_expiry": "refuse",
        "status": "WAITING",
        "token": f"secret-{review_id}",
    }
    numbers = {"reminder_s": "3600", "expiry_s": "86400"}
    item = {name: {"S": value} for name, value in texts.items()}
    dynamodb.put_item(TableName=TABLE, Item=item | {name: {"N": value} for name, value in numbers.items()})
    record(dynamodb, key, review_id)


def record(dynamodb: Any, key: str, review_id: str) -> None:
    texts = {"PK": "workflow", "SK": key, "objStatus": "IN_REVIEW", "review": review_id, "receivedAt": "2026"}
    dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in texts.items()})


def token(dynamodb: Any, review_id: str) -> str | None:
    item = dynamodb.get_item(TableName=TABLE, Key={"PK": {"S": "review"}, "SK": {"S": review_id}})["Item"]
    return item.get("token", {}).get("S")  # type: ignore[no-any-return]


def test_what_waits_is_listed_oldest_first_with_all_that_is_known_but_the_token(
    reviews: Reviews, clock: Clock
) -> None:
    assert [each.id for each in reviews.waiting()] == ["b", "c", "a"]
    clock.now += timedelta(hours=1)
    shown = reviews.show("b").as_json(clock.now)
    assert (shown["key"], shown["seen"], shown["waited_s"]) == ("p/b.jpg", {"score": 0.5}, 3600)
    assert (shown["version"], shown["expiresAt"]) == (None, "2026-05-02T12:00:00.000Z")
    assert "secret" not in str(shown) + str(reviews.show("b"))
    with pytest.raises(NoReviewError, match="no review soon"):
        reviews.show("soon")


def test_who_has_claimed_decides_until_it_is_passed_on_or_lapses(reviews: Reviews, clock: Clock) -> None:
    assert reviews.claim("a", "ann").claimed_by == "ann"
    for refused in (reviews.claim, reviews.approve, reviews.pass_on):
        with pytest.raises(NotYoursError, match=r"by ann at 2026-05-01T12:00.* until 2026-05-01T13:00"):
            refused("a", "bob")
    reviews.pass_on("a", "ann")
    with pytest.raises(NotYoursError, match="is not claimed by you"):
        reviews.pass_on("a", "ann")
    reviews.claim("a", "bob")
    clock.now += timedelta(minutes=59)
    with pytest.raises(NotYoursError):
        reviews.claim("a", "ann")
    # One's own claim begins anew.
    reviews.claim("a", "bob")
    clock.now += timedelta(minutes=61)
    assert reviews.show("a").as_json(clock.now)["status"] == "WAITING"
    assert reviews.approve("a", "ann").reviewer == "ann"


def test_there_is_one_verdict_and_it_says_who_when_and_why(reviews: Reviews) -> None:
    decided = reviews.refuse("a", "ann", " too-dark ", "a note")
    assert (decided.verdict, decided.reason, decided.note) == ("refused", "TOO_DARK", "a note")
    for late in (reviews.approve, reviews.claim, reviews.pass_on):
        with pytest.raises(NotYoursError, match=r"refused by ann at 2026-05-01T12:00:00.000Z: TOO_DARK"):
            late("a", "bob")
    with pytest.raises(NotYoursError, match="refused by you"):
        reviews.claim("a", "ann")
    assert [each.id for each in reviews.waiting()] == ["b", "c"]


@pytest.mark.parametrize("reason", ["", "  ", "é", "<script>", "1", "A" * 65])
def test_a_refusal_has_a_reason_that_can_be_recorded(reviews: Reviews, reason: str) -> None:
    with pytest.raises(MalformedVerdictError, match="reason"):
        reviews.refuse("a", "ann", reason)
    with pytest.raises(MalformedVerdictError, match="2000 characters"):
        reviews.approve("a", "ann", "x" * (MOST_NOTE + 1))
    assert reviews.show("a").is_open


def test_a_verdict_whose_answer_was_lost_is_ones_own(reviews: Reviews, dynamodb: Any) -> None:
    """botocore tries again, and the condition does not hold any longer."""
    update = dynamodb.update_item

    def lossy(**given: Any) -> Any:
        update(**given)
        return update(**given)

    dynamodb.update_item = lossy
    try:
        assert reviews.approve("a", "ann").verdict == "approved"
    finally:
        del dynamodb.update_item


def test_of_many_who_decide_at_once_one_does(reviews: Reviews) -> None:
    told: list[str] = []

    def decide(who: str) -> None:
        try:
            reviews.approve("a", who)
        except (NotYoursError, ClientError):
            return
        told.append(who)

    threads = [threading.Thread(target=decide, args=(f"person-{number}",)) for number in range(5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told == [reviews.show("a").reviewer]


class Waiting:
    """Step Functions, as far as tokens go."""

    # Of which each name is an error of its own.
    exceptions = SimpleNamespace(
        **{
            name: type(name, (Exception,), {})
            for name in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
        }
    )

    def __init__(self, error: str = "") -> None:
        self.sent: list[str] = []
        self._error = error

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # noqa: N803  # the API's name
        self.sent.append(taskToken)
        assert "secret" not in output
        if self._error:
            raise vars(self.exceptions)[self._error]


def change(dynamodb: Any, partition: str, sort: str, old: dict[str, Any] | None = None) -> dict[str, Any]:
    keys = {"PK": {"S": partition}, "SK": {"S": sort}}
    new = dynamodb.get_item(TableName=TABLE, Key=keys).get("Item", {})
    return {"Keys": keys, "NewImage": new, "OldImage": old or {}}


@pytest.mark.parametrize("error", ["", "TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_verdict_wakes_once_and_the_token_goes(reviews: Reviews, dynamodb: Any, error: str) -> None:
    waiting: Any = Waiting(error)
    follow(dynamodb, waiting, TABLE, change(dynamodb, "review", "a"))
    assert waiting.sent == []
    reviews.approve("a", "ann")
    # The stream may say it twice.
    for _ in range(2):
        follow(dynamodb, waiting, TABLE, change(dynamodb, "review", "a"))
    assert (waiting.sent, token(dynamodb, "a")) == (["secret-a"], None)
    assert wake_again(dynamodb, waiting, TABLE, "a") is False


def test_reconcile_wakes_what_has_a_verdict(reviews: Reviews, dynamodb: Any) -> None:
    waiting: Any = Waiting()
    assert wake_again(dynamodb, waiting, TABLE, "a") is False
    reviews.approve("a", "ann")
    assert wake_again(dynamodb, waiting, TABLE, "a") is True
    assert waiting.sent == ["secret-a"]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"objStatus": {"S": "DELETED"}, "review": {"S": "a"}}, "the photo was deleted"),
        ({"objStatus": {"S": "RECEIVED"}}, "the photo was uploaded anew"),
        ({"objStatus": {"S": "IN_REVIEW"}, "review": {"S": "z"}}, "the photo was uploaded anew"),
        ({}, "the photo was uploaded anew"),
        ({"objStatus": {"S": "FAILED"}, "review": {"S": "a"}}, "nobody waits for it any longer"),
        ({"objStatus": {"S": "IN_REVIEW"}, "review": {"S": "a"}}, ""),
    ],
)
def test_a_review_ends_with_what_it_is_of(
    reviews: Reviews, dynamodb: Any, now: dict[str, Any], why: str
) -> None:
    keys = {"PK": {"S": "workflow"}, "SK": {"S": "p/a.jpg"}}
    old = {"objStatus": {"S": "IN_REVIEW"}, "review": {"S": "a"}}
    waiting: Any = Waiting()
    follow(dynamodb, waiting, TABLE, {"Keys": keys, "OldImage": old, "NewImage": now})
    assert reviews.show("a").is_open is not bool(why)
    if why:
        with pytest.raises(NotYoursError, match=f"was withdrawn at 2.*: {why}"):
            reviews.approve("a", "ann")
        # It wakes as any verdict does.
        follow(dynamodb, waiting, TABLE, change(dynamodb, "review", "a"))
        assert waiting.sent == ["secret-a"]


def test_what_is_decided_cannot_be_withdrawn(reviews: Reviews, dynamodb: Any) -> None:
    reviews.approve("a", "ann")
    assert withdraw(dynamodb, TABLE, "a", "DELETED") is False
    assert reviews.show("a").verdict == "approved"


def decide_all(reviews: Reviews, who: str, ids: list[str], told: dict[str, set[tuple[str, str]]]) -> None:
    """Decides, one way or the other, and now and then twice; after an error the person clicks again."""
    mine = random.Random(who)
    mine.shuffle(ids)
    for review_id in ids:
        clicks = 2 if mine.random() < 0.2 else 1
        while clicks:
            try:
                decide = reviews.approve if mine.random() < 0.5 else partial(reviews.refuse, reason="NO")
                by = decide(review_id, who)
            except ClientError:
                continue
            except NotYoursError:
                clicks -= 1
                continue
            clicks -= 1
            told[review_id].add((str(by.reviewer), str(by.verdict)))


def test_200_reviews_of_five_people_who_click_twice_and_late_have_one_verdict_each(
    dynamodb: Any, clock: Clock
) -> None:
    """Calls fail before they are done, and after: whoever was told that it is theirs is who is recorded."""
    ids = [f"many-{number:03}" for number in range(200)]
    for review_id in ids:
        put(dynamodb, review_id, START)
    told: dict[str, set[tuple[str, str]]] = {review_id: set() for review_id in ids}
    update, lottery, lock = dynamodb.update_item, random.Random(18), threading.Lock()

    def faulty(**given: Any) -> Any:
        with lock:
            chance = lottery.random()
            if chance < 0.1:
                raise ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")
            done = update(**given)
            if chance < 0.2:
                # The answer is lost, and botocore tries again.
                done = update(**given)
        return done

    dynamodb.update_item = faulty
    try:
        # Each review is looked at by three of the five.
        for_each = [[one for at, one in enumerate(ids) if (at - number) % 5 < 3] for number in range(5)]
        threads = [
            threading.Thread(
                target=decide_all, args=(Reviews(dynamodb, TABLE), f"person-{number}", own, told)
            )
            for number, own in enumerate(for_each)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    finally:
        del dynamodb.update_item
    reviews = Reviews(dynamodb, TABLE, clock)
    for review_id in ids:
        now = reviews.show(review_id)
        assert told[review_id] == {(now.reviewer, now.verdict)}
    assert not {each.id for each in reviews.waiting()} & set(ids)
