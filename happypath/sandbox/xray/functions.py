"""What the Lambda service tells X-Ray of an invocation: a segment of its own, and one of the function.

https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from functions.platform.trace_header import TraceHeader, new_trace_id
from happypath.sandbox.fault_injection.error_responses import ErrorResponse
from happypath.sandbox.function_host.environment import Outcome
from happypath.sandbox.function_host.runtime_api import Answer
from happypath.sandbox.xray.recording import Work
from happypath.sandbox.xray.store import Traces


class InvocationTrace:
    """One invocation of a function. `header` is what the function gets to know of its trace.

    A function whose tracing is not active has no segments; what it gets is the header of its caller. A caller
    without a header begins a trace, and every trace is recorded unless its header says otherwise: X-Ray's
    sampling rules are not the sandbox's.
    """

    def __init__(self, traces: Traces, name: str, arn: str, caller: str | None, *, active: bool) -> None:
        self._traces = traces
        header = TraceHeader.parse(caller)
        if header is None:
            header = TraceHeader(new_trace_id(), None, active)
        elif header.sampled is None and active:
            header = TraceHeader(header.root, header.parent, sampled=True)
        self._trace_id = header.root
        account = arn.split(":")[4]
        aws = {"function_arn": arn, "account_id": account, "resource_names": [name]}
        parent = {} if header.parent is None else {"parent_id": header.parent}
        self._service = Work(
            name,
            {
                "trace_id": header.root,
                "origin": "AWS::Lambda",
                "resource_arn": arn,
                "aws": dict(aws),
                **parent,
            },
        )
        self._function = Work(
            name,
            {
                "trace_id": header.root,
                "parent_id": self._service.id,
                "origin": "AWS::Lambda::Function",
                "resource_arn": arn,
                "aws": dict(aws),
            },
        )
        self._invocation = Work("Invocation")
        self._recorded = active and bool(header.sampled)
        parent_id = self._invocation.id if self._recorded else header.parent
        self.header = str(TraceHeader(header.root, parent_id, header.sampled))

    def end(self, outcome: Outcome) -> None:
        """Tells of an invocation that the function answered, or that Lambda answered for it."""
        if not self._recorded:
            return
        now = time.time()
        function, invocation = self._function, self._invocation
        if outcome.init is not None:
            function.took("Initialization", *outcome.init)
        invocation.start, end = outcome.invocation or (now, now)
        invocation.end(end)
        function.parts.append(invocation)
        function.took("Overhead", end, now)
        function.start = min(part.start for part in function.parts)
        if outcome.answer.failed:
            error, message = _error(outcome.answer)
            for work in (invocation, function, self._service):
                work.fail(error, message)
        self._service.fields["http"] = {"response": {"status": 200}}
        for work in (function, self._service):
            work.fields["aws"]["request_id"] = outcome.request_id
            work.end(now if work is function else None)
            self._traces.add(work.document())

    def refused(self, response: ErrorResponse) -> None:
        """Tells of an invocation that Lambda itself refused: there is no segment of the function."""
        if self._recorded:
            self._service.fields["http"] = {"response": {"status": response.status}}
            self._service.fail(response.code, response.message, throttled=response.status == 429)
            self._service.end()
            self._traces.add(self._service.document())


def _error(answer: Answer) -> tuple[str, str]:
    """The name and message of a function's error, from its answer in Lambda's shape."""
    try:
        error: Any = json.loads(answer.payload)
        return str(error.get("errorType", "Error")), str(error.get("errorMessage", ""))
    except (ValueError, AttributeError):
        return "Error", ""
