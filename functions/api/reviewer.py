"""Who may decide reviews by the API: people of a group, and none of them about a photo of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from functions.api import upload_id as ids
from functions.api.request import Caller, HttpEvent, RequestError


def reviewer(event: HttpEvent, caller: Caller, *, claim: str, groups: Collection[str]) -> str:
    """The subject of a token whose claim names one of these groups.

    Raises:
        RequestError: it names none of them, or the caller has no token (403).
    """
    if caller.person is None or not _groups(
        event["requestContext"]["authorizer"]["jwt"]["claims"], claim
    ) & set(groups):
        raise RequestError(403, "You may not decide about photos.")
    return caller.person[1]


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


def _groups(claims: Mapping[str, str], name: str) -> set[str]:
    """API Gateway makes a text of a list: `[a b]`.

    >>> _groups({"groups": "[editors reviewers]"}, "groups") == {"editors", "reviewers"}
    True
    >>> _groups({"role": "reviewers"}, "role"), _groups({}, "role")
    ({'reviewers'}, set())
    """
    value = claims.get(name, "")
    if value.startswith("[") and value.endswith("]"):
        return set(value[1:-1].split())
    return {value} - {""}
