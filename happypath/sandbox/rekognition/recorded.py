"""Recorded answers: whole responses of Rekognition, by the photo's SHA-256."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

# By the SHA-256 of a photo (hexadecimal), then by operation: the response to the lowest MinConfidence.
Answers: TypeAlias = Mapping[str, Mapping[str, Any]]


@cache
def sample_answers() -> Answers:
    """The answers for the sample photos, which were written by hand; see the head of the file."""
    text = Path(__file__).with_name("answers.json").read_text(encoding="utf-8")
    answers: Answers = json.loads(text)["answers"]
    return answers
