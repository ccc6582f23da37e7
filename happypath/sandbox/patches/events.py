"""EventBridge: patterns, entries and deliveries, by `happypath.sandbox.eventbridge`."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import InvalidEventPatternException, ValidationException
from moto.events.models import EventPattern, EventsBackend, Rule
from moto.events.responses import EventsHandler

from happypath.sandbox.eventbridge import delivering, entries, inputs, patterns
from happypath.sandbox.patches.served import Patch, Served

_MOST_TARGETS = 5
_NAME = re.compile(r"[.\-_A-Za-z0-9]+")
_MOST_NAME = 64
# What an event that is to be tested must have: "Parameter Event is not valid" without.
_OF_AN_EVENT = ("id", "account", "source", "time", "region", "detail-type")


@contextmanager
def event_patterns(_: Served) -> Iterator[None]:
    """A pattern is refused by AWS's grammar, and matches by its rules; moto accepts what AWS refuses.

    A rule without a pattern (a schedule's) matches nothing; with moto it matches every event.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """

    def load(cls: type[EventPattern], raw_pattern: str | None) -> EventPattern:
        if not raw_pattern:
            return cls(None, {})
        if len(raw_pattern.encode()) > patterns.MOST_BYTES:
            raise JsonRESTError(
                "LimitExceededException", f"An event pattern has at most {patterns.MOST_BYTES} characters."
            )
        try:
            patterns.read(raw_pattern)
        except patterns.PatternError as error:
            raise InvalidEventPatternException(reason=str(error)) from error
        return cls(raw_pattern, json.loads(raw_pattern))

    def matches(pattern: EventPattern, event: Any) -> bool:
        raw = pattern.dump()
        return raw is not None and patterns.read(raw).matches(event)

    with (
        patch.object(EventPattern, "load", classmethod(load)),
        patch.object(EventPattern, "matches_event", matches),
    ):
        yield


@contextmanager
def event_pattern_test(_: Served) -> Iterator[None]:
    """TestEventPattern says whether an event matches; moto does not know it.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
    """

    def answer(handler: Any) -> str:
        try:
            matches = patterns.read(handler._get_param("EventPattern")).matches(
                _event(handler._get_param("Event"))
            )
        except patterns.PatternError as error:
            raise InvalidEventPatternException(reason=str(error)) from error
        return json.dumps({"Result": matches})

    with patch.object(EventsHandler, "test_event_pattern", answer):
        yield


def _event(text: Any) -> Mapping[str, Any]:
    try:
        event = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not all(isinstance(event.get(each), str) for each in _OF_AN_EVENT):
        raise ValidationException("Parameter Event is not valid.")
    return event


@contextmanager
def put_events(_: Served) -> Iterator[None]:
    """An entry is refused by itself, too large a request as a whole; moto accepts most of it.

    A Detail that is no object, a source of AWS's own (`aws.…`), missing fields have codes of their own; an
    event for a bus that does not exist is accepted and goes nowhere.
    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
    """

    def put(backend: Any, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            entries.check(events)
        except entries.EntriesError as error:
            raise ValidationException(str(error)) from error
        answers: list[dict[str, Any]] = []
        for entry in events:
            refused = entries.refusal(entry)
            if refused is not None:
                answers.append(refused)
                continue
            event_id = str(uuid.uuid4())
            answers.append({"EventId": event_id})
            event = entries.event(entry, event_id, backend.account_id, backend.region_name, datetime.now(UTC))
            bus = backend.event_buses.get(backend._normalize_event_bus_arn(entry.get("EventBusName")))
            if bus is not None:
                delivering.publish(bus, event)
        return answers

    with patch.object(EventsBackend, "put_events", put):
        yield


@contextmanager
def rule_targets(_: Served) -> Iterator[None]:
    """Rules deliver to seven kinds of targets, what each is to receive, and never fail who sent the event.

    moto knows four, fails the sender for any other and for one that is gone, and knows no InputPath or Input.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
    """

    def send(rule: Rule, original_event: Any, transform_input: bool = True) -> None:  # noqa: ARG001  # moto's
        delivering.deliver(rule, original_event)

    with patch.object(Rule, "send_to_targets", send):
        yield


@contextmanager
def put_targets(_: Served) -> Iterator[None]:
    """PutTargets refuses targets whose input makes no sense, bad identifiers, and more than five for a rule.

    https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
    """
    put: Any = EventsBackend.put_targets

    def put_checked(
        backend: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]
    ) -> None:
        for number, target in enumerate(targets, start=1):
            _check_identifier(target["Id"], number)
            try:
                inputs.check(target)
            except inputs.InputError as error:
                raise ValidationException(str(error)) from error
        bus = backend.event_buses.get(backend._normalize_event_bus_arn(event_bus_arn))
        rule = bus.rules.get(name) if bus else None
        if rule and len({each["Id"] for each in [*rule.targets, *targets]}) > _MOST_TARGETS:
            raise JsonRESTError(
                "LimitExceededException", "The requested resource exceeds the maximum number allowed."
            )
        put(backend, name, event_bus_arn, targets)

    with patch.object(EventsBackend, "put_targets", put_checked):
        yield


def _check_identifier(identifier: str, number: int) -> None:
    where = (
        f"1 validation error detected: Value '{identifier}' at 'targets.{number}.member.id' "
        "failed to satisfy constraint:"
    )
    if not _NAME.fullmatch(identifier):
        raise ValidationException(
            f"{where} Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"
        )
    if len(identifier) > _MOST_NAME:
        raise ValidationException(f"{where} Member must have length less than or equal to {_MOST_NAME}")


PATCHES: tuple[Patch, ...] = (event_patterns, event_pattern_test, put_events, rule_targets, put_targets)
