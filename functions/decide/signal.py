"""A signal: how sure the models are that an upload keeps a rule, as a number from 0 to 1.

It comes of the confidence of what was found against the confidence that the rule asks for: 0 is a rule that
is surely broken, a half the rule's own limit, 1 a rule that nothing speaks against. So what a rule lets pass
is not simply 1: a label that nobody should see, found a little less surely than is refused, is doubtful.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


def least_of(min_confidence: float) -> float:
    """The confidence at which something begins to count for a rule with this limit, both in percent."""
    return min_confidence / 2


@dataclass(frozen=True)
class Evidence:
    """What one thing that a rule looks for says: its confidence in percent, None if it is not there at all.

    `is_wanted`: the rule asks for it; else it must not be there.
    """

    confidence: float | None
    is_wanted: bool = False

    def score(self, min_confidence: float) -> float:
        """The signal under a rule with this limit: linear from half the limit to it, and from it to 100.

        >>> [Evidence(found).score(80) for found in (None, 40, 60, 80, 90, 100)]
        [1.0, 1.0, 0.75, 0.5, 0.25, 0.0]
        >>> [Evidence(found, is_wanted=True).score(80) for found in (None, 40, 60, 80, 90, 100)]
        [0.0, 0.0, 0.25, 0.5, 0.75, 1.0]
        """
        kept = _kept(self.confidence, min_confidence)
        return 1.0 - kept if self.is_wanted else kept


def _kept(found: float | None, limit: float) -> float:
    least = least_of(limit)
    if found is None or found < least:
        return 1.0
    if found < limit:
        return 1.0 - (found - least) / (limit - least) / 2
    return (100.0 - found) / (100.0 - limit) / 2 if found < 100.0 else 0.0


def worst(evidence: Iterable[Evidence], min_confidence: float) -> Evidence:
    """What speaks most against the upload; where there is nothing, something that is not there."""
    return min(evidence, key=lambda each: each.score(min_confidence), default=Evidence(None))
