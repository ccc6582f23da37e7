"""Waiting for what comes by itself: for a condition, never for a time, as a machine may be slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
# Less than a test may take (pyproject.toml), so that it says what did not come.
PATIENCE_S = 100.0


def until(ready: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """What `ready` returns, as soon as that is something and not nothing; else the test fails."""
    deadline = time.monotonic() + patience_s
    pause_s = 0.01
    while not (found := ready()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain until {what}"
        time.sleep(pause_s)
        # To ask is work, too, and the sandbox has one process for all of it.
        pause_s = min(2 * pause_s, 0.4)
    return found


def ended(stepfunctions: Any, arn: str, patience_s: float = PATIENCE_S) -> Any:
    """What DescribeExecution says of an execution that has ended."""

    def look() -> Any:
        described = stepfunctions.describe_execution(executionArn=arn)
        return None if described["status"] == "RUNNING" else described

    return until(look, f"{arn} has ended", patience_s)
