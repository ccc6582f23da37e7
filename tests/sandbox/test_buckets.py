"""Buckets that keep versions and announce their objects, as that of the uploads does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.awslambda.models import LambdaFunction

from happypath.sandbox.sandbox import Sandbox
from tests.roles import make_role
from tests.sandbox.test_host import archive


def test_a_bucket_is_emptied_version_by_version(sandbox: Sandbox) -> None:
    s3 = sandbox.client("s3")
    bucket = {"Bucket": "buckets-versions"}
    s3.create_bucket(**bucket)
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        **bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    for body in (b"1", b"2"):
        s3.put_object(**bucket, Key="place/photo.jpg", Body=body)
    s3.delete_object(**bucket, Key="place/photo.jpg")

    # Last of all goes the delete marker, which has neither a size nor an ETag to be announced with.
    found = s3.list_object_versions(**bucket)
    for each in [*found["Versions"], *found["DeleteMarkers"]]:
        s3.delete_object(**bucket, Key=each["Key"], VersionId=each["VersionId"])
    s3.delete_bucket(**bucket)
    assert bucket["Bucket"] not in {each["Name"] for each in s3.list_buckets()["Buckets"]}


def test_a_function_is_notified_asynchronously(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    s3, functions = sandbox.client("s3"), sandbox.client("lambda")
    role = make_role(sandbox.client("iam"), "notified", trusts=["lambda"])
    arn = functions.create_function(
        FunctionName="notified",
        Role=role,
        Handler="work.handler",
        Runtime="python3.13",
        Code={"ZipFile": archive("def handler(event, context): return event")},
    )["FunctionArn"]
    functions.add_permission(
        FunctionName="notified",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::buckets-notified",
    )
    s3.create_bucket(Bucket="buckets-notified")
    s3.put_bucket_notification_configuration(
        Bucket="buckets-notified",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    came = []

    def invoke(_: Any, body: str, request_headers: dict[str, str], _response: Any) -> bytes:
        came.append((json.loads(body)["Records"][0]["s3"]["object"]["key"], request_headers))
        raise RuntimeError("of the test: the writer must not hear of it")

    monkeypatch.setattr(LambdaFunction, "invoke", invoke)
    s3.put_object(Bucket="buckets-notified", Key="place/photo.jpg", Body=b"1")
    assert came == [("place/photo.jpg", {"X-Amz-Invocation-Type": "Event"})]
    s3.delete_object(Bucket="buckets-notified", Key="place/photo.jpg")
    s3.delete_bucket(Bucket="buckets-notified")
    functions.delete_function(FunctionName="notified")
