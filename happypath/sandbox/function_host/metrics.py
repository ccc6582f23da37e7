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
    now = datetime.now(UTC).replace(tzinfo=None)  # as moto compares it
    values: list[tuple[str, float, str]] = [("Throttles", float(outcome is None), "Count")]
    if outcome is not None:
        values += [
            ("Invocations", 1.0, "Count"),
            ("Errors", float(outcome.answer.failed), "Count"),
            ("Duration", outcome.duration_ms, "Milliseconds"),
        ]
    data: list[dict[str, Any]] = []
    for dimensions, at_once in (([{"Name": "FunctionName", "Value": name}], running[0]), ([], running[1])):
        data += [
            {"MetricName": metric, "Value": value, "Unit": unit, "Timestamp": now, "Dimensions": dimensions}
            for metric, value, unit in [*values, ("ConcurrentExecutions", float(at_once), "Count")]
        ]
    cloudwatch_backends[account_id][region].put_metric_data(_NAMESPACE, data)
