from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from functions.decision import Decision, MalformedDecisionError, Rejection
from functions.platform.decider import decider
from functions.platform.rules import RuleError
from functions.platform.values import value, whole
from functions.upload import Upload
from tests.functions.test_moderation import CONTEXT, event

UPLOAD = Upload("bucket", "p/u.jpg", "p", "u", "v1")


@dataclass(frozen=True)
class Rules:
    least: int = value(whole(1, 9))


def answering(answer: Any) -> Any:
    @decider(Rules)
    def handler(upload: Upload, rules: Rules) -> Decision:
        if isinstance(answer, Exception):
            raise answer
        decided: Decision = answer(upload, rules) if callable(answer) else answer
        return decided

    return handler


def test_the_decision_gets_the_upload_and_its_rules() -> None:
    handler = answering(lambda upload, rules: Decision.accept(key=upload.key, least=rules.least))

    assert handler(event(UPLOAD, least="5"), CONTEXT) == {
        "accepted": True,
        "reason": None,
        "detail": {"key": "p/u.jpg", "least": 5},
    }
    assert handler.__name__ == "handler"


def test_rules_are_read_before_anything_is_decided() -> None:
    with pytest.raises(RuleError, match="least"):
        answering(ZeroDivisionError())(event(UPLOAD), CONTEXT)


def test_what_cannot_be_looked_at_is_a_rejection() -> None:
    rejection = Rejection.because("CORRUPT_IMAGE", message="cut short")
    result = answering(rejection)(event(UPLOAD, least=1), CONTEXT)
    assert result == {"accepted": False, "reason": "CORRUPT_IMAGE", "detail": {"message": "cut short"}}


@pytest.mark.parametrize("answer", [None, True, {}, {"accepted": True}, "accepted", []])
def test_what_is_no_decision_is_an_error_and_never_reaches_the_state_machine(answer: Any) -> None:
    with pytest.raises(MalformedDecisionError, match="which is no Decision"):
        answering(answer)(event(UPLOAD, least=1), CONTEXT)


def test_a_malformed_decision_is_an_error() -> None:
    with pytest.raises(MalformedDecisionError):
        answering(lambda upload, rules: Decision(accepted=False))(event(UPLOAD, least=1), CONTEXT)
