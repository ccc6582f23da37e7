"""A small plot of outcomes over time, as shapes that a template draws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from happypath.operations.outcomes import Outcomes
from happypath.operations.uploads import STATUSES

WIDTH, HEIGHT = 960, 160
_GAP = 2.0
# Good ones at the bottom, so that what is bad stands out on top.
_FROM_BELOW = tuple(reversed(STATUSES))


@dataclass(frozen=True)
class Bar:
    """The uploads of one status in one interval, as a rectangle."""

    status: str
    x: float
    y: float
    width: float
    height: float
    said: str


@dataclass(frozen=True)
class Plot:
    """The bars, the greatest number of uploads in an interval, and the times at the ends of the axis."""

    bars: list[Bar]
    most: int
    since: datetime
    until: datetime


def bars(outcomes: Outcomes, intervals: int) -> Plot:
    """The outcomes in time, stacked."""
    totals = [sum(outcomes.in_time[number, status] for status in STATUSES) for number in range(intervals)]
    most = max(totals, default=0)
    width = WIDTH / intervals
    step = (outcomes.until - outcomes.since) / intervals
    found = []
    for number in range(intervals):
        y = float(HEIGHT)
        for status in _FROM_BELOW:
            count = outcomes.in_time[number, status]
            if not count:
                continue
            # What is there is seen, however little it is.
            height = max(2.0, HEIGHT * count / most)
            y = max(0.0, y - height)
            at = (outcomes.since + number * step).astimezone()
            said = f"{at:%Y-%m-%d %H:%M}: {count} {status}"
            found.append(
                Bar(
                    status,
                    round(number * width + _GAP / 2, 1),
                    round(y, 1),
                    round(width - _GAP, 1),
                    round(height, 1),
                    said,
                )
            )
    return Plot(found, most, outcomes.since, outcomes.until)
