"""Logs, metrics and traces of all tasks, made once.

What a task says here costs nothing where nobody listens: outside Lambda there are no metrics and no traces,
and an invocation that X-Ray does not sample is not traced.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeAlias

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from functions.platform.trace_header import TraceHeader, new_id

Value: TypeAlias = str | int | float | bool

# The logger is named for it, so it must not be `happypath`: the command's own loggers are below that one.
_SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "functions")
# Lambda writes each invocation's trace header here.
_HEADER = "_X_AMZN_TRACE_ID"
_NAMESPACE = "HappyPath"
_SAID_OF_METRICS = ("uploadId", "placeId", "executionArn", "function_request_id", "xray_trace_id")

logger = Logger(service=_SERVICE)


def is_traced(environment: Mapping[str, str]) -> bool:
    """Whether there is a daemon to send traces to, and nobody has switched the SDK off.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-sdk-python-configuration.html
    """
    return {"AWS_LAMBDA_FUNCTION_NAME", "AWS_XRAY_DAEMON_ADDRESS"} <= environment.keys() and environment.get(
        "AWS_XRAY_SDK_ENABLED", "true"
    ).lower() == "true"


TRACED = is_traced(os.environ)
if TRACED:
    from functions.platform import xray


class Subsegment(Protocol):
    """A piece of work in the trace."""

    def annotate(self, **annotations: Value | None) -> None:
        """Says what traces are searched by; None says nothing."""

    def note(self, **metadata: Value) -> None:
        """Says what else is worth knowing: sizes, counts. Nothing personal."""


class _Untraced:
    def annotate(self, **annotations: Value | None) -> None:
        """Says nothing."""

    def note(self, **metadata: Value) -> None:
        """Says nothing."""


_UNTRACED = _Untraced()


def trace_header() -> TraceHeader | None:
    """Where this work is in its trace; None when it has none."""
    return TraceHeader.parse(os.environ.get(_HEADER))


# What metrics are kept by. An execution environment has one invocation at a time.
_dimensions = {"service": _SERVICE}
_counted = True


@contextmanager
def invocation(name: str, workflow: str | None = None, *, counted: bool = True) -> Iterator[Subsegment]:
    """One invocation of a handler: a subsegment named for it, and nothing left over from the one before.

    Its metrics are kept by the service, and by the workflow if it serves one; if it is not `counted`, it has
    none.
    """
    global _counted  # noqa: PLW0603  # as the dimensions: of the one invocation that there is
    _counted = counted
    _dimensions.pop("workflow", None)
    if workflow:
        _dimensions["workflow"] = workflow
    if TRACED:
        xray.forget()
    with subsegment(f"## {name}") as work:
        yield work


@contextmanager
def subsegment(name: str) -> Iterator[Subsegment]:
    """A piece of work that takes time. An error that leaves it is recorded where it arose.

    >>> with subsegment("decode") as work:
    ...     work.note(width_px=4000)
    """
    header = trace_header() if TRACED else None
    if header is None or not header.sampled:
        yield _UNTRACED
        return
    with xray.subsegment(name) as work:
        yield work


@contextmanager
def continued(header: TraceHeader | None) -> Iterator[None]:
    """Work that belongs to another trace than its invocation does; without a header, to the same.

    It shows there as a segment named for the function. The header decides whether it is recorded. If it does
    not say, this invocation's own sampling decision holds.
    """
    own = trace_header()
    if header is None or own is None or header.root == own.root:
        yield
        return
    sampled = own.sampled if header.sampled is None else header.sampled
    before = os.environ[_HEADER]
    if TRACED and sampled:
        here = TraceHeader(header.root, new_id(), sampled)
        name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        with xray.segment(name, here, parent=header.parent):
            os.environ[_HEADER] = str(here)
            try:
                yield
            finally:
                os.environ[_HEADER] = before
        return
    os.environ[_HEADER] = str(TraceHeader(header.root, header.parent, sampled))
    try:
        yield
    finally:
        os.environ[_HEADER] = before


def measure(reason: str | None = None, *, across_workflows: bool = False, **metrics: float) -> None:
    """Sends metrics as a log line that CloudWatch reads (EMF); what ends in `Bytes` is counted in bytes.

    With a reason they are kept twice, for all reasons and for this one; and once more for all workflows
    together if `across_workflows`.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ or not _counted:
        return
    line = EphemeralMetrics(namespace=_NAMESPACE, service=_SERVICE)
    for name, value in _dimensions.items():
        line.add_dimension(name, value)
    if reason:
        line.add_dimensions(**_dimensions, reason=reason)
    if across_workflows:
        line.add_dimensions(service=_SERVICE)
    # So that a metric leads to the uploads, and the traces, that it counts.
    known = {
        **logger.get_current_keys(),
        "xray_trace_id": header.root if (header := trace_header()) else None,
    }
    for key in _SAID_OF_METRICS:
        if known.get(key):
            line.add_metadata(key, known[key])
    for metric, number in metrics.items():
        line.add_metric(metric, MetricUnit.Bytes if metric.endswith("Bytes") else MetricUnit.Count, number)
    line.flush_metrics()
