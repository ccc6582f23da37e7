"""What an execution did, from its history: statuses, attempts, what was caught, branches and items."""

from __future__ import annotations

import time
from typing import Any

import pytest

from happypath.console.graph import choice, history, overlay
from happypath.console.graph.definition import read
from happypath.console.graph.history import Status
from tests.console.definitions import NESTED
from tests.console.events import entered, event, exited

TASK = {
    "StartAt": "Work",
    "States": {
        "Work": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}],
            "Next": "Tell",
        },
        "Tell": {"Type": "Pass", "End": True},
    },
}


def attempts(*errors: str | None, first: int = 3) -> list[dict[str, Any]]:
    found = []
    for number, error in enumerate(errors):
        id_ = first + 2 * number
        found.append(event(id_, id_ - 1, "TaskScheduled", resource="invoke", parameters="{}"))
        found.append(
            event(id_ + 1, id_, "TaskFailed", error=error, cause="why")
            if error
            else event(id_ + 1, id_, "TaskSucceeded", output="[1]")
        )
    return found


START = [event(1, 0, "ExecutionStarted", input='{"a": 1}'), entered(2, 1, "Task", "Work", '{"a": 1}')]


def test_a_task_that_is_tried_again() -> None:
    walk = history.read([*START, *attempts("Slow", "Slow", None), exited(9, 8, "Task", "Work")])
    (visit,) = walk.visits
    assert visit.status is Status.SUCCEEDED
    assert [(each.number, each.status, each.error) for each in visit.attempts] == [
        (1, Status.FAILED, "Slow"),
        (2, Status.FAILED, "Slow"),
        (3, Status.SUCCEEDED, None),
    ]
    assert visit.attempts[-1].output == "[1]"
    seen = overlay.shown([visit])
    assert seen.notes == ("3 attempts", "700 ms")
    assert seen.css == "succeeded retried"


def test_a_task_that_waits_to_be_tried_again_is_running() -> None:
    (visit,) = history.read([*START, *attempts("Slow")]).visits
    assert visit.status is Status.RUNNING
    assert overlay.shown([visit]).notes == ("waits to try again",)


def test_an_error_that_is_caught_goes_by_the_catcher() -> None:
    events = [*START, *attempts("Slow", "Bad"), exited(7, 6, "Task", "Work"), entered(8, 7, "Pass", "Tell")]
    walk = history.read(events)
    drawn = overlay.overlay(read(TASK), walk)
    assert drawn.states["Work"].css == "caught retried"
    assert [(edge.kind.value, why) for edge, why in drawn.why.items()] == [("catch", "Bad was caught")]


def test_without_an_error_the_same_target_is_no_catch() -> None:
    events = [*START, *attempts(None), exited(5, 4, "Task", "Work"), entered(6, 5, "Pass", "Tell")]
    drawn = overlay.overlay(read(TASK), history.read(events))
    assert drawn.states["Work"].css == "succeeded"
    assert {edge.kind.value for edge in drawn.taken} == {"start", "next"}


def test_an_error_that_ends_the_execution() -> None:
    events = [*START, *attempts("Bad"), event(5, 4, "ExecutionFailed", error="Bad", cause="why")]
    walk = history.read(events)
    assert (walk.status, walk.error) == (Status.FAILED, "Bad")
    assert walk.visits[0].status is Status.FAILED


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("ExecutionFailed", Status.FAILED),
        ("ExecutionTimedOut", Status.TIMED_OUT),
        ("ExecutionAborted", Status.ABORTED),
    ],
)
def test_a_state_that_is_not_left_ends_with_its_execution(ending: str, status: Status) -> None:
    walk = history.read([*START, event(3, 2, ending, error="States.Runtime")])
    assert walk.status is status
    assert walk.visits[0].status is status


def test_a_redriven_execution_runs_again() -> None:
    failed = [*START, *attempts("Bad"), event(5, 4, "ExecutionFailed", error="Bad")]
    walk = history.read([*failed, event(6, 5, "ExecutionRedriven", redriveCount=1)])
    assert (walk.status, walk.redriven, walk.visits[0].status) == (Status.RUNNING, 1, Status.RUNNING)
    redriven = [*failed, event(6, 5, "ExecutionRedriven"), *attempts(None, first=7)]
    walk = history.read([*redriven, exited(9, 8, "Task", "Work"), event(10, 9, "ExecutionSucceeded")])
    assert [each.status for each in walk.visits[0].attempts] == [Status.FAILED, Status.SUCCEEDED]
    assert walk.visits[0].status is Status.SUCCEEDED
    assert walk.error is None


# Two branches at once, one of which fails; then three items, one of which fails.
PARTS = [
    event(1, 0, "ExecutionStarted", input="[]"),
    entered(2, 1, "Parallel", "Both"),
    event(3, 2, "ParallelStateStarted"),
    entered(4, 3, "Pass", "Left"),
    entered(5, 3, "Wait", "Right"),
    exited(6, 5, "Wait", "Right"),
    exited(7, 4, "Pass", "Left"),
    entered(8, 6, "Fail", "Broken"),
    event(9, 8, "ParallelStateFailed"),
    exited(10, 9, "Parallel", "Both"),
    entered(11, 10, "Map", "Each"),
    event(12, 11, "MapStateStarted", length=3),
    event(13, 12, "MapIterationStarted", name="Each", index=0),
    event(14, 12, "MapIterationStarted", name="Each", index=1),
    event(15, 12, "MapIterationStarted", name="Each", index=2),
    entered(16, 14, "Choice", "Kind?", '"b"'),
    entered(17, 13, "Choice", "Kind?", '"a"'),
    exited(18, 16, "Choice", "Kind?"),
    exited(19, 17, "Choice", "Kind?"),
    entered(20, 18, "Pass", "Plain", '"b"'),
    entered(21, 15, "Choice", "Kind?", '"z"'),
    exited(22, 21, "Choice", "Kind?"),
    entered(23, 22, "Task", "Ask", '"z"'),
    exited(24, 20, "Pass", "Plain"),
    event(25, 24, "MapIterationSucceeded", name="Each", index=1),
    event(26, 23, "TaskScheduled", parameters="{}"),
    event(27, 26, "TaskFailed", error="Bad"),
    event(28, 27, "MapIterationFailed", name="Each", index=2),
    entered(29, 19, "Pass", "Plain", '"a"'),
    event(30, 29, "MapIterationAborted", name="Each", index=0),
    event(31, 30, "MapStateFailed"),
    event(32, 31, "ExecutionFailed", error="Bad"),
]


