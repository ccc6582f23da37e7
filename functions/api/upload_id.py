"""The ids that the API gives to uploads: each is the key of its object, and says for whom it was made.

    <folder>/<expiry><random><seal>-<name of the file>

`expiry` is when the form is no longer taken, in seconds of Unix's time: newer photos of a place have
greater ids. The seal is over all of it and the person who asked. So nobody can make an id up, and a published
address, which has it in it, tells nobody whose photo it is. No two are the same, be they one person's.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from functions.api.request import Caller
from functions.api.seal import SEAL_BYTES, is_sealed, seal

_RANDOM_BYTES = 6
_SHAPE = re.compile(
    rf"(?P<folder>.+)/(?P<expiry>[0-9a-f]{{8}})(?P<random>[0-9a-f]{{{2 * _RANDOM_BYTES}}})"
    rf"(?P<seal>[0-9a-f]{{{2 * SEAL_BYTES}}})-(?P<file>[^/]+)"
)


def issue(folder: str, file_name: str, caller: Caller, expires: datetime, seal_key: str) -> str:
    """A new id; `folder` is a place, or a person's own folder in one."""
    expiry, random = f"{int(expires.timestamp()):08x}", secrets.token_hex(_RANDOM_BYTES)
    sealed = seal(seal_key, *_parts(caller, folder, expiry, random, file_name))
    return f"{folder}/{expiry}{random}{sealed.hex()}-{file_name}"


def expiry(upload_id: str, caller: Caller, seal_key: str) -> datetime | None:
    """When the form of an id expires; None of an id that was not made for this caller."""
    found = _SHAPE.fullmatch(upload_id)
    if found is None:
        return None
    parts = _parts(caller, found["folder"], found["expiry"], found["random"], found["file"])
    if not is_sealed(seal_key, bytes.fromhex(found["seal"]), *parts):
        return None
    return datetime.fromtimestamp(int(found["expiry"], 16), UTC)


def _parts(caller: Caller, *parts: str) -> tuple[str, ...]:
    return ("upload", *(caller.person or ()), *parts)
