from __future__ import annotations

import json
from typing import Any

import pytest

from functions.decision import Decision, MalformedDecisionError, Reason, Rejection


def test_an_accepting_decision_has_no_reason() -> None:
    assert Decision.accept(width_px=900).as_result() == {
        "accepted": True,
        "reason": None,
        "detail": {"width_px": 900},
    }


@pytest.mark.parametrize("reason", Reason)
def test_a_rejecting_decision_is_json_with_its_reason(reason: Reason) -> None:
    result = Decision.reject(reason, seen=[1, "two"]).as_result()
    assert json.loads(json.dumps(result)) == {
        "accepted": False,
        "reason": reason.name,
        "detail": {"seen": [1, "two"]},
    }
    assert type(result["reason"]) is str


@pytest.mark.parametrize("reason", Reason)
def test_a_refusal_leaves_under_the_name_of_its_reason(reason: Reason) -> None:
    rejection = Rejection.because(reason, width_px=1).named()
    # What Lambda reports of an exception: its class and its message.
    assert type(rejection).__name__ == reason.name
    assert json.loads(str(rejection)) == {"width_px": 1}
    assert isinstance(rejection, Rejection)
    assert rejection.decision == Decision.reject(reason, width_px=1)


@pytest.mark.parametrize(
    ("shape", "complaint"),
    [
        ({"accepted": "yes"}, "accepted must be"),
        ({"accepted": 1}, "accepted must be"),
        ({"accepted": True, "reason": "NO_PEOPLE_ALLOWED"}, "accepted photo has no reason"),
        ({"accepted": False}, "A rejection has a reason"),
        ({"accepted": False, "reason": ""}, "A rejection has a reason"),
        ({"accepted": False, "reason": "no people"}, "A rejection has a reason"),
        ({"accepted": True, "detail": {"seen": {1, 2}}}, "The detail must be a JSON object"),
        ({"accepted": True, "detail": {"seen": float("nan")}}, "The detail must be a JSON object"),
        ({"accepted": True, "detail": 5}, "The detail must be a JSON object"),
    ],
)
def test_no_malformed_decision_can_be_made(shape: dict[str, Any], complaint: str) -> None:
    with pytest.raises(MalformedDecisionError, match=complaint):
        Decision(**shape)
