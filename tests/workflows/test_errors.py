"""Every error has a way out: it passes, or it is recorded under its name, whichever task meets it.

What each kind of fault leads to in each task is the table of docs/reliability.md (`test_reliability.py`).
Here is what the table does not say. Each test looks at one execution. They run side by side, each version's
one after another, as a fault on purpose is one of a version's states or functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import pytest

from tests.statemachines.definitions import VERSIONS, all_tasks, tasks
from tests.workflows.driver import Driver, Outcome
from tests.workflows.photos import drawn
from tests.workflows.reliability import function_of
from tests.workflows.test_photos import check_published

LAMBDA_TASKS = [
    (version, task)
    for version, task in all_tasks()
    if version in VERSIONS and "lambda" in tasks(version)[task]["Resource"]
]
WORKING_TASKS = [*LAMBDA_TASKS, ("v4", "Get place type from DynamoDB")]
DECIDING_TASKS = [(version, task) for version, task in LAMBDA_TASKS if task not in {"Resizer", "Publish"}]
# What makes the Resizer refuse a photo, and fail with one.
REFUSE = "state:{version}/Resizer=raise:CORRUPT_IMAGE"
FAIL = "state:{version}/Resizer=raise:KeyError"


@dataclass(frozen=True)
class Case:
    """An execution of a good photo, unless it has `no_photo`; `task` is where it meets its faults."""

    version: str
    task: str
    # `{version}` and `{task}` are filled in.
    faults: tuple[str, ...]
    place: str = "the-park"
    no_photo: bool = False
    # Of the record; this execution unless given.
    owner: str | None = None

    def __str__(self) -> str:
        return f"{self.version}-{self.task}"


Ended: TypeAlias = Callable[[Case], Outcome]


def at(version: str, task: str, *faults: str, **more: Any) -> Case:
    # The one task that v4 does not come to in a park.
    place = "the-cafe" if task == "Get labels" else "the-park"
    filled = tuple(fault.format(version=version, task=task) for fault in faults)
    return Case(version, task, filled, **{"place": place, **more})


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

    def run(version: str) -> None:
        for case, future in futures.items():
            if case.version == version:
                try:
                    future.set_result(_run(driver, case))
                except BaseException as error:
                    future.set_exception(error)

    with ThreadPoolExecutor(len(VERSIONS)) as pool:
        for version in VERSIONS:
            pool.submit(run, version)
        yield lambda case: futures[case].result()


def _run(driver: Driver, case: Case) -> Outcome:
    photo = None if case.no_photo else drawn("JPEG")
    return driver.execute(case.version, photo, place=case.place, faults=case.faults, owner=case.owner)


def check_failed(outcome: Outcome, task: str, error: str) -> None:
    assert (outcome.status, outcome.reason) == ("FAILED", error)
    assert (outcome.execution, outcome.error) == ("FAILED", error)
    assert outcome.path[-3:] == (task, "RecordErrorState", "Failed")
    assert outcome.record["detail"]["Error"] == error
    # The same form as those of published photos, by which records can be sorted.
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", outcome.record["finishedAt"])
    assert outcome.photo is None


def passing(version: str, **more: Any) -> Case:
    faults = [
        f"state:{version}/{task}={fault}"
        for its_version, task in WORKING_TASKS
        for fault in ("throttle@1", "error@2", "timeout@3")
        if its_version == version
    ]
    return at(version, "every task", *faults, **more)


@cases(*(passing(version) for version in VERSIONS), passing("v4", place="the-cafe"))
def test_what_passes_is_tried_again_until_the_photo_is_published(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert (outcome.status, outcome.execution) == ("PROCESSED", "SUCCEEDED"), outcome.record
    assert set(outcome.attempts.values()) == {4}
    check_published(outcome)


@cases(*(at(version, task, "state:{version}/{task}=raise:LookupError") for version, task in WORKING_TASKS))
def test_an_error_is_recorded_by_its_name_at_once(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    check_failed(outcome, case.task, "LookupError")
    assert outcome.attempts[case.task] == 1
    assert json.loads(outcome.record["detail"]["Cause"])["errorType"] == "LookupError"


# States.ALL does not catch this one.
TOO_LARGE = "state:{version}/{task}=raise:States.DataLimitExceeded"


@cases(*(at(version, task, TOO_LARGE) for version, task in WORKING_TASKS))
def test_a_result_that_is_too_large_is_recorded(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    check_failed(outcome, case.task, "States.DataLimitExceeded")
    assert outcome.attempts[case.task] == 1


@cases(*(at(version, "the first task", no_photo=True) for version in VERSIONS))
def test_a_photo_that_is_gone_has_an_error_of_its_own(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    check_failed(outcome, outcome.path[0], "PhotoNotFoundError")


@cases(
    *(at(version, task, f"function:{function_of(version, task)}=garbage") for version, task in DECIDING_TASKS)
)
def test_a_decision_that_is_none_publishes_nothing(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    check_failed(outcome, "Malformed decision", "MalformedDecision")
    assert not outcome.is_published


def recording(fault: str, *more: str) -> list[Case]:
    """That fault in both states that record, each where it is come to."""
    return [
        at(version, task, cause, fault, *more)
        for version in VERSIONS
        for task, cause in (("RecordFailState", REFUSE), ("RecordErrorState", FAIL))
    ]


@cases(*recording("state:{version}/{task}=error@1-10"))
def test_recording_outlasts_an_outage(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert outcome.attempts[case.task] == 11
    if case.task == "RecordErrorState":
        check_failed(outcome, "Resizer", "KeyError")
    else:
        # What the Resizer refuses is no failure.
        assert (outcome.status, outcome.reason) == ("REJECTED", "CORRUPT_IMAGE")
        assert outcome.execution == "SUCCEEDED"
        assert outcome.path[-4:] == ("Resizer", "Read refusal", "Refused as unreadable", "RecordFailState")
        assert outcome.record["detail"] == {"message": "A fault on purpose."}
        assert not outcome.is_published


@cases(*recording("state:{version}/{task}=denied"))
def test_a_record_that_cannot_be_written_fails_the_execution_under_a_name_of_its_own(
    case: Case, ended: Ended
) -> None:
    outcome = ended(case)

    assert (outcome.execution, outcome.error) == ("FAILED", "RecordingFailed")
    assert outcome.path[-2:] == (case.task, "RecordingFailed")
    assert outcome.status == "RECEIVED"
    assert not outcome.is_published


@cases(at("v1", "Resizer", "state:{version}/{task}=raise:States.Runtime"))
def test_the_one_error_that_nothing_catches_fails_the_execution(case: Case, ended: Ended) -> None:
    outcome = ended(case)

    assert (outcome.execution, outcome.error) == ("FAILED", "States.Runtime")
    assert outcome.path == ("Resizer",)
    assert outcome.status == "RECEIVED"


NEWER = "arn:aws:states:us-east-1:123456789012:execution:happypath-v1:a-newer-one"


@pytest.mark.parametrize(
    ("case", "end"),
    [
        pytest.param(at(version, "the end", *faults, owner=NEWER), end, id=f"{version}-{end}")
        for version in VERSIONS
        for faults, end in (((), "Publish"), ((REFUSE,), "Superseded"), ((FAIL,), "Failed"))
    ],
)
def test_an_execution_that_no_longer_owns_the_record_leaves_it_alone(
    case: Case, end: str, ended: Ended
) -> None:
    outcome = ended(case)

    assert outcome.path[-1] == end
    assert outcome.execution == ("FAILED" if end == "Failed" else "SUCCEEDED")
    assert outcome.status == "RECEIVED"
    assert "finishedAt" not in outcome.record
    assert outcome.photo is None
