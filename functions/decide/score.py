"""What several signals come to: the upload is published, refused, or shown to a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.decision import REASON, Decision, MalformedDecisionError, Reason
from functions.platform import rules
from functions.platform.rules import RuleError, reason
from functions.platform.task import Event, Result, task
from functions.platform.values import number, value
from functions.upload import Upload

_FRACTION = number(0, 1)


def _weights(given: object) -> dict[str, float]:
    if not isinstance(given, Mapping) or not given:
        raise ValueError("must be an object with the weight of each signal")
    return {str(name): _FRACTION(weight) for name, weight in given.items()}


@dataclass(frozen=True)
class Rules:
    """`weights`: by the names of signals, what a rule that is surely broken takes from the score of 1.

    An upload is published at `publish_from` or more, refused below `refuse_below`, and shown to a person
    between. `reason` is that of a refusal to which no signal alone gives one.
    """

    weights: Mapping[str, float] = value(_weights)
    publish_from: float = value(_FRACTION)
    refuse_below: float = value(_FRACTION)
    reason: str = value(reason)

    def __post_init__(self) -> None:
        if self.refuse_below > self.publish_from:
            raise RuleError(
                f"The rule refuse_below is {self.refuse_below}, and must not be above publish_from, "
                f"{self.publish_from}: set them in the state machine."
            )


@dataclass(frozen=True)
class Signal:
    """What a decider says of an upload, as `functions.decide.signals` gives it."""

    name: str
    score: float
    confidence: float | None
    reason: str | None
    detail: Mapping[str, Any]

    @classmethod
    def of(cls, given: Any) -> Signal:
        """Reads one.

        Raises:
            MalformedDecisionError: it is none.
        """
        try:
            signal = cls(**given)
            _FRACTION(signal.score)
        except (TypeError, ValueError):
            raise MalformedDecisionError(f"{given!r} is no signal.") from None
        if signal.reason is not None and not REASON.fullmatch(str(signal.reason)):
            raise MalformedDecisionError(f"The signal {signal.name!r} has no such reason: {signal.reason!r}.")
        return signal


@task
def handler(_: Upload, event: Event) -> Result:
    """Makes a Decision of `answers`, those of `functions.decide.signals`, of one branch each.

    A photo that a branch could not look at is refused, for the reason that it gives.

    Raises:
        RuleError: a rule is missing, unknown or senseless, or the weights are not those of the signals.
        MalformedDecisionError: an answer is none.
    """
    by = rules.read(Rules, event.get("rules"))
    signals = []
    for answer in event["answers"]:
        if not isinstance(answer, Mapping) or {"refusal", "signals"} - answer.keys():
            raise MalformedDecisionError(f"{answer!r} has no signals.")
        if answer["refusal"] is not None:
            return Decision(**answer["refusal"]).as_result()
        signals += [Signal.of(each) for each in answer["signals"]]
    return decide(by, signals).as_result()


def decide(by: Rules, signals: list[Signal]) -> Decision:
    """Takes from 1 what each signal costs: its weight, times what it lacks of 1.

    The detail has the `score`, the two rules that it is held against, the `verdict` (publish, refuse,
    review), the `reasons` of those deciders that refuse by themselves, and the `signals`, each the worst
    first, by what they cost. A refusal is for the first of the reasons; an upload that is to be reviewed is
    not accepted until somebody has: NEEDS_REVIEW.

    >>> rules = Rules({"words": 0.8, "text": 0.4}, 0.85, 0.4, "SCORE_TOO_LOW")
    >>> signals = [Signal("words", 1, None, None, {}), Signal("text", 0.5, 80, "TEXT", {})]
    >>> decide(rules, signals).as_result()["reason"]
    'NEEDS_REVIEW'

    Raises:
        RuleError: a signal has no weight, or a weight no signal.
    """
    names = [signal.name for signal in signals]
    if strange := sorted(set(names) ^ by.weights.keys()):
        raise RuleError(
            f"The rule weights must have each signal, which are {', '.join(names)}, and no other: "
            f"look at {', '.join(strange)}."
        )
    if len(set(names)) < len(names):
        raise RuleError(f"Two signals have the same name: {', '.join(names)}.")

    def cost(signal: Signal) -> float:
        return by.weights[signal.name] * (1 - signal.score)

    worst_first = sorted(signals, key=lambda each: (-cost(each), each.score, each.name))
    # What binary fractions add must not decide at a threshold.
    score = max(0.0, round(1 - sum(map(cost, worst_first)), 4))
    reasons = [signal.reason for signal in worst_first if signal.reason]
    detail = {
        "score": score,
        "publish_from": by.publish_from,
        "refuse_below": by.refuse_below,
        "reasons": reasons,
        "signals": [vars(signal) for signal in worst_first],
    }
    if score >= by.publish_from:
        return Decision.accept(verdict="publish", **detail)
    if score < by.refuse_below:
        return Decision.reject((reasons or [by.reason])[0], verdict="refuse", **detail)
    return Decision.reject(Reason.NEEDS_REVIEW, verdict="review", **detail)
