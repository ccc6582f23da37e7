"""Objects under a KMS key of one's own: S3 asks the key for whoever writes and reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests

from happypath.sandbox import iam
from happypath.sandbox.account import ACCOUNT_ID, REGION
from happypath.sandbox.iam.enforcement import access_key
from happypath.sandbox.sandbox import Sandbox
from tests.roles import document, make_role

BUCKET = "under-a-key"
ROLE = "uses-the-key"
OBJECTS = {
    "Effect": "Allow",
    "Action": ["s3:GetObject*", "s3:PutObject", "s3:ListBucket", "rekognition:*", "s3:PutObjectTagging"],
    "Resource": "*",
}


def allowed(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [f"kms:{each}" for each in actions], "Resource": "*", **more}


@pytest.fixture(scope="module")
def key(sandbox: Sandbox) -> str:
    arn = str(sandbox.client("kms").create_key()["KeyMetadata"]["Arn"])
    sandbox.client("kms").create_alias(AliasName="alias/of-uploads", TargetKeyId=arn)
    return arn


@pytest.fixture(scope="module")
def bucket(sandbox: Sandbox, key: str) -> Iterator[str]:
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=BUCKET, Key="there", Body=b"data", ChecksumAlgorithm="SHA256")
    yield BUCKET
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=each["Key"])
    s3.delete_bucket(Bucket=BUCKET)


def acting(sandbox: Sandbox, service: str, *statements: dict[str, Any]) -> Any:
    role = make_role(sandbox.client("iam"), ROLE, OBJECTS, *statements)
    return boto3.client(
        service,  # type: ignore[call-overload]  # any
        endpoint_url=sandbox.endpoint,
        region_name=REGION,
        aws_access_key_id=access_key(iam.RoleSession(role, "session")),
        aws_secret_access_key="sandbox",
    )


def upload_in_parts(s3: Any) -> None:
    upload = {"Bucket": BUCKET, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})


DOES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "get": (lambda s3: s3.get_object(Bucket=BUCKET, Key="there"), ("Decrypt",)),
    "head with the checksum": (
        lambda s3: s3.head_object(Bucket=BUCKET, Key="there", ChecksumMode="ENABLED"),
        ("Decrypt",),
    ),
    "put": (lambda s3: s3.put_object(Bucket=BUCKET, Key="new", Body=b"x"), ("GenerateDataKey",)),
    "put under a key that is named": (
        lambda s3: s3.put_object(
            Bucket=BUCKET,
            Key="new",
            Body=b"x",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId="alias/of-uploads",
        ),
        ("GenerateDataKey",),
    ),
    "copy": (
        lambda s3: s3.copy_object(Bucket=BUCKET, Key="new", CopySource=f"{BUCKET}/there"),
        ("Decrypt", "GenerateDataKey"),
    ),
    "parts": (upload_in_parts, ("Decrypt", "GenerateDataKey")),
}


@pytest.mark.parametrize("name", DOES)
def test_each_right_to_the_key_is_needed(sandbox: Sandbox, bucket: str, key: str, name: str) -> None:
    do, actions = DOES[name]
    for lacking in actions:
        s3 = acting(sandbox, "s3", allowed(*(each for each in actions if each != lacking), "ListKeys"))
        with pytest.raises(s3.exceptions.ClientError) as raised:
            do(s3)
        error = raised.value.response
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 403
        if name != "head with the checksum":  # it has no body
            assert error["Error"]["Code"] == "AccessDenied"
            assert f"kms:{lacking} on resource: {key} because no identity" in error["Error"]["Message"]
    do(acting(sandbox, "s3", allowed(*actions)))


def test_what_is_not_encrypted_under_the_key_needs_no_right_to_it(sandbox: Sandbox, bucket: str) -> None:
    s3 = acting(sandbox, "s3")
    s3.head_object(Bucket=bucket, Key="there")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="other", Body=b"x", ServerSideEncryption="aws:kms")
    s3.list_objects_v2(Bucket=bucket)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="nowhere")


@pytest.mark.parametrize(
    ("by_bucket", "context"), [(False, f"arn:aws:s3:::{BUCKET}/there"), (True, f"arn:aws:s3:::{BUCKET}")]
)
def test_conditions_see_that_s3_asks_and_for_what(
    sandbox: Sandbox, bucket: str, key: str, by_bucket: bool, context: str
) -> None:
    sandbox.client("s3").put_object(
        Bucket=bucket,
        Key="there",
        Body=b"data",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
        BucketKeyEnabled=by_bucket,
        ChecksumAlgorithm="SHA256",
    )
    condition = {
        "kms:ViaService": f"s3.{REGION}.amazonaws.com",
        "kms:CallerAccount": ACCOUNT_ID,
        "kms:EncryptionContext:aws:s3:arn": context,
    }
    decrypt = allowed("Decrypt", Condition={"StringEquals": condition})
    assert acting(sandbox, "s3", decrypt).get_object(Bucket=bucket, Key="there")["Body"].read() == b"data"
    # Nobody but S3 may ask.
    kms = acting(sandbox, "kms", decrypt)
    blob = sandbox.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(kms.exceptions.ClientError, match="kms:Decrypt"):
        kms.decrypt(CiphertextBlob=blob, KeyId=key)
    elsewhere = {**condition, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    s3 = acting(sandbox, "s3", allowed("Decrypt", Condition={"StringEquals": elsewhere}))
    with pytest.raises(s3.exceptions.ClientError, match="kms:Decrypt"):
        s3.get_object(Bucket=bucket, Key="there")


def test_the_keys_own_policy_decides(sandbox: Sandbox, bucket: str, key: str) -> None:
    kms = sandbox.client("kms")
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    nobody = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "kms:*",
        "Resource": "*",
    }
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(nobody))
    try:
        s3 = acting(sandbox, "s3", allowed("*"))
        with pytest.raises(
            s3.exceptions.ClientError, match="because no resource-based policy allows the kms"
        ):
            s3.get_object(Bucket=bucket, Key="there")
    finally:
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)


def test_a_form_and_a_signed_address_have_their_signers_rights(sandbox: Sandbox, bucket: str) -> None:
    for statements, status in (((), 403), ((allowed("GenerateDataKey"),), 204)):
        s3 = acting(sandbox, "s3", *statements)
        form = s3.generate_presigned_post(bucket, "form")
        sent = requests.post(form["url"], form["fields"], files={"file": b"x"}, timeout=30)
        assert sent.status_code == status, sent.text
    s3 = acting(sandbox, "s3")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "form"})
    assert "kms:Decrypt" in requests.get(url, timeout=30).text


def test_rekognition_reads_with_its_callers_rights_to_the_key(sandbox: Sandbox, bucket: str) -> None:
    for statements in ((), (allowed("Decrypt"),)):
        rekognition = acting(sandbox, "rekognition", *statements)
        with pytest.raises(rekognition.exceptions.ClientError) as raised:
            rekognition.detect_labels(Image={"S3Object": {"Bucket": bucket, "Name": "there"}})
        # With the right it sees that this is no picture.
        expected = "InvalidImageFormatException" if statements else "InvalidS3ObjectException"
        assert raised.value.response["Error"]["Code"] == expected


def test_a_distribution_needs_the_key_to_admit_it(sandbox: Sandbox, key: str) -> None:
    core = next(
        each
        for each in sandbox.client("cloudformation").describe_stacks()["Stacks"]
        if each["StackName"] == f"{sandbox.prefix}-core"
    )
    outputs = {each["OutputKey"]: each["OutputValue"] for each in core["Outputs"]}
    s3, kms = sandbox.client("s3"), sandbox.client("kms")
    photo = {"Bucket": outputs["DistributionBucket"], "Key": "encrypted"}
    s3.put_object(**photo, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    url = f"{outputs['DistributionUrl']}/encrypted"
    assert requests.get(url, timeout=30).status_code == 403
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    cloudfront = {"Service": "cloudfront.amazonaws.com"}
    admits = allowed("Decrypt", Principal=cloudfront)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document(admits))
    assert requests.get(url, timeout=30).content == b"x"
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)
    s3.delete_object(**photo)
