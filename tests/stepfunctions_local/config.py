"""The cases of the state machines as a mock configuration file of Step Functions Local.

`python -m tests.stepfunctions_local.config` writes the file beside compose.yaml.
https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-mock-cfg-file.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from tests.statemachines.cases import Case, cases, title
from tests.statemachines.definitions import (
    WORKFLOWS,
    State,
    is_lambda,
    output,
    service,
    tasks,
    waits_for_execution,
)
from tests.statemachines.willing import Done, Raised

FILE = Path(__file__).parent / "MockConfigFile.json"

# What a task is answered: "0" is the first attempt, "1-2" are the two after it.
Response: TypeAlias = dict[str, dict[str, Any]]


def machine(workflow: str) -> str:
    """The name of a workflow's state machine."""
    return f"happypath-{workflow}"


def config() -> dict[str, Any]:
    """What the file says."""
    machines: dict[str, Any] = {}
    responses: dict[str, Response] = {}
    # The same response serves all cases that need it, under the name that it got in the first.
    names: dict[str, str] = {}
    for workflow in WORKFLOWS:
        machines[machine(workflow)] = {"TestCases": {}}
        for case in cases(workflow):
            chosen: dict[str, str] = {}
            for task in case.answers:
                response = _response(tasks(workflow)[task], task, case)
                name = f"{title(task)}In{title(workflow)}{case.name}"
                chosen[task] = names.setdefault(json.dumps(response), name)
                responses[chosen[task]] = response
            machines[machine(workflow)]["TestCases"][case.name] = chosen
    return {"StateMachines": machines, "MockedResponses": responses}


def _response(task: State, name: str, case: Case) -> Response:
    return dict(_attempts([_answer(task, answer, case) for answer in case.answers[name]]))


def _attempts(answers: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    first = 0
    for answer, same in groupby(answers):
        last = first + len(list(same)) - 1
        yield str(first) if first == last else f"{first}-{last}", answer
        first = last + 1


def _answer(task: State, answer: Any, case: Case) -> dict[str, Any]:
    if isinstance(answer, Raised):
        return {"Throw": {"Error": answer.error, "Cause": answer.cause()}}
    if is_lambda(task):
        return {"Return": {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": answer}}
    if waits_for_execution(task):
        return {"Return": {"Status": "SUCCEEDED", "Output": output(task, answer)}}
    assert isinstance(answer, Done)
    return {"Return": _done(task, case)}


def _done(task: State, case: Case) -> dict[str, Any]:
    """What a service answers when it has done what it was asked for."""
    metadata = {"SdkHttpMetadata": {"HttpStatusCode": 200}}
    if service(task) == "events":
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
    if task["Resource"].endswith(":getItem") and case.place is not None:
        return {"Item": {"PK": {"S": "the-place"}, **case.place}, **metadata}
    return metadata


if __name__ == "__main__":
    FILE.write_text(json.dumps(config(), indent=1) + "\n", encoding="utf-8")
