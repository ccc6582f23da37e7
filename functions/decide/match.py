"""Does the picture show what is required of it: labels, and words?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.decision import Decision, Reason
from functions.look import Look, looking, names, percent
from functions.settings import MatchSettings, read
from functions.words import Reading, find, plain

SETTINGS = read(MatchSettings)


@looking(SETTINGS)
def handler(look: Look) -> Decision:
    """Accepts a picture that has every required label and every required entry of words.

    A label counts by its name, the kinds that it is of and other words for it, so that a Woman is a Person.
    Words are asked for only where no label is missing, because each question is paid for.

    The detail says what was `required`, what was `found` and what is `missing`, each with `labels` and
    `words`. What was found has the required `name`, the text that was `seen` for it, and the `confidence` in
    percent. Words that were required and not asked for are neither: they are `unread`.
    """
    labels = _labels(SETTINGS.required_labels, look)
    missing_labels = [name for name in SETTINGS.required_labels if name not in labels]
    asked = () if missing_labels else SETTINGS.required_words
    words = _words(asked, look)
    missing_words = [name for name in asked if name not in words]
    detail = {
        "found": {"labels": _told(labels), "words": _told(words)},
        "missing": {"labels": missing_labels, "words": missing_words},
        "unread": [name for name in SETTINGS.required_words if name not in asked],
        "required": {
            "labels": list(SETTINGS.required_labels),
            "words": list(SETTINGS.required_words),
            "min_confidence": SETTINGS.min_confidence,
        },
    }
    if missing_labels or missing_words:
        return Decision.reject(Reason.NO_MATCH, **detail)
    return Decision.accept(**detail)


def _labels(required: Sequence[str], look: Look) -> dict[str, Reading]:
    """The required labels that the picture has, each by the surest label that means it."""
    found: dict[str, Reading] = {}
    labels = look.labels() if required else []
    # Of equals the first: the label itself before its kinds, which are as sure of it.
    labels.sort(key=lambda label: (-label["Confidence"], len(names(label))))
    for label in labels:
        meant = {plain(name) for name in names(label)}
        for name in required:
            if plain(name) in meant:
                found.setdefault(name, Reading(label["Name"], label["Confidence"]))
    return {name: found[name] for name in required if name in found}


def _words(required: Sequence[str], look: Look) -> dict[str, Reading]:
    """The required words that the picture has, each where it is read most surely."""
    words = look.words() if required else []
    return {name: place for name in required if (place := find(name, words))}


def _told(found: Mapping[str, Reading]) -> list[dict[str, str | float]]:
    return [
        {"name": name, "seen": place.text, "confidence": percent(place.confidence)}
        for name, place in found.items()
    ]
