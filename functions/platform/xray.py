"""Traces by aws-xray-sdk: the one module that imports it, and is imported only where traces go somewhere.

The SDK has been in maintenance mode since February 2026; docs/tracing.md says what would take its place.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_xray_sdk.core import patch, xray_recorder
from aws_xray_sdk.core.lambda_launcher import LambdaContext
from aws_xray_sdk.core.models.segment import Segment

from functions.decision import Rejection
from functions.platform.trace_header import TraceHeader

# A trace that cannot be sent is no reason to disturb the log of what it would have shown.
logging.getLogger("aws_xray_sdk").setLevel(logging.CRITICAL)

_STACK_DEPTH = 10


class _Context(LambdaContext):  # type: ignore[misc]  # the SDK is untyped
    """Lambda's context of the SDK, which can also be set aside for work in another trace."""

    def set_aside(self) -> dict[str, Any]:
        """Forgets the open subsegments, and returns them."""
        own = dict(self._local.__dict__)
        self._local.__dict__.clear()
        return own

    def take_up(self, own: dict[str, Any]) -> None:
        """Goes on with subsegments that were set aside."""
        self._local.__dict__.clear()
        self._local.__dict__.update(own)


_context = _Context()
xray_recorder.configure(context=_context)
patch(("botocore",))


class Subsegment:
    """A subsegment that is open; see `functions.platform.observability.Subsegment`."""

    def __init__(self, entity: Any) -> None:
        self._entity = entity

    def annotate(self, **annotations: str | float | bool | None) -> None:
        """Says what traces are searched by; None says nothing."""
        for name, value in annotations.items():
            if value is not None:
                self._entity.put_annotation(name, value)

    def note(self, **metadata: str | float | bool) -> None:
        """Says what else is worth knowing."""
        for name, value in metadata.items():
            self._entity.put_metadata(name, value, "happypath")


def forget() -> None:
    """Begins an invocation anew.

    The SDK goes on below the segment of the invocation before when that was of the same trace, as it is when
    a state is tried again.
    """
    _context.clear_trace_entities()


@contextmanager
def subsegment(name: str) -> Iterator[Subsegment]:
    """Records a subsegment below the one that is open, with the error that leaves it."""
    entity = xray_recorder.begin_subsegment(name)
    try:
        yield Subsegment(entity)
    except BaseException as error:
        _record(entity, error)
        raise
    finally:
        xray_recorder.end_subsegment()


@contextmanager
def segment(name: str, here: TraceHeader, *, parent: str | None) -> Iterator[None]:
    """Records a segment of its own, under the trace and id of `here`; subsegments within belong to it.

    The caller sets the invocation's trace header to `here` meanwhile.
    """
    own = _context.set_aside()
    entity = Segment(name, entityid=here.parent, traceid=here.root, parent_id=parent)
    try:
        yield
    except BaseException as error:
        _record(entity, error)
        raise
    finally:
        entity.close()
        xray_recorder.emitter.send_entity(entity)
        _context.take_up(own)


def _record(entity: Any, error: BaseException) -> None:
    if isinstance(error, Rejection):
        # The photo's fault, as a 4xx status is the caller's: an answer, not a failure.
        entity.add_error_flag()
    else:
        entity.add_exception(error, traceback.extract_tb(error.__traceback__, limit=_STACK_DEPTH))
