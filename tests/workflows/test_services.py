"""AWS itself in trouble: calls that are refused, whoever makes them, and what becomes of the upload."""

from __future__ import annotations

import pytest

from tests.workflows.driver import Driver
from tests.workflows.photos import drawn
from tests.workflows.test_errors import check_failed
from tests.workflows.test_photos import check_published


@pytest.mark.parametrize(
    ("rule", "task", "error"),
    [
        ("s3:GetObject=denied", "Check Dimensions", "AccessDeniedError"),
        ("s3:GetObject=gone", "Check Dimensions", "PhotoNotFoundError"),
        ("rekognition:DetectLabels=denied", "Get labels", "AccessDeniedError"),
        ("rekognition:DetectLabels=gone", "Get labels", "AwsCallError"),
        ("s3:PutObject=denied", "Resizer", "AccessDeniedError"),
        ("dynamodb:TransactWriteItems=denied", "Publish", "AccessDeniedError"),
        ("dynamodb:GetItem=denied", "Get place type from DynamoDB", "DynamoDB.AmazonDynamoDBException"),
    ],
)
def test_what_does_not_pass_is_recorded_by_what_it_is(
    rule: str, task: str, error: str, driver: Driver
) -> None:
    check_failed(driver.execute("v4", drawn("JPEG"), place="the-cafe", faults=[rule]), task, error)


@pytest.mark.parametrize(
    ("rule", "task", "attempts"),
    [
        # A function's own attempts are three, and the fourth is the state machine's.
        ("s3:GetObject=throttle@1-3", "Moderator", 2),
        ("rekognition:DetectModerationLabels=error@1-2", "Moderator", 1),
        ("dynamodb:TransactWriteItems=throttle@1-3", "Publish", 2),
        ("lambda:Invoke=throttle@2-3", "Resizer", 3),
        ("s3:PutObject=delay:0.2", "Resizer", 1),
    ],
)
def test_what_passes_is_no_trouble(rule: str, task: str, attempts: int, driver: Driver) -> None:
    outcome = driver.execute("v2", drawn("JPEG"), faults=[rule])

    assert outcome.status == "PROCESSED"
    assert outcome.attempts[task] == attempts
    check_published(outcome)
