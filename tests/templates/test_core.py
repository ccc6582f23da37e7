"""What core promises: nothing is public, and no upload is lost on the way to its workflow."""

from __future__ import annotations

from typing import Any

import pytest

from functions.live import Live
from functions.upload import SHADOW
from tests.templates.template import load, resources

BUCKETS = resources("core", "AWS::S3::Bucket").keys()


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = resources("core")[name]["Properties"]
    return found


@pytest.mark.parametrize("bucket", sorted(BUCKETS))
def test_a_bucket_is_closed_to_the_public(bucket: str) -> None:
    assert properties(bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert properties(bucket)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert properties(bucket)["BucketEncryption"]


@pytest.mark.parametrize("name", ["UploadBucketPolicy", "DistributionBucketPolicy", "QueuePolicy"])
def test_nobody_gets_in_without_tls(name: str) -> None:
    *_, statement = properties(name)["PolicyDocument"]["Statement"]

    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_every_bucket_has_its_policy() -> None:
    policies = resources("core", "AWS::S3::BucketPolicy").values()

    assert {each["Properties"]["Bucket"]["Ref"] for each in policies} == BUCKETS


@pytest.mark.parametrize("name", [*sorted(BUCKETS), "Table"])
def test_what_people_uploaded_outlives_the_stack(name: str) -> None:
    resource = resources("core")[name]

    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_uploads_keep_their_versions_and_are_announced() -> None:
    uploads = properties("UploadBucket")

    assert uploads["VersioningConfiguration"] == {"Status": "Enabled"}
    assert uploads["NotificationConfiguration"]["EventBridgeConfiguration"] == {"EventBridgeEnabled": True}


def test_both_events_of_our_bucket_and_no_others_reach_the_queue() -> None:
    rules = resources("core", "AWS::Events::Rule").values()
    patterns = [each["Properties"]["EventPattern"] for each in rules]

    bucket = {"Ref": "UploadBucket"}
    assert patterns == [
        {
            "source": ["aws.s3"],
            "detail-type": ["Object Created"],
            "detail": {
                "bucket": {"name": [bucket]},
                "object": {"key": [{"anything-but": {"prefix": f"{SHADOW}/"}}]},
            },
        },
        {"source": ["custom.happyPath"], "detail-type": ["uploadComplete"], "detail": {"bucket": [bucket]}},
    ]


def test_an_event_that_cannot_be_delivered_is_kept() -> None:
    for rule in resources("core", "AWS::Events::Rule").values():
        (target,) = rule["Properties"]["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": ["Queue", "Arn"]}
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}
        assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] == 24 * 60 * 60


def test_only_our_rules_may_send_for_eventbridge() -> None:
    statement, *_ = properties("QueuePolicy")["PolicyDocument"]["Statement"]
    rules = resources("core", "AWS::Events::Rule")

    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [name, "Arn"]} for name in rules]}
    }


def test_a_message_waits_long_enough_and_long_enough_is_enough() -> None:
    queue, dead = properties("Queue"), properties("DeadLetterQueue")

    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    assert queue["VisibilityTimeout"] >= 6 * properties("StartExecutionFunction")["Timeout"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "maxReceiveCount": 5,
    }
    assert queue["MessageRetentionPeriod"] == dead["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert queue["SqsManagedSseEnabled"] is dead["SqsManagedSseEnabled"] is True


def test_uploads_are_taken_in_tens_and_no_faster_than_allowed() -> None:
    (event,) = properties("StartExecutionFunction")["Events"].values()

    assert event["Properties"] == {
        "Queue": {"Fn::GetAtt": ["Queue", "Arn"]},
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}},
    }
    # Lambda's own least.
    assert load("core")["Parameters"]["MaximumConcurrency"]["MinValue"] == 2


def test_the_table_is_the_designed_one() -> None:
    table = properties("Table")

    assert table["KeySchema"] == [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_no_workflow_is_live_at_first() -> None:
    assert Live.parse(properties("LiveParameter")["Value"]) == Live()
