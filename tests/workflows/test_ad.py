"""Ads: the photo is seen once, however often something is tried again; a person decides what is doubtful."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from happypath.operations import cost, usage
from happypath.project import WORKFLOWS
from tests.outcomes import Row, rows
from tests.statemachines import definitions
from tests.workflows.driver import Driver, Outcome, wait_until
from tests.workflows.tasks import Task

# The workflows in which several branches ask Rekognition at once, and a person may be asked.
AT_ONCE = [
    workflow
    for workflow in WORKFLOWS
    if any(definitions.branches(state) for state in definitions.states(workflow).values())
    and any(definitions.waits_for_execution(task) for task in definitions.tasks(workflow).values())
]
OPERATIONS = ("DetectLabels", "DetectModerationLabels", "DetectText")


def first(workflow: str, **wanted: Any) -> Row:
    return next(
        row for row in rows(workflow) if all(getattr(row, name) == each for name, each in wanted.items())
    )


def asked(driver: Driver, workflow: str) -> Counter[str]:
    """How often a workflow's functions have been answered by Rekognition, by operation."""
    caller = f"{driver.sandbox.prefix}-{workflow}-Signals"
    requests = driver.sandbox.calls.requests
    return Counter({each: requests[caller, f"rekognition:{each}"] for each in OPERATIONS})


@pytest.mark.parametrize("workflow", AT_ONCE)
@pytest.mark.parametrize(
    "fault", ["rekognition:DetectText=throttle@1-8", "Score=throttle@1", "Text=timeout@1"]
)
def test_each_operation_is_answered_once_whatever_else_is_tried_again(
    workflow: str, fault: str, driver: Driver
) -> None:
    rule = fault if ":" in fault else f"state:{workflow}/{fault}"
    before = asked(driver, workflow)
    outcome = driver.execute_row(workflow, first(workflow, picture="slope.png", reason=None), faults=[rule])

    assert outcome.status == "PROCESSED"
    assert asked(driver, workflow) - before == Counter(dict.fromkeys(OPERATIONS, 1))
    assert sum(outcome.attempts.values()) > len(outcome.attempts)


@pytest.mark.parametrize("workflow", AT_ONCE)
def test_the_bill_has_an_image_for_each_operation_and_not_for_each_question(workflow: str) -> None:
    bill = cost.bill(workflow, 1_000_000, 1.0, usage.load(), cost.prices())
    images = sum(line.quantity for line in bill.lines if "images" in line.item)

    assert images == pytest.approx(len(OPERATIONS) * 1_000_000, rel=0.001)


@pytest.fixture(scope="module")
def refused(driver: Driver) -> Outcome:
    """An ad that goes to a person, who refuses it."""
    return driver.execute_row("ad", first("ad", review="refuse"))


def test_who_decides_sees_what_the_models_saw_the_worst_first(driver: Driver, refused: Outcome) -> None:
    review = driver.reviews.about(refused.record)

    assert review
    seen = review.seen
    assert (seen["verdict"], seen["reasons"]) == ("review", [])
    assert seen["signals"][0]["name"] == "moderation"
    assert 0.5 < seen["signals"][0]["score"] < 1
    assert seen["signals"][0]["detail"]["labels"][0]["confidence"] == 68.4


def test_the_record_of_a_refused_ad_says_who_refused_it_and_why(driver: Driver, refused: Outcome) -> None:
    assert (refused.status, refused.reason) == ("REJECTED", "REFUSED_BY_REVIEWER")
    assert (
        refused.record["detail"].items()
        >= {
            "reviewer": driver.reviews.reviewer,
            "reason": "NOT_FOR_US",
            "note": "Not with a bottle.",
        }.items()
    )
    assert not refused.is_published


def test_an_ad_waits_for_a_person_in_the_list_under_its_key(driver: Driver) -> None:
    row = first("ad", review="approve", picture="reviewed")
    driver.go_live("v4 ads/=ad")
    key = driver.new_key_of("ad", row)
    driver.upload(driver.picture(row), key)

    def is_listed() -> bool:
        return key in {review.key for review in driver.reviews.waiting()}

    wait_until(is_listed, f"{key} is in the list")
    assert (driver.installation.record(key) or {})["objStatus"] == "IN_REVIEW"
    assert not driver.published(key).photo

    outcome = driver.ended(key, "approve")
    assert (outcome.status, outcome.photo is not None) == ("PROCESSED", True)
    assert not is_listed()


def test_an_ad_that_nobody_decides_about_expires_as_the_rule_says(driver: Driver) -> None:
    row = replace(first("ad", review="refuse"), review="none")
    # As if the time were up at once, each time that somebody is reminded.
    outcome = driver.execute_row("ad", row, faults=["state:review/Ask=timeout"])
    rule = definitions.tasks("ad")["Review"]["Parameters"]["Input"]["rules"]["on_expiry"]

    assert rule == "refuse"
    assert (outcome.status, outcome.reason, outcome.path) == ("REJECTED", "REVIEW_EXPIRED", row.path)
    review = driver.reviews.about(outcome.record)
    assert review
    assert (review.status, review.reviewer) == ("EXPIRED", None)


def test_in_a_dry_run_nobody_is_asked(driver: Driver) -> None:
    waiting = len(driver.reviews.waiting())
    row = first("ad", review="approve", picture="reviewed")
    detail = {**driver.put_by_hand("ads", driver.picture(row)), "dryRun": True, "workflow": "ad"}
    stepfunctions = driver.installation.client("stepfunctions")
    arn = driver.installation.state_machines()["ad"]
    started = stepfunctions.start_execution(stateMachineArn=arn, input=json.dumps({"detail": detail}))
    wait_until(lambda: driver.installation.execution_ended(started["executionArn"]), "the dry run has ended")
    steps = [step.state for step in driver.installation.steps(started["executionArn"])]

    assert "Review Result?" in steps
    assert "Publish" not in steps
    assert len(driver.reviews.waiting()) == waiting


def test_a_branch_that_fails_ends_the_upload_by_its_error(driver: Driver) -> None:
    (labels,) = (name for name in definitions.tasks("ad") if name == "Labels")
    rule = f"{Task('ad', labels).target}=raise:LookupError"
    outcome = driver.execute_row("ad", first("ad", picture="slope.png", reason=None), faults=[rule])

    assert (outcome.status, outcome.reason) == ("FAILED", "LookupError")
    assert outcome.path[-3:] == ("Look", "RecordErrorState", "Failed")
    assert not outcome.is_published
