"""What core promises: nothing is public, and no upload is lost on the way to its workflow."""

from __future__ import annotations

from typing import Any

import pytest

from functions.ingest.live import Live
from functions.upload import DRY_RUN
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


def test_only_the_distribution_reads_what_is_published() -> None:
    allowed, *rest = properties("DistributionBucketPolicy")["PolicyDocument"]["Statement"]

    assert allowed["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert allowed["Action"] == "s3:GetObject"
    assert allowed["Resource"] == {"Fn::Sub": "${DistributionBucket.Arn}/*"}
    (condition,) = allowed["Condition"]["StringEquals"].items()
    assert condition[0] == "aws:SourceArn"
    assert condition[1]["Fn::Sub"].endswith(":distribution/${Distribution}")
    assert [each["Effect"] for each in rest] == ["Deny"]
    assert [each["Effect"] for each in properties("UploadBucketPolicy")["PolicyDocument"]["Statement"]] == [
        "Deny"
    ]


def test_the_distribution_serves_the_bucket_over_https_and_by_its_own_signature() -> None:
    config = properties("Distribution")["DistributionConfig"]
    (origin,) = config["Origins"]

    assert origin["DomainName"] == {"Fn::GetAtt": ["DistributionBucket", "RegionalDomainName"]}
    assert origin["OriginAccessControlId"] == {"Ref": "OriginAccess"}
    control = properties("OriginAccess")["OriginAccessControlConfig"]
    assert (control["SigningBehavior"], control["SigningProtocol"]) == ("always", "sigv4")
    assert config["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    assert config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == {"Ref": "ResponseHeaders"}
    assert load("core")["Outputs"]["DistributionUrl"]["Value"] == {
        "Fn::If": ["HasPhotosUrl", {"Ref": "PhotosUrl"}, {"Fn::Sub": "https://${Distribution.DomainName}"}]
    }


def test_old_uploads_go_when_the_parameter_says_so() -> None:
    rules = {each["Id"]: each for each in properties("UploadBucket")["LifecycleConfiguration"]["Rules"]}

    old = rules["DropOldUploads"]
    assert old["Status"] == {"Fn::If": ["UploadsExpire", "Enabled", "Disabled"]}
    assert old["ExpirationInDays"]["Fn::If"][:2] == ["UploadsExpire", {"Ref": "KeepUploadsDays"}]
    # A name that begins so would go with the photos of comparisons.
    assert rules["DropShadows"]["Prefix"] == f"{DRY_RUN}/"
    # An expiration leaves the bytes, as a version that is no longer the current one.
    assert rules["DropShadows"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    later = rules["DropReplacedPhotos"]["NoncurrentVersionExpiration"]["NoncurrentDays"]
    assert f"go {later} days later" in load("core")["Parameters"]["KeepUploadsDays"]["Description"]


@pytest.mark.parametrize("name", ["UploadBucketPolicy", "DistributionBucketPolicy", "QueuePolicy"])
def test_nobody_gets_in_without_tls(name: str) -> None:
    *_, statement = properties(name)["PolicyDocument"]["Statement"]

    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}


def test_every_bucket_has_its_policy() -> None:
    policies = resources("core", "AWS::S3::BucketPolicy").values()

    assert {each["Properties"]["Bucket"]["Ref"] for each in policies} == BUCKETS


@pytest.mark.parametrize("name", [*sorted(BUCKETS), "Table", "CatalogueTable"])
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
                "object": {"key": [{"anything-but": {"prefix": f"{DRY_RUN}/"}}]},
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


def test_a_topic_may_send_to_the_queue_and_to_the_dead_letters_that_its_subscription_names() -> None:
    (admitted,) = [
        each["Fn::If"][1]
        for each in properties("QueuePolicy")["PolicyDocument"]["Statement"]
        if "Fn::If" in each
    ]
    dead_letters = properties("QueueSubscription")["RedrivePolicy"]["deadLetterTargetArn"]

    assert admitted["Principal"] == {"Service": "sns.amazonaws.com"}
    assert admitted["Resource"] == [{"Fn::GetAtt": ["Queue", "Arn"]}, dead_letters]


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


@pytest.mark.parametrize("name", ["Table", "CatalogueTable"])
def test_the_tables_are_the_designed_ones(name: str) -> None:
    table = properties(name)

    assert table["KeySchema"] == [
        {"AttributeName": "PK", "KeyType": "HASH"},
        {"AttributeName": "SK", "KeyType": "RANGE"},
    ]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Ref": "TableDeletionProtection"}


def test_no_workflow_is_live_at_first() -> None:
    assert Live.parse(properties("LiveParameter")["Value"]) == Live()


def test_deploying_core_again_leaves_alone_what_is_live() -> None:
    # A change of any property has CloudFormation write the value, too: every upload would wait from then on.
    assert properties("LiveParameter") == {
        "Name": {"Fn::Sub": "/${Prefix}/live"},
        "Description": "The live workflow: none, v4, or a split such as v3=90 v4=10.",
        "Type": "String",
        "Value": "none",
    }
