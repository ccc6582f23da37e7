"""What tasks can be answered, and what they are answered when all goes well, which their kinds say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.outcomes import Row
from tests.statemachines.definitions import (
    REFUSED,
    State,
    asks_person,
    branches,
    decides,
    is_lambda,
    states,
    waits_for_execution,
)


@dataclass(frozen=True)
class Raised:
    """An attempt that ends in an error, as Step Functions names it."""

    error: str
    message: str = "it went wrong"

    def cause(self) -> str:
        """The JSON that Lambda makes of an exception.

        https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
        """
        said = {"errorMessage": self.message, "errorType": self.error, "requestId": "1", "stackTrace": []}
        return json.dumps(said)


@dataclass(frozen=True)
class Done:
    """A service that does what it is asked for."""


@dataclass(frozen=True)
class Lost(Raised):
    """A service that does what it is asked for, and whose answer does not come."""

    error: str = "States.Timeout"


@dataclass(frozen=True)
class Answered:
    """A service's answer that a test makes up; `after` happens before it is given."""

    result: Mapping[str, Any]
    after: Callable[[], object] = lambda: None


# Task → what it is answered, attempt by attempt: a function's payload, or what makes one of what it is asked;
# `Raised`, a service's `Done` or `Answered`. The last one repeats.
Answers: TypeAlias = Mapping[str, Sequence[Any]]

RENDITIONS = {
    "width": 1200,
    "height": 900,
    "tile": {"key": "the-place/photo.jpg/tile.jpg", "width": 400, "height": 400, "bytes": 1},
    "scaled": {"key": "the-place/photo.jpg/scaled.jpg", "width": 600, "height": 450, "bytes": 1},
}

# Of a film in one piece.
PLAN = {"pieces": [0], "at_once": 1, "width": 160, "height": 120, "frames": 25, "seconds": 1.0}


def accept(**detail: Any) -> dict[str, Any]:
    return {"accepted": True, "reason": None, "detail": detail}


def reject(reason: str, **detail: Any) -> dict[str, Any]:
    return {"accepted": False, "reason": reason, "detail": detail}


def willing(task: State) -> Any:
    """What a task is answered that lets an upload go on."""
    if decides(task):
        return accept(seen=1)
    if not is_lambda(task):
        return Done()
    # What is taken whole is taken as it is, and what is picked is a fact such as `published`.
    picked = picked_by(task)
    if picked:
        return dict.fromkeys(picked, True)
    return PLAN if task.get("ResultPath") == "$.plan" else RENDITIONS


def picked_by(task: State) -> list[str]:
    """What a state machine picks from a function's answer; nothing when it takes it whole."""
    paths = task.get("ResultSelector", {}).values()
    return [path.removeprefix("$.Payload.") for path in paths if path.startswith("$.Payload.")]


def answers_of(workflow: str, row: Row) -> dict[str, list[Any]]:
    """What lets an upload go the path of a row: the task before `RecordFailState` says the reason."""
    found: dict[str, list[Any]] = {}
    for name, then in zip(row.path, (*row.path[1:], ""), strict=True):
        state = states(workflow)[name]
        for branch in branches(state):
            found |= {inner: [willing(each)] for inner, each in branch["States"].items()}
            if row.reason and state["Type"] == "Map" and then != state["Next"]:
                found |= {branch["StartAt"]: [Raised(row.reason, json.dumps(dict(row.detail)))]}
        if state["Type"] == "Task":
            found[name] = [willing(state)]
            after = row.path[row.path.index(name) + 2 :]
            if decides(state) and after and waits_for_execution(states(workflow)[after[0]]):
                found[name] = [reject(_reason_leading(states(workflow)[state["Next"]], after[0]), score=0.6)]
            elif row.reason and decides(state) and after[:1] == (REFUSED,):
                found[name] = [reject(row.reason, **row.detail)]
            elif row.reason and is_lambda(state) and not decides(state) and then != state.get("Next", ""):
                found[name] = [Raised(row.reason, json.dumps(dict(row.detail)))]
            elif f"{state['ResultPath']}.result)" in json.dumps(states(workflow)[row.path[-1]]):
                # What is recorded of what is accepted.
                found[name] = [dict(row.detail)]
            elif decides(state) and after:
                leading = _leading(states(workflow)[state["Next"]], after[0])
                # What another workflow did with it is recorded as it is.
                said = dict(row.detail) if waits_for_execution(state) and not asks_person(state) else {}
                found[name] = [accept(seen=1, **said, **leading)]
    return found


def _reason_leading(choice: State, to: str) -> str:
    """The reason of a refusal by which a Choice leads to a state."""
    rule: State = next(each for each in choice["Choices"] if each["Next"] == to)
    reason: str = next(
        each["StringEquals"]
        for each in rule.get("And", [rule])
        if each.get("Variable") == "$.decision.reason"
    )
    return reason


def _leading(choice: State, to: str) -> dict[str, Any]:
    """The detail of a decision by which a Choice leads to a state: what its rule wants to be there."""
    rule: State = next((each for each in choice.get("Choices", ()) if each["Next"] == to), {})
    wanted = [each["Variable"] for each in rule.get("And", [rule]) if each.get("IsPresent")]
    names = [path.removeprefix("$.decision.detail.") for path in wanted]
    return {name.removesuffix("[0]"): [1] if name.endswith("[0]") else True for name in names}
