"""Uploads that come by other ways than EventBridge, and a bucket that pages of named origins may write to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from happypath.operations.installation import Installation
from happypath.project import ROOT
from happypath.sandbox.sandbox import Sandbox
from tests.waiting import until

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

        queue = sandbox.client("sqs").get_queue_url(QueueName="by-topic-uploads")["QueueUrl"]
        arn = f"arn:aws:sqs:us-east-1:123456789012:{queue.rpartition('/')[2]}"
        created = ["s3:ObjectCreated:*"]
        for name, by in {
            "topic": {"TopicConfigurations": [{"TopicArn": topic, "Events": created}]},
            "queue": {"QueueConfigurations": [{"QueueArn": arn, "Events": created}]},
        }.items():
            # Without EventBridge.
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=by)
            photo = (ROOT / "samples" / "photos" / "coffee.jpg").read_bytes()
            s3.put_object(Bucket=bucket, Key=f"park/{name}.jpg", Body=photo)
            assert _outcome(installation, f"park/{name}.jpg") == "PROCESSED"


def _outcome(installation: Installation, key: str) -> Any:
    def status() -> Any:
        record = installation.record(key)
        return record and record["objStatus"] != "RECEIVED" and record["objStatus"]

    return until(status, f"{key} has an outcome")
