"""Seals: what the API gives out and takes back, and nobody else can make, by a key that never leaves AWS KMS.

https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
"""

from __future__ import annotations

import hashlib
import hmac
import json

from functions.platform.aws import client

# A guess is right once in 2 to the 80, and each is a request to a throttled API.
SEAL_BYTES = 10


def seal(key_id: str, *parts: str) -> bytes:
    """The seal of these texts in this order.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: KMS throttles, fails or refuses.
    """
    # KMS takes 4,096 bytes.
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    answer = client("kms").generate_mac(KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=digest)
    return bytes(answer["Mac"])[:SEAL_BYTES]


def is_sealed(key_id: str, given: bytes, *parts: str) -> bool:
    """Whether a seal is that of these texts."""
    return hmac.compare_digest(seal(key_id, *parts), given)
