"""Does the photo show what is not fit to be published?"""

from __future__ import annotations

from dataclasses import dataclass

from functions.analysis.photo_analysis import PhotoAnalysis
from functions.decide.signal import Evidence, least_of
from functions.decision import Decision
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.platform.rules import reason
from functions.platform.values import percent, value
from functions.upload import Upload

prepare("s3", "rekognition")


@dataclass(frozen=True)
class Rules:
    """`min_confidence`: how sure Rekognition must be, in percent; `reason`: why a photo is refused."""

    min_confidence: float = value(percent)
    reason: str = value(reason)


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Rejects a photo in which Rekognition finds anything to moderate."""
    return decide(rules, PhotoAnalysis(upload))


def decide(rules: Rules, analysis: PhotoAnalysis) -> Decision:
    """Decides by labels of moderation: there is none.

    The detail holds `labels`: each with its `name`, `confidence` in percent, and `parent`, the kind that it
    belongs to, empty for a kind itself.
    """
    labels = [
        {
            "name": label["Name"],
            "confidence": round(label["Confidence"], 2),
            "parent": label.get("ParentName", ""),
        }
        for label in analysis.moderation_labels(rules.min_confidence)
    ]
    return Decision.reject(rules.reason, labels=labels) if labels else Decision.accept(labels=labels)


def evidence(rules: Rules, analysis: PhotoAnalysis) -> Evidence:
    """The label of moderation that Rekognition is surest of."""
    found = analysis.moderation_labels(least_of(rules.min_confidence))
    return Evidence(max((label["Confidence"] for label in found), default=None))
