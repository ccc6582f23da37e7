"""What an upload uses: how long each function takes, which calls it makes, how much it logs.

`usage.json` was measured in a sandbox, by `bench/usage.py`. The times of an installation that has seen
uploads are in its logs (`times`), and those of AWS are the ones to reckon with.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from happypath.installation import Installation

FILE = Path(__file__).with_name("usage.json")
_BILLED = re.compile(r"Billed Duration: ([\d.]+) ms")


class NotMeasuredError(Exception):
    """What is asked for was not measured; the message says what to run."""


@dataclass(frozen=True)
class FunctionUsage:
    """One function's invocation, on average."""

    # As Lambda bills them.
    billed_ms: float
    # By operation, as `s3:GetObject`; of a transaction each part counts.
    requests: Mapping[str, float]
    # With what CloudWatch Logs adds for each line.
    log_bytes: float


@dataclass(frozen=True)
class Usage:
    """What was measured. Functions are named without their installation's prefix: `v4-Resize`."""

    # When, on what, and with what.
    about: str
    photo_bytes: float
    # Of one rendition.
    rendition_bytes: float
    # By workflow.
    custom_metrics: Mapping[str, int]
    functions: Mapping[str, FunctionUsage]

    def function(self, name: str) -> FunctionUsage:
        """What a function uses.

        Raises:
            NotMeasuredError: it was not measured.
        """
        if name not in self.functions:
            raise NotMeasuredError(f"{name} was not measured: run `python bench/usage.py`.")
        return self.functions[name]

    def with_times(self, billed_ms: Mapping[str, float], wanted: Iterable[str], source: str) -> Usage:
        """The same, with the times that `source` has; `about` names those `wanted` that it has not."""
        functions = {
            name: replace(function, billed_ms=billed_ms.get(name, function.billed_ms))
            for name, function in self.functions.items()
        }
        missing = sorted(set(wanted) - billed_ms.keys())
        but = f", which have none of {', '.join(missing)}" if missing else ""
        return replace(self, about=f"{self.about}; times from {source}{but}", functions=functions)

    def as_json(self) -> dict[str, Any]:
        """As `usage.json` has it."""
        return asdict(self)


def load(path: Path = FILE) -> Usage:
    """What was measured last."""
    data = json.loads(path.read_text(encoding="utf-8"))
    functions = {name: FunctionUsage(**each) for name, each in data.pop("functions").items()}
    return Usage(functions=functions, **data)


def times(installation: Installation, since: timedelta, functions: Iterable[str]) -> dict[str, list[float]]:
    """The billed times of functions in milliseconds, by the logs that Lambda itself writes.

    A function that is not deployed, or has not run, is not in it.

    Raises:
        NotMeasuredError: none of them has run.
    """
    logs = installation.client("logs")
    first = int((datetime.now(UTC) - since).timestamp() * 1000)
    found: dict[str, list[float]] = defaultdict(list)
    wanted = sorted(functions)
    for function in wanted:
        pages = logs.get_paginator("filter_log_events").paginate(
            # Each by its whole name: `team-b-v1-Resize` begins as a function of the installation `team` does.
            logGroupName=f"/aws/lambda/{installation.prefix}-{function}",
            startTime=first,
            filterPattern='"REPORT RequestId"',
        )
        try:
            for event in (event for page in pages for event in page["events"]):
                if billed := _BILLED.search(event["message"]):
                    found[function].append(float(billed[1]))
        except logs.exceptions.ResourceNotFoundException:
            continue
    if not found:
        raise NotMeasuredError(
            f"None of {installation.prefix}'s {', '.join(wanted)} has run in that time: "
            "look further back with --since."
        )
    return dict(found)
