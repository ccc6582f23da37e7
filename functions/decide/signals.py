"""Several questions about one photo, each answered by a signal; Rekognition is asked once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.decide import labels, moderation, repeated, sought, text_cover, words
from functions.decide.shared_analysis import SharedAnalysis
from functions.decide.signal import Evidence, least_of
from functions.decision import Decision, Rejection
from functions.platform import rules
from functions.platform.aws import prepare
from functions.platform.observability import subsegment
from functions.platform.rules import RuleError
from functions.platform.task import Event, Result, task
from functions.platform.values import value
from functions.upload import Upload

prepare("s3", "rekognition")

R = TypeVar("R", bound=Any)


@dataclass(frozen=True)
class Decider(Generic[R]):
    """What a question can be decided by: the rules that it has, and what it makes of them."""

    rules: type[R]
    decide: Callable[[R, PhotoAnalysis], Decision]
    evidence: Callable[[R, PhotoAnalysis], Evidence]


def _seeking(find: sought.Finder) -> Decider[sought.Rules]:
    def decide(by: sought.Rules, analysis: PhotoAnalysis) -> Decision:
        return sought.decide(by, find, analysis)

    def evidence(by: sought.Rules, analysis: PhotoAnalysis) -> Evidence:
        return sought.evidence(by, find, analysis)

    return Decider(sought.Rules, decide, evidence)


DECIDERS: dict[str, Decider[Any]] = {
    "moderation": Decider(moderation.Rules, moderation.decide, moderation.evidence),
    "labels": _seeking(labels.find),
    "words": _seeking(words.find),
    "repeated": Decider(repeated.Rules, repeated.decide, repeated.evidence),
    "text_cover": Decider(text_cover.Rules, text_cover.decide, text_cover.evidence),
}


@dataclass(frozen=True)
class Question(Generic[R]):
    """One of the questions: its name, what decides it, and the rules that it is decided by."""

    name: str
    decider: Decider[R]
    rules: R

    def signal(self, analysis: PhotoAnalysis) -> dict[str, Any]:
        """The answer: `name`, `score`, `confidence`, `reason`, `detail`.

        The score is from 0 to 1 (`functions.decide.signal`), of what speaks most against the photo; the
        confidence in percent is of that, and null where nothing was found. The reason is null unless the
        decider itself refuses the photo. The detail is the decider's, with all that counts for the score.
        """
        seen = self.decider.evidence(self.rules, analysis)
        in_doubt = replace(self.rules, min_confidence=least_of(self.rules.min_confidence))
        return {
            "name": self.name,
            "score": round(seen.score(self.rules.min_confidence), 4),
            "confidence": None if seen.confidence is None else round(seen.confidence, 2),
            "reason": self.decider.decide(self.rules, analysis).reason,
            "detail": dict(self.decider.decide(in_doubt, analysis).detail),
        }


def _questions(given: object) -> tuple[Question[Any], ...]:
    if not isinstance(given, Mapping) or not given:
        raise ValueError("must be an object with a question or more")
    return tuple(_question(str(name), each) for name, each in given.items())


def _question(name: str, given: object) -> Question[Any]:
    where = f"questions.{name}"
    if not isinstance(given, Mapping) or str(given.get("decider")) not in DECIDERS:
        raise RuleError(f"The rule {where}.decider must be one of {', '.join(DECIDERS)}, in {given!r}.")
    decider = DECIDERS[given["decider"]]
    by = rules.read(decider.rules, {key: each for key, each in given.items() if key != "decider"}, where)
    if isinstance(by, sought.Rules):
        by.check()
    return Question(name, decider, by)


@dataclass(frozen=True)
class Rules:
    """`questions`: by their names, each with its `decider` and the rules that this one has."""

    questions: tuple[Question[Any], ...] = value(_questions)


@task
def handler(upload: Upload, event: Event) -> Result:
    """Answers `signals`, one for each question, as `Question.signal` makes them.

    `refusal` is null, or the Decision on a photo that cannot be looked at, and then there are no signals.

    Raises:
        RuleError: a rule is missing, unknown or senseless.
    """
    questions = rules.read(Rules, event.get("rules")).questions
    analysis = SharedAnalysis(upload, min(least_of(each.rules.min_confidence) for each in questions))
    with subsegment("decide"):
        try:
            return {"refusal": None, "signals": [each.signal(analysis) for each in questions]}
        except Rejection as rejection:
            return {"refusal": rejection.decision.as_result(), "signals": []}
