"""Who may not decide a review by the API, whatever groups they are in: people about a photo of their own."""

from __future__ import annotations

from collections.abc import Collection

from functions.api import upload_id as ids
from functions.api.request import Caller, RequestError


def check_not_own(key: str, caller: Caller, *, seal_key: str, own_folders: Collection[str]) -> None:
    """Nobody decides about an upload that they asked for, nor about what lies in a folder of their own.

    Raises:
        RequestError: it is the caller's own (403).
    """
    place_id, _, rest = key.partition("/")
    is_in_own = (
        place_id in own_folders and caller.person is not None and rest.startswith(f"{caller.person[1]}/")
    )
    if is_in_own or ids.expiry(key, caller, seal_key) is not None:
        raise RequestError(403, "This photo is your own: somebody else decides about it.")
