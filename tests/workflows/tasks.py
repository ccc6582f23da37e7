"""The tasks of all workflows, by their kinds, and how an upload comes to each: read, and known by no name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.decision import REASON
from happypath.project import WORKFLOWS, template_of
from tests.outcomes import Row, rows
from tests.statemachines import definitions
from tests.workflows import pictures

# What States.ALL does not catch, and what somebody else's newer upload makes of a write.
TOO_LARGE = "States.DataLimitExceeded"
SUPERSEDED = "DynamoDB.ConditionalCheckFailedException"
# An error that no task tries again.
CAUSE = "KeyError"


@dataclass(frozen=True)
class Task:
    """A Task state of a workflow."""

    workflow: str
    name: str

    def __str__(self) -> str:
        return f"{self.workflow}-{self.name}"

    @property
    def state(self) -> dict[str, Any]:
        """Its definition."""
        return definitions.tasks(self.workflow)[self.name]

    @property
    def target(self) -> str:
        """The state, as rules of the fault injector name it."""
        return f"state:{self.workflow}/{self.name}"

    @property
    def resource(self) -> str:
        """What it calls, such as `lambda:invoke`."""
        return str(self.state["Resource"]).partition(":::")[2]

    @property
    def role(self) -> str | None:
        """What its function is called in the definition, such as `Resize`; None if none stands behind it."""
        name = re.fullmatch(r"\$\{(\w+)FunctionArn\}", str(self.state["Parameters"].get("FunctionName")))
        return name and name[1]

    @property
    def function(self) -> str | None:
        """Its function, as its template names it, and rules of the fault injector do: `v1-Resize`."""
        return self.role and self._deployed["FunctionName"]["Fn::Sub"].removeprefix("${Prefix}-")

    @property
    def may_call(self) -> bool:
        """Whether its function may call any service: one that only computes has no policies."""
        return self.role is not None and "Policies" in self._deployed

    @property
    def _deployed(self) -> dict[str, Any]:
        """Its function, as the template of the workflow has it."""
        return _deployed(self.workflow, str(self.role))

    @property
    def decides(self) -> bool:
        """Whether its function answers with a Decision."""
        return self.role is not None and definitions.decides(self.state)

    @property
    def place(self) -> str:
        """The state by which a path passes it."""
        return definitions.place(self.workflow, self.name)

    @property
    def records(self) -> str | None:
        """The status that it writes into the record; None if it writes none."""
        status = self.state["Parameters"].get("ExpressionAttributeValues", {}).get(":status", {})
        return status.get("S") if self.resource == "dynamodb:updateItem" else None

    @property
    def kind(self) -> str:
        """What a task is to an upload, whatever its name: tasks of one kind do the same at the same fault."""
        # What has five minutes is tried again less often.
        return self._kind + (", in an Express workflow" if definitions.is_express(self.workflow) else "")

    @property
    def _kind(self) -> str:
        if self.decides:
            return "A function that decides"
        if self.role:
            return f"The function {self.role}{' after a refusal' if self.follows_refusal else ''}"
        if self.records:
            return f"`{self.resource}` that records {self.records}"
        if self.resource == "dynamodb:updateItem":
            return f"`{self.resource}` that confirms the record"
        return f"`{self.resource}`"

    @property
    def outlasts(self) -> bool:
        """Whether it tries again whatever the error."""
        return self.retries_of_all > 0

    @property
    def retries_of_all(self) -> int:
        """How often it tries again whatever the error."""
        return sum(each["MaxAttempts"] for each in self.state["Retry"] if "States.ALL" in each["ErrorEquals"])

    @property
    def follows_refusal(self) -> bool:
        """Whether the refusal is in the record by then, which stays whatever happens to the task."""
        path = self.way.row.path
        return self.name in path and definitions.REFUSED in path[: path.index(self.name)]

    def caught(self, error: str) -> str | None:
        """Where an error leads that is not tried again; None: it fails the execution."""
        for catcher in self.state["Catch"]:
            names = catcher["ErrorEquals"]
            if error in names or ("States.ALL" in names and error != TOO_LARGE):
                return str(catcher["Next"])
        return None

    @property
    def rejections(self) -> list[str]:
        """The errors by which it says that it cannot use a picture: reasons, as a record has them."""
        names = [name for catcher in self.state["Catch"] for name in catcher["ErrorEquals"]]
        return [name for name in names if REASON.fullmatch(name)]

    @property
    def way(self) -> Way:
        """How an upload comes to it: the least picture of the workflow's table that does."""
        accepted, rejected = _by_size(self.workflow)
        if self.records == "FAILED":
            return Way(accepted[0], (f"{first_task(accepted[0], self.workflow).target}=raise:{CAUSE}",))
        for row in (*accepted, *rejected):
            if self.place in row.path:
                return Way(row)
        raise AssertionError(
            f"No row of tests/outcomes/{self.workflow}.json comes to {self.name}: add one that does."
        )


