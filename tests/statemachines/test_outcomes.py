"""Every way through a state machine ends in the record that it should, whatever a task answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.outcomes import Row, rows
from tests.statemachines.cases import UNNAMED, Case, cases
from tests.statemachines.definitions import (
    PUBLISHING,
    REFUSED,
    WORKFLOWS,
    all_tasks,
    decides,
    is_lambda,
    place,
    tasks,
)
from tests.statemachines.interpreter import DETAIL, Interpreter, Run
from tests.statemachines.willing import RENDITIONS, Raised, accept, answers_of

LAMBDA_TASKS = [(workflow, name) for workflow, name in all_tasks() if is_lambda(tasks(workflow)[name])]
DECIDING_TASKS = [(workflow, name) for workflow, name in LAMBDA_TASKS if decides(tasks(workflow)[name])]
NEWER = "arn:aws:states:::execution:happypath-v9:newer"


@pytest.fixture(scope="module")
def interpreter() -> Iterator[Interpreter]:
    with Interpreter() as interpreter:
        yield interpreter


def through(workflow: str, task: str) -> Row:
    """An upload that gets to a task, and ends well if any does."""
    return min(
        (row for row in rows(workflow) if place(workflow, task) in row.path), key=lambda row: row.status
    )


def follows_refusal(workflow: str, task: str) -> bool:
    path = through(workflow, task).path
    return REFUSED in path and path.index(REFUSED) < path.index(place(workflow, task))


def run(interpreter: Interpreter, workflow: str, row: Row, **answers: Any) -> Run:
    return interpreter.run(workflow, {**answers_of(workflow, row), **answers}, place=row.listing)


@pytest.mark.parametrize(
    ("workflow", "case"),
    [
        pytest.param(workflow, case, id=f"{workflow}-{case.name}")
        for workflow in WORKFLOWS
        for case in cases(workflow)
    ],
)
def test_an_execution_ends_as_its_case_says(interpreter: Interpreter, workflow: str, case: Case) -> None:
    ended = interpreter.run(workflow, case.answers, place=case.place)

    assert ended.path == case.path
    assert (ended.status, ended.error) == ("FAILED" if case.error else "SUCCEEDED", case.error)
    assert len(ended.waits_s) == sum(len(attempts) - 1 for attempts in case.answers.values())
    recorded = (ended.record["objStatus"], ended.record.get("reason"))
    if not case.record or not case.is_written:
        assert recorded == case.left
    else:
        assert recorded == case.record
        assert ended.record["finishedAt"] > "2020"
        assert ended.detail.items() >= case.detail.items()
    if case.error == "RecordingFailed":
        last = case.answers[case.path[-2]][-1]
        assert json.loads(ended.cause or "") == {"Error": last.error, "Cause": last.cause()}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_each_function_is_asked_about_the_upload_and_by_whom(interpreter: Interpreter, workflow: str) -> None:
    row = through(workflow, rows(workflow)[0].path[-1])
    ended = run(interpreter, workflow, row)

    asked = [name for name, _ in ended.asked]
    assert sorted(asked) == sorted(
        name for each, name in LAMBDA_TASKS if each == workflow and place(workflow, name) in row.path
    )
    # What runs at once is in no order.
    passed = [place(workflow, name) for name in asked]
    assert passed == sorted(passed, key=row.path.index)
    assert [payload["detail"] for _, payload in ended.asked] == [DETAIL] * len(ended.asked)
    assert {payload["executionArn"] for _, payload in ended.asked} == {ended.record["executionArn"]}


@pytest.mark.parametrize("workflow", PUBLISHING)
def test_what_was_made_is_published(interpreter: Interpreter, workflow: str) -> None:
    ended = run(interpreter, workflow, through(workflow, "Publish"))

    assert ended.asked[-1][0] == "Publish"
    assert ended.asked[-1][1]["renditions"] == RENDITIONS
    assert ended.output["publication"] == {"published": True}


# A Choice looks at `accepted` alone, and nothing in a state machine looks whether a Decision is whole: Python
# guarantees that (functions/decision.py, functions/platform/decider.py). What would come of another answer is
# States.Runtime, an error that nothing can catch: the execution is red, the record stays RECEIVED, and
# `happypath reconcile --fix` runs the upload again.


@pytest.mark.parametrize(("workflow", "task"), DECIDING_TASKS)
@pytest.mark.parametrize("garbage", [None, "accepted", {}, {"accepted": True}])
def test_what_is_no_decision_fails_the_execution_and_leaves_the_record_open(
    interpreter: Interpreter, workflow: str, task: str, garbage: Any
) -> None:
    row = through(workflow, task)
    ended = run(interpreter, workflow, row, **{task: [garbage]})

    assert (ended.status, ended.error) == ("FAILED", "States.Runtime")
    assert ended.path == row.path[: row.path.index(task) + 1]
    assert ended.record["objStatus"] == "RECEIVED"


@pytest.mark.parametrize(("workflow", "task"), DECIDING_TASKS)
@pytest.mark.parametrize("accepted", ["true", None])
def test_only_true_is_an_acceptance(
    interpreter: Interpreter, workflow: str, task: str, accepted: Any
) -> None:
    ended = run(
        interpreter, workflow, through(workflow, task), **{task: [{**accept(), "accepted": accepted}]}
    )

    assert ended.asked[-1][0] == task
    assert ended.record["objStatus"] == "RECEIVED"
    assert ended.told == []


@pytest.mark.parametrize("workflow", PUBLISHING)
@pytest.mark.parametrize("garbage", [None, {}])
def test_publish_looks_at_malformed_renditions_and_a_malformed_publication_is_a_failure(
    interpreter: Interpreter, workflow: str, garbage: Any
) -> None:
    row = through(workflow, "Publish")
    maker = row.path[row.path.index("Publish") - 1]
    made = run(interpreter, workflow, row, **{maker: [garbage]})
    published = run(interpreter, workflow, row, Publish=[garbage])

    assert made.asked[-1][1]["renditions"] == garbage
    assert (published.status, published.error) == ("FAILED", "States.Runtime")


@pytest.mark.parametrize(
    ("workflow", "task"),
    # Once the refusal is recorded, it stays.
    [each for each in LAMBDA_TASKS if not follows_refusal(*each)],
)
def test_a_result_that_is_too_large_is_recorded(interpreter: Interpreter, workflow: str, task: str) -> None:
    large = accept(noise="x" * 300_000)
    ended = run(interpreter, workflow, through(workflow, task), **{task: [large]})

    assert (ended.status, ended.error) == ("FAILED", "States.DataLimitExceeded")
    assert (ended.record["objStatus"], ended.record["reason"]) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_an_execution_that_no_longer_owns_the_record_leaves_it_alone(
    interpreter: Interpreter, workflow: str
) -> None:
    refused = next(row for row in rows(workflow) if row.reason)
    start = refused.path[0]
    failing = {start: [Raised(UNNAMED)]}
    superseded = interpreter.run(workflow, answers_of(workflow, refused), place=refused.listing, owner=NEWER)
    failed = interpreter.run(workflow, failing, place=refused.listing, owner=NEWER)

    assert (superseded.status, superseded.path[-2:]) == ("SUCCEEDED", (REFUSED, "Superseded"))
    assert (failed.status, failed.error, failed.path[-1]) == ("FAILED", UNNAMED, "Failed")
    for ended in (superseded, failed):
        assert ended.record["objStatus"] == "RECEIVED"
        assert "reason" not in ended.record
        assert ended.waits_s == []
