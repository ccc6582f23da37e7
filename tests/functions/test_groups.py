"""Whom a token has in a group, and whom not."""

from __future__ import annotations

from typing import Any

import pytest

from functions.api.groups import member
from functions.api.request import Caller, RequestError

GROUPS = ("reviewers", "chiefs")


def asked(claims: dict[str, Any] | None) -> tuple[dict[str, Any], Caller]:
    authorizer = (
        {"iam": {}} if claims is None else {"jwt": {"claims": {"iss": "https://x", "sub": "ann"} | claims}}
    )
    event = {"requestContext": {"authorizer": authorizer}}
    return event, Caller.of(event)


@pytest.mark.parametrize("value", ["reviewers", "[reviewers]", "[a chiefs]", "[a reviewers b]"])
def test_a_person_of_a_group_is_known_by_the_subject(value: str) -> None:
    event, caller = asked({"groups": value})
    assert member(event, caller, claim="groups", groups=GROUPS, otherwise="You may not.") == "ann"


@pytest.mark.parametrize(
    "claims",
    [
        None,
        {},
        {"groups": ""},
        {"groups": "[]"},
        {"groups": "[reviewers2 Reviewers]"},
        {"groups": "a reviewers"},
        {"groups": "[[reviewers]]"},
        {"role": "reviewers"},
    ],
)
def test_nobody_else_is_of_it(claims: dict[str, Any] | None) -> None:
    event, caller = asked(claims)
    with pytest.raises(RequestError, match=r"You may not\.") as refused:
        member(event, caller, claim="groups", groups=GROUPS, otherwise="You may not.")
    assert refused.value.status == 403


@pytest.mark.parametrize("value", ["", "[]", "reviewers", "[reviewers]"])
def test_where_no_group_is_named_nobody_is_of_it(value: str) -> None:
    event, caller = asked({"groups": value})
    with pytest.raises(RequestError):
        member(event, caller, claim="groups", groups=(), otherwise="You may not.")
