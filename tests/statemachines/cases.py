"""Executions of every workflow, and what must come of each: derived from the tables and the definitions.

A row of a table of outcomes says how an upload ends when all is well. From the kind of each task on its path
follows what else can happen: errors that pass, just often enough and once too often, errors that do not, and
everything that can happen to the recording itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.outcomes import Row, rows
from tests.statemachines.definitions import (
    FAILED,
    REFUSED,
    WORKFLOWS,
    State,
    errors_retried,
    is_lambda,
    place,
    states,
    status_recorded,
    tasks,
)
from tests.statemachines.willing import Done, Raised, answers_of, picked_by, willing

# An error that nobody names, for States.ALL.
UNNAMED = "KeyError"
NOT_OWNED = "DynamoDB.ConditionalCheckFailedException"
# Retries that take the interpreter seconds are driven to their end once, and not for each task that has them.
_MANY = 50


@dataclass(frozen=True)
class Case:
    """One execution: what its tasks are answered, and what must come of it."""

    name: str
    # For each task that is reached: payloads, `Raised`, `Done`.
    answers: Mapping[str, Sequence[Any]]
    # The attributes of the place's listing.
    place: Mapping[str, Any] | None
    path: tuple[str, ...]
    # The status and reason of the last record that it asks DynamoDB to write; None: a function writes it.
    record: tuple[str, str | None] | None
    # The name under which it fails; None: it succeeds.
    error: str | None = None
    # A part of the detail in that record.
    detail: Mapping[str, Any] = field(default_factory=dict)
    # Whether DynamoDB does write it; and if not, what the record says then.
    is_written: bool = True
    left: tuple[str, str | None] = ("RECEIVED", None)


@cache
def cases(workflow: str) -> tuple[Case, ...]:
    """The cases of a workflow; their names are letters and digits, and none is there twice."""
    found: dict[str, Case] = {}
    for case in (*_of_rows(workflow), *_of_tasks(workflow), *_of_records(workflow)):
        numbers = (case.name, *(f"{case.name}{number}" for number in range(2, 1000)))
        name = next(each for each in numbers if each not in found)
        found[name] = replace(case, name=name)
    return tuple(found.values())


def _of_rows(workflow: str) -> Iterator[Case]:
    seen: list[tuple[Any, ...]] = []
    for row in rows(workflow):
        # Which picture it is, no state machine sees.
        kind = (row.path, row.reason, row.listing, row.detail)
        if kind not in seen:
            seen.append(kind)
            yield _case(workflow, row)


def _case(workflow: str, row: Row) -> Case:
    """A row as an execution, named for what it comes to."""
    recorded = next(filter(None, (status_recorded(states(workflow)[name]) for name in row.path)), None)
    until = row.path[: row.path.index(REFUSED)] if row.reason else row.path
    done = title(next(name for name in reversed(until) if name in tasks(workflow)))
    end = f"{done}Refuses{title(row.reason)}" if row.reason else done
    return Case(
        f"{end}At{title(row.place if isinstance(row.place, str) else repr(row.place))}",
        answers_of(workflow, row),
        row.listing,
        row.path,
        (recorded, row.reason) if recorded else None,
        detail=row.detail,
    )


def _of_tasks(workflow: str) -> Iterator[Case]:
    for name, task in tasks(workflow).items():
        if status_recorded(task):
            continue
        usual = _case(workflow, _row_through(workflow, name))
        for errors, attempts, retrier in _retried(task):
            cause = title(errors[0].rpartition(".")[2])
            later = (*map(Raised, errors[:attempts]), *usual.answers.get(name, [willing(task)]))
            recovering = {**usual.answers, name: later}
            yield replace(usual, name=f"{title(name)}RecoversFrom{cause}", answers=recovering)
            if attempts <= _MANY or _is_first(workflow, name, retrier):
                yield _failing(workflow, usual, name, _too_often(errors, attempts), f"GivesUpOn{cause}")
        for catcher in task["Catch"]:
            for error in catcher["ErrorEquals"]:
                if error == "States.ALL" and error in errors_retried(task):
                    continue
                raised = Raised(UNNAMED if error == "States.ALL" else error, '{"message": "no"}')
                if catcher["Next"] == FAILED:
                    yield _failing(workflow, usual, name, [raised], f"Meets{title(raised.error)}")
                else:
                    yield _caught(workflow, usual, name, raised, catcher["Next"])
        if is_lambda(task) and task.get("End") and (picked := picked_by(task)):
            # Such as a photo that is not published, because a newer one is there.
            answer = dict.fromkeys(picked, False)
            yield replace(usual, name=f"{title(name)}DoesNothing", answers={**usual.answers, name: [answer]})


def _row_through(workflow: str, task: str) -> Row:
    """The row that says how a task goes when all is well."""
    through = [row for row in rows(workflow) if place(workflow, task) in row.path]
    assert through, f"no row of {workflow} goes through {task}"
    return min(through, key=lambda row: row.reason is not None)


def _retried(task: State) -> Iterator[tuple[list[str], int, State]]:
    """The errors of each retrier, how often it retries, and the retrier."""
    for retrier in task["Retry"]:
        if retrier["MaxAttempts"]:
            errors = [UNNAMED if error == "States.ALL" else error for error in retrier["ErrorEquals"]]
            yield errors, retrier["MaxAttempts"], retrier


def _is_first(workflow: str, task: str, retrier: State) -> bool:
    """Whether it is the first task of its kind, of all workflows, that has this retrier."""
    records = bool(status_recorded(tasks(workflow)[task]))
    return (workflow, task) == next(
        (each, name)
        for each in WORKFLOWS
        for name, other in tasks(each).items()
        if retrier in other["Retry"] and bool(status_recorded(other)) is records
    )


def _too_often(errors: Sequence[str], attempts: int) -> list[Raised]:
    """One error more than is retried, the last of them ends it: each as often as the others, in one go."""
    # From the end, so that with those that pass each error has its turn.
    count = attempts + 1
    used = errors[-count:]
    return [Raised(used[number * len(used) // count]) for number in range(count)]


def _failing(workflow: str, usual: Case, task: str, raised: Sequence[Raised], why: str) -> Case:
    """The execution that ends as an error, recorded by its name, in the state where nothing more is tried."""
    until = usual.path[: usual.path.index(place(workflow, task)) + 1]
    error = raised[-1].error
    failing = replace(
        usual,
        name=f"{title(task)}{why}",
        answers={**_before(workflow, usual, task), task: raised, FAILED: [Done()]},
        path=(*until, FAILED, "Failed"),
        error=error,
    )
    failing = replace(failing, record=("FAILED", error), detail={"Error": error, "Cause": raised[-1].cause()})
    if REFUSED in until and usual.record is not None:
        # A refusal that is recorded stays.
        return replace(failing, is_written=False, left=usual.record)
    return failing


def _caught(workflow: str, usual: Case, task: str, raised: Raised, target: str) -> Case:
    """The execution that goes on another way, and succeeds: by a refusal, or because it is replaced."""
    then = _onward(workflow, target)
    until = usual.path[: usual.path.index(place(workflow, task)) + 1]
    ended = replace(
        usual,
        name=f"{title(task)}Raises{title(raised.error)}",
        answers={**_before(workflow, usual, task), task: [raised]},
        path=(*until, *then),
        record=None,
        detail={},
    )
    if REFUSED not in then:
        return ended
    return replace(
        ended,
        answers={
            **ended.answers,
            **{name: [willing(tasks(workflow)[name])] for name in then if name in tasks(workflow)},
        },
        record=("REJECTED", raised.error),
        detail=json.loads(raised.message),
    )


def _onward(workflow: str, target: str) -> tuple[str, ...]:
    """A state and those that follow it where nothing is decided and nothing fails."""
    then = [target]
    while "Next" in (state := states(workflow)[then[-1]]):
        then.append(state["Next"])
    return tuple(then)


def _before(workflow: str, usual: Case, task: str) -> dict[str, Sequence[Any]]:
    # What runs beside it is answered, too.
    until = usual.path[: usual.path.index(place(workflow, task)) + 1]
    return {name: answer for name, answer in usual.answers.items() if place(workflow, name) in until}


def _of_records(workflow: str) -> Iterator[Case]:
    """What can happen while a refusal, an error, and what else a workflow records itself are recorded."""
    upload = _case(workflow, rows(workflow)[0])
    start = upload.path[0]
    bases = [
        _case(workflow, next(row for row in rows(workflow) if row.reason)),
        _failing(workflow, upload, start, [Raised(UNNAMED)], ""),
        *([upload] if status_recorded(states(workflow)[upload.path[-1]]) else []),
    ]
    for base in bases:
        place = max(
            number for number, name in enumerate(base.path) if status_recorded(states(workflow)[name])
        )
        name, until = base.path[place], base.path[: place + 1]
        for errors, attempts, retrier in _retried(tasks(workflow)[name]):
            cause = title(errors[0].rpartition(".")[2])
            later = (*map(Raised, errors[:attempts]), Done())
            recovering = {**base.answers, name: later}
            yield replace(base, name=f"{title(name)}RecoversFrom{cause}", answers=recovering)
            if attempts <= _MANY or _is_first(workflow, name, retrier):
                yield replace(
                    base,
                    name=f"{title(name)}GivesUpOn{cause}",
                    answers={**base.answers, name: _too_often(errors, attempts)},
                    path=(*until, "RecordingFailed"),
                    error="RecordingFailed",
                    is_written=False,
                )
        yield replace(
            base,
            name=f"{title(name)}IsOfAnOlderUpload",
            answers={**base.answers, name: [Raised(NOT_OWNED)]},
            path=(*until, "Failed" if base.error else "Superseded"),
            is_written=False,
        )


def title(words: str) -> str:
    """Any name as a part of the name of a case.

    >>> title("Get place type from DynamoDB"), title("IMAGE_TOO_SMALL"), title("{'N': '5'}")
    ('GetPlaceTypeFromDynamoDB', 'ImageTooSmall', 'N5')
    """
    parts = "".join(each if each.isalnum() else " " for each in words).split()
    return "".join(part.capitalize() if part.isupper() else part[0].upper() + part[1:] for part in parts)
