"""Step Functions as a page asks it: executions whose histories a test says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from tests.console.events import BEGAN

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:happypath-v4"


@dataclass
class Executions:
    """A client of Step Functions. What it is asked that it does not have is an error, as on AWS."""

    real: Any
    definition: dict[str, Any]
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    described: dict[str, dict[str, Any]] = field(default_factory=dict)
    logging: dict[str, Any] = field(default_factory=dict)
    type: str = "STANDARD"
    # How many events of histories were given away.
    given: int = 0

    @property
    def exceptions(self) -> Any:
        return self.real.exceptions

    @property
    def meta(self) -> Any:
        return self.real.meta

    def add(self, name: str, history: list[dict[str, Any]], status: str, **more: Any) -> str:
        """An execution with its history."""
        arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{name}"
        self.histories[arn] = history
        ended = {} if status == "RUNNING" else {"stopDate": BEGAN + timedelta(seconds=9)}
        self.described[arn] = {"status": status, "startDate": BEGAN, "input": "{}", **ended, **more}
        return arn

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        found: dict[str, Any] = self._known(self.described, executionArn)
        return found

    def describe_state_machine_for_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        self._known(self.described, executionArn)
        return {"definition": json.dumps(self.definition)}

    def describe_state_machine(self, *, stateMachineArn: str) -> dict[str, Any]:  # noqa: N803
        name = stateMachineArn.rpartition(":")[2]
        return {
            "name": name,
            "type": self.type,
            "definition": json.dumps(self.definition),
            "loggingConfiguration": self.logging,
        }

    def get_execution_history(self, *, executionArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"events": self._known(self.histories, executionArn)[-1:]}

    def get_paginator(self, operation: str) -> Any:
        return self if operation == "get_execution_history" else self.real.get_paginator(operation)

    def paginate(
        self,
        *,
        executionArn: str,  # noqa: N803
        maxResults: int,  # noqa: N803
        reverseOrder: bool = False,  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        events = self._known(self.histories, executionArn)[:: -1 if reverseOrder else 1]
        for first in range(0, len(events), maxResults):
            page = events[first : first + maxResults]
            self.given += len(page)
            yield {"events": page}

    def describe_map_run(self, *, mapRunArn: str) -> dict[str, Any]:  # noqa: N803
        return {"itemCounts": {"pending": 0, "succeeded": 7, "timedOut": 2}}

    def _known(self, among: dict[str, Any], arn: str) -> Any:
        if arn not in among:
            answer = {
                "Error": {"Code": "ExecutionDoesNotExist", "Message": f"Execution Does Not Exist: {arn}"}
            }
            raise self.real.exceptions.ExecutionDoesNotExist(answer, "DescribeExecution")
        found = among[arn]
        if isinstance(found, ClientError):
            raise found
        return found
