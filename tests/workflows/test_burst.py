"""Forty uploads at once, for which Rekognition takes half an hour; `scripts/reliability burst` makes 2,000.

Here a second of AWS's takes a millisecond, so that the rate is a very low one: at 20 calls a second by the
clock functions and interpreter keep up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.workflows.burst import TASK, WORKFLOW, Burst, check
from tests.workflows.driver import Driver

# As `tests/conftest.py` opens the sandbox.
_SCALE = 0.001
_RATE = 0.02
_COUNT = 40


def test_uploads_of_a_burst_wait_and_none_fails(driver: Driver) -> None:
    ends = Burst(driver, _SCALE).upload(_COUNT, rate=_RATE, patience_s=100)

    check(ends)
    assert {end.status for end in ends} == {"PROCESSED", "REJECTED"}
    # Far longer than eight attempts at most a minute apart, which are four minutes.
    assert max(end.waited_s for end in ends) > 0.5 * _COUNT / _RATE


def test_with_retriers_that_give_up_uploads_of_a_burst_fail(driver: Driver) -> None:
    with retriers(driver, MaxAttempts=8, MaxDelaySeconds=60):
        # A busy machine is so slow that it keeps to the other rate by itself.
        ends = Burst(driver, _SCALE).upload(_COUNT, rate=_RATE / 10, patience_s=100)

    assert any((end.status, end.reason) == ("FAILED", "Lambda.TooManyRequestsException") for end in ends)
    with pytest.raises(AssertionError, match="came to no decision"):
        check(ends)


@contextmanager
def retriers(driver: Driver, **changes: int) -> Iterator[None]:
    """Changes the retrier of what is throttled, of the task, as long as the block lasts."""
    stepfunctions = driver.installation.client("stepfunctions")
    (arn,) = (
        each["stateMachineArn"]
        for each in stepfunctions.list_state_machines()["stateMachines"]
        if each["name"] == f"{driver.sandbox.prefix}-{WORKFLOW}"
    )
    before = stepfunctions.describe_state_machine(stateMachineArn=arn)["definition"]
    changed = json.loads(before)
    changed["States"][TASK]["Retry"][0].update(changes)
    stepfunctions.update_state_machine(stateMachineArn=arn, definition=json.dumps(changed))
    try:
        yield
    finally:
        stepfunctions.update_state_machine(stateMachineArn=arn, definition=before)
