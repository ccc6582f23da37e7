"""Other UIDs for those of a study: always the same for the same, and nobody can tell which were there.

They are made with a key, so that nobody who guesses a UID can confirm the guess, and so that all files of one
study that an installation takes, today or next year, still belong together afterwards.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import TypeAlias

from functions.platform.aws import client

# The replacement of a UID.
Pseudonym: TypeAlias = Callable[[str], str]
# Whatever is asked of the key later must differ from it.
_PURPOSE = b"happypath redact-dicom: UIDs"


def installation_secret(key_id: str) -> bytes:
    """What an installation's HMAC key makes of our purpose: a secret that never changes.

    https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: KMS throttles, fails or refuses.
    """
    answer = client("kms").generate_mac(KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=_PURPOSE)
    return bytes(answer["Mac"])


def pseudonyms(secret: bytes) -> Pseudonym:
    """Makes a UID of a UID: `2.25.` and a number of 128 bits, as those that are made of UUIDs.

    https://dicom.nema.org/medical/dicom/current/output/chtml/part05/sect_B.2.html

    >>> pseudonyms(b"secret")("1.2.3") == pseudonyms(b"secret")("1.2.3") != pseudonyms(b"other")("1.2.3")
    True
    """

    def replacement(uid: str) -> str:
        digest = hmac.new(secret, uid.strip("\0 ").encode(), hashlib.sha256).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"

    return replacement
