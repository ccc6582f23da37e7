"""API Gateway's metrics in CloudWatch, for each API and each of its stages.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

_NAMESPACE = "AWS/ApiGateway"


def record(
    account_id: str, region: str, api_id: str, stage: str, status: int, times_ms: dict[str, int]
) -> None:
    """Adds a request; `times_ms` are its `Latency` and, if there was an integration, `IntegrationLatency`."""
    now = datetime.now(UTC).replace(tzinfo=None)  # as moto compares it
    values: list[tuple[str, float, str]] = [
        ("Count", 1.0, "Count"),
        ("4xx", float(status // 100 == 4), "Count"),
        ("5xx", float(status // 100 == 5), "Count"),
        *((name, float(each), "Milliseconds") for name, each in times_ms.items()),
    ]
    api = {"Name": "ApiId", "Value": api_id}
    data: list[dict[str, Any]] = [
        {"MetricName": name, "Value": value, "Unit": unit, "Timestamp": now, "Dimensions": dimensions}
        for dimensions in ([api], [api, {"Name": "Stage", "Value": stage}])
        for name, value, unit in values
    ]
    cloudwatch_backends[account_id][region].put_metric_data(_NAMESPACE, data)
