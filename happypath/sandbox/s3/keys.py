"""KMS keys that objects are encrypted with: which one a text names, and whether it can be used."""

from __future__ import annotations

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.kms.models import kms_backends
from moto.s3.exceptions import S3ClientError


def usable_key(key_id: str, region: str) -> str:
    """The ARN of a key by its id, its ARN or an alias.

    Raises:
        S3ClientError: there is no such key in the bucket's region, or it is disabled or about to be deleted.
    """
    backend = kms_backends[DEFAULT_ACCOUNT_ID][region]
    own = f"arn:aws:kms:{region}:{DEFAULT_ACCOUNT_ID}:"
    name = key_id.removeprefix(own)
    alias = name.startswith("alias/")
    known = backend.get_key_id_from_alias(name) if alias else name.removeprefix("key/")
    key = None if name.startswith("arn:") else backend.keys.get(known or "")
    if key is None:
        arn = key_id if key_id.startswith("arn:") else own + (name if alias else f"key/{known}")
        message = f"Alias {arn} is not found." if alias else f"Key '{arn}' does not exist"
        raise _of_kms("NotFoundException", message)
    if key.key_state == "PendingDeletion":
        raise _of_kms("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if not key.enabled:
        raise _of_kms("DisabledException", f"{key.arn} is disabled.")
    return str(key.arn)


def _of_kms(code: str, message: str) -> S3ClientError:
    """An error of KMS as S3 hands it on: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html."""
    return S3ClientError(f"KMS.{code}", message)
