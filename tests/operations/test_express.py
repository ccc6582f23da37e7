"""Executions of Express workflows, as their log tells of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from happypath.operations import executions, express
from happypath.operations.express import NoExecutionError
from tests.operations.conftest import Offline

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:happypath-avatar"
# As a record names it.
NAMED = "arn:aws:states:us-east-1:123456789012:execution:happypath-avatar:me"
RUN = "arn:aws:states:us-east-1:123456789012:express:happypath-avatar:me"
GROUP = "/aws/vendedlogs/states/happypath-avatar"
STARTED, ENTERED, SUCCEEDED, FAILED = (
    ("ExecutionStarted", {"input": '{"detail": {"key": "avatars/p/me.jpg"}}'}),
    ("TaskStateEntered", {"name": "Moderator", "input": "{}"}),
    ("ExecutionSucceeded", {"output": "{}"}),
    ("ExecutionFailed", {"error": "KeyError", "cause": "no"}),
)


@pytest.fixture(autouse=True)
def _machine(installation: Offline) -> None:
    logs = installation.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="s")
    group = {"logGroupArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"}
    for name, configuration in (
        ("happypath-avatar", {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": group}]}),
        ("happypath-silent", {"level": "OFF"}),
    ):
        installation.client("stepfunctions").create_state_machine(
            name=name,
            type="EXPRESS",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/workflow",
            loggingConfiguration=configuration,
        )


def log(installation: Offline, arn: str, *events: tuple[str, Any], ago: timedelta = timedelta()) -> None:
    """Writes the events of an execution, the later ones first, as logs may have them."""
    lines = []
    for number, (kind, details) in enumerate(events, 1):
        at = int((datetime.now(UTC) - ago).timestamp() * 1000) + number
        line = {
            "id": str(number),
            "previous_event_id": str(number - 1),
            "type": kind,
            "details": details,
            "event_timestamp": str(at),
            "execution_arn": arn,
        }
        lines.append({"timestamp": at, "message": json.dumps(line)})
    for line in reversed(lines):
        installation.client("logs").put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=[line])


def test_events_are_those_of_get_execution_history(installation: Offline) -> None:
    log(installation, f"{RUN}:1", STARTED, ENTERED, FAILED)
    log(installation, f"{RUN}-not:1", STARTED)
    log(installation, f"{RUN}n:1", STARTED)
    found = installation.history(NAMED)

    assert [(event["id"], event["previousEventId"], event["type"]) for event in found] == [
        (1, 0, "ExecutionStarted"),
        (2, 1, "TaskStateEntered"),
        (3, 2, "ExecutionFailed"),
    ]
    assert found[1]["stateEnteredEventDetails"]["name"] == "Moderator"
    assert found[2]["executionFailedEventDetails"]["error"] == "KeyError"
    assert [step.state for step in installation.steps(NAMED)] == ["Moderator"]
    ended = installation.execution(NAMED)
    assert ended is not None
    assert (ended.status, ended.error, ended.cause) == ("FAILED", "KeyError", "no")
    assert executions.find(installation, "me").detail == {"key": "avatars/p/me.jpg"}
    # By its whole name as well.
    assert installation.history(f"{RUN}:1") == found


@pytest.mark.parametrize(
    ("first", "second", "status"),
    [
        (SUCCEEDED, FAILED, "SUCCEEDED"),
        (FAILED, SUCCEEDED, "SUCCEEDED"),
        (FAILED, ENTERED, "RUNNING"),
        (SUCCEEDED, ENTERED, "RUNNING"),
        (FAILED, FAILED, "FAILED"),
    ],
)
def test_of_two_runs_of_a_name_the_one_that_counts_is_told_of(
    installation: Offline, first: Any, second: Any, status: str
) -> None:
    log(installation, f"{RUN}:1", STARTED, first)
    log(installation, f"{RUN}:2", STARTED, second)
    found = installation.execution(NAMED)

    assert found is not None
    assert found.status == status
    assert len(installation.history(NAMED)) == 2
    listed = {each["executionArn"]: each["status"] for each in express.listed(installation, MACHINE)}
    assert listed.keys() == {f"{RUN}:1", f"{RUN}:2"}


def test_one_whose_end_was_not_logged_is_over_after_five_minutes(installation: Offline) -> None:
    log(installation, f"{RUN}:1", STARTED, ENTERED, ago=timedelta(minutes=1))
    assert not installation.execution_ended(NAMED)
    log(installation, f"{RUN}-2:1", STARTED, ENTERED, ago=timedelta(minutes=6))
    found = installation.execution(f"{NAMED}-2")
    assert found is not None
    assert (found.status, found.has_ended) == ("TIMED_OUT", True)


def test_an_old_one_is_found_by_the_time_at_which_it_began(installation: Offline) -> None:
    log(installation, f"{RUN}:1", STARTED, SUCCEEDED, ago=timedelta(days=3))
    assert installation.execution(NAMED) is None
    found = installation.execution(NAMED, datetime.now(UTC) - timedelta(days=3, minutes=2))
    assert found is not None
    assert found.status == "SUCCEEDED"
    assert list(express.listed(installation, MACHINE)) == []


def test_a_workflow_without_a_log_says_what_to_do(installation: Offline) -> None:
    silent = NAMED.replace("avatar", "silent")
    with pytest.raises(NoExecutionError, match=r"without a log.*level ALL"):
        installation.history(silent)
    assert executions.describe(installation, silent) is None


def test_what_is_standard_or_not_there_is_not_express(installation: Offline) -> None:
    assert not express.is_of_express(installation, NAMED.replace("avatar", "v4"))
    assert not express.is_of_express(installation, NAMED.replace("avatar", "v99"))
    assert express.is_of_express(installation, NAMED)
    assert express.is_of_express(installation, f"{RUN}:1")
