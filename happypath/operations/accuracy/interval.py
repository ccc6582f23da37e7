"""A share of a sample, and where the share of all may lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True)
class Share:
    """`count` of `of` that were looked at."""

    count: int
    of: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None where nothing was looked at."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the rate of all lies with 95 % confidence: Wilson's score interval, which holds for few, too.

        https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm

        >>> [round(end, 3) for end in Share(0, 10).interval], Share(0, 0).interval
        ([0.0, 0.278], (0.0, 1.0))
        """
        if not self.of:
            return 0.0, 1.0
        rate, square = self.count / self.of, _Z * _Z
        middle = (rate + square / (2 * self.of)) / (1 + square / self.of)
        half = _Z / (1 + square / self.of)
        half *= math.sqrt(rate * (1 - rate) / self.of + square / (4 * self.of * self.of))
        # The ends are exact where all or none are counted, whatever the rounding.
        low = 0.0 if self.count == 0 else max(0.0, middle - half)
        high = 1.0 if self.count == self.of else min(1.0, middle + half)
        return low, high

    def as_json(self) -> dict[str, Any]:
        """The share in JSON; `rate` is null where nothing was looked at."""
        low, high = self.interval
        rate = self.rate
        return {
            "count": self.count,
            "of": self.of,
            "rate": None if rate is None else round(rate, 6),
            "interval": [round(low, 6), round(high, 6)],
        }

    def __str__(self) -> str:
        """
        >>> str(Share(3, 20)), str(Share(0, 0))
        ('3 of 20 (15.0 %, 5.2 to 36.0 %)', '0 of 0')
        """
        if self.rate is None:
            return f"{self.count} of {self.of}"
        low, high = self.interval
        return f"{self.count} of {self.of} ({self.rate:.1%}, {100 * low:.1f} to {high:.1%})".replace(
            "%", " %"
        )


def least_sample(rate: float) -> int:
    """How many must be looked at without an error, for the interval to end at this rate or below it.

    >>> least_sample(0.01), least_sample(1.0)
    (381, 1)
    """
    # Wilson's upper end of 0 of n is z² / (n + z²).
    return max(1, math.ceil(_Z * _Z * (1 - rate) / rate))
