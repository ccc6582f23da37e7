"""Step Functions' metrics in CloudWatch, by which alarms and dashboards go.

https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

from happypath.sandbox.stepfunctions.executions import Observer, StatesExecution

NAMESPACE = "AWS/States"
_ENDS = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_REDRIVEN_ENDS = {
    "SUCCEEDED": "RedrivenExecutionsSucceeded",
    "FAILED": "RedrivenExecutionsFailed",
    "TIMED_OUT": "RedrivenExecutionsTimedOut",
    "ABORTED": "RedrivenExecutionsAborted",
}
# What tasks do: a history's event → the metric's name after `LambdaFunctions` or `ServiceIntegrations`.
_TASKS = {
    "TaskScheduled": "Scheduled",
    "TaskStarted": "Started",
    "TaskSucceeded": "Succeeded",
    "TaskFailed": "Failed",
    "TaskTimedOut": "TimedOut",
    "LambdaFunctionScheduled": "Scheduled",
    "LambdaFunctionStarted": "Started",
    "LambdaFunctionSucceeded": "Succeeded",
    "LambdaFunctionFailed": "Failed",
    "LambdaFunctionTimedOut": "TimedOut",
}
_EXPRESS_MB, _BILLED_MS = 64, 100


class ExecutionMetrics(Observer):
    """Counts executions by state machine, and by version and alias where they were started so."""

    def changed(self, execution: StatesExecution) -> None:
        """Counts a start or an end."""
        if execution.stop_date is None:
            values = [("ExecutionsRedriven" if execution.redrives else "ExecutionsStarted", 1.0, "Count")]
        else:
            values = list(_ended(execution))
        _put(execution, values, list(_dimensions(execution)))

    def recorded(self, execution: StatesExecution, event: dict[str, Any]) -> None:
        """Counts what a task does."""
        done = _TASKS.get(event["type"])
        if done is None:
            return
        if event["type"].startswith("LambdaFunction"):
            if done == "Scheduled":
                execution.calls_lambda = event["lambdaFunctionScheduledEventDetails"]["resource"]
            dimension = {"Name": "LambdaFunctionArn", "Value": execution.calls_lambda}
            name = f"LambdaFunctions{done}"
        else:
            field = f"{event['type'][:1].lower()}{event['type'][1:]}EventDetails"
            details = event.get(field) or {}
            arn = f"arn:aws:states:::{details.get('resourceType')}:{details.get('resource')}"
            dimension = {"Name": "ServiceIntegrationResourceArn", "Value": arn}
            name = f"ServiceIntegrations{done}"
        _put(execution, [(name, 1.0, "Count")], [[dimension]])


def _ended(execution: StatesExecution) -> Iterator[tuple[str, float, str]]:
    stopped: Any = execution.stop_date
    took_ms = (stopped - execution.start_date).total_seconds() * 1000
    yield _ENDS[execution.status], 1.0, "Count"
    yield "ExecutionTime", took_ms, "Milliseconds"
    if execution.redrives:
        yield _REDRIVEN_ENDS[execution.status], 1.0, "Count"
    if execution.is_express:
        billed_ms = _BILLED_MS * (int(took_ms // _BILLED_MS) + 1)
        yield "ExpressExecutionMemory", _EXPRESS_MB * 1024.0 * 1024, "Bytes"
        yield "ExpressExecutionBilledMemory", _EXPRESS_MB * 1024.0 * 1024, "Bytes"
        yield "ExpressExecutionBilledDuration", float(billed_ms), "Milliseconds"


def _dimensions(execution: StatesExecution) -> Iterator[list[dict[str, str]]]:
    machine = {"Name": "StateMachineArn", "Value": execution.state_machine_arn}
    yield [machine]
    for name, arn in (("Version", execution.version_arn), ("Alias", execution.alias_arn)):
        if arn:
            yield [machine, {"Name": name, "Value": arn.rpartition(":")[2]}]


def _put(
    execution: StatesExecution,
    values: list[tuple[str, float, str]],
    dimensions: list[list[dict[str, str]]],
) -> None:
    backend = cloudwatch_backends[execution.account_id][execution.region_name]
    data = [
        {"MetricName": name, "Value": value, "Unit": unit, "Dimensions": each}
        for each in dimensions
        for name, value, unit in values
    ]
    backend.put_metric_data(NAMESPACE, data)
