"""What is in the log of an invocation: what the function wrote, and what Lambda adds."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from happypath.sandbox.function_host.environment import Function, Outcome


def lines(function: Function, outcome: Outcome) -> list[str]:
    """The log of one invocation, as text or JSON."""
    return (_json if function.log_format == "JSON" else _text)(function, outcome)


def _text(function: Function, outcome: Outcome) -> list[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""
    report = [
        f"REPORT RequestId: {outcome.request_id}",
        f"Duration: {outcome.duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(outcome.duration_ms)} ms",
        f"Memory Size: {function.memory_mb} MB",
        f"Max Memory Used: {outcome.peak_memory_mb} MB",
    ]
    if outcome.init_ms is not None:
        report.append(f"Init Duration: {outcome.init_ms:.2f} ms")
    return [
        f"START RequestId: {outcome.request_id} Version: {function.version}",
        *outcome.log_lines,
        f"END RequestId: {outcome.request_id}",
        "\t".join(report),
    ]


def _json(function: Function, outcome: Outcome) -> list[str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html"""
    metrics = {
        "durationMs": round(outcome.duration_ms, 3),
        "billedDurationMs": math.ceil(outcome.duration_ms),
        "memorySizeMB": function.memory_mb,
        "maxMemoryUsedMB": outcome.peak_memory_mb,
    }
    if outcome.init_ms is not None:
        metrics["initDurationMs"] = round(outcome.init_ms, 3)

    def line(kind: str, **record: Any) -> str:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = {
            "time": now,
            "type": f"platform.{kind}",
            "record": {"requestId": outcome.request_id, **record},
        }
        return json.dumps(said)

    status = "error" if outcome.answer.failed else "success"
    return [
        line("start", version=function.version),
        *outcome.log_lines,
        line("report", metrics=metrics, status=status),
    ]
