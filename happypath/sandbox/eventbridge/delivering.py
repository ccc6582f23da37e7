"""How an event goes from a bus to the targets of its rules. Nothing that goes wrong there reaches its sender.

Deliveries are asynchronous on AWS: who puts an event, or an object, never hears of them. Here they are made
before the call returns; what fails is a line in the log, and a dead letter if the target has a queue for it.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.events.models import EventBus, Rule, events_backends

from happypath.sandbox.eventbridge import entries, inputs, targets
from happypath.sandbox.eventbridge.targets import Arn, Delivery, DeliveryError
from happypath.sandbox.iam import AccessDeniedError, Service, assume
from happypath.sandbox.iam.deliveries import check_delivery

logger = logging.getLogger(__name__)

# The rules' targets of kinds that are not served, each of which is logged once.
_unserved: set[tuple[str, str]] = set()


class _Underway(threading.local):
    """What a thread is delivering."""

    def __init__(self) -> None:
        # Whether what is being delivered came from another bus.
        self.forwarded = False


_underway = _Underway()


def publish(bus: EventBus, event: Mapping[str, Any]) -> None:
    """Delivers an event to the targets of the bus's rules that it matches."""
    for rule in list(bus.rules.values()):
        # Where a test leaves out the patch, moto's own.
        rule.send_to_targets(event)  # type: ignore[arg-type]  # moto's type has fewer keys


def announce(
    bus: EventBus, source: str, detail_type: str, resources: Sequence[str], detail: Mapping[str, Any]
) -> None:
    """Publishes an event of one of AWS's services, `source` such as `aws.s3`."""
    publish(
        bus,
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": bus.account_id,
            "time": entries.shown(None, datetime.now(UTC)),
            "region": bus.region,
            "resources": list(resources),
            "detail": detail,
        },
    )


def forward(bus: EventBus, event: Mapping[str, Any]) -> None:
    """Delivers an event that another bus sends.

    From there it goes to no third bus: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
    """
    before, _underway.forwarded = _underway.forwarded, True
    try:
        publish(bus, event)
    finally:
        _underway.forwarded = before


def deliver(rule: Rule, event: Mapping[str, Any]) -> None:
    """Delivers an event to a rule's targets, if the rule is enabled and matches it."""
    if rule.state == "DISABLED" or not rule.event_pattern.matches_event(event):  # type: ignore[arg-type]
        return
    for target in list(rule.targets):
        arn = Arn.of(target["Arn"])
        if _underway.forwarded and arn.service == "events" and arn.resource:
            continue
        _attempt(rule, target, arn, event)


def _attempt(rule: Rule, target: Mapping[str, Any], arn: Arn, event: Mapping[str, Any]) -> None:
    send = _to_bus if arn.kind == ("events", "event-bus") else targets.KINDS.get(arn.kind)
    if send is None:
        if (rule.arn, arn.whole) not in _unserved:
            _unserved.add((rule.arn, arn.whole))
            logger.warning(
                "EventBridge: the sandbox does not deliver to %s, a target of %s", arn.whole, rule.arn
            )
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        payload = inputs.made(target, event, (rule.arn, rule.name), now)
        _authorize(rule, target, arn)
        send(Delivery(rule, target, arn, event, payload))
    except Exception as error:  # whatever it is, the sender of the event is not to hear of it
        _failed(rule, target, event, _as_delivery_error(error))


def _authorize(rule: Rule, target: Mapping[str, Any], arn: Arn) -> None:
    """A target's own policy decides, or the role that the rule has for it; buses of the account need neither.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    role = target.get("RoleArn")
    service = Service("events.amazonaws.com", rule.arn, rule.account_id)
    if role:
        check_delivery(assume(role, service.name, rule.name[:64]), arn.whole)
    elif arn.service == "sns":
        # Of rules a topic's policy is told no source: with a condition on it, it lets none in.
        check_delivery(Service(service.name), arn.whole)
    elif arn.service != "events":
        check_delivery(service, arn.whole)


def _to_bus(delivery: Delivery) -> None:
    backend = events_backends[delivery.arn.account][delivery.arn.region]
    bus = backend.event_buses.get(delivery.arn.resource.removeprefix("event-bus/"))
    if bus is None:
        raise DeliveryError("NO_RESOURCE", f"The specified event bus does not exist: {delivery.arn.whole}")
    forward(bus, delivery.event)


def _as_delivery_error(error: Exception) -> DeliveryError:
    if isinstance(error, DeliveryError):
        return error
    if isinstance(error, AccessDeniedError):
        return DeliveryError("NO_PERMISSIONS", str(error))
    if isinstance(error, inputs.InputError):
        return DeliveryError("INVALID_JSON", str(error))
    if isinstance(error, JsonRESTError):
        return DeliveryError(error.error_type, str(error.message))
    return DeliveryError(type(error).__name__, str(error) or repr(error))


def _failed(rule: Rule, target: Mapping[str, Any], event: Mapping[str, Any], error: DeliveryError) -> None:
    logger.warning(
        "EventBridge: rule %s could not deliver event %s to %s: %s",
        rule.name,
        event["id"],
        target["Arn"],
        error,
    )
    dead_letters = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead_letters is None:
        return
    attributes = {
        "RULE_ARN": rule.arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": error.message,
    }
    try:
        check_delivery(Service("events.amazonaws.com", rule.arn, rule.account_id), dead_letters)
        targets.send_message(
            Arn.of(dead_letters),
            inputs.compact(event),
            message_attributes={
                name: {"DataType": "String", "StringValue": value or "-"}
                for name, value in attributes.items()
            },
        )
    except Exception as second:  # as above
        logger.warning("EventBridge: the dead letter of rule %s is lost: %s", rule.name, second)
