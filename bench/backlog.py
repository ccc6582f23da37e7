"""A simulation of many executions that wait for few transactions a second, by their state machine's retrier.

Executions begin at a rate; each tries its task, and is throttled as long as no transaction is left in that
second; then it waits as the retrier says, and tries again. Step Functions lets so many state transitions a
second happen; attempts beyond them are late, which costs them nothing. A second is one step. Executions are
simulated in parcels of some that do the same, so that a million takes seconds; what is random comes from a
seed.
"""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# So many parcels at most.
PARCELS = 10_000


@dataclass(frozen=True)
class Retrier:
    """A retrier of a state machine, with jitter over the whole of each wait."""

    interval_s: float
    backoff_rate: float
    max_delay_s: float
    max_attempts: int

    @classmethod
    def of(cls, task: Mapping[str, Any], error: str) -> Retrier:
        """The retrier of a Task state that an error meets."""
        retrier = next(each for each in task["Retry"] if error in each["ErrorEquals"])
        if retrier.get("JitterStrategy") != "FULL":
            raise ValueError(f"The retrier of {error} has no full jitter: {retrier}")
        return cls(
            float(retrier["IntervalSeconds"]),
            float(retrier["BackoffRate"]),
            float(retrier["MaxDelaySeconds"]),
            int(retrier["MaxAttempts"]),
        )

    def longest_wait_s(self, retry: int) -> float:
        """The most that is waited before a retry, from 1.

        >>> [Retrier(2, 2, 300, 300).longest_wait_s(retry) for retry in (1, 2, 8, 9, 300)]
        [2, 4, 256, 300, 300]
        """
        # Beyond that the power alone is out of range, and far beyond any delay.
        return min(self.max_delay_s, self.interval_s * self.backoff_rate ** min(retry - 1, 64))


@dataclass(frozen=True)
class Backlog:
    """Uploads that all are there at first, and what they have to pass."""

    uploads: int
    starts_a_second: float
    transactions_a_second: float
    # What is left of them for attempts.
    transitions_a_second: float


@dataclass(frozen=True)
class Ended:
    """How a backlog ended."""

    seconds: float
    failed: int
    attempts: int
    most_attempts: int
    longest_wait_s: float
    most_open: int
    most_attempts_a_second: float

    @property
    def hours(self) -> float:
        """How long it took."""
        return self.seconds / 3600


def simulate(backlog: Backlog, retrier: Retrier, seed: int = 0, parcels: int = PARCELS) -> Ended:
    """Runs a backlog until each execution has had its transaction, or has given up."""
    chance = random.Random(seed)  # noqa: S311  # nothing secret
    size = max(1, -(-backlog.uploads // parcels))
    left = -(-backlog.uploads // size)
    transactions, transitions = backlog.transactions_a_second / size, backlog.transitions_a_second / size
    # Whole parcels: what is left of a second's share goes on into the next.
    started, tokens, turns = 0.0, 0.0, 0.0
    due: dict[int, list[tuple[int, int]]] = defaultdict(list)
    late: deque[tuple[int, int]] = deque()
    open_ = failed = attempts = most = most_open = busiest = longest = 0
    second = 0
    while left or open_:
        started += backlog.starts_a_second / size
        new = min(left, int(started))
        started -= new
        left -= new
        open_ += new
        # Unused transactions are lost after a second, unless they are not enough for one parcel.
        tokens = min(tokens + transactions, max(1.0, transactions))
        turns = min(turns + transitions, max(1.0, transitions))
        ready = due.pop(second, [])
        ready += [(second, 1)] * new
        chance.shuffle(ready)
        late.extend(ready)
        now = 0
        while late and turns >= 1.0:
            began, attempt = late.popleft()
            turns -= 1.0
            now += 1
            most = max(most, attempt)
            if tokens >= 1.0:
                tokens -= 1.0
                open_ -= 1
                longest = max(longest, second - began)
            elif attempt > retrier.max_attempts:
                failed += 1
                open_ -= 1
                longest = max(longest, second - began)
            else:
                wait_s = chance.uniform(0.0, retrier.longest_wait_s(attempt))
                due[second + 1 + int(wait_s)].append((began, attempt + 1))
        attempts += now
        busiest = max(busiest, now)
        most_open = max(most_open, open_)
        second += 1
    return Ended(
        seconds=float(second),
        failed=failed * size,
        attempts=attempts * size,
        most_attempts=most,
        longest_wait_s=float(longest),
        most_open=min(backlog.uploads, most_open * size),
        most_attempts_a_second=float(busiest * size),
    )
