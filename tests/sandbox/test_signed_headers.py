"""Signatures in the Authorization header: those of users and of sessions are S3's to check."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from happypath.sandbox.account import REGION
from happypath.sandbox.s3 import gate
from happypath.sandbox.sandbox import Sandbox
from tests.roles import ALL, document

BUCKET = "signed-headers"
KEY = "a/ü x+y%20&=.jpg"


@pytest.fixture(scope="module")
def keys(sandbox: Sandbox) -> Iterator[dict[str, dict[str, str]]]:
    """The access keys of a user and of a session of a role, as boto3 takes them."""
    iam, sts = sandbox.client("iam"), sandbox.client("sts")
    iam.create_user(UserName="signs")
    iam.put_user_policy(UserName="signs", PolicyName="all", PolicyDocument=document(ALL))
    key = iam.create_access_key(UserName="signs")["AccessKey"]
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="signs", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName="signs", PolicyName="all", PolicyDocument=document(ALL))
    session = sts.assume_role(RoleArn=role, RoleSessionName="signs")["Credentials"]
    sandbox.client("s3").create_bucket(Bucket=BUCKET)
    yield {
        "user": {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]},
        "session": {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        },
    }
    s3 = sandbox.client("s3")
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def client(sandbox: Sandbox, key: dict[str, str], **changed: str) -> Any:
    given: dict[str, Any] = {**key, **changed}
    return boto3.client("s3", endpoint_url=sandbox.endpoint, region_name=REGION, **given)


@pytest.mark.parametrize("whose", ["user", "session"])
def test_what_boto3_signs_is_let_in(sandbox: Sandbox, keys: dict[str, dict[str, str]], whose: str) -> None:
    s3 = client(sandbox, keys[whose])
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"1", Metadata={"two": "a  b"}, ContentType="image/jpeg")
    # In chunks, whose checksum comes behind them.
    s3.upload_fileobj(io.BytesIO(b"2"), BUCKET, "chunks", ExtraArgs={"ChecksumAlgorithm": "SHA256"})
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": KEY})
    upload = {"Bucket": BUCKET, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"3")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})
    s3.put_object_tagging(Bucket=BUCKET, Key=KEY, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Metadata"] == {"two": "a  b"}
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="a/ü", Delimiter="&", StartAfter="a/")
    assert found["CommonPrefixes"] == [{"Prefix": "a/ü x+y%20&"}]
    s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "copy"}, {"Key": "chunks"}]})


@pytest.mark.parametrize("whose", ["user", "session"])
def test_another_secret_does_not_match(sandbox: Sandbox, keys: dict[str, dict[str, str]], whose: str) -> None:
    s3 = client(sandbox, keys[whose], aws_secret_access_key="another")
    with pytest.raises(s3.exceptions.ClientError) as raised:
        s3.put_object(Bucket=BUCKET, Key="no", Body=b"x")
    answer = raised.value.response
    assert answer["Error"]["Code"] == "SignatureDoesNotMatch"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "no" not in [
        each["Key"]
        for each in client(sandbox, keys[whose]).list_objects_v2(Bucket=BUCKET).get("Contents", [])
    ]


def signed(sandbox: Sandbox, key: dict[str, str], **headers: str) -> AWSRequest:
    request = AWSRequest("GET", f"{sandbox.endpoint}/{BUCKET}?max-keys=1", headers)
    credentials = Credentials(key["aws_access_key_id"], key["aws_secret_access_key"])
    S3SigV4Auth(credentials, "s3", REGION).add_auth(request)
    return request


def test_what_was_signed_is_what_is_sent(sandbox: Sandbox, keys: dict[str, dict[str, str]]) -> None:
    request = signed(sandbox, keys["user"])
    headers = dict(request.headers)

    def ask(query: str = "max-keys=1", **more: str) -> tuple[int, bool]:
        url = f"{sandbox.endpoint}/{BUCKET}?{query}"
        more_headers = {name.replace("_", "-"): value for name, value in more.items()}
        answer = requests.get(url, headers={**headers, **more_headers}, timeout=30)
        return (
            answer.status_code,
            b"not signed" in answer.content or b"SignatureDoesNotMatch" in answer.content,
        )

    assert ask() == (200, False)
    assert ask("max-keys=2") == (403, True)
    assert ask(x_amz_expected_bucket_owner="123456789012") == (403, True)
    assert ask(X_Amz_Content_SHA256="0" * 64) == (403, True)


def test_a_signature_of_another_time_is_refused(sandbox: Sandbox, keys: dict[str, dict[str, str]]) -> None:
    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(minutes=16)

    s3 = client(sandbox, keys["user"])
    with patch.object(gate, "datetime", Later), pytest.raises(s3.exceptions.ClientError) as raised:
        s3.list_objects_v2(Bucket=BUCKET)
    assert raised.value.response["Error"]["Code"] == "RequestTimeTooSkewed"
