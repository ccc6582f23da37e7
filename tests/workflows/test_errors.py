"""Every error has a way out: it passes, or it is recorded under its name, whichever task meets it.

What each kind of fault leads to in each kind of task is the table of docs/generated/every_fault.md
(`test_reliability.py`). Here is what the table does not say. Each test looks at one execution. They run side
by side, each workflow's one after another, as an injected fault is one of a workflow's states or functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias, cast

import pytest

from happypath.project import WORKFLOWS
from tests.outcomes import Row
from tests.statemachines import definitions
from tests.workflows.driver import Driver, Outcome
from tests.workflows.tasks import (
    CAUSE,
    SUPERSEDED,
    TOO_LARGE,
    Task,
    accepted,
    accepted_paths,
    all_tasks,
    first_task,
    on_path,
    rejected,
    side_by_side,
)
from tests.workflows.test_photos import check_outcome

WORKING_TASKS = [task for task in all_tasks() if not task.outlasts and not task.follows_refusal]
# What is left to do once a refusal is recorded.
LATE_TASKS = [task for task in all_tasks() if task.follows_refusal]
# These write into the record, and try again whatever the error.
OUTLASTING_TASKS = [task for task in all_tasks() if task.outlasts]


@dataclass(frozen=True, eq=False)
class Case:
    """An execution for a row of a workflow's table, with its photo unless it has `no_photo`."""

    workflow: str
    row: Row
    faults: tuple[str, ...] = ()
    # Where it meets them, and what it is called for that.
    task: Task | None = None
    no_photo: bool = False
    # Of the record; this execution unless given.
    owner: str | None = None

    def __str__(self) -> str:
        return str(self.task or f"{self.workflow}-{self.row}")


Ended: TypeAlias = Callable[[Case], Outcome]


def at(task: Task, *faults: str) -> Case:
    """The faults in a task, to which an upload comes on its way."""
    way = task.way
    return Case(task.workflow, way.row, (*way.rules, *(f"{task.target}={fault}" for fault in faults)), task)


