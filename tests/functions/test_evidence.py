"""What deciders say at the lowest threshold: `happypath accuracy` reads of it what they decide at any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.decide.signals import DECIDERS
from functions.platform.rules import read
from happypath.operations.accuracy.evidence import evidence
from tests.functions.test_signals import Seen

CONFIDENCES = st.floats(0, 100).map(lambda each: round(each, 2))
WORDS = ("new", "york", "taxi")
SEEN = st.builds(
    Seen,
    labels=st.dictionaries(
        st.sampled_from(["Cup", "Person", "Dog"]), st.lists(CONFIDENCES, min_size=1, max_size=3).map(tuple)
    ),
    moderated=st.lists(CONFIDENCES, max_size=3).map(tuple),
    lines=st.lists(CONFIDENCES, max_size=4).map(tuple),
    words=st.lists(st.tuples(st.sampled_from(WORDS), CONFIDENCES), max_size=6).map(tuple),
)
SOUGHT = {"refused": ["Person", "new york"], "required": ["Cup", "taxi"]}
RULES: dict[str, Mapping[str, Any]] = {
    "moderation": {},
    "labels": SOUGHT,
    "words": SOUGHT,
    "repeated": {"label": "Cup", "most": 1},
    "text_cover": {"max_percent": 15},
}


@pytest.mark.parametrize("name", DECIDERS)
@pytest.mark.parametrize("more", [{}, {"one_of": ["Dog", "york"]}])
@given(seen=SEEN, threshold=CONFIDENCES)
def test_what_a_decider_says_at_the_lowest_threshold_tells_what_it_decides_at_any(
    name: str, more: Mapping[str, Any], seen: Any, threshold: float
) -> None:
    decider = DECIDERS[name]
    extra = more if RULES[name] is SOUGHT else {}

    def decide(min_confidence: float) -> Any:
        given = {**RULES[name], **extra, "min_confidence": min_confidence, "reason": "NO"}
        return decider.decide(read(decider.rules, given), seen)

    assert evidence(decide(0).detail).refuses(threshold) == (not decide(threshold).accepted)
