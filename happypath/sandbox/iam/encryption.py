"""What S3 asks of a KMS key for its caller: `kms:GenerateDataKey` to write an object, `kms:Decrypt` to read.

It asks for customers' own keys. The key that S3 brings along (`aws/s3`) admits whoever may use the bucket.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from happypath.sandbox.iam import lookups
from happypath.sandbox.iam.needs import Need

_PARTITION = "aws"
_DECRYPT = "kms:Decrypt"
_GENERATE = "kms:GenerateDataKey"
_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
HEADERS = (_ALGORITHM, _KEY, _BUCKET_KEY)


def of_reading(bucket: str, key: str, version: str | None = None) -> Iterator[Need]:
    """What reading an object needs; nothing, where there is none."""
    found = _object(bucket, key, version)
    if found is not None and _is_kms(found.encryption):
        yield from _needs((_DECRYPT,), bucket, key, found.kms_key_id, found.bucket_key_enabled)


def of_objects(needed: Iterable[Need]) -> Iterator[Need]:
    """What the objects need that another service reads with the caller's rights."""
    for need in needed:
        if need.action in {"s3:GetObject", "s3:GetObjectVersion"} and need.resource:
            bucket, _, key = need.resource.removeprefix("arn:aws:s3:::").partition("/")
            for found in of_reading(bucket, key, next(iter(need.context.get("s3:versionid", ())), None)):
                yield replace(found, otherwise=need.otherwise)


def of_checksum(bucket: str, key: str, version: str | None = None) -> Iterator[Need]:
    """What a HEAD that asks for the checksum needs: the checksum is encrypted, too."""
    found = _object(bucket, key, version)
    if found is not None and getattr(found, "checksum_algorithm", None):
        yield from of_reading(bucket, key, version)


def of_writing(bucket: str, key: str, headers: Mapping[str, str]) -> Iterator[Need]:
    """What writing an object needs; `headers`, in lower case, may name another key than the bucket's."""
    rule = ((_bucket(bucket) or _NONE).encryption or {}).get("Rule", {})
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    algorithm = headers.get(_ALGORITHM)
    if _is_kms(algorithm or default.get("SSEAlgorithm")):
        # Who names the algorithm and no key means the key that S3 brings along, whatever the bucket's is.
        key_id = headers.get(_KEY) or (None if algorithm else default.get("KMSMasterKeyID"))
        by_bucket = headers.get(_BUCKET_KEY) or rule.get("BucketKeyEnabled")
        yield from _needs((_GENERATE,), bucket, key, key_id, by_bucket)


def of_parts(bucket: str, key: str, upload_id: str, *, completes: bool) -> Iterator[Need]:
    """What a part of an upload needs, and its end, for which S3 reads the parts."""
    upload = (_bucket(bucket) or _NONE).multiparts.get(upload_id)
    if upload is None:
        return
    if not _is_kms(upload.sse_encryption):
        # It was begun without a word of it: the bucket's default holds.
        found = [need.resource for need in of_writing(bucket, key, {})]
        key_id = found[0] if found else None
    else:
        key_id = upload.kms_key_id
    yield from _needs((_DECRYPT,) if completes else (_GENERATE, _DECRYPT), bucket, key, key_id, None)


class _None:
    """A bucket that there is not."""

    encryption = None
    multiparts: Mapping[str, Any] = {}


_NONE = _None()


def _bucket(name: str) -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID][_PARTITION].buckets.get(name)


def _object(bucket: str, key: str, version: str | None) -> Any:
    held = _bucket(bucket)
    versions = held.keys.getlist(key, []) if held is not None else []
    if version is not None:
        versions = [each for each in versions if str(each.version_id) == version]
    # A delete marker has no encryption.
    return versions[-1] if versions and hasattr(versions[-1], "encryption") else None


def _is_kms(algorithm: str | None) -> bool:
    return algorithm in {"aws:kms", "aws:kms:dsse"}


def _needs(
    actions: tuple[str, ...], bucket: str, key: str, key_id: str | None, by_bucket: Any
) -> Iterator[Need]:
    region = getattr(_bucket(bucket), "region_name", "us-east-1")
    arn = lookups.customers_key_arn(key_id, region) if key_id else None
    if arn is None:
        return
    own = f"arn:aws:s3:::{bucket}" if str(by_bucket).lower() == "true" else f"arn:aws:s3:::{bucket}/{key}"
    context = {
        "aws:viaawsservice": ("true",),
        "kms:calleraccount": (DEFAULT_ACCOUNT_ID,),
        "kms:encryptioncontext:aws:s3:arn": (own,),
        "kms:encryptioncontextkeys": ("aws:s3:arn",),
        "kms:viaservice": (f"s3.{region}.amazonaws.com",),
    }
    for action in actions:
        yield Need(action, arn, context)
