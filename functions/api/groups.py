"""The groups of a person, as a token names them, and what they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from functions.api.request import Caller, HttpEvent, RequestError


def member(event: HttpEvent, caller: Caller, *, claim: str, groups: Collection[str], otherwise: str) -> str:
    """The subject of a token whose claim names one of these groups.

    Raises:
        RequestError: it names none of them, or the caller has no token (403, with the sentence `otherwise`).
    """
    if caller.person is None or not _groups(
        event["requestContext"]["authorizer"]["jwt"]["claims"], claim
    ) & set(groups):
        raise RequestError(403, otherwise)
    return caller.person[1]


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
