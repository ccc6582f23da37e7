"""The state machines as their files say, and what can be read off them without running them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from happypath import project

ROOT = project.ROOT
FOLDER = ROOT / "statemachines"
# Every workflow that there is. Tests read from the definitions what they have to know of one.
WORKFLOWS = project.WORKFLOWS
# And every state machine: those of add-ons, too, which no upload runs through.
MACHINES = tuple(
    stack
    for stack in (*project.ADD_ONS, *WORKFLOWS)
    if "AWS::Serverless::StateMachine"
    in (project.TEMPLATES / stack / "template.yaml").read_text(encoding="utf-8")
)
REFUSED, FAILED = "RecordFailState", "RecordErrorState"

State: TypeAlias = dict[str, Any]
# A path into the state's data, such as "$.decision.reason".
Field: TypeAlias = str


@cache
def text(workflow: str) -> str:
    return (FOLDER / f"{workflow}.asl.json").read_text(encoding="utf-8")


def load(workflow: str) -> dict[str, Any]:
    machine: dict[str, Any] = json.loads(text(workflow))
    return machine


def states(workflow: str) -> dict[str, State]:
    found: dict[str, State] = load(workflow)["States"]
    return found


def branches(state: State) -> list[dict[str, Any]]:
    """What runs within a Parallel state, all at once, or within a Map state, for each item."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def all_states(workflow: str) -> dict[str, State]:
    """Its states, and those within its Parallel and Map states."""
    found: dict[str, State] = {}
    for name, state in states(workflow).items():
        found[name] = state
        for branch in branches(state):
            found |= branch["States"]
    return found


def tasks_in(definition: dict[str, Any]) -> dict[str, State]:
    """The tasks of a definition; what those within Parallel and Map states do not catch, these do."""
    found: dict[str, State] = {}
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            found[name] = state
        for branch in branches(state):
            found |= {inner: {"Catch": state["Catch"], **each} for inner, each in tasks_in(branch).items()}
    return found


def tasks(workflow: str) -> dict[str, State]:
    """Its tasks, by their names."""
    return tasks_in(load(workflow))


def place(workflow: str, name: str) -> str:
    """The state by which a path passes a state: itself, or the Parallel or Map state that it is in."""
    for outer, state in states(workflow).items():
        if any(name in branch["States"] for branch in branches(state)):
            return outer
    return name


# What publishes photos, and of it the versions of the workflow for the photos of places.
PUBLISHING = tuple(workflow for workflow in WORKFLOWS if "Publish" in tasks(workflow))
VERSIONS = tuple(workflow for workflow in PUBLISHING if project.uploads_of(workflow) == "<placeId>/")


def all_tasks() -> list[tuple[str, str]]:
    """Every task as (workflow, name): parameters for tests."""
    return [(workflow, name) for workflow in WORKFLOWS for name in tasks(workflow)]


def tasks_of_machines() -> list[tuple[str, str]]:
    """The same of every state machine."""
    return [(machine, name) for machine in MACHINES for name in tasks(machine)]


@cache
def is_express(workflow: str) -> bool:
    """Whether its executions take five minutes at most, and may run more than once."""
    (machine,) = (
        each
        for each in project.template_of(workflow)["Resources"].values()
        if each["Type"] == "AWS::Serverless::StateMachine"
    )
    return bool(machine["Properties"]["Type"] == "EXPRESS")


def execution_of(workflow: str) -> str:
    """What names an execution in its states, as the record does.

    One of an Express workflow is named without the id that only the run itself knows.
    """
    return (
        "States.Format('${Executions}:{}', $$.Execution.Name)" if is_express(workflow) else "$$.Execution.Id"
    )


# What a state is, whatever its name


def service(task: State) -> str:
    """The service that a task calls: `lambda`, `dynamodb`, `events`, `states`, `s3`."""
    return str(task["Resource"]).partition(":::")[2].removeprefix("aws-sdk:").partition(":")[0]


def is_lambda(state: State) -> bool:
    """Whether it calls a function."""
    return state["Type"] == "Task" and service(state) == "lambda"


def waits_for_execution(state: State) -> bool:
    """Whether it starts another state machine and waits for its output."""
    return state["Type"] == "Task" and str(state["Resource"]).endswith(":states:startExecution.sync:2")


def asks_person(state: State) -> bool:
    """Whether what it starts and waits for is a review."""
    return waits_for_execution(state) and state["Parameters"]["StateMachineArn"] == "${ReviewStateMachineArn}"


def output(state: State, decision: Any) -> Any:
    """What the execution that a state waits for puts out: a review its decision, a workflow all its data."""
    return decision if asks_person(state) else {"decision": decision}


def decides(state: State) -> bool:
    """Whether it is a task that answers with a Decision, be it a person's."""
    return (is_lambda(state) or waits_for_execution(state)) and state.get("ResultPath") == "$.decision"


