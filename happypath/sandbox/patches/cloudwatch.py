"""CloudWatch: which metric a question is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.cloudwatch.models import CloudWatchBackend

from happypath.sandbox.patches.served import Patch, Served


@contextmanager
def metrics_by_all_dimensions(_: Served) -> Iterator[None]:
    """A metric is told by exactly its dimensions; moto adds up all that have those, among others.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
    """
    ask: Any = CloudWatchBackend.get_metric_statistics

    def statistics(
        backend: Any,
        namespace: str,
        metric_name: str,
        *given: Any,
        dimensions: list[dict[str, str]],
        **named: Any,
    ) -> Any:
        wanted = {each["Name"]: each["Value"] for each in dimensions or ()}
        found = [
            each
            for each in backend.get_all_metrics()
            if {dimension.name: dimension.value for dimension in each.dimensions} == wanted
        ]
        # All that it asks of the backend.
        of_these = SimpleNamespace(get_all_metrics=lambda: found)
        return ask(of_these, namespace, metric_name, *given, dimensions=[], **named)

    with patch.object(CloudWatchBackend, "get_metric_statistics", statistics):
        yield


PATCHES: tuple[Patch, ...] = (metrics_by_all_dimensions,)
