"""A dry run of a deployed workflow: it decides about a photo as ever, and nothing comes of it.

What runs is a state machine of its own, made for the time from the deployed definition, with the deployed
role and functions. So its executions are in no list and no alarm of the workflow's, and there is no second
description of a workflow. It differs from the deployed definition in this:

- A task that is no function and does not only read (`RecordFailState`, `RecordErrorState`) becomes a Pass
  state of the same name, which puts what would have been written into the execution's history.
- The input says `dryRun`: functions that would write then do not (`functions.platform.task`).
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from functions.platform.aws import READING
from happypath.errors import ExpectedError
from happypath.operations.installation import Installation, steps

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

Definition: TypeAlias = dict[str, Any]
Detail: TypeAlias = Mapping[str, Any]

# Where a Pass state in the place of a write puts what would have been written.
_UNWRITTEN = "unwritten"
_READING = re.compile(
    r"arn:aws[\w-]*:states:::(lambda:invoke|(dynamodb|aws-sdk:\w+):"
    rf"({'|'.join(verb.lower() for verb in READING)})\w*)"
)
# What a Pass state has in common with the task that it replaces.
_PASSING = ("Comment", "InputPath", "Parameters", "Next", "End")
# A state machine can be started some seconds after it was made.
_APPEARS_WITHIN_S = 30.0
_POLL_S = 0.2


class DryRunError(ExpectedError):
    """A workflow cannot be run dry; the message says why and what to do."""


@dataclass(frozen=True)
class Decision:
    """What a workflow would have done with a photo: the record that it would have left, and its path."""

    # PROCESSED, REJECTED or FAILED.
    status: str
    reason: str | None
    detail: Any
    path: tuple[str, ...]

    @property
    def verdict(self) -> tuple[str, str | None]:
        """What counts when two decisions are compared."""
        return self.status, self.reason

    def as_json(self) -> dict[str, Any]:
        """The decision in `compare --json`."""
        return {
            "status": self.status,
            "reason": self.reason,
            "detail": self.detail,
            "path": list(self.path),
        }


def harmless(definition: Definition) -> Definition:
    """A definition whose own tasks only read: in place of the others stand Pass states.

    States that only the others led to are left out.

    >>> task = {"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "Parameters": {"Message": "A"}}
    >>> machine = {"StartAt": "Tell", "States": {"Tell": {**task, "ResultPath": None, "End": True}}}
    >>> harmless(machine)["States"]["Tell"]
    {'Type': 'Pass', 'Parameters': {'Message': 'A'}, 'End': True, 'ResultPath': '$.unwritten'}

    Raises:
        DryRunError: what one of the others answers is used, so that the run could not go on without it.
    """
    states = {name: _harmless_state(name, state) for name, state in definition["States"].items()}
    reached = _reached(definition["StartAt"], states)
    return {**definition, "States": {name: state for name, state in states.items() if name in reached}}


def _reached(start: str, states: dict[str, Any]) -> set[str]:
    """The states that are reached: a Pass state catches nothing, and AWS refuses what is never reached."""
    reached, ahead = set[str](), [start]
    while ahead:
        name = ahead.pop()
        if name in reached or name not in states:
            continue
        reached.add(name)
        state = states[name]
        choices = [*state.get("Choices", []), *state.get("Catch", [])]
        following = [state.get("Next"), state.get("Default"), *(each.get("Next") for each in choices)]
        ahead.extend(each for each in following if each is not None)
    return reached


def _harmless_state(name: str, state: dict[str, Any]) -> dict[str, Any]:
    match state:
        case {"Resource": str(resource), "Parameters": {"Input": {"detail.$": "$.detail"}}} if (
            ":states:startExecution" in resource
        ):
            # What it starts is told that this is a dry run, as functions are.
            return state
        case {"Type": "Task", "Resource": resource} if not _READING.fullmatch(resource):
            if state.get("ResultPath", "$") is not None:
                raise DryRunError(
                    f"its state {name!r} calls {resource.partition(':::')[2]}, which may write, and keeps "
                    'the answer. Give it "ResultPath": null, or let a function make the call.'
                )
            kept = {field: state[field] for field in _PASSING if field in state}
            return {"Type": "Pass", **kept, "ResultPath": f"$.{_UNWRITTEN}"}
        case {"Branches": branches}:
            return {**state, "Branches": [harmless(branch) for branch in branches]}
    for inner in ("ItemProcessor", "Iterator"):
        if inner in state:
            return {**state, inner: harmless(state[inner])}
    return state


class DryRun:
    """A workflow's dry run, while it exists: see `dry_run`."""

    def __init__(self, installation: Installation, workflow: str, arn: str, definition: Definition) -> None:
        self.workflow = workflow
        # What is run.
        self.definition = definition
        self._installation = installation
        self._stepfunctions = installation.client("stepfunctions")
        self._arn = arn

    def start(self, detail: Detail) -> str:
        """Starts a run about the object that `detail` names, and returns its execution's ARN.

        `detail` is that of the workflow's input. Its `ID` is changed, so that log lines and traces of the
        upload itself stay apart from the run's.
        """
        name = f"{detail['ID']}-dry-run"
        dry_detail = {**detail, "ID": name, "record": name, "workflow": self.workflow, "dryRun": True}
        text = json.dumps(
            {"source": "happypath.operations.dry_run", "detail-type": "dry run", "detail": dry_detail}
        )
        deadline = time.monotonic() + _APPEARS_WITHIN_S
        while True:
            try:
                started = self._stepfunctions.start_execution(stateMachineArn=self._arn, input=text)
                return str(started["executionArn"])
            except self._stepfunctions.exceptions.StateMachineDoesNotExist:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_S)

    def history(self, execution_arn: str) -> list[HistoryEventTypeDef] | None:
        """The events of a run that has ended; None while it goes on."""
        if not self._installation.execution_ended(execution_arn):
            return None
        return self._installation.history(execution_arn)