def cases(*each: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", each, ids=str)


@pytest.fixture(scope="module")
def ended(driver: Driver, request: pytest.FixtureRequest) -> Iterator[Ended]:
    """Runs the cases of all tests that were selected, and gives the outcome of one when it has ended."""
    selected = [
        cast("Case", item.callspec.params["case"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    futures: dict[Case, Future[Outcome]] = {case: Future() for case in selected}

    def run(workflows: list[str]) -> None:
        for case, future in futures.items():
            if case.workflow in workflows:
                try:
                    future.set_result(_run(driver, case))
                except BaseException as error:
                    future.set_exception(error)

    with ThreadPoolExecutor(len(WORKFLOWS)) as pool:
        for workflows in side_by_side():
            pool.submit(run, workflows)
        yield lambda case: futures[case].result()


def _run(driver: Driver, case: Case) -> Outcome:
    return driver.execute_row(
        case.workflow, case.row, no_photo=case.no_photo, faults=case.faults, owner=case.owner
    )


def check_failed(outcome: Outcome, task: str, error: str) -> None:
    assert (outcome.status, outcome.reason) == ("FAILED", error)
    assert (outcome.execution, outcome.error) == ("FAILED", error)
    assert outcome.path[-3:] == (task, "RecordErrorState", "Failed")
    assert outcome.record["detail"]["Error"] == error
    # The same form as those of published photos, by which records can be sorted.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", outcome.record["finishedAt"])
    assert outcome.photo is None


def passing(workflow: str, row: Row) -> Case:
    faults = [
        f"{task.target}={fault}"
        for task in on_path(row, workflow)
        for fault in ("throttle@1", "error@2", "timeout@3")
    ]
    return Case(workflow, row, tuple(faults))


@cases(*(passing(workflow, row) for workflow in WORKFLOWS for row in accepted_paths(workflow)))
def test_what_passes_is_tried_again_until_the_upload_is_processed(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    check_outcome(outcome, case.workflow, case.row)
    assert outcome.attempts_unthrottled == {task.name: 4 for task in on_path(case.row, case.workflow)}


@cases(*(at(task, "raise:LookupError") for task in WORKING_TASKS))
def test_an_error_is_recorded_by_its_name_at_once(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert case.task
    check_failed(outcome, case.task.place, "LookupError")
    assert outcome.attempts[case.task.name] == 1
    assert json.loads(outcome.record["detail"]["Cause"])["errorType"] == "LookupError"


@cases(*(at(task, f"raise:{error}") for task in LATE_TASKS for error in ("LookupError", TOO_LARGE)))
def test_an_error_after_a_refusal_fails_the_execution_and_leaves_the_refusal(
    case: Case, ended: Ended
) -> None:
    outcome = ended(case)

    (fault,) = case.faults
    assert case.task
    assert (outcome.status, outcome.reason) == ("REJECTED", case.row.reason)
    assert (outcome.execution, outcome.error) == ("FAILED", fault.rpartition(":")[2])
    assert outcome.path[-3:] == (case.task.name, "RecordErrorState", "Failed")
    assert not outcome.is_published


TOO_LARGE_TASKS = [task for task in all_tasks() if task.caught(TOO_LARGE) and not task.follows_refusal]


# States.ALL does not catch this one.
@cases(*(at(task, f"raise:{TOO_LARGE}") for task in TOO_LARGE_TASKS))
def test_a_result_that_is_too_large_is_recorded(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert case.task
    check_failed(outcome, case.task.place, TOO_LARGE)
    assert outcome.attempts[case.task.name] == 1


@cases(*(Case(workflow, accepted(workflow), no_photo=True) for workflow in WORKFLOWS))
def test_a_photo_that_is_gone_has_an_error_of_its_own(case: Case, ended: Ended) -> None:
    check_failed(ended(case), first_task(case.row, case.workflow).place, "PhotoNotFoundError")


@cases(*(at(task, f"raise:{error}") for task in all_tasks() for error in task.rejections))
def test_a_picture_that_a_task_cannot_use_is_rejected_for_the_reason_that_it_gives(
    case: Case, ended: Ended
) -> None:
    outcome = ended(case)

    (fault,) = case.faults
    assert (outcome.status, outcome.reason) == ("REJECTED", fault.rpartition(":")[2])
    assert outcome.execution == "SUCCEEDED"
    assert "RecordFailState" in outcome.path
    assert outcome.record["detail"] == {"message": "An injected fault."}
    assert not outcome.is_published


@cases(*(at(task, "garbage") for task in all_tasks() if task.decides))
def test_a_decision_that_is_none_publishes_nothing_and_leaves_the_upload_open(
    case: Case, ended: Ended
) -> None:
    outcome = ended(case)

    # Nothing catches this error. A Decision is checked where it is made, so that there is no such answer.
    assert case.task
    assert (outcome.execution, outcome.error) == ("FAILED", "States.Runtime")
    assert outcome.path[-1] == case.task.name
    assert outcome.status == "RECEIVED"
    assert not outcome.is_published


@cases(*(at(task, "throttle@1", f"error@2-{task.retries_of_all + 1}") for task in OUTLASTING_TASKS))
def test_recording_outlasts_an_outage(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert case.task
    assert outcome.attempts[case.task.name] == case.task.retries_of_all + 2
    if case.task.records == "FAILED":
        check_failed(outcome, first_task(case.row, case.workflow).place, CAUSE)
    else:
        check_outcome(outcome, case.workflow, case.row)


@cases(*(at(task, "denied") for task in OUTLASTING_TASKS))
def test_a_record_that_cannot_be_written_fails_the_execution(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert case.task
    assert outcome.attempts[case.task.name] == case.task.retries_of_all + 1
    if case.task.records:
        assert (outcome.execution, outcome.error) == ("FAILED", "RecordingFailed")
        assert outcome.path[-2:] == (case.task.name, "RecordingFailed")
        assert outcome.status == "RECEIVED"
        assert not outcome.is_published
    else:
        check_failed(outcome, case.task.place, "DynamoDB.AmazonDynamoDBException")


@cases(at(all_tasks()[0], "raise:States.Runtime"))
def test_the_one_error_that_nothing_catches_fails_the_execution(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert case.task
    assert (outcome.execution, outcome.error) == ("FAILED", "States.Runtime")
    assert outcome.path[-1] == case.task.name
    assert outcome.status == "RECEIVED"


def superseded(workflow: str) -> Iterator[Case]:
    """Executions whose record belongs to a newer one by now: accepted, rejected, failed."""
    newer = f"arn:aws:states:us-east-1:123456789012:execution:happypath-{workflow}:a-newer-one"
    way = next(task.way for task in all_tasks() if task.workflow == workflow and task.records == "FAILED")
    yield Case(workflow, accepted(workflow), owner=newer)
    yield Case(workflow, rejected(workflow), owner=newer)
    yield Case(workflow, way.row, way.rules, owner=newer)


@cases(*(case for workflow in WORKFLOWS for case in superseded(workflow)))
def test_an_execution_that_no_longer_owns_the_record_leaves_it_alone(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    states = definitions.states(case.workflow)
    assert outcome.execution == ("FAILED" if case.faults else "SUCCEEDED")
    # What publishes sees for itself that it must not, and answers so.
    assert outcome.path == case.row.path or states[outcome.path[-1]]["Type"] in {"Succeed", "Fail"}
    assert outcome.status == "RECEIVED"
    assert "finishedAt" not in outcome.record
    assert outcome.photo is None


@cases(*(at(task, f"raise:{SUPERSEDED}") for task in OUTLASTING_TASKS))
def test_a_newer_upload_that_takes_the_record_over_at_any_time_has_it(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert case.task
    assert outcome.attempts[case.task.name] == 1
    assert outcome.path[-2:] == (case.task.name, case.task.caught(SUPERSEDED))
    assert outcome.execution == ("FAILED" if case.task.records == "FAILED" else "SUCCEEDED")
    assert outcome.status == "RECEIVED"
