"""Does the photo show what is not fit to be published?"""

from __future__ import annotations

from functions.aws import client
from functions.decision import Decision, Reason, Refusal
from functions.observability import subsegment
from functions.rekognition import ask
from functions.settings import ModerationSettings, read
from functions.task import Event, Result, task
from functions.upload import Upload

SETTINGS = read(ModerationSettings)


@task
def handler(upload: Upload, _event: Event) -> Result:
    """Decides on one upload."""
    with subsegment("decide"):
        decision = decide(upload, min_confidence=SETTINGS.min_confidence, max_pixels=SETTINGS.max_pixels)
    return decision.as_result()


def decide(upload: Upload, *, min_confidence: float, max_pixels: int) -> Decision:
    """Rejects a photo in which Rekognition finds anything to moderate.

    The detail holds `labels`: each with its `name`, `confidence` in percent, and `parent`, the kind that it
    belongs to, empty for a kind itself.
    https://docs.aws.amazon.com/rekognition/latest/dg/moderation.html

    Raises:
        botocore.exceptions.ClientError: Rekognition or S3 throttles, fails or refuses.
    """
    try:
        found = ask(
            upload,
            lambda image: client("rekognition").detect_moderation_labels(
                Image=image, MinConfidence=min_confidence
            ),
            max_pixels=max_pixels,
        )
    except Refusal as refusal:
        return refusal.decision
    labels = [
        {
            "name": label["Name"],
            "confidence": round(label["Confidence"], 2),
            "parent": label.get("ParentName", ""),
        }
        for label in found["ModerationLabels"]
    ]
    if labels:
        return Decision.reject(Reason.FAILED_MODERATION, labels=labels)
    return Decision.accept(labels=labels)
