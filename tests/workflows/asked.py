"""Reviews in the sandbox that no workflow asked for: of a photo of which no event tells."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from functions.ingest.record import timestamp, utc_now
from happypath.operations.installation import Installation
from tests.waiting import ended, until

SEEN = {
    "score": 0.62,
    "publish_from": 0.85,
    "refuse_below": 0.4,
    "signals": [
        {"name": "words", "score": 0.2, "confidence": 91.5, "reason": "FORBIDDEN_WORDS", "detail": {}}
    ],
    "faces": [{"name": "Face", "confidence": 99.0, "left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}],
}
_RULES = {"reminder_s": 3600, "expiry_s": 86400, "on_expiry": "refuse"}


@dataclass(frozen=True)
class Asked:
    """A review that waits: its id, its execution, the key of its upload, and the token that wakes it."""

    id: str
    arn: str
    key: str
    token: str

    def decision(self, installation: Installation) -> Any:
        """What its execution gives to the workflow that asked, which then records it."""
        described = ended(installation.client("stepfunctions"), self.arn)
        assert described["status"] == "SUCCEEDED", described
        installation.client("dynamodb").update_item(
            TableName=installation.core["Table"],
            Key={"PK": {"S": "workflow"}, "SK": {"S": self.key}},
            UpdateExpression="SET objStatus = :status, reason = :reason",
            ExpressionAttributeValues={":status": {"S": "REJECTED"}, ":reason": {"S": "A_TEST_ASKED"}},
        )
        return json.loads(described["output"])


def ask(
    installation: Installation,
    key: str,
    photo: bytes,
    name: str,
    seen: Any = None,
    *,
    versioned: bool = True,
    **rules: Any,
) -> Asked:
    """Has a photo reviewed, under a name that no other execution has → the review, once it waits."""
    s3, bucket = installation.client("s3"), installation.core["UploadBucket"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    try:
        version = s3.put_object(Bucket=bucket, Key=key, Body=photo)["VersionId"]
    finally:
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    place_id, _, upload_id = key.partition("/")
    machine = next(
        each["stateMachineArn"]
        for page in installation.client("stepfunctions").get_paginator("list_state_machines").paginate()
        for each in page["stateMachines"]
        if each["name"] == f"{installation.prefix}-review"
    )
    asking = f"{machine.replace(':stateMachine:', ':execution:').removesuffix('review')}ad:{name}"
    record = {
        "PK": "workflow",
        "SK": key,
        "objStatus": "RECEIVED",
        "bucket": bucket,
        "key": key,
        "placeId": place_id,
        "version": version,
        "workflow": "ad",
        "executionArn": asking,
        "receivedAt": timestamp(utc_now()),
    }
    dynamodb, table = installation.client("dynamodb"), installation.core["Table"]
    dynamodb.put_item(TableName=table, Item={each: {"S": value} for each, value in record.items()})
    detail = {
        "bucket": bucket,
        "key": key,
        "placeId": place_id,
        "ID": upload_id,
        # As in a bucket without versions.
        "version": version if versioned else None,
        "record": key,
        "workflow": "ad",
    }
    asked = {
        "detail": detail,
        "executionArn": asking,
        "seen": SEEN if seen is None else seen,
        "rules": {**_RULES, **rules},
    }
    arn = installation.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=name, input=json.dumps(asked)
    )["executionArn"]

    def token() -> Any:
        found = dynamodb.get_item(TableName=table, Key={"PK": {"S": "review"}, "SK": {"S": name}})
        return found.get("Item", {}).get("token", {}).get("S")

    return Asked(name, arn, key, until(token, f"the review {name} waits"))
