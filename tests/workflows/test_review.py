"""A person decides: the workflow of docs/review.md on its whole path, and many reviewers at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from botocore.exceptions import ClientError

from functions.review.review import Review
from happypath.operations.reconcile import find, fix
from happypath.operations.records import UploadNameError
from happypath.operations.redrive import run_again
from happypath.operations.review import ReviewRefusedError
from tests.waiting import ended
from tests.workflows.driver import Driver, wait_until
from tests.workflows.reviews import Asking, asking, give_up

MANY = 40


@pytest.fixture(scope="module")
def asks(driver: Driver) -> Iterator[Asking]:
    with asking(driver) as made:
        yield made


def _is_over(asks: Asking, review_id: str) -> bool:
    return not asks.of("anybody").show(review_id).is_open


def test_a_person_approves_refuses_or_need_not_decide_any_longer(asks: Asking, driver: Driver) -> None:
    names = ("approved", "refused", "deleted", "replaced", "stopped")
    keys = {name: asks.upload(f"{name}.jpg") for name in names}
    reviews = {name: asks.waits(key) for name, key in keys.items()}
    assert {asks.status(key) for key in keys.values()} == {"IN_REVIEW"}
    assert reviews["approved"].seen["labels"][0]["name"] == "Alcoholic Beverages"

    ann, bob = asks.of("ann"), asks.of("bob")
    # By its key, and by its id.
    ann.claim(keys["approved"])
    with pytest.raises(ReviewRefusedError, match=r"was claimed by ann at .* theirs until"):
        bob.approve(reviews["approved"].id)
    ann.pass_on(keys["approved"])
    bob.approve(reviews["approved"].id)
    ann.refuse(keys["refused"], "too much wine", "a bottle")
    approved, refused = (asks.ended(keys[name]) for name in ("approved", "refused"))
    assert (approved.status, approved.is_published) == ("PROCESSED", True)
    assert (refused.status, refused.reason) == ("REJECTED", "REFUSED_BY_REVIEWER")
    assert refused.record["detail"] == {
        "review": reviews["refused"].id,
        "reviewer": "ann",
        "reason": "TOO_MUCH_WINE",
        "note": "a bottle",
    }
    for late in (ann.approve, bob.approve, ann.claim, ann.pass_on):
        with pytest.raises(ReviewRefusedError, match=r"was approved by (bob|you) at 2"):
            late(keys["approved"])

    driver.delete(keys["deleted"])
    assert asks.upload_again(keys["replaced"]) != reviews["replaced"].id
    driver.installation.client("stepfunctions").stop_execution(executionArn=reviews["stopped"].execution_arn)
    assert asks.ended(keys["deleted"]).status == "DELETED"
    for name, why in (("deleted", "deleted"), ("replaced", "uploaded anew"), ("stopped", "stopped")):
        wait_until(partial(_is_over, asks, reviews[name].id), f"the {name} one is over")
        with pytest.raises(ReviewRefusedError, match=f"was withdrawn at .* {why}"):
            ann.approve(reviews[name].id)
        assert ann.show(reviews[name].id).reviewer is None

    # What was stopped is found, and asked about again by another attempt.
    (left,) = [each for each in find(asks.installation, datetime.now(UTC)) if each.key == keys["stopped"]]
    assert left.state == "NOT_RECORDED"
    assert [each.attempt for each in run_again(asks.installation, [keys["stopped"]])] == [2]
    for name in ("stopped", "replaced"):
        ann.approve(asks.waits(keys[name]).id)
        assert asks.ended(keys[name]).status == "PROCESSED"
    assert not [each for each in find(asks.installation, datetime.now(UTC)) if each.key in keys.values()]


def test_what_expires_ends_as_the_rule_says_and_is_asked_about_again(asks: Asking, driver: Driver) -> None:
    with driver.sandbox.faults("state:review/Ask=timeout"):
        key = asks.upload("expired.jpg")
        expired = asks.ended(key)
    assert (expired.status, expired.reason) == ("REJECTED", "REVIEW_EXPIRED")
    with pytest.raises(ReviewRefusedError, match=r"expired at 2.*; its rule for that is: refuse"):
        asks.of("ann").approve(key)

    assert [each.attempt for each in run_again(asks.installation, [key])] == [2]
    asks.of("ann").approve(asks.waits(key).id)
    assert asks.ended(key).status == "PROCESSED"


def test_a_verdict_of_which_nobody_was_told_is_found_by_reconcile(asks: Asking) -> None:
    key, arn = give_up(asks)
    (left,) = [each for each in find(asks.installation, datetime.now(UTC)) if each.key == key]
    assert left.state == "NOT_WOKEN"
    assert fix(asks.installation, left)
    assert ended(asks.installation.client("stepfunctions"), arn)["status"] == "SUCCEEDED"
    assert asks.status(key) == "PROCESSED"
    assert not [each for each in find(asks.installation, datetime.now(UTC)) if each.key == key]


def test_many_reviews_at_once_have_one_verdict_each(asks: Asking, driver: Driver) -> None:
    """Decided by five people who click twice and late, while calls fail and functions are killed."""
    keys = [f"review-park/{number:03}.jpg" for number in range(MANY)]
    machine = asks.make_swift()
    faults = (
        "function:review-Waking=kill@2",
        "function:review-Waking=raise@4",
        "states:SendTaskSuccess=error@10%",
        "state:review/Find verdict=error@10%",
        "state:review/Ask=throttle@10%",
        "dynamodb:UpdateItem=throttle@5%",
    )
    seen: set[str] = set()
    people = [Person(asks, f"person-{number}", seen) for number in range(5)]
    try:
        with driver.sandbox.faults(*faults):
            parents = asks.start(machine, keys)
            workers = [threading.Thread(target=each.work) for each in people]
            for each in workers:
                each.start()
            for each in workers:
                each.join()
            for arn in parents:
                ended(asks.installation.client("stepfunctions"), arn)
        said = {key: [each for person in people for each in person.said.get(key, [])] for key in keys}
        for key, verdicts in said.items():
            # Whoever was told that it is theirs is who is recorded, and nobody else was.
            (verdict,) = set(verdicts)
            review, record = asks.of("anybody").show(key), asks.installation.record(key) or {}
            assert (review.reviewer, review.verdict) == verdict
            approved = review.verdict == "approved"
            assert record["objStatus"] == ("PROCESSED" if approved else "REJECTED")
            assert record.get("reason") == (None if approved else "REFUSED_BY_REVIEWER")
        assert all(person.refused for person in people)
        assert not set(keys) & {each.key for each in find(asks.installation, datetime.now(UTC))}
        assert not asks.of("anybody").waiting()
    finally:
        asks.forget(machine, keys)


class Person:
    """Decides about whatever waits, each time twice, and about what may be decided by now."""

    def __init__(self, asks: Asking, name: str, seen: set[str]) -> None:
        self.name = name
        self.said: dict[str, list[tuple[str, str]]] = {}
        self.refused = 0
        self._seen = seen
        self._queue = asks.of(name)
        self._random = random.Random(name)

    def work(self) -> None:
        waiting: list[Review] = []
        while waiting or len(self._seen) < MANY:
            waiting = self._queue.waiting()
            self._seen |= {each.key for each in waiting}
            for review in self._random.sample(waiting, k=min(40, len(waiting))):
                self._click(review.key, review.id)
            for key in self._random.sample(sorted(self._seen), k=min(5, len(self._seen))):
                self._click(key, key)

    def _click(self, key: str, name: str) -> None:
        approves = self._random.random() < 0.5
        for _ in range(2):
            try:
                if approves:
                    self._queue.approve(name)
                else:
                    self._queue.refuse(name, "TOO_DARK")
            except (ReviewRefusedError, UploadNameError):
                self.refused += 1
            except ClientError:
                # An injected fault: the person clicks again.
                continue
            else:
                self.said.setdefault(key, []).append((self.name, "approved" if approves else "refused"))
