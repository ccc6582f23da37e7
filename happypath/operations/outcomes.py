"""What became of the last uploads: how many ended how, in time and by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from happypath.operations.installation import Installation
from happypath.operations.uploads import STATUSES, Wanted, newest_of


@dataclass
class Outcomes:
    """The uploads since a time, counted.

    `since` is later than asked for where more uploads were than are looked at: `is_whole` is False then.
    """

    since: datetime
    until: datetime
    is_whole: bool = True
    # By the number of the interval, from the oldest, and the status.
    in_time: Counter[tuple[int, str]] = field(default_factory=Counter)
    # By status and reason.
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)


def counted(
    installation: Installation, since: datetime, until: datetime, intervals: int, most: int
) -> Outcomes:
    """What became of the uploads that were claimed in a time, in so many intervals of it.

    Of each status at most so many are looked at, newest first.
    """
    uploads = []
    start, is_whole = since, True
    for status in STATUSES:
        of_status, more = newest_of(installation, status, Wanted(since=since), most)
        uploads += of_status
        if more:
            start, is_whole = max(start, of_status[-1].received_at), False
    found = Outcomes(start, until, is_whole)
    step = max((until - start) / intervals, timedelta(microseconds=1))
    for each in uploads:
        if start <= each.received_at <= until:
            found.in_time[min(intervals - 1, int((each.received_at - start) / step)), each.status] += 1
            found.statuses[each.status] += 1
            if each.reason:
                found.reasons[each.status, each.reason] += 1
    return found
