"""Does the picture keep to rules for labels, and to rules for words?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.decide import labels, sought, words
from functions.decision import Decision
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.platform.rules import RuleError, read
from functions.platform.values import value
from functions.upload import Upload

prepare("s3", "rekognition")


@dataclass(frozen=True)
class Rules:
    """`labels` and `words`, with the rules of `functions.decide.sought`; one of them may seek nothing."""

    labels: sought.Rules = value(lambda rules: read(sought.Rules, rules, "labels"))
    words: sought.Rules = value(lambda rules: read(sought.Rules, rules, "words"))

    def __post_init__(self) -> None:
        # Else a slip in the parameters would make every picture a match.
        if not self.labels.entries and not self.words.entries:
            raise RuleError(
                "Nothing is refused or required, neither of labels nor of words: set one of the rules."
            )


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Decides by labels, then by words. Each question is paid for: words are read where the labels are right.

    The detail has `labels` and `words`, each as `functions.decide.sought.decide` makes it, where asked for.
    """
    analysis = PhotoAnalysis(upload)
    detail: dict[str, Any] = {}
    for name, part, find in (("labels", rules.labels, labels.find), ("words", rules.words, words.find)):
        if not part.entries:
            continue
        decision = sought.decide(part, find, analysis)
        detail[name] = decision.detail
        if not decision.accepted:
            return Decision.reject(part.reason, **detail)
    return Decision.accept(**detail)
