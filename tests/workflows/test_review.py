"""A person decides: the workflow of docs/review.md on its whole path, and many reviewers at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import pytest

from happypath.operations.reconcile import find
from happypath.operations.redrive import run_again
from happypath.operations.review import ReviewRefusedError
from tests.workflows.driver import Driver, wait_until
from tests.workflows.reviews import Asking, asking


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
    approved, refused = (driver.ended(keys[name]) for name in ("approved", "refused"))
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
    assert driver.ended(keys["deleted"]).status == "DELETED"
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
        assert driver.ended(keys[name]).status == "PROCESSED"
    assert not [each for each in find(asks.installation, datetime.now(UTC)) if each.key in keys.values()]
