"""Does the photo show people?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.aws import client
from functions.decision import Decision, Reason, Refusal
from functions.observability import subsegment
from functions.rekognition import ask
from functions.settings import PeopleSettings, read
from functions.task import Event, Result, task
from functions.upload import Upload

if TYPE_CHECKING:
    from mypy_boto3_rekognition.type_defs import LabelTypeDef

SETTINGS = read(PeopleSettings)

# All that there can be: a Person low on a long list counts, too.
_MAX_LABELS = 1000


@task
def handler(upload: Upload, _event: Event) -> Result:
    """Decides on one upload."""
    with subsegment("decide"):
        decision = decide(upload, min_confidence=SETTINGS.min_confidence, max_pixels=SETTINGS.max_pixels)
    return decision.as_result()


def decide(upload: Upload, *, min_confidence: float, max_pixels: int) -> Decision:
    """Rejects a photo in which Rekognition finds a person.

    The detail holds `people`, how many are seen (one, when Rekognition labels a person but can place none),
    and `labels`: each that means a person, with its `name` and `confidence` in percent.

    Raises:
        botocore.exceptions.ClientError: Rekognition or S3 throttles, fails or refuses.
    """
    try:
        found = ask(
            upload,
            lambda image: client("rekognition").detect_labels(
                Image=image, MinConfidence=min_confidence, MaxLabels=_MAX_LABELS
            ),
            max_pixels=max_pixels,
        )
    except Refusal as refusal:
        return refusal.decision
    people = [label for label in found["Labels"] if _means_a_person(label)]
    if not people:
        return Decision.accept(people=0, labels=[])
    # The same person can be an instance of several labels: Person, Adult, Woman.
    count = max(len(label.get("Instances", [])) for label in people)
    labels = [{"name": label["Name"], "confidence": round(label["Confidence"], 2)} for label in people]
    return Decision.reject(Reason.NO_PEOPLE_ALLOWED, people=max(count, 1), labels=labels)


def _means_a_person(label: LabelTypeDef) -> bool:
    """Whether a label is Person, another word for it, or a kind of it: Man, Woman, Child, Face, Crowd.

    https://docs.aws.amazon.com/rekognition/latest/dg/labels.html
    """
    related = [*label.get("Parents", []), *label.get("Aliases", [])]
    return "Person" in {label["Name"], *(each["Name"] for each in related)}
