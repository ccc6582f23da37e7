"""Uploads that come by other ways than EventBridge, and a bucket that pages of named origins may write to."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from happypath.operations.installation import Installation
from happypath.project import ROOT
from happypath.sandbox.sandbox import Sandbox
from tests.waiting import until
from tests.workflows.api import Person, send
from tests.workflows.statements import Deployed, statements

ORIGIN = "https://www.example.com"


def _admitting_s3(topic: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.timeout(120)
def test_an_upload_is_run_that_s3_reports_to_a_topic_or_to_the_queue() -> None:
    with Sandbox(prefix="by-topic") as sandbox:
        sns, s3 = sandbox.client("sns"), sandbox.client("s3")
        topic = sns.create_topic(Name="incoming")["TopicArn"]
        sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=_admitting_s3(topic))
        sandbox.deploy("core", {"UploadTopicArn": topic, "UploadOrigins": ORIGIN})
        sandbox.deploy("v1")
        installation = Installation(sandbox.client, sandbox.prefix)
        installation.set_live("v1")
        bucket = installation.core["UploadBucket"]
        (rule,) = s3.get_bucket_cors(Bucket=bucket)["CORSRules"]
        assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == ([ORIGIN], ["PUT", "POST"])

        sqs = sandbox.client("sqs")
        queue = sqs.get_queue_url(QueueName="by-topic-uploads")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{queue.rpartition('/')[2]}"
        (subscription,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        # What is deleted comes the same way: it is no upload, and no failure.
        all_of_them = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
        by_topic = {"TopicConfigurations": [{"TopicArn": topic, "Events": all_of_them}]}
        photo = (ROOT / "samples" / "photos" / "coffee.jpg").read_bytes()
        for name, raw, by in (
            ("topic", False, by_topic),
            ("topic, raw", True, by_topic),
            ("queue", False, {"QueueConfigurations": [{"QueueArn": arn, "Events": all_of_them}]}),
        ):
            sns.set_subscription_attributes(
                SubscriptionArn=subscription["SubscriptionArn"],
                AttributeName="RawMessageDelivery",
                AttributeValue=str(raw).lower(),
            )
            # Without EventBridge.
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=by)
            key = f"park/by {name} + ü.jpg"
            s3.put_object(Bucket=bucket, Key=key, Body=photo)
            assert _outcome(installation, key) == "PROCESSED"
            s3.delete_object(Bucket=bucket, Key=key)
        until(lambda: _waiting(sqs, queue) == 0, "all is handled")
        assert _waiting(sqs, installation.core["DeadLetterQueue"]) == 0
        lines = [
            each["message"]
            for each in sandbox.client("logs").filter_log_events(
                logGroupName="/aws/lambda/by-topic-StartExecution"
            )["events"]
        ]
        told = [each for each in lines if "S3 notifies of ObjectRemoved:DeleteMarkerCreated" in each]
        assert len(told) == 3


@pytest.mark.timeout(120)
def test_uploads_under_a_key_of_ones_own_are_decrypted_as_the_policies_let_tasks() -> None:
    with Sandbox(prefix="by-key", retry_wait_scale=0.001) as sandbox:
        kms, s3 = sandbox.client("kms"), sandbox.client("s3")
        key_arn = kms.create_key()["KeyMetadata"]["Arn"]
        sandbox.deploy("core", {"UploadKeyArn": key_arn})
        sandbox.deploy("v2")
        sandbox.deploy("api")
        installation = Installation(sandbox.client, sandbox.prefix)
        installation.set_live("v2")
        bucket = installation.core["UploadBucket"]
        photo = (ROOT / "samples" / "photos" / "coffee.jpg").read_bytes()
        put = s3.put_object(Bucket=bucket, Key="park/a.jpg", Body=photo)
        assert (put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == (key_arn, True)
        # Rekognition reads it, and so do the tasks.
        assert _outcome(installation, "park/a.jpg") == "PROCESSED"
        url = installation.client("dynamodb").get_item(
            TableName=installation.core["Table"], Key={"PK": {"S": "park"}, "SK": {"S": "a.jpg"}}
        )["Item"]["tileURL"]["S"]
        assert requests.get(url, timeout=30).status_code == 200

        # Somebody uploads by a form that the API signs.
        person = Person(sandbox)
        form = person.ask(placeId="park", sizeBytes=len(photo)).json()
        (encrypts,) = [each for each in statements() if "kms:GenerateDataKey" in each.actions]
        with Deployed(installation).without(encrypts) as was_there:
            assert was_there
            assert "kms:GenerateDataKey" in send(form["form"], photo).text
        assert send(form["form"], photo).status_code == 204
        assert person.ended(form["uploadId"])["status"] == "PROCESSED"

        (decrypts,) = [each for each in statements() if "kms:Decrypt" in each.actions and each.conditional]
        with Deployed(installation).without(decrypts) as was_there:
            assert was_there
            s3.put_object(Bucket=bucket, Key="park/b.jpg", Body=photo)
            assert _outcome(installation, "park/b.jpg") == "FAILED"
        assert any(
            f"is not authorized to perform: kms:Decrypt on resource: {key_arn}" in each
            for each in sandbox.calls.denied
        )


def _waiting(sqs: Any, queue: str) -> int:
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    names = ("", "NotVisible", "Delayed")
    return sum(int(found[f"ApproximateNumberOfMessages{name}"]) for name in names)


def _outcome(installation: Installation, key: str) -> Any:
    def status() -> Any:
        record = installation.record(key)
        return record and record["objStatus"] != "RECEIVED" and record["objStatus"]

    return until(status, f"{key} has an outcome")
