"""Signed addresses: by HMAC-SHA256 over the path and the time until which they hold.

A signature is for one path, so that none is of use for another photo or size.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

_EXPIRES = re.compile(r"[1-9]\d{9,10}", re.ASCII)


def sign(path: str, expires: int, key: bytes) -> str:
    """The signature of a path, encoded, that holds until a time in seconds since 1970."""
    text = f"{expires}\n{path}".encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest()


def query(path: str, expires: int, key: bytes) -> str:
    """What a signed address has after its path.

    >>> query("/i/inside,600x/park/a.jpg", 1800000000, b"key")[:40]
    'expires=1800000000&signature=6e9e5de4711'
    """
    return f"expires={expires}&signature={sign(path, expires, key)}"


def holds(path: str, expires: str, signature: str, keys: Iterable[bytes], now: float) -> bool:
    """Whether a signature is that of the path by one of the keys, and has not expired.

    Each key is tried, whichever fits, and compared in constant time.
    """
    if not _EXPIRES.fullmatch(expires) or not signature.isascii():
        return False
    fits = [hmac.compare_digest(sign(path, int(expires), key), signature) for key in keys]
    return any(fits) and now < int(expires)
