"""The Lambda handler around a decision: every deciding task is made here, and answers with a Decision."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, TypeVar

from functions.decision import Decision, MalformedDecisionError, Rejection
from functions.platform import rules
from functions.platform.observability import subsegment
from functions.platform.task import Event, Result, task
from functions.upload import Upload

R = TypeVar("R")
Handler: TypeAlias = Callable[[Event, Any], Result]


def decider(shape: type[R]) -> Callable[[Callable[[Upload, R], Decision]], Handler]:
    """Makes a Lambda handler of a function that decides on an upload by rules of this shape.

    The rules come with the event, as the state machine says them. A photo that cannot be looked at is
    rejected, for the reason of the rejection. What leaves is a Decision, or an error.

    >>> @decider(Rules)                                            # doctest: +SKIP
    ... def handler(upload: Upload, rules: Rules) -> Decision:
    ...     return Decision.accept(labels=len(PhotoAnalysis(upload).labels(rules.min_confidence)))

    The handler raises:
        RuleError: a rule is missing, unknown or senseless.
        MalformedDecisionError: the function returned something else than a Decision.
    """

    def made(decide: Callable[[Upload, R], Decision]) -> Handler:
        @task
        @wraps(decide)
        def work(upload: Upload, event: Event) -> Result:
            by = rules.read(shape, event.get("rules"))
            with subsegment("decide"):
                try:
                    decision = decide(upload, by)
                except Rejection as rejection:
                    decision = rejection.decision
            if not isinstance(decision, Decision):
                raise MalformedDecisionError(
                    f"{decide.__module__} returned {decision!r}, which is no Decision."
                )
            return decision.as_result()

        return work

    return made
