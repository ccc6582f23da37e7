"""Where renditions are published: each by the execution that owns the upload's record, and no other.

The keys of renditions have no version. An execution that is slow, while a newer upload of the same key is
published, would put the older photo in the newer one's place. So the record is asked before anything is
written, and S3 gets the condition of what may be replaced: nothing, or what lay there before the record was
asked. A newer execution owns the record before it writes. So an older one that asked before that fails its
conditional write, and one that asks later sees that it lost the record. In a race the newer photo stays.

What was written by an execution that lost the record in between is removed once that has ended
(`functions.ingest.start_execution.clear`).

S3 compares contents, not writers. So one case is left: a photo is published, replaced, and the very same
photo uploaded again, all while the execution of the second waits between its question and its write.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TypeAlias

from botocore.exceptions import ClientError

from functions.ingest.record import PARTITION
from functions.platform.aws import ServiceUnavailableError, client
from functions.platform.observability import logger
from functions.upload import Upload

# As what renditions are served, by the extensions of their keys: nothing that a browser would run.
_MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "dcm": "application/dicom",
}
# The keys stay the same when a photo is uploaded again, so caches must ask again before long.
_CACHE_CONTROL = "public, max-age=3600"
# Each further try means that somebody else wrote in between.
_TRIES = 5
# It lies there already, another request is writing it, and what was to be replaced is gone.
_NOT_AS_SEEN = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}

# An argument of PutObject: what must lie at the key.
Condition: TypeAlias = Mapping[str, str]
_NOTHING: Condition = {"IfNoneMatch": "*"}


def media_type(key: str) -> str:
    """As what a rendition is served, by the extension of its key.

    >>> media_type("park/picnic.jpg/redacted.webp")
    'image/webp'

    Raises:
        ValueError: nothing is published under such an extension.
    """
    extension = key.rpartition(".")[2]
    if extension not in _MEDIA_TYPES:
        raise ValueError(f"Nothing is published as {extension!r}: choose among {', '.join(_MEDIA_TYPES)}.")
    return _MEDIA_TYPES[extension]


def publish(
    upload: Upload, execution_arn: str, files: Mapping[str, bytes | Path], *, bucket: str, table_name: str
) -> bool:
    """Writes files by their keys; False, and no more is written, when the record is not this execution's.

    Those on disk are not read into memory.

    Repeated by the same execution, it writes the same again.

    Raises:
        ValueError: a key has an extension that nothing is published under (`media_type`).
        ServiceUnavailableError: others kept writing the same keys.
        botocore.exceptions.ClientError, BotoCoreError: a call to S3 or DynamoDB failed.
    """
    # Nearly always nothing is there, which costs no request to assume: S3 looks when it writes.
    waiting = dict.fromkeys(files, _NOTHING)
    for _ in range(_TRIES):
        if not _owns(upload, execution_arn, table_name):
            logger.info("the record is a newer upload's, or its photo was deleted")
            return False
        waiting = {
            key: found
            for key, condition in waiting.items()
            if (found := _put(bucket, key, files[key], condition))
        }
        if not waiting:
            return True
    raise ServiceUnavailableError(
        f"{', '.join(waiting)} changed {_TRIES} times while they were to be written."
    )


def _put(bucket: str, key: str, file: bytes | Path, condition: Condition) -> Condition | None:
    """Writes a file if the condition holds; if not, returns the condition that holds now."""
    with nullcontext(file) if isinstance(file, bytes) else file.open("rb") as body:
        return _put_body(bucket, key, body, condition)


def _put_body(bucket: str, key: str, body: bytes | IO[bytes], condition: Condition) -> Condition | None:
    try:
        client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType=media_type(key),
            CacheControl=_CACHE_CONTROL,
            **condition,  # type: ignore[arg-type]  # mypy cannot see the keys
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_AS_SEEN:
            raise
        return _as_it_lies(bucket, key)
    return None


def remove(keys: Iterable[str], *, bucket: str) -> None:
    """Removes renditions; those that are not there do not matter.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call to S3 failed.
    """
    for key in keys:
        client("s3").delete_object(Bucket=bucket, Key=key)


def _owns(upload: Upload, execution_arn: str, table_name: str) -> bool:
    answer = client("dynamodb").get_item(
        TableName=table_name,
        Key={"PK": {"S": PARTITION}, "SK": {"S": upload.record}},
        ProjectionExpression="executionArn, objStatus",
        ConsistentRead=True,
    )
    record = {name: value.get("S") for name, value in answer.get("Item", {}).items()}
    return record.get("executionArn") == execution_arn and record.get("objStatus") != "DELETED"


def _as_it_lies(bucket: str, key: str) -> Condition:
    """The condition that a key still holds what it holds now."""
    try:
        return {"IfMatch": client("s3").head_object(Bucket=bucket, Key=key)["ETag"]}
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return _NOTHING
