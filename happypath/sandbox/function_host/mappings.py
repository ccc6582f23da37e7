"""Event source mappings: sources of events are polled for the functions that are mapped to them.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from happypath.sandbox.eventbridge import patterns
from happypath.sandbox.function_host.runtime_api import Answer
from happypath.sandbox.iam import AccessDeniedError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef

_log = logging.getLogger(__name__)

# How often mappings are looked for: whoever deploys, and however, tells nobody here.
_LOOK_S = 1.0

# How long a poller waits that may not poll.
_DENIED_S = 5.0


class Source(Protocol):
    """Where events of one mapping come from."""

    @property
    def pollers(self) -> int:
        """How many take from it at once."""

    def poll(self, current: Current, running: Running) -> None:
        """Waits up to a second for events, and has the function handle them.

        Once the mapping is no longer enabled, no event is tried again.

        Raises:
            AccessDeniedError: the function's role may not take them.
        """


# A mapping's settings as they are now; None once it is gone or disabled.
Current: TypeAlias = Callable[[], "EventSourceMappingConfigurationTypeDef | None"]
# A mapping → its source.
MakeSource: TypeAlias = Callable[["EventSourceMappingConfigurationTypeDef"], Source]


class Running:
    """Whether pollers are to go on, and how many deliver."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._delivering = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is to be delivered any more."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits; True if the end came meanwhile."""
        return self._stop.wait(seconds)

    @contextmanager
    def in_hand(self, events: object) -> Iterator[bool]:
        """Whether there are events to deliver; `end` waits for the end of the block."""
        with self._changed:
            wanted = bool(events) and not self.ended
            self._delivering += wanted
        try:
            yield wanted
        finally:
            with self._changed:
                self._delivering -= wanted
                self._changed.notify_all()

    def end(self) -> None:
        """Ends it; a batch in hand is finished first."""
        with self._changed:
            self._stop.set()
            self._changed.wait_for(lambda: not self._delivering)


class Mappings:
    """Polls what is mapped to a function, from the mapping's creation to its end.

    `sources` are by the name of their service in ARNs. Mappings of others are not polled.
    """

    def __init__(self, client: LambdaClient, sources: Mapping[str, MakeSource]) -> None:
        self._lambda = client
        self._sources = sources
        self._running = Running()
        self._polled: set[str] = set()
        # As they are now.
        self._settings: Mapping[str, EventSourceMappingConfigurationTypeDef] = {}
        self._looking = threading.Thread(target=self._look, name="mappings", daemon=True)
        self._looking.start()

    def close(self) -> None:
        """Stops polling; a batch in hand is finished first. Who waits for events ends by himself."""
        self._running.end()
        self._looking.join()

    def _look(self) -> None:
        while not self._running.wait(_LOOK_S):
            try:
                self._refresh()
            except Exception:
                _log.exception("The event source mappings cannot be listed; trying again.")

    def _refresh(self) -> None:
        """Starts polling for mappings that are new; those that are gone end by themselves."""
        found = self._lambda.list_event_source_mappings()["EventSourceMappings"]
        self._settings = {mapping["UUID"]: mapping for mapping in found}
        for uuid, mapping in self._settings.items():
            make = self._sources.get(mapping["EventSourceArn"].split(":")[2])
            if make is None or uuid in self._polled:
                continue
            self._polled.add(uuid)
            source = make(mapping)
            for _ in range(source.pollers):
                threading.Thread(target=self._poll, args=(uuid, source), name="poller", daemon=True).start()

    def _poll(self, uuid: str, source: Source) -> None:
        while not self._running.ended:
            settings = self._settings.get(uuid)
            if settings is None:
                return
            if self._enabled(uuid) is None:
                self._running.wait(_LOOK_S)
                continue
            try:
                source.poll(partial(self._enabled, uuid), self._running)
            except AccessDeniedError:
                # Which is in the log, with who may not do what.
                self._running.wait(_DENIED_S)
            except Exception as error:
                if not self._is_mapped(uuid):
                    return  # its stack is being deleted
                _log.warning("Polling %s failed; trying again: %s", settings["EventSourceArn"], error)
                self._running.wait(1)

    def _enabled(self, uuid: str) -> EventSourceMappingConfigurationTypeDef | None:
        settings = self._settings.get(uuid)
        return settings if settings and settings["State"] != "Disabled" else None

    def _is_mapped(self, uuid: str) -> bool:
        try:
            self._lambda.get_event_source_mapping(UUID=uuid)
        except self._lambda.exceptions.ResourceNotFoundException:
            return False
        return True


def passes(event: Mapping[str, Any], settings: EventSourceMappingConfigurationTypeDef) -> bool:
    """Whether one of the mapping's filters lets an event through, or it has none.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
    """
    filters = settings.get("FilterCriteria", {}).get("Filters", [])
    return not filters or any(patterns.read(each.get("Pattern", "{}")).matches(event) for each in filters)


def failed_items(
    answer: Answer, items: set[str], settings: EventSourceMappingConfigurationTypeDef
) -> set[str]:
    """What of a batch was not handled: an answer without sense, or an error, is a failed batch.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    if answer.failed:
        return items
    if "ReportBatchItemFailures" not in settings.get("FunctionResponseTypes", []):
        return set()
    try:
        failures = (json.loads(answer.payload) or {}).get("batchItemFailures") or []
        failed = {failure["itemIdentifier"] for failure in failures}
    except (ValueError, TypeError, KeyError, AttributeError):
        return items
    return failed if failed <= items else items
