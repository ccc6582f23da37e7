"""Who may decide reviews by the API."""

from __future__ import annotations

from typing import Any

import pytest

from functions.api.request import Caller, RequestError
from functions.api.reviewer import reviewer

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
    assert reviewer(event, caller, claim="groups", groups=GROUPS) == "ann"


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
def test_nobody_else_is_a_reviewer(claims: dict[str, Any] | None) -> None:
    event, caller = asked(claims)
    with pytest.raises(RequestError, match="may not decide") as refused:
        reviewer(event, caller, claim="groups", groups=GROUPS)
    assert refused.value.status == 403


@pytest.mark.parametrize("value", ["", "[]", "reviewers", "[reviewers]"])
def test_where_no_group_is_named_nobody_is_a_reviewer(value: str) -> None:
    event, caller = asked({"groups": value})
    with pytest.raises(RequestError):
        reviewer(event, caller, claim="groups", groups=())
