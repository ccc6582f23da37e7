"""Does the photo show what it must not show, or lack what it must show?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.analysis.detected_text import plain
from functions.analysis.photo_analysis import PhotoAnalysis, names
from functions.decide.sought import Found, Rules, decide
from functions.decision import Decision
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.upload import Upload

prepare("s3", "rekognition")


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Decides by labels: no refused one is on the photo, and each required one is.

    A label counts by its name, the kinds that it is of and other words for it, so that a Woman is a Person.
    The rules, and the detail of the Decision, are those of `functions.decide.sought`.
    """
    rules.check()
    return decide(rules, find, PhotoAnalysis(upload))


def find(entries: Sequence[str], analysis: PhotoAnalysis, min_confidence: float) -> Mapping[str, Found]:
    """Those of the entries that are on the photo, each by the surest label that means it."""
    labels = analysis.labels(min_confidence)
    # Of equals the first: the label itself before its kinds, which are as sure of it.
    labels.sort(key=lambda label: (-label["Confidence"], len(names(label))))
    meanings = [({plain(name) for name in names(label)}, label) for label in labels]
    found: dict[str, Found] = {}
    for entry in entries:
        wanted = plain(entry)
        meaning = [label for means, label in meanings if wanted in means]
        if meaning:
            # One person can be an instance of several labels: Person, Adult, Woman.
            instances = max((label.get("Instances", []) for label in meaning), key=len)
            boxes = tuple(box for each in instances if (box := each.get("BoundingBox")))
            found[entry] = Found(meaning[0]["Name"], meaning[0]["Confidence"], len(instances) or None, boxes)
    return found
