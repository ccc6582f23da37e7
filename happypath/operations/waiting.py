"""Waiting for an upload's outcome, which its record tells, and its execution where that left none."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from happypath.operations.installation import TERMINAL, Execution, Installation, claimed_at

# The record is asked for each time, its execution only after so long without an outcome, and then as rarely:
# DescribeExecution has a small quota.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_EXECUTION_EVERY_S = 2.0


@dataclass(frozen=True)
class Look:
    """An upload as it is now. `unrecorded` is its execution, if that has ended and recorded no outcome."""

    record: dict[str, Any] | None
    unrecorded: Execution | None = None

    @property
    def status(self) -> str:
        """The record's `objStatus`; `WAITING` without a record, as while nothing is live."""
        return "WAITING" if self.record is None else str(self.record["objStatus"])

    @property
    def has_outcome(self) -> bool:
        """Whether there is a record with one of the ends."""
        return self.status in TERMINAL

    @property
    def is_over(self) -> bool:
        """Whether waiting on changes nothing: what waits for a person may do so for days."""
        return self.has_outcome or self.is_in_review or self.unrecorded is not None

    @property
    def is_in_review(self) -> bool:
        """Whether a person is to decide."""
        return self.status == "IN_REVIEW" and self.unrecorded is None

    @property
    def missing(self) -> str | None:
        """Why the upload has no outcome; None if it has one."""
        if self.has_outcome:
            return None
        if self.record is None:
            return "There is no record of it yet."
        arn = self.record["executionArn"]
        if self.is_in_review:
            return "A person is to decide (docs/review.md)."
        if self.unrecorded is None:
            return f"It has no outcome yet. Its execution is {arn}"
        return f"Its execution ended as {self.unrecorded} and recorded no outcome: {arn}"

    def advice(self, upload: str) -> str | None:
        """What an operator does about an upload that has no outcome; None if it has one."""
        if self.has_outcome:
            return None
        if self.record is None:
            return (
                "While no workflow is live (`happypath live`), it waits in the queue. A greater `--timeout` "
                "waits longer; `happypath reconcile` finds uploads without an outcome."
            )
        if self.is_in_review:
            return f"`happypath review show {upload}` shows what the models saw; approve or refuse it."
        if self.unrecorded is None:
            return f"`happypath show {upload}` shows where it is; a greater `--timeout` waits longer."
        return (
            f"`happypath redrive {upload}` has it run again, `happypath reconcile --fix` all uploads like it "
            "that are older than 15 minutes."
        )

    def as_json(self) -> dict[str, Any]:
        """The record, in the output of `--json`, with the execution that left it without an outcome."""
        record = self.record or {}
        return record | ({"unrecorded": self.unrecorded.as_json()} if self.unrecorded else {})


class Watch:
    """One upload that is waited for, by its key."""

    def __init__(
        self, installation: Installation, key: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._installation = installation
        self._key = key
        self._clock = clock
        self._ask_at = clock() + _EXECUTION_EVERY_S

    def look(self) -> Look:
        """How the upload is now."""
        seen = Look(self._installation.record(self._key))
        if seen.record is None or seen.has_outcome or self._clock() < self._ask_at:
            return seen
        self._ask_at = self._clock() + _EXECUTION_EVERY_S
        arn = seen.record["executionArn"]
        execution = self._installation.execution(arn, claimed_at(seen.record))
        if execution is None or not execution.has_ended:
            return seen
        # The outcome is written before the execution ends: what is not there now never will be.
        now = Look(self._installation.record(self._key))
        if now.record is None or now.has_outcome or now.record["executionArn"] != arn:
            return now
        return Look(now.record, unrecorded=execution)


def wait(installation: Installation, key: str, timeout_s: float, every_s: float = 1.0) -> Look:
    """Waits until an upload has its outcome, or is never going to have one, and returns how it is then."""
    deadline = time.monotonic() + timeout_s
    watch = Watch(installation, key)
    while not (seen := watch.look()).is_over and time.monotonic() < deadline:
        time.sleep(every_s)
    return seen
