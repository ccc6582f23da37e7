from __future__ import annotations

import json

import pytest

from functions.decision import Decision, Reason, Refusal


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
    refusal = Refusal.because(reason, width_px=1).named()
    # What Lambda reports of an exception: its class and its message.
    assert type(refusal).__name__ == reason.name
    assert json.loads(str(refusal)) == {"width_px": 1}
    assert isinstance(refusal, Refusal)
    assert refusal.decision == Decision.reject(reason, width_px=1)
