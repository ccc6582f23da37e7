"""Whether an uploaded object is there, as S3 says now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from functions.platform.aws import client

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef


def found(bucket: str, key: str, version_id: str | None) -> HeadObjectOutputTypeDef | None:
    """The head of a version; None when it is gone, or when a delete marker is its key's current version.

    Without a version, that of the current one.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: S3 throttles, fails, refuses or cannot be reached.
    """
    current = head(bucket, key)
    if current is None or version_id in {None, current.get("VersionId")}:
        return current
    return head(bucket, key, version_id)


def head(bucket: str, key: str, version_id: str | None = None) -> HeadObjectOutputTypeDef | None:
    """The object's head, None when it is not there. S3 says so only to those who may list the bucket.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: as `found`.
    """
    try:
        if version_id is None:
            return client("s3").head_object(Bucket=bucket, Key=key)
        return client("s3").head_object(Bucket=bucket, Key=key, VersionId=version_id)
    except ClientError as error:
        # 405: the version is a delete marker.
        if http_status(error) in {404, 405}:
            return None
        raise


def http_status(error: ClientError) -> int:
    """The status of the answer that an error came in."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
