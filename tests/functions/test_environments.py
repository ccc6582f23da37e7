"""What a new execution environment does before its first invocation, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

HANDLERS = ["ingest.start_execution", "publish.resize", "decide.labels", "notices.notices"]
# What the libraries would bring along, and no task uses, or not each.
HEAVY = {
    "boto3",
    "s3transfer",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.data_classes",
    "pydantic",
    "PIL",
}


def started(handler: str, **variables: str) -> Any:
    """Imports a handler; returns what is there then."""
    code = f"""
import gc, json, sys
import functions.{handler}
from functions.platform import aws
print(json.dumps({{
    "modules": list(sys.modules),
    "clients": aws._client.cache_info().currsize,
    "collects": gc.isenabled(),
    "frozen": gc.get_freeze_count(),
}}))
"""
    environment = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("handler", HANDLERS)
def test_in_lambda_the_clients_are_there_and_nothing_that_is_not_used(handler: str) -> None:
    found = started(handler, AWS_LAMBDA_FUNCTION_NAME="function")

    assert found["clients"]
    decodes = {"PIL"} if handler == "publish.resize" else set()
    assert HEAVY & set(found["modules"]) == decodes
    # Garbage is collected from now on, of what is made from now on.
    assert found["collects"]
    assert found["frozen"] > 10_000


def test_elsewhere_a_handler_makes_no_clients_and_leaves_the_process_as_it_is() -> None:
    found = started("publish.publish")

    assert (found["clients"], found["frozen"], found["collects"]) == (0, 0, True)
