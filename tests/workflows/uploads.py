"""Many uploads at once while everything goes wrong that can: each ends once, and nothing is published amiss.

    scripts/reliability uploads

makes 500 of them, and writes what came of them into docs/generated/uploads.md.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from happypath.operations.installation import TERMINAL
from happypath.sandbox.fault_injection.rules import DEFAULT_ERROR
from tests.outcomes import rows
from tests.statemachines.definitions import tasks
from tests.workflows import document
from tests.workflows.driver import Driver, named_in, opened, readable_name, wait_until
from tests.workflows.photos import bomb, drawn, gif, sample, truncated
from tests.workflows.pictures import place_id
from tests.workflows.tasks import PUBLISHING, all_tasks

PAGE = "uploads"

# The functions of the workflows that publish, by the names that they share.
_FUNCTIONS = sorted({task.role for task in all_tasks() if task.role and task.workflow in PUBLISHING})
# What goes wrong, and how often. What passes by itself is tried again; of all this only `raise` fails an
# upload at once.
FAULTS = (
    "event:upload=duplicate@20%",
    *(f"function:StartExecution={what}" for what in ("kill@4%", "timeout@2%", "raise@2%")),
    *(
        f"function:{function}={what}"
        for function in _FUNCTIONS
        for what in ("kill@2%", "throttle@5%", "error@3%", "timeout@2%", "raise@1%", "delay:0.3@3%")
    ),
    "s3:GetObject=throttle@3%",
    "s3:GetObject=error@3%",
    "s3:PutObject=error@3%",
    "s3:HeadObject=throttle@2%",
    "rekognition:DetectLabels=throttle@10%",
    "rekognition:DetectModerationLabels=throttle@10%",
    "dynamodb:GetItem=throttle@5%",
    "dynamodb:PutItem=error@3%",
    "dynamodb:UpdateItem=throttle@10%",
    "dynamodb:TransactWriteItems=throttle@5%",
    "dynamodb:TransactWriteItems=error@3%",
    "states:StartExecution=throttle@3%",
    "ssm:GetParameter=throttle@3%",
)
# How often a process is killed, whatever it is doing.
_KILL_EVERY_S = 5.0
# Those that the tables know.
_PLACES = sorted({place_id(row) for workflow in PUBLISHING for row in rows(workflow)})


@dataclass(frozen=True)
class Upload:
    """One file to upload."""

    key: str
    make: Callable[[], bytes]
    # No workflow may publish it.
    is_bad: bool


def uploads(driver: Driver, seed: int, count: int) -> list[Upload]:
    """Files of every size and kind, good and bad, for places of every kind."""
    chance = random.Random(seed)
    kinds: list[tuple[Callable[[], bytes], str, bool]] = [
        *((partial(sample, name), "jpg", False) for name in ("coffee", "mountains", "wine", "astronaut")),
        *((partial(drawn, "JPEG", side, side), "jpg", False) for side in (500, 900, 2_000, 4_000)),
        *((partial(drawn, "PNG", side, side), "png", False) for side in (90, 900, 1_800)),
        *((partial(drawn, "WEBP", side, side), "webp", False) for side in (800, 1_500)),
        (truncated, "jpg", True),
        (gif, "jpg", True),
        (bomb, "png", True),
        (lambda: b"", "jpg", True),
        (lambda: b"This is not a photo.\n" * 99, "jpg", True),
    ]
    found = []
    for _ in range(count):
        make, extension, is_bad = chance.choice(kinds)
        key = driver.new_key(chance.choice(_PLACES), f"crowd.{extension}")
        found.append(Upload(key, make, is_bad))
    return found


@dataclass(frozen=True)
class End:
    """What there is of an upload when all is over."""

    upload: Upload
    status: str
    reason: str | None
    workflow: str
    # How many were started for it.
    executions: int
    has_photo: bool
    renditions: frozenset[str]
    # Of the task that the execution gave up at, what each of its attempts failed of. Of others: none.
    failures: tuple[str, ...] = ()
    task: str = ""

    def check(self) -> None:
        """Whether it ended, once, and what the world sees is what the record says.

        Of an upload that failed there may be renditions, which nothing refers to: it failed after them.
        """
        assert self.status in TERMINAL, self
        assert self.executions == 1, self
        assert self.has_photo == (self.status == "PROCESSED"), self
        if self.status == "PROCESSED":
            assert self.renditions == {"tile.jpg", "scaled.jpg"}, self
            assert not self.upload.is_bad, self
        elif self.status == "REJECTED":
            assert not self.renditions, self
        else:
            assert self.reason == DEFAULT_ERROR or self.is_exhausted, self

    @property
    def is_exhausted(self) -> bool:
        """Whether it failed of what is tried again, and every attempt that its task has failed so."""
        for retrier in tasks(self.workflow)[self.task]["Retry"]:
            if self.reason in retrier["ErrorEquals"]:
                met = sum(failure in retrier["ErrorEquals"] for failure in self.failures)
                return met == 1 + int(retrier["MaxAttempts"])
        return False


class Crowd:
    """Uploads through a driver's sandbox, split evenly among all workflows that publish."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        # Processes, on purpose, besides those that the injector kills.
        self.killed = 0
        self.seconds = 0.0

    def upload(self, chosen: Sequence[Upload], *, seed: int, patience_s: float) -> list[End]:
        """Uploads them all with faults in force, and waits until each has ended."""
        self._driver.go_live(_split(PUBLISHING))
        started = time.monotonic()
        faults = self._driver.sandbox.faults
        faults.seed = seed
        with faults(*FAULTS), self._processes_die(seed):
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda each: self._driver.upload(each.make(), each.key), chosen))
            wait_until(self._driver.all_events_are_handled, "the queue is empty", patience_s)
            self._driver.all_end((each.key for each in chosen), patience_s)
        self.seconds = time.monotonic() - started
        executions = Counter(map(named_in, self._executions()))
        return [self._end(each, executions[readable_name(each.key)]) for each in chosen]

    def _executions(self) -> Iterator[str]:
        for execution in self._driver.installation.executions(None, None):
            yield execution["name"]

    def _end(self, upload: Upload, executions: int) -> End:
        published = self._driver.published(upload.key)
        record = self._driver.installation.record(upload.key) or {}
        task, failures = "", list[str]()
        if record["objStatus"] == "FAILED":
            history = self._driver.installation.history(record["executionArn"])
            task, failures = given_up(history, record["workflow"])
        return End(
            upload,
            status=record["objStatus"],
            reason=record.get("reason"),
            workflow=record["workflow"],
            executions=executions,
            has_photo=published.photo is not None,
            renditions=frozenset(published.renditions),
            failures=tuple(failures),
            task=task,
        )

    @contextmanager
    def _processes_die(self, seed: int) -> Iterator[None]:
        """Kills the process of some function now and then, whatever it is doing."""
        over, chance = threading.Event(), random.Random(seed)

        def kill() -> None:
            while not over.wait(_KILL_EVERY_S):
                processes = [each for each in psutil.Process().children() if "functions." in _handler(each)]
                if processes:
                    with suppress(psutil.Error):
                        chance.choice(processes).kill()
                        self.killed += 1

        thread = threading.Thread(target=kill, name="killer")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def given_up(history: Sequence[Mapping[str, Any]], workflow: str) -> tuple[str, list[str]]:
    """The task that an execution gave up at, and what each of its attempts failed of; others record that."""
    recording = {task.name for task in all_tasks() if task.workflow == workflow and task.records}
    state, task, failures = "", "", list[str]()
    for event in history:
        if "stateEnteredEventDetails" in event:
            state = event["stateEnteredEventDetails"]["name"]
        for details in ("taskFailedEventDetails", "taskTimedOutEventDetails"):
            if details in event and state not in recording:
                if state != task:
                    task, failures = state, []
                failures.append(event[details]["error"])
    return task, failures


