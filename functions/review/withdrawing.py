"""Ends a review whose execution has ended without a Decision: whoever opens it is told, and nobody waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.platform.aws import client, prepare
from functions.platform.observability import invocation, logger
from functions.platform.settings import ReviewSettings, read
from functions.review.execution import withdraw

SETTINGS = read(ReviewSettings)
prepare("dynamodb")


def handler(event: Mapping[str, Any], context: Any) -> None:
    """Withdraws the review whose execution was stopped or failed, as Step Functions' event says."""
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("withdrawing"):
        withdraw(client("dynamodb"), SETTINGS.table_name, event["detail"]["name"], "STOPPED")
