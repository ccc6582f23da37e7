from __future__ import annotations

from typing import Any

import pytest

from functions.decide import words
from functions.platform.rules import RuleError
from tests.functions.account import answering
from tests.functions.test_match import line, word
from tests.functions.test_moderation import CONTEXT, event
from tests.functions.test_rekognition import photo, uploaded

NO_FLASH = {"refused": ["flash"], "min_confidence": 60, "reason": "FLASH_PHOTOGRAPHY"}


def decide(text: str, rules: dict[str, Any] = NO_FLASH) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    read = [line(0, text), *(word(number, each, 0) for number, each in enumerate(text.split(), start=1))]
    upload = uploaded(photo(100, 100))
    with answering("DetectText", {"TextDetections": read}) as calls:
        return words.handler(event(upload, **rules), CONTEXT), calls


@pytest.mark.parametrize(
    ("text", "accepted"), [("Gallery 4", True), ("", True), ("Flashback", True), ("ISO 800 FLASH!", False)]
)
def test_a_refused_word_rejects_where_it_is_a_word(text: str, accepted: bool) -> None:
    result, calls = decide(text)
    assert (result["accepted"], result["reason"]) == (accepted, None if accepted else "FLASH_PHOTOGRAPHY")
    assert calls[0]["Filters"] == {"WordFilter": {"MinConfidence": 60.0}}


def test_the_detail_says_what_was_read_for_it() -> None:
    result, _ = decide("Flash")
    assert result["detail"] == {
        "refused": [{"name": "flash", "seen": "Flash", "confidence": 98.77}],
        "min_confidence": 60.0,
    }


@pytest.mark.parametrize(
    ("text", "found", "missing"),
    [("Permit 4711 New York", ["New York", "4711"], []), ("Permit NEW YORK", ["New York"], ["4711"])],
)
def test_required_words_may_be_phrases(text: str, found: list[str], missing: list[str]) -> None:
    rules = {"required": "New York, 4711", "min_confidence": "60", "reason": "NO_PERMIT"}
    result, _ = decide(text, rules)
    assert (result["accepted"], result["detail"]["missing"]) == (not missing, missing)
    assert [each["name"] for each in result["detail"]["found"]] == found


def test_nothing_sought_is_a_slip() -> None:
    with pytest.raises(RuleError, match="Nothing is refused"):
        decide("Flash", {"required": "", "min_confidence": 60, "reason": "NO_PERMIT"})