@dataclass(frozen=True, eq=False)
class Way:
    """How an upload comes to a task: the row of the table, and what must go wrong before, if anything."""

    row: Row
    rules: tuple[str, ...] = ()


@cache
def _deployed(workflow: str, role: str) -> dict[str, Any]:
    """The properties of the function that a definition names by its role."""
    found: dict[str, Any] = template_of(workflow)["Resources"][f"{role}Function"]["Properties"]
    return found


def others(workflow: str) -> dict[str, str]:
    """The states of a workflow that have another one work on an upload → that workflow."""
    return {
        name: re.sub(r"\$\{(\w+)StateMachineArn\}", r"\1", task["Parameters"]["StateMachineArn"]).lower()
        for name, task in definitions.tasks(workflow).items()
        if definitions.waits_for_execution(task) and not definitions.asks_person(task)
    }


def side_by_side() -> list[list[str]]:
    """The workflows in groups that can be driven at once: a fault in one is met in those it works for."""
    groups: dict[str, list[str]] = {}
    for workflow in WORKFLOWS:
        groups.setdefault(next(iter(others(workflow).values()), workflow), []).append(workflow)
    return list(groups.values())


@cache
def _by_size(workflow: str) -> tuple[list[Row], list[Row]]:
    """The rows that end as PROCESSED, and the others, small pictures first."""
    # Functions make a JPEG of a WebP before Rekognition sees it, which is more work and another way; so is
    # what another workflow does.
    nested = set(others(workflow))
    ordered = sorted(
        rows(workflow),
        key=lambda row: (bool(nested & set(row.path)), "webp" in row.picture, len(pictures.body(row))),
    )
    return [row for row in ordered if not row.reason], [row for row in ordered if row.reason]


def accepted(workflow: str) -> Row:
    """A row that ends as PROCESSED, with a small picture."""
    return _by_size(workflow)[0][0]


def rejected(workflow: str) -> Row:
    """A row that ends as REJECTED, with a small picture."""
    return _by_size(workflow)[1][0]


def accepted_paths(workflow: str) -> list[Row]:
    """A row for each path that ends as PROCESSED."""
    found: dict[tuple[str, ...], Row] = {}
    for row in _by_size(workflow)[0]:
        found.setdefault(row.path, row)
    return list(found.values())


def on_path(row: Row, workflow: str) -> list[Task]:
    """The tasks that a row's upload comes to, in order."""
    tasks = (Task(workflow, name) for name in definitions.tasks(workflow))
    return sorted(
        (task for task in tasks if task.place in row.path), key=lambda task: row.path.index(task.place)
    )


def first_task(row: Row, workflow: str) -> Task:
    """The first task that a row's upload comes to."""
    return on_path(row, workflow)[0]


@cache
def all_tasks() -> tuple[Task, ...]:
    """Every task of every workflow, in the order of its definition."""
    return tuple(Task(workflow, name) for workflow in WORKFLOWS for name in definitions.tasks(workflow))


def one_of_each() -> list[Task]:
    """One task for each kind that there is.

    Kinds that many workflows have are spread over them: workflows are driven side by side.
    """
    by_kind: dict[str, list[Task]] = {}
    for task in all_tasks():
        by_kind.setdefault(task.kind, []).append(task)
    return [each[number % len(each)] for number, each in enumerate(by_kind.values())]


def functions() -> list[Task]:
    """A task for each function: one that several workflows have is that of the first."""
    found: dict[str, Task] = {}
    for task in all_tasks():
        if task.role:
            found.setdefault(task.role, task)
    return list(found.values())


def publishes(workflow: str) -> bool:
    """Whether an accepted photo is then to be seen at its place."""
    return workflow in definitions.PUBLISHING or any(
        task.role == "Publish" for task in all_tasks() if task.workflow == workflow
    )


# Those whose photos are those of places.
PUBLISHING = definitions.VERSIONS
