"""The cursors of lists: where the next page begins, sealed together with what the list is of.

So a cursor is good for the list that it was given out for, and nobody can make one up.
"""

from __future__ import annotations

import base64
import binascii

from functions.api.request import bad_fields
from functions.api.seal import SEAL_BYTES, is_sealed, seal


def issue(seal_key: str, last: str, *of: str) -> str:
    """The cursor of the page that begins behind `last`, in the list that these texts tell from others."""
    return base64.urlsafe_b64encode(seal(seal_key, "cursor", *of, last) + last.encode()).decode()


def opened(seal_key: str, cursor: str, *of: str, kind: str) -> str:
    """Behind what a page begins.

    Raises:
        RequestError: it was not given out for this list, which is called a `kind`.
    """
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
        given, last = raw[:SEAL_BYTES], raw[SEAL_BYTES:].decode()
    except (binascii.Error, ValueError):
        given, last = b"", ""
    if not last or not is_sealed(seal_key, given, "cursor", *of, last):
        raise bad_fields({"cursor": f"cursor was not given out for this {kind}."})
    return last
