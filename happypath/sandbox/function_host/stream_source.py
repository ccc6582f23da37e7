"""Streams of tables as sources of events: takes their records to functions, in order, as Lambda's pollers do.

A batch that fails is tried again, whole, from what failed of it, or in halves, until its time is over or it
was tried often enough. Then the mapping's destination is told where in the stream it lies, and the next one
begins.
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from happypath.sandbox.dynamodb.streams import StreamReader, StreamRecord
from happypath.sandbox.function_host.destinations import Clients, send
from happypath.sandbox.function_host.host import InvokeError
from happypath.sandbox.function_host.mappings import Current, Running, failed_items, passes
from happypath.sandbox.function_host.metrics import record_age
from happypath.sandbox.iam import RoleSession, check
from happypath.sandbox.iam.deliveries import check_delivery, of_function

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef as Settings

    from happypath.sandbox.function_host.environment import Outcome
    from happypath.sandbox.function_host.runtime_api import Answer

_log = logging.getLogger(__name__)

# What Lambda does to a stream for a function; its refusal names them in this order.
ACTIONS = ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")
# How long one look at the stream waits for a record.
_WAIT_S = 1.0
# Of a synchronous invocation: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_PAYLOAD_BYTES = 6_291_456
# Records last for a day: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
_RETENTION_S = 86_400
# Waits between attempts grow up to a minute, which is a second here and counts as a minute of a record's age.
_LONGEST_BACKOFF_S = 60.0
_SHORTENED = 60.0


def check_reading(function_arn: str, stream_arn: str) -> None:
    """Asks whether a function's role may read a stream.

    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html

    Raises:
        AccessDeniedError: it may not.
    """
    session = _session(function_arn)
    for action in ACTIONS:
        check(session, f"dynamodb:{action}", stream_arn)


def _session(function_arn: str) -> RoleSession:
    """A function's session of its role. What is done by it counts as the function's own calls.

    There is a policy of AWS's for it, which lets a function read every stream: ours have statements instead.
    """
    session = of_function(function_arn)
    return replace(session, label=session.session)


@dataclass(frozen=True)
class _Event:
    """A record that passed the filters, as the function gets it."""

    record: StreamRecord
    text: str
    # Where it lies in the stream.
    position: int

    @property
    def number(self) -> str:
        return str(self.record.sequence_number)


@dataclass(frozen=True)
class _Batch:
    """Records that are invoked with together.

    `attempts` count against the mapping's retries: those that did not split the batch.
    """

    events: Sequence[_Event]
    attempts: int = 0
    invocations: int = 0
    refusals: int = 0
    # Waits that were not waited out count for the records' age as if they had been.
    spared_s: float = 0.0
    outcome: Outcome | None = field(default=None, compare=False)


class StreamSource:
    """The stream of a table that is mapped to a function. Its one shard is read by one poller, in order.

    ParallelizationFactor would let Lambda handle batches of different items at once.
    """

    pollers = 1

    def __init__(
        self,
        mapping: Settings,
        clients: Clients,
        invoke: Callable[[str, bytes], Outcome],
        start: Callable[[str], int],
        scale: Callable[[], float],
    ) -> None:
        """`start` says where a mapping begins, by its UUID; `scale` shortens the waits further."""
        self._clients = clients
        self._invoke = invoke
        self._scale = scale
        self._stream = StreamReader(mapping["EventSourceArn"])
        self._position = start(mapping["UUID"])

    def poll(self, current: Current, running: Running) -> None:
        """Reads a batch and has the function handle it."""
        self._stream.wait(self._position, _WAIT_S, lambda: running.ended)
        settings = current()
        if settings is None or self._stream.end() <= self._position:
            return
        check_reading(settings["FunctionArn"], settings["EventSourceArn"])
        events, position = self._gathered(settings, running)
        with running.in_hand(events) as wanted:
            left = self._deliver(events, current, running) if wanted else deque()
        if not running.ended:
            # A mapping that was disabled meanwhile goes on with what is left.
            self._position = left[0].events[0].position if left else position

    def _gathered(self, settings: Settings, running: Running) -> tuple[list[_Event], int]:
        """The records of the next batch, and the position behind the last one that was looked at.

        What the filters leave out is in no batch. A batching window begins with the first record.
        """
        most = settings.get("BatchSize", 100)
        events: list[_Event] = []
        position, size_bytes, deadline = self._position, 0, 0.0
        while len(events) < most and not running.ended:
            for record in self._stream.read(position, most):
                if passes(record.as_json, settings):
                    event = _Event(record, _as_lambda_has_it(record, settings["EventSourceArn"]), position)
                    size_bytes += len(event.text.encode()) + 1
                    if len(events) == most or (events and size_bytes > _MOST_PAYLOAD_BYTES - 100):
                        return events, position
                    if not events:
                        window_s = settings.get("MaximumBatchingWindowInSeconds", 0)
                        deadline = time.monotonic() + window_s
                    events.append(event)
                position += 1
            left_s = deadline - time.monotonic()
            if self._stream.end() <= position:
                if left_s <= 0:
                    break
                self._stream.wait(position, min(left_s, _WAIT_S), lambda: running.ended)
        return events, position

    def _deliver(self, events: Sequence[_Event], current: Current, running: Running) -> deque[_Batch]:
        """Has the function handle a batch → what of it is left, if the mapping is no longer enabled."""
        waiting = deque([_Batch(events)])
        while waiting and not running.ended:
            settings = current()
            if settings is None:
                break
            batch = self._without_old(waiting.popleft(), settings)
            if not batch.events:
                continue
            payload = f'{{"Records": [{",".join(each.text for each in batch.events)}]}}'
            _measure(batch, settings["FunctionArn"])
            try:
                outcome = self._invoke(settings["FunctionArn"], payload.encode())
            except InvokeError:
                # Before it has begun no attempt is used up.
                waiting.appendleft(self._later(replace(batch, refusals=batch.refusals + 1), running))
                continue
            batch = replace(batch, invocations=batch.invocations + 1, outcome=outcome, refusals=0)
            left = _failed_from(batch.events, outcome.answer, settings)
            if left is None:
                continue
            waiting.extendleft(reversed(self._again(batch, left, settings, running)))
        return waiting

    def _again(self, batch: _Batch, left: int, settings: Settings, running: Running) -> list[_Batch]:
        """What is to be tried of a batch whose first `left` records were handled."""
        events = batch.events[left:]
        if settings.get("BisectBatchOnFunctionError") and len(batch.events) > 1:
            parts = [events] if left else [events[: len(events) // 2], events[len(events) // 2 :]]
            return [
                self._later(replace(batch, events=part), running, first=not at)
                for at, part in enumerate(parts)
            ]
        batch = replace(batch, events=events, attempts=batch.attempts + 1)
        retries = settings.get("MaximumRetryAttempts", -1)
        if 0 <= retries < batch.attempts:
            self._give_up(batch, "RetryAttemptsExhausted", settings)
            return []
        return [self._later(batch, running)]

    def _later(self, batch: _Batch, running: Running, *, first: bool = True) -> _Batch:
        """The batch after a wait that grows with its failures; of its parts only the `first` waits."""
        if not first:
            return batch
        failures = batch.invocations + batch.refusals
        wait_s = min(2.0 ** min(failures - 1, 10), _LONGEST_BACKOFF_S)
        waited_s = wait_s / _SHORTENED * self._scale()
        running.wait(waited_s)
        return replace(batch, spared_s=batch.spared_s + wait_s - waited_s)

    def _without_old(self, batch: _Batch, settings: Settings) -> _Batch:
        """The batch without the records whose time is over, of which the destination is told."""
        most_s = settings.get("MaximumRecordAgeInSeconds", -1)
        most_s = min(most_s, _RETENTION_S) if most_s >= 0 else _RETENTION_S
        oldest = datetime.now(UTC) + timedelta(seconds=batch.spared_s - most_s)
        old = [each for each in batch.events if each.record.written < oldest]
        if not old:
            return batch
        self._give_up(replace(batch, events=old), "RecordAgeExceeded", settings)
        return replace(batch, events=[each for each in batch.events if each not in old])

    def _give_up(self, batch: _Batch, condition: str, settings: Settings) -> None:
        """Tells the mapping's destination, if it has one, which records are left out.

        https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
        """
        arn = settings["FunctionArn"]
        _log.warning(
            "%s is not given %d records of %s: %s",
            arn,
            len(batch.events),
            settings["EventSourceArn"],
            condition,
        )
        chosen = settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if not chosen:
            return
        try:
            check_delivery(_session(arn), chosen)
            send(self._clients, chosen, json.dumps(self._told(batch, condition, settings)), {})
        except Exception as error:  # the next batch is to be read all the same
            _log.warning("What %s is not given is not told to %s: %s", arn, chosen, error)

    def _told(self, batch: _Batch, condition: str, settings: Settings) -> dict[str, Any]:
        first, last = batch.events[0], batch.events[-1]
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if batch.outcome is not None and batch.outcome.answer.failed:
            context["functionError"] = "Unhandled"
        shard = self._stream.shard
        return {
            "requestContext": {
                "requestId": batch.outcome.request_id if batch.outcome else str(uuid.uuid4()),
                "functionArn": settings["FunctionArn"],
                "condition": condition,
                "approximateInvokeCount": batch.invocations,
            },
            "responseContext": context,
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "DDBStreamBatchInfo": {
                "shardId": shard.id if shard else "",
                "startSequenceNumber": first.number,
                "endSequenceNumber": last.number,
                "approximateArrivalOfFirstRecord": _second(first.record.written),
                "approximateArrivalOfLastRecord": _second(last.record.written),
                "batchSize": len(batch.events),
                "streamArn": settings["EventSourceArn"],
            },
        }


def _measure(batch: _Batch, function_arn: str) -> None:
    _, _, _, region, account, _, name, *_ = function_arn.split(":")
    age = datetime.now(UTC) - batch.events[-1].record.written
    record_age(account, region, name, (age.total_seconds() + batch.spared_s) * 1000)


def _second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _as_lambda_has_it(record: StreamRecord, stream_arn: str) -> str:
    """A record in an event: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html."""
    change = record.as_json["dynamodb"]
    seconds = float(int(change["ApproximateCreationDateTime"].timestamp()))
    return json.dumps(
        {
            **record.as_json,
            "dynamodb": {**change, "ApproximateCreationDateTime": seconds},
            "eventSourceARN": stream_arn,
        }
    )


def _failed_from(events: Sequence[_Event], answer: Answer, settings: Settings) -> int | None:
    """The index of the first record that was not handled; None if all were.

    Of several it is the one with the lowest number: all from there on are tried again.
    """
    numbers = [each.number for each in events]
    failed = failed_items(answer, set(numbers), settings)
    return min(map(numbers.index, failed)) if failed else None
