"""Do words stand on the photo that must not, or not those that must?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.analysis import detected_text as words
from functions.analysis.photo_analysis import PhotoAnalysis
from functions.decide.sought import Found, Rules, decide
from functions.decision import Decision
from functions.platform.aws import prepare
from functions.platform.decider import decider
from functions.upload import Upload

prepare("s3", "rekognition")


@decider(Rules)
def handler(upload: Upload, rules: Rules) -> Decision:
    """Decides by words that can be read: no refused entry is on the photo, and each required one is.

    An entry may be a phrase; `functions.analysis.detected_text.find` says how it is compared. The rules, and
    the detail of the Decision, are those of `functions.decide.sought`.
    """
    rules.check()
    return decide(rules, find, PhotoAnalysis(upload))


def find(entries: Sequence[str], analysis: PhotoAnalysis, min_confidence: float) -> Mapping[str, Found]:
    """Those of the entries that are on the photo, each where it is read most surely."""
    read = analysis.words(min_confidence)
    places = {entry: words.find(entry, read) for entry in entries}
    return {entry: Found(place.text, place.confidence) for entry, place in places.items() if place}
