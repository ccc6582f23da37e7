"""Event source mappings: what Lambda refuses, and where one of a stream begins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.awslambda.models import LambdaBackend, lambda_backends
from moto.core.exceptions import JsonRESTError

from happypath.sandbox.dynamodb.streams import LOCK, StreamReader
from happypath.sandbox.eventbridge import patterns
from happypath.sandbox.patches.served import Patch, Served

# Of every mapping of a stream: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
_LIMITS = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRecordAgeInSeconds": (-1, 604_800),
    "MaximumRetryAttempts": (-1, 10_000),
    "ParallelizationFactor": (1, 10),
    "TumblingWindowInSeconds": (0, 900),
}
_DEFAULTS = {
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
    "DestinationConfig": {"OnFailure": {}},
}
# https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
_LEAST_AGE_S = 60
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
_MOST_FILTERS = 5
_MOST_PATTERN = 4_096


@contextmanager
def mappings(_: Served) -> Iterator[None]:
    """A stream is mapped once to a function, from a position, with settings that make sense; moto takes any.

    Filters that are no patterns are refused for queues, too.

    https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
    """
    create: Any = LambdaBackend.create_event_source_mapping
    update: Any = LambdaBackend.update_event_source_mapping

    def create_checked(backend: Any, spec: dict[str, Any]) -> Any:
        arn = str(spec.get("EventSourceArn", ""))
        _check_filters(spec)
        if not _is_stream(arn):
            return create(backend, spec)
        # A template has numbers as text.
        spec = {**_DEFAULTS, **spec, **_checked(spec)}
        position = _start(arn, spec.get("StartingPosition"))
        function = backend.get_function(str(spec.get("FunctionName", "")))
        for other in backend.list_event_source_mappings(arn, None):
            if other.function_arn == function.function_arn:
                raise _conflict(arn, function.function_name, other.uuid)
        made = create(backend, spec)
        made.starts_at = position
        return made

    def update_checked(backend: Any, uuid: str, spec: dict[str, Any]) -> Any:
        _check_filters(spec)
        known = backend.get_event_source_mapping(uuid)
        if known is not None and _is_stream(known.event_source_arn):
            spec = {**spec, **_checked(spec)}
        return update(backend, uuid, spec)

    with (
        patch.object(LambdaBackend, "create_event_source_mapping", create_checked),
        patch.object(LambdaBackend, "update_event_source_mapping", update_checked),
    ):
        yield


def starting_point(uuid: str) -> int:
    """Where a mapping begins: the position in its stream of the first record that it is to have.

    0 for one that was made without these checks, or is gone.
    """
    for regions in lambda_backends.values():
        for backend in regions.values():
            mapping = backend.get_event_source_mapping(uuid)
            if mapping is not None:
                return int(vars(mapping).get("starts_at", 0))
    return 0


def _is_stream(arn: str) -> bool:
    return arn.split(":")[2:3] == ["dynamodb"]


def _start(arn: str, given: Any) -> int:
    """The position of the first record that a new mapping is to have."""
    if given is None:
        raise _invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if given not in {"LATEST", "TRIM_HORIZON"}:
        raise _invalid(f"Unsupported starting position for arn type: {arn}")
    try:
        stream = StreamReader(arn)
    except ValueError:
        raise _invalid("Unrecognized event source.") from None
    with LOCK:
        if stream.shard is None:
            raise _invalid(f"Stream not found: {arn}")
        return stream.end() if given == "LATEST" else 0


def _checked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are numbers, as such.

    Raises:
        JsonRESTError: a setting makes no sense.
        NotImplementedError: the sandbox does not do it.
    """
    numbers = {name: _number(name, spec[name]) for name in _LIMITS if spec.get(name) is not None}
    if 0 <= numbers.get("MaximumRecordAgeInSeconds", -1) < _LEAST_AGE_S:
        raise _invalid(
            f"Maximum record age must be -1 or at least {_LEAST_AGE_S} seconds: "
            f"{numbers['MaximumRecordAgeInSeconds']}"
        )
    if numbers.get("TumblingWindowInSeconds"):
        raise NotImplementedError("tumbling windows")
    _check_destination((spec.get("DestinationConfig") or {}).get("OnFailure") or {})
    return numbers


def _check_filters(spec: Mapping[str, Any]) -> None:
    filters = (spec.get("FilterCriteria") or {}).get("Filters") or []
    if len(filters) > _MOST_FILTERS:
        raise _invalid(f"An event source mapping has at most {_MOST_FILTERS} filters.")
    for each in filters:
        pattern = each.get("Pattern")
        try:
            if not isinstance(pattern, str) or len(pattern) > _MOST_PATTERN:
                raise _invalid("Invalid filter pattern definition.")
            patterns.read(pattern)
        except patterns.PatternError:
            raise _invalid("Invalid filter pattern definition.") from None


def _number(name: str, value: Any) -> int:
    least, most = _LIMITS[name]
    shown = name[0].lower() + name[1:]
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise _invalid(f"Value '{value}' at '{shown}' is no number") from None
    if not least <= number <= most:
        bound = f"greater than or equal to {least}" if number < least else f"less than or equal to {most}"
        raise JsonRESTError(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{shown}' failed to satisfy constraint: "
            f"Member must have value {bound}",
        )
    return number


def _check_destination(on_failure: Mapping[str, Any]) -> None:
    """A queue or a topic that is not in order: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html."""
    arn = on_failure.get("Destination")
    if not arn:
        return
    service = str(arn).split(":")[2:3]
    if service == ["s3"] or str(arn).startswith("kafka://"):
        raise NotImplementedError("destinations in S3 and Kafka")
    if service not in (["sqs"], ["sns"]) or str(arn).endswith(".fifo"):
        raise _invalid(
            "The provided destination config "
            f"DestinationConfig(onFailure=OnFailure(destination={arn})) is invalid."
        )


def _invalid(message: str) -> JsonRESTError:
    return JsonRESTError("InvalidParameterValueException", message)


def _conflict(arn: str, function: str, uuid: str) -> JsonRESTError:
    error = JsonRESTError(
        "ResourceConflictException",
        f'The event source arn (" {arn} ") and function (" {function} ") provided mapping already exists. '
        f"Please update or delete the existing mapping with UUID {uuid}",
    )
    error.code = 409
    return error


PATCHES: tuple[Patch, ...] = (mappings,)