def test_branches_and_items_that_run_at_once_are_told_apart() -> None:
    walk = history.read(PARTS)
    visits = {(each.state, each.iteration): each for each in walk.visits}
    assert visits["Both", None].status is Status.CAUGHT
    assert visits["Left", None].within is visits["Both", None]
    assert visits["Left", None].status is Status.SUCCEEDED
    assert visits["Broken", None].status is Status.FAILED
    each = visits["Each", None]
    assert each.before is visits["Both", None]
    # Its own event does not say why.
    assert each.attempts[-1].error == "Bad"
    assert each.status is Status.FAILED
    assert each.iterations == {0: Status.ABORTED, 1: Status.SUCCEEDED, 2: Status.FAILED}
    assert visits["Plain", 1].before is visits["Kind?", 1]
    assert visits["Ask", 2].status is Status.FAILED
    assert visits["Plain", 0].status is Status.ABORTED
    assert visits["Ask", 2].place == "item 2"


def test_what_was_gone_in_parts() -> None:
    drawn = overlay.overlay(read(NESTED), history.read(PARTS))
    taken = {(edge.source[6:], str(edge.kind), edge.target[6:]): times for edge, times in drawn.taken.items()}
    assert taken["Kind?", "rule", "Plain"] == 2
    assert taken["Kind?", "default", "Ask"] == 1
    assert taken["Both", "catch", "Each"] == 1
    assert drawn.states["Each"].notes == ("3 items, 2 failed", "2.1 s")
    assert drawn.states["Plain"].css == "aborted"
    assert drawn.states["Ask"].css == "failed"


def test_the_rule_that_matched_is_named_even_if_several_lead_there() -> None:
    gone = overlay.steps(read(NESTED), history.read(PARTS))
    said = [step.words for step in gone if step.visit.state == "Kind?" and step.edge.kind == "rule"]
    assert sorted(said) == ['$ is "a"', '$ is "b"']


@pytest.mark.parametrize(
    ("rule", "given", "holds"),
    [
        ({"Variable": "$.a['b c'][1]", "NumericLessThan": 3}, {"a": {"b c": [0, 2]}}, True),
        ({"Variable": "$.a", "IsPresent": False}, {}, True),
        ({"Variable": "$.a", "BooleanEquals": True}, {"a": 1}, False),
        ({"Variable": "$.a", "StringMatches": "x*[1]"}, {"a": "xyz[1]"}, True),
        ({"Not": {"Variable": "$.a", "StringEqualsPath": "$.b"}}, {"a": "1", "b": "2"}, True),
        (
            {"Variable": "$.t", "TimestampGreaterThan": "2026-01-01T00:00:00Z"},
            {"t": "2026-05-01T00:00:00+02:00"},
            True,
        ),
    ],
)
def test_rules_are_understood(rule: dict[str, Any], given: Any, holds: bool) -> None:
    assert choice.matches(rule, given) is holds


@pytest.mark.parametrize(
    "rule",
    [
        {"Variable": "$$.Execution.Id", "StringEquals": "x"},
        {"Variable": "$.missing", "StringEquals": "x"},
        {"Variable": "$..deep", "StringEquals": "x"},
        {"Condition": "{% true %}"},
    ],
)
def test_what_cannot_be_said_for_certain_is_not_said(rule: dict[str, Any]) -> None:
    with pytest.raises(choice.Unknown):
        choice.matches(rule, {})


def test_a_history_without_sense_is_read_as_far_as_it_goes() -> None:
    odd = [
        event(1, 7, "TaskSucceeded"),
        event(2, 1, "MapStateExited"),
        entered(3, 99, "Pass", "Left"),
        event(4, 3, "SomethingNew"),
        event(5, 4, "MapIterationFailed", name="No", index=3),
        exited(6, 5, "Pass", "Left"),
    ]
    walk = history.read(odd)
    assert [(each.state, each.status) for each in walk.visits] == [("Left", Status.SUCCEEDED)]
    overlay.overlay(read(NESTED), walk)


def test_thousands_of_events_are_read_in_no_time() -> None:
    events = [event(1, 0, "ExecutionStarted"), entered(2, 1, "Map", "Each"), event(3, 2, "MapStateStarted")]
    for item in range(3000):
        first = 4 + 4 * item
        events += [
            event(first, 3, "MapIterationStarted", name="Each", index=item),
            entered(first + 1, first, "Pass", "Plain"),
            exited(first + 2, first + 1, "Pass", "Plain"),
            event(first + 3, first + 2, "MapIterationSucceeded", name="Each", index=item),
        ]
    began = time.process_time()
    drawn = overlay.overlay(read(NESTED), history.read(events))
    assert time.process_time() - began < 2
    assert drawn.states["Plain"].notes[0] == "3000 times"