def _handler(process: psutil.Process) -> str:
    try:
        return process.cmdline()[-1]
    except (psutil.Error, IndexError):
        return ""


def _split(workflows: Sequence[str]) -> str:
    """The same share of uploads for each: `v1=33 v2=33 v3=34`."""
    share, rest = divmod(100, len(workflows))
    shares = [share] * (len(workflows) - 1) + [share + rest]
    return " ".join(f"{name}={percent}" for name, percent in zip(workflows, shares, strict=True))


def report(ends: Sequence[End], crowd: Crowd) -> str:
    """What came of them, in Markdown."""
    by_status = Counter(end.status for end in ends)
    rate = len(ends) / crowd.seconds
    orphans = sum(bool(end.renditions) for end in ends if end.status == "FAILED")
    how = (
        f"{len(ends)} uploads in {crowd.seconds:.0f} s ({rate:.1f} a second), split evenly among "
        f"{', '.join(PUBLISHING)}; one event in five came twice; {crowd.killed} processes were killed at "
        "random moments, besides those that the rules killed."
    )
    seen = (
        f"{sum(end.executions for end in ends)} executions: one for each. "
        f"{sum(end.has_photo for end in ends)} photo items and {by_status['PROCESSED']} `PROCESSED` records, "
        "of the same uploads. No file of a `REJECTED` one lies in the distribution bucket. Of "
        f"{orphans} `FAILED` ones the renditions do, which nothing refers to: they failed after Resizer."
    )
    failed = [end for end in ends if end.status == "FAILED"]
    exhausted = sum(end.is_exhausted for end in failed)
    seen += (
        f" Of the {len(failed)} `FAILED` ones {len(failed) - exhausted} raised an error that nothing tries "
        f"again, and {exhausted} failed at every attempt that their task has: none failed of a process that "
        "died less often."
    )
    lines = [how, "", "| record | uploads | reasons |", "| --- | --- | --- |"]
    for status, number in sorted(by_status.items()):
        reasons = Counter(end.reason for end in ends if end.status == status and end.reason)
        told = ", ".join(f"{count} `{reason}`" for reason, count in reasons.most_common())
        lines.append(f"| {status} | {number} | {told} |")
    lines += ["", seen, "", "Rules in force: " + ", ".join(f"`{rule}`" for rule in FAULTS) + "."]
    return "\n".join(lines)


def main() -> None:
    """Uploads them, checks what came of each, and writes it into docs/generated/uploads.md."""
    parser = argparse.ArgumentParser(
        prog="scripts/reliability uploads",
        description="Many uploads at once while everything goes wrong that can.",
    )
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with opened() as driver:
        crowd = Crowd(driver)
        chosen = uploads(driver, options.seed, options.count)
        ends = crowd.upload(chosen, seed=options.seed, patience_s=2.0 * options.count)
    for end in ends:
        end.check()
    text = report(ends, crowd)
    print(text)
    document.write(PAGE, text)


if __name__ == "__main__":
    main()