def holds_record(state: State) -> bool:
    """Whether it is a task that writes to the workflow record, if its execution still owns that."""
    return state["Type"] == "Task" and str(state["Resource"]).endswith(":dynamodb:updateItem")


def status_recorded(state: State) -> str | None:
    """The status of an upload that a state records, if it is one that does."""
    if not holds_record(state):
        return None
    status: State = state["Parameters"]["ExpressionAttributeValues"].get(":status", {})
    return status.get("S")


def errors_retried(task: State) -> set[str]:
    return {error for each in task["Retry"] if each["MaxAttempts"] for error in each["ErrorEquals"]}


@dataclass(frozen=True)
class Edge:
    """A transition, with the fields that are there when it is taken, and those that it found missing."""

    to: str
    sets: frozenset[Field] = frozenset()
    # What stood at this field before is gone.
    overwrites: Field | None = None
    caught: bool = False


def edges(state: State) -> Iterator[Edge]:
    """The transitions out of a state."""
    match state["Type"]:
        case "Choice":
            yield from _choice_edges(state)
        case "Wait":
            yield Edge(state["Next"])
        case "Task" | "Pass" | "Parallel" | "Map":
            if "Next" in state:
                path = state["ResultPath"]
                yield Edge(state["Next"], frozenset(_results(state)), overwrites=path)
            for catcher in state.get("Catch", []):
                path = catcher["ResultPath"]
                yield Edge(catcher["Next"], frozenset({path, f"{path}.Error", f"{path}.Cause"}), path, True)


def _choice_edges(state: State) -> Iterator[Edge]:
    # A rule is reached when those before it did not hold: what they asked to be missing is there.
    known: set[Field] = set()
    for rule in state["Choices"]:
        yield Edge(rule["Next"], frozenset(known | _present(rule)))
        if rule.get("IsPresent") is False:
            known |= _with_parents(rule["Variable"])
    yield Edge(state["Default"], frozenset(known))


def _present(rule: dict[str, Any]) -> set[Field]:
    found: set[Field] = set()
    for condition in [rule, *rule.get("And", [])]:
        if condition.get("IsPresent") is True:
            found |= _with_parents(condition["Variable"])
    return found


def _with_parents(field: Field) -> set[Field]:
    steps = field.split(".")
    return {".".join(steps[: end + 1]) for end in range(1, len(steps))}


def _results(state: State) -> set[Field]:
    path = state["ResultPath"]
    if path is None:
        return set()
    template = state.get("ResultSelector", state.get("Parameters", state.get("Result", {})))
    if state["Type"] in {"Task", "Parallel", "Map"} and "ResultSelector" not in state:
        template = {}
    return {path} | set(_keys(path, template))


def _keys(path: Field, template: Any) -> Iterator[Field]:
    if not isinstance(template, dict):
        return
    for key, value in template.items():
        field = f"{path}.{key.removesuffix('.$')}"
        yield field
        yield from _keys(field, value)
        if value == "States.StringToJson($.error.Cause)":
            # The JSON that Lambda makes of an error.
            # https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
            yield from (f"{field}.errorMessage", f"{field}.errorType")


def reads(value: Any) -> set[Field]:
    """The fields that a state's Parameters, or a Fail state's paths, read from its input."""
    found: set[Field] = set()
    for key, each in value.items():
        if isinstance(each, dict):
            found |= reads(each)
        elif key.endswith((".$", "Path")):
            found |= _fields(each)
    return found


def _fields(expression: str) -> set[Field]:
    return set(re.findall(r"(?<!\$)\$(?:\.\w+)+", expression))


def given(workflow: str, start: frozenset[Field]) -> dict[str, frozenset[Field]]:
    """For each state the fields that are there whichever way it was reached, `start` being the input's."""
    machine = load(workflow)
    there: dict[str, frozenset[Field]] = {machine["StartAt"]: start}
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        for edge in edges(machine["States"][name]):
            kept = {
                field
                for field in there[name]
                if edge.overwrites is None or not (field + ".").startswith(edge.overwrites + ".")
            }
            arriving = frozenset(kept | edge.sets)
            now = arriving if edge.to not in there else there[edge.to] & arriving
            if now != there.get(edge.to):
                there[edge.to] = now
                waiting.append(edge.to)
    return there


def paths(workflow: str) -> set[tuple[str, ...]]:
    """Every way from the start to an end on which nothing is caught."""
    machine = load(workflow)

    def walk(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        following = [edge.to for edge in edges(machine["States"][path[-1]]) if not edge.caught]
        if not following:
            yield path
        for to in dict.fromkeys(following):
            assert to not in path, f"{path} comes back to {to}"
            yield from walk((*path, to))

    return set(walk((machine["StartAt"],)))
