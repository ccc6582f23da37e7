"""What an upload uses: how long each handler takes, which calls it makes, how much it logs.

A handler is the same code in every workflow: what was measured of it in one counts in any other.

`usage.json` was measured in a sandbox, by `bench/usage.py`. The times of an installation that has seen
uploads are in its logs (`times`), and those of AWS are the ones to reckon with.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from happypath.errors import ExpectedError
from happypath.operations.installation import Installation
from happypath.operations.logs import REPORTS, events, groups, report

FILE = Path(__file__).with_name("usage.json")


class NotMeasuredError(ExpectedError):
    """What is asked for was not measured; the message says what to run."""


@dataclass(frozen=True)
class FunctionUsage:
    """One function's invocation, on average."""

    # As Lambda bills them.
    billed_ms: float
    # By operation, as `s3:GetObject`; of a transaction or a batch each item counts.
    requests: Mapping[str, float]
    # With what CloudWatch Logs adds for each line.
    log_bytes: float
    # The custom metrics that it sends, each with its dimensions but for the workflow, which it has of each.
    metrics: Sequence[str] = ()


@dataclass(frozen=True)
class Usage:
    """What was measured, of functions by their handlers: `functions.publish.resize.handler`."""

    # When, on what, and with what.
    about: str
    photo_bytes: float
    # Of one rendition.
    rendition_bytes: float
    functions: Mapping[str, FunctionUsage]
    # What an Express execution logs of each state that it goes through.
    state_log_bytes: float = 0.0

    def with_times(self, billed_ms: Mapping[str, float], wanted: Iterable[str], source: str) -> Usage:
        """The same, with the handlers' times that `source` has; `about` names those `wanted` it lacks."""
        functions = {
            handler: replace(function, billed_ms=billed_ms.get(handler, function.billed_ms))
            for handler, function in self.functions.items()
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
    functions = {handler: FunctionUsage(**each) for handler, each in data.pop("functions").items()}
    return Usage(functions=functions, **data)


def times(installation: Installation, since: timedelta, functions: Iterable[str]) -> dict[str, list[float]]:
    """The billed times of functions in milliseconds, by the logs that Lambda itself writes.

    Functions are named without their installation's prefix: `v4-Resize`. One that is not deployed, or has
    not run, is not in it.

    Raises:
        NotMeasuredError: none of them has run.
    """
    first = int((datetime.now(UTC) - since).timestamp() * 1000)
    found: dict[str, list[float]] = defaultdict(list)
    wanted = {f"{installation.prefix}-{name}": name for name in sorted(functions)}
    for group, there in groups(installation, wanted).items():
        search: dict[str, Any] = {"startTime": first, "filterPattern": REPORTS}
        for function, event in events(installation, group, there, **search):
            if said := report(event["message"]):
                found[wanted[function]].append(said.billed_ms)
    if not found:
        raise NotMeasuredError(
            f"None of {installation.prefix}'s {', '.join(wanted.values())} has run in that time: "
            "look further back with --since."
        )
    return dict(found)
