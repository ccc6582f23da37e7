"""Does the photo show people?"""

from __future__ import annotations

from functions.decision import Decision, Reason
from functions.look import Look, looking, names, percent
from functions.settings import RekognitionSettings, read

SETTINGS = read(RekognitionSettings)


@looking(SETTINGS)
def handler(look: Look) -> Decision:
    """Rejects a photo in which Rekognition finds a person: Person, another word for it, or a kind of it.

    Man, Woman, Child, Face and Crowd are kinds. The detail holds `people`, how many are seen (one, when
    Rekognition labels a person but can place none), and `labels`: each that means a person, with its `name`
    and `confidence` in percent.
    """
    people = [label for label in look.labels() if "Person" in names(label)]
    if not people:
        return Decision.accept(people=0, labels=[])
    # The same person can be an instance of several labels: Person, Adult, Woman.
    count = max(len(label.get("Instances", [])) for label in people)
    labels = [{"name": label["Name"], "confidence": percent(label["Confidence"])} for label in people]
    return Decision.reject(Reason.NO_PEOPLE_ALLOWED, people=max(count, 1), labels=labels)
