"""Does the photo show what is not fit to be published?"""

from __future__ import annotations

from functions.decision import Decision, Reason
from functions.look import Look, looking, percent
from functions.settings import RekognitionSettings, read

SETTINGS = read(RekognitionSettings)


@looking(SETTINGS)
def handler(look: Look) -> Decision:
    """Rejects a photo in which Rekognition finds anything to moderate.

    The detail holds `labels`: each with its `name`, `confidence` in percent, and `parent`, the kind that it
    belongs to, empty for a kind itself.
    """
    labels = [
        {
            "name": label["Name"],
            "confidence": percent(label["Confidence"]),
            "parent": label.get("ParentName", ""),
        }
        for label in look.moderation_labels()
    ]
    if labels:
        return Decision.reject(Reason.FAILED_MODERATION, labels=labels)
    return Decision.accept(labels=labels)
