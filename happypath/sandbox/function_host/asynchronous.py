"""Asynchronous invocations: an event is accepted, tried up to three times, and told on to destinations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from happypath.sandbox.function_host.destinations import Clients, send
from happypath.sandbox.function_host.environment import Outcome
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.iam.deliveries import check_delivery, of_function

_log = logging.getLogger(__name__)

# Lambda's waits after a function's first and second error. A minute there is a second here.
_RETRY_S = (60.0, 120.0)
_SHORTENED = 60.0
# What is throttled is tried again after 1 s, then less and less often, down to once in 5 minutes.
_LONGEST_BACKOFF_S = 300.0
_MAX_ATTEMPTS = 2
_MAX_AGE_S = 21_600.0
_MAX_ERROR_BYTES = 1024

# A function as moto holds it, the payload, the trace header, the request → what came of it.
Invoke: TypeAlias = Callable[[Any, bytes, str | None, str], Outcome]


@dataclass
class _Event:
    function: Any
    payload: bytes
    trace_header: str | None
    request_id: str
    attempts: int = 0
    # Waits that were not waited out count for the event's age as if they had been.
    spared_s: float = 0.0
    accepted: float = field(default_factory=time.monotonic)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.accepted + self.spared_s

    @property
    def settings(self) -> dict[str, Any]:
        """The function's EventInvokeConfig, as it is now."""
        configs = self.function.event_invoke_config
        return configs[0].config if configs else {}


class AsynchronousInvocations:
    """Runs each event in a thread of its own, until it is done with. `scale` shortens the waits further."""

    def __init__(self, invoke: Invoke, clients: Clients, scale: Callable[[], float]) -> None:
        self._invoke = invoke
        self._clients = clients
        self._scale = scale
        self._stop = threading.Event()

    def accept(self, function: Any, payload: bytes, trace_header: str | None) -> str:
        """Takes an event for a function → the id of the request."""
        event = _Event(function, payload, trace_header, str(uuid.uuid4()))
        threading.Thread(target=self._run, args=(event,), name="asynchronous", daemon=True).start()
        return event.request_id

    def close(self) -> None:
        """Gives up what waits for its next attempt."""
        self._stop.set()

    def _run(self, event: _Event) -> None:
        outcome: Outcome | None = None
        throttled = 0
        while not self._stop.is_set():
            if event.age_s > float(event.settings.get("MaximumEventAgeInSeconds", _MAX_AGE_S)):
                self._end(event, "EventAgeExceeded", outcome)
                return
            try:
                outcome = self._invoke(event.function, event.payload, event.trace_header, event.request_id)
            except InvokeError as error:
                if error.response.status != 429:
                    _log.warning("%s was not invoked: %s", event.function.function_name, error)
                    self._end(event, "RetriesExhausted", outcome)
                    return
                self._wait(event, min(2.0**throttled, _LONGEST_BACKOFF_S))
                throttled += 1
                continue
            event.attempts += 1
            if not outcome.answer.failed:
                self._end(event, "Success", outcome)
                return
            if event.attempts > int(event.settings.get("MaximumRetryAttempts", _MAX_ATTEMPTS)):
                self._end(event, "RetriesExhausted", outcome)
                return
            self._wait(event, _RETRY_S[event.attempts - 1])

    def _wait(self, event: _Event, seconds: float) -> None:
        waited_s = seconds / _SHORTENED * self._scale()
        event.spared_s += seconds - waited_s
        self._stop.wait(waited_s)

    def _end(self, event: _Event, condition: str, outcome: Outcome | None) -> None:
        succeeded = condition == "Success"
        destinations = event.settings.get("DestinationConfig") or {}
        chosen = (destinations.get("OnSuccess" if succeeded else "OnFailure") or {}).get("Destination")
        queue = None if succeeded else event.function.dead_letter_target
        name = event.function.function_name
        try:
            if chosen:
                check_delivery(of_function(event.function.function_arn), chosen)
                self._tell(chosen, event, condition, outcome)
        except Exception as error:  # nobody waits for it
            _log.warning("What became of an event of %s is not sent to %s: %s", name, chosen, error)
        try:
            if queue:
                check_delivery(of_function(event.function.function_arn), queue)
                self._bury(queue, event, outcome)
        except Exception as error:
            _log.warning("An event of %s is not sent to %s: %s", name, queue, error)

    def _tell(self, arn: str, event: _Event, condition: str, outcome: Outcome | None) -> None:
        """Sends a record of the invocation to a destination."""
        function_arn = f"{event.function.function_arn}:$LATEST"
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": function_arn,
                "condition": condition,
                "approximateInvokeCount": event.attempts,
            },
            "requestPayload": json.loads(event.payload),
        }
        if outcome is not None:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
            if outcome.answer.failed:
                context["functionError"] = "Unhandled"
            record["responseContext"] = context
            record["responsePayload"] = json.loads(outcome.answer.payload)
        body = json.dumps(record)
        match arn.split(":"):
            case [_, _, "lambda", *_]:
                self._clients("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=body)
            case [_, _, "events", *_]:
                kind = "Success" if condition == "Success" else "Failure"
                entry = {
                    "Source": "lambda",
                    "DetailType": f"Lambda Function Invocation Result - {kind}",
                    "Detail": body,
                    "Resources": [function_arn, arn],
                    "EventBusName": arn,
                }
                self._clients("events").put_events(Entries=[entry])
            case _:
                send(self._clients, arn, body, {})

    def _bury(self, arn: str, event: _Event, outcome: Outcome | None) -> None:
        """Sends the event itself to a dead-letter queue or topic.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq
        """
        attributes = {"RequestID": {"DataType": "String", "StringValue": event.request_id}}
        if outcome is not None:
            try:
                message = str(json.loads(outcome.answer.payload)["errorMessage"])
            except (ValueError, TypeError, KeyError):
                message = outcome.answer.payload.decode(errors="replace")
            short = message.encode()[:_MAX_ERROR_BYTES].decode(errors="ignore")
            attributes["ErrorCode"] = {"DataType": "Number", "StringValue": "200"}
            if short:
                attributes["ErrorMessage"] = {"DataType": "String", "StringValue": short}
        send(self._clients, arn, event.payload.decode(), attributes)
