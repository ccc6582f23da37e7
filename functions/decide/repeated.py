"""Does the photo show the same thing more often than it may?"""

from __future__ import annotations

from dataclasses import dataclass

from functions.analysis.detected_text import plain
from functions.analysis.photo_analysis import PhotoAnalysis, names
from functions.decide.signal import Evidence, least_of
from functions.decision import Decision
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.platform.rules import reason
from functions.platform.values import percent, text, value, whole
from functions.upload import Upload

prepare("s3", "rekognition")


@dataclass(frozen=True)
class Rules:
    """`label`: what is counted; `most`: how many there may be, each as sure as `min_confidence` percent."""

    label: str = value(text)
    most: int = value(whole(1, 1000))
    min_confidence: float = value(percent)
    reason: str = value(reason)


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Decides by how often Rekognition counts a label. It counts things such as cups, and not, say, snow."""
    return decide(rules, PhotoAnalysis(upload))


def decide(rules: Rules, analysis: PhotoAnalysis) -> Decision:
    """Decides by the label's instances.

    The detail has the `label`, its `instances`, the `most` allowed, and as `refused` the first that is one
    too many, by its `name` and the `confidence` in percent.
    """
    found = _instances(rules, analysis, rules.min_confidence)
    count = sum(each >= rules.min_confidence for each in found)
    detail = {"label": rules.label, "instances": count, "most": rules.most}
    if count <= rules.most:
        return Decision.accept(**detail)
    refused = [{"name": rules.label, "confidence": round(found[rules.most], 2)}]
    return Decision.reject(rules.reason, **detail, refused=refused)


def evidence(rules: Rules, analysis: PhotoAnalysis) -> Evidence:
    """The first instance that is one too many, counted from the surest."""
    found = _instances(rules, analysis, least_of(rules.min_confidence))
    return Evidence(found[rules.most] if len(found) > rules.most else None)


def _instances(rules: Rules, analysis: PhotoAnalysis, min_confidence: float) -> list[float]:
    """The confidences of the instances, the surest first; a Woman is an instance of Person as well."""
    counted = [
        # No instance is surer than its label.
        sorted((min(each["Confidence"], label["Confidence"]) for each in label["Instances"]), reverse=True)
        for label in analysis.labels(min_confidence)
        if label.get("Instances") and plain(rules.label) in map(plain, names(label))
    ]
    # One thing can be an instance of several labels: the list that goes farthest counts.
    return max(counted, key=lambda each: (each[rules.most :], each), default=[])
