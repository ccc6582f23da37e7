"""Lambda's own metrics in CloudWatch, for each function and for all together.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from happypath.sandbox.function_host.environment import Outcome

_NAMESPACE = "AWS/Lambda"


def record(
    account_id: str, region: str, name: str, outcome: Outcome | None, running: tuple[int, int]
) -> None:
    """Adds an invocation to the metrics, or with no outcome one that was throttled.

    `running` are the invocations at that moment, of this function and of all.
    """
    values: list[tuple[str, float, str]] = [("Throttles", float(outcome is None), "Count")]
    if outcome is not None:
        values += [
            ("Invocations", 1.0, "Count"),
            ("Errors", float(outcome.answer.failed), "Count"),
            ("Duration", outcome.duration_ms, "Milliseconds"),
        ]
    for of, at_once in zip((name, None), running, strict=True):
        _put(account_id, region, of, [*values, ("ConcurrentExecutions", float(at_once), "Count")])


def record_age(account_id: str, region: str, name: str, age_ms: float) -> None:
    """Adds how old the last record of a batch is when a function gets it."""
    for of in (name, None):
        _put(account_id, region, of, [("IteratorAge", age_ms, "Milliseconds")])


def _put(account_id: str, region: str, name: str | None, values: list[tuple[str, float, str]]) -> None:
    """Adds values, each with its name and unit; without a function's name to those of all together."""
    now = datetime.now(UTC).replace(tzinfo=None)  # as moto compares it
    dimensions = [{"Name": "FunctionName", "Value": name}] if name else []
    data: list[dict[str, Any]] = [
        {"MetricName": metric, "Value": value, "Unit": unit, "Timestamp": now, "Dimensions": dimensions}
        for metric, value, unit in values
    ]
    cloudwatch_backends[account_id][region].put_metric_data(_NAMESPACE, data)
