"""A burst of uploads that is faster than Rekognition for minutes: each waits for its turn, and none fails.

    scripts/reliability burst

makes 2,000 of them, and writes what came of them into docs/generated/burst.md.

Rekognition answers `RATE` calls a second, as in most regions of AWS. It is a rule of the fault injector at
the function that asks it (`function:…=rate:…`), and not at the operation: there boto3 would first try again
by itself, inside the function, with waits that nothing scales. A state machine has one retrier for both
errors.

The scale. Time runs faster by `1 / SCALE`: the waits between attempts are multiplied by `SCALE`, and the
rate is divided by it. All that decides whether an upload runs out of its attempts keeps its ratio: how many
wait at once, the waits to the rate, and both to the length of the burst. 2,000 uploads at 5 a second are
400 s of Rekognition's time, more than three times the two minutes for which the state machines tried
before; at 0.2 they are 80 s by the clock. Much faster is not honest: at 0.1 the rate would be 50 a second,
of which two processors get some 40 through the whole workflow. The sandbox would be what limits, and little
would be throttled. What is not scaled is the work of the functions: it makes the burst a little longer, and
so harder.

The burst comes in one moment: until its last upload has its execution, Rekognition answers none of them. So
how long the sandbox takes to take uploads in does not thin the burst out; on AWS, where taking in is some
fifty times as fast as Rekognition, it would begin to answer at once. Again that is the harder way.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from statistics import fmean

from tests.workflows import document
from tests.workflows.driver import Driver, opened, wait_until
from tests.workflows.photos import drawn, sample
from tests.workflows.tasks import all_tasks
from tests.workflows.uploads import Upload

PAGE = "burst"
# Transactions a second in most regions: docs/generated/scaling.md links to AWS's page.
RATE = 5.0
SCALE = 0.2
# The task that asks Rekognition, in the first workflow that has it.
_MODERATOR = next(task for task in all_tasks() if task.role == "Moderation")
TASK, WORKFLOW, FUNCTION = _MODERATOR.name, _MODERATOR.workflow, _MODERATOR.function
_PLACE = "the-park"
# Half of them nobody should see: they end after the task.
_PHOTOS: Sequence[Callable[[], bytes]] = (partial(drawn, "JPEG", 600, 500), partial(sample, "wine"))


@dataclass(frozen=True)
class End:
    """What became of an upload."""

    key: str
    status: str
    reason: str | None
    # Of the task that is throttled.
    attempts: int
    # From when the upload was taken in until it ended: seconds on AWS, the scale taken out.
    waited_s: float


class Burst:
    """Uploads at once through a driver's sandbox, whose retriers wait `scale` times as long as they say."""

    def __init__(self, driver: Driver, scale: float) -> None:
        self._driver = driver
        self._scale = scale
        # How long it took to take them all in, and then until the last had ended, by the clock.
        self.taken_in_s = 0.0
        self.seconds = 0.0

    def upload(self, count: int, *, rate: float = RATE, patience_s: float) -> list[End]:
        """Uploads `count` photos, then lets Rekognition answer `rate` calls a second until each has ended."""
        driver = self._driver
        driver.go_live(WORKFLOW)
        chosen = [
            Upload(driver.new_key(_PLACE, "burst.jpg"), _PHOTOS[number % len(_PHOTOS)], is_bad=False)
            for number in range(count)
        ]
        started = time.monotonic()
        with driver.sandbox.faults(f"function:{FUNCTION}=throttle"):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda each: driver.upload(each.make(), each.key), chosen))
            wait_until(driver.all_events_are_handled, "the queue is empty", patience_s)
            self.taken_in_s = time.monotonic() - started
        started = time.monotonic()
        with driver.sandbox.faults(f"function:{FUNCTION}=rate:{rate / self._scale:.3f}/s"):
            driver.all_end((each.key for each in chosen), patience_s)
        self.seconds = time.monotonic() - started
        return [self._end(each) for each in chosen]

    def _end(self, upload: Upload) -> End:
        outcome = self._driver.outcome(upload.key)
        began, ended = (datetime.fromisoformat(outcome.record[name]) for name in ("receivedAt", "finishedAt"))
        return End(
            upload.key,
            outcome.status,
            outcome.reason,
            attempts=outcome.attempts[TASK],
            waited_s=(ended - began).total_seconds() / self._scale,
        )


def check(ends: Sequence[End]) -> None:
    """Whether each came to a decision."""
    failed = [end for end in ends if end.status not in {"PROCESSED", "REJECTED"}]
    assert not failed, f"{len(failed)} of {len(ends)} uploads came to no decision: {failed[:3]}"


def report(ends: Sequence[End], burst: Burst, scale: float, rate: float) -> str:
    """What came of them, in Markdown."""
    statuses = Counter(end.status for end in ends)
    attempts = sorted(end.attempts for end in ends)
    waits = sorted(end.waited_s for end in ends)
    told = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
    how = (
        f"{len(ends)} uploads at once to {WORKFLOW}, and a Rekognition of {rate:g} transactions a second; "
        f"time runs {1 / scale:g} times as fast. Taking them in took {burst.taken_in_s:.0f} s by the clock, "
        f"and {burst.seconds:.0f} s later the last had ended."
    )
    rows = {
        "records": told,
        "FAILED": statuses["FAILED"],
        "longest wait of an upload, in AWS's time": f"{waits[-1]:.0f} s",
        "median wait": f"{waits[len(waits) // 2]:.0f} s",
        f"attempts of `{TASK}`: most": attempts[-1],
        "median": attempts[len(attempts) // 2],
        "mean": f"{fmean(attempts):.1f}",
        "uploads decided each second of AWS's time, once all were taken in": (
            f"{len(ends) / (burst.seconds / scale):.2f}"
        ),
    }
    return "\n".join(
        [how, "", "| what | |", "| --- | ---: |", *(f"| {what} | {it} |" for what, it in rows.items())]
    )


def main() -> None:
    """Uploads them, checks what came of each, and writes it into docs/generated/burst.md."""
    parser = argparse.ArgumentParser(
        prog="scripts/reliability burst", description="A burst that is faster than Rekognition for minutes."
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=RATE, help="Rekognition's transactions a second on AWS")
    parser.add_argument(
        "--scale", type=float, default=SCALE, help="how long a second of AWS's takes here, in s"
    )
    options = parser.parse_args()
    with opened(retry_wait_scale=options.scale) as driver:
        burst = Burst(driver, options.scale)
        # Of what it must take, and a second for each upload on a machine that is busy with other things.
        patience_s = options.count * (options.scale / options.rate + 1.0)
        ends = burst.upload(options.count, rate=options.rate, patience_s=patience_s)
    text = report(ends, burst, options.scale, options.rate)
    print(text)
    check(ends)
    document.write(PAGE, text)


if __name__ == "__main__":
    main()