@contextmanager
def dry_run(
    installation: Installation, workflow: str, change: Callable[[Definition], Definition] = lambda same: same
) -> Iterator[DryRun]:
    """A deployed workflow's dry run, removed at the end of the block.

    `change` makes of what would be run what is run instead.

    Raises:
        DryRunError: the workflow is not deployed, is of a time before dry runs, or has a state that
            nothing can stand for.
    """
    stack = installation.stack(workflow)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in (stack or {}).get("Outputs", [])}
    name = f"{installation.prefix}-{workflow}"
    if "StateMachine" not in outputs:
        raise DryRunError(f"{workflow} is not deployed (no workflow stack {name}): deploy it first.")
    if outputs.get("DryRun") != "nothing":
        raise DryRunError(
            f"{workflow} is too old to run as a dry run (its stack {name} has no output DryRun): "
            f"deploy it again (`happypath deploy {workflow}`)."
        )
    stepfunctions = installation.client("stepfunctions")
    deployed = stepfunctions.describe_state_machine(stateMachineArn=outputs["StateMachine"])
    try:
        definition = change(harmless(json.loads(deployed["definition"])))
    except DryRunError as error:
        raise DryRunError(f"{workflow} cannot run as a dry run: {error}") from None
    # A name that no installation's state machine begins with.
    made = stepfunctions.create_state_machine(
        name=f"dry-run-{name}-{secrets.token_hex(4)}",
        definition=json.dumps(definition),
        roleArn=deployed["roleArn"],
        type="STANDARD",
    )
    try:
        yield DryRun(installation, workflow, made["stateMachineArn"], definition)
    finally:
        stepfunctions.delete_state_machine(stateMachineArn=made["stateMachineArn"])


def read(history: list[HistoryEventTypeDef]) -> Decision:
    """The decision of a run that has ended, from its history.

    What it would have written last is the record's outcome. A run that would have written none, and succeeds,
    has come to its end by publishing.
    """
    path = tuple(step.state for step in steps(history))
    last = history[-1]
    written = _unwritten(history)
    if written is not None:
        detail = written.get(":detail", {}).get("S")
        return Decision(
            status=written[":status"]["S"],
            reason=written.get(":reason", {}).get("S"),
            detail=json.loads(detail) if detail else None,
            path=path,
        )
    if last["type"] == "ExecutionSucceeded":
        return Decision("PROCESSED", None, None, path)
    for kind in (
        "executionFailedEventDetails",
        "executionAbortedEventDetails",
        "executionTimedOutEventDetails",
    ):
        said: Any = last.get(kind)
        if said:
            return Decision("FAILED", said.get("error"), {"Cause": said.get("cause")}, path)
    return Decision("FAILED", last["type"], None, path)


def _unwritten(history: list[HistoryEventTypeDef]) -> dict[str, Any] | None:
    """The values of the last update of a record that the run would have made."""
    for event in reversed(history):
        text = event.get("stateExitedEventDetails", {}).get("output")
        if text and event["type"] == "PassStateExited":
            written: Any = json.loads(text).get(_UNWRITTEN)
            if isinstance(written, dict) and ":status" in written.get("ExpressionAttributeValues", {}):
                values: dict[str, Any] = written["ExpressionAttributeValues"]
                return values
    return None
