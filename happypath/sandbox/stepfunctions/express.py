"""What Express workflows cannot do: wait for others.

https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from happypath.sandbox.stepfunctions.errors import StatesError

# A pattern of integration: how AWS names it in what it says.
_WAITING = {
    ".waitForTaskToken": "'.waitForTaskToken' service integration  at",
    ".sync": "'.sync' service integration at",
    ".sync:2": "'.sync' service integration at",
}


def check(definition: str) -> None:
    """Checks the definition of an Express workflow, which is one of a state machine already.

    Raises:
        StatesError: InvalidDefinition; a state waits for a token, a job or an activity.
    """
    for path, state in _states(json.loads(definition), ""):
        resource = state.get("Resource")
        if not isinstance(resource, str):
            continue
        refused = next((said for ending, said in _WAITING.items() if resource.endswith(ending)), None)
        if ":activity:" in resource:
            refused = "Activity ARN at"
        if refused:
            raise StatesError(
                "InvalidDefinition",
                "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
                f"Express state machine does not support {refused} {path}/Resource'",
            )


def _states(machine: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in machine.get("States", {}).items():
        at = f"{path}/States/{name}"
        yield at, state
        for index, branch in enumerate(state.get("Branches", [])):
            yield from _states(branch, f"{at}/Branches[{index}]")
        for processor in ("ItemProcessor", "Iterator"):
            if processor in state:
                yield from _states(state[processor], f"{at}/{processor}")
