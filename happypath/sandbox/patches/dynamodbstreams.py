"""DynamoDB Streams: records as AWS writes them, and errors for what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.exceptions import MockValidationException, ResourceNotFoundException
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend

from happypath.sandbox.dynamodb.streams import LOCK, StreamReader, StreamRecord, image
from happypath.sandbox.patches.served import Patch, Served

_MOST_RECORDS = 1_000
_FROM_A_NUMBER = ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER")


@contextmanager
def stream_records(_: Served) -> Iterator[None]:
    """A record says what changed, once; whoever waits for it is told.

    moto writes a record for a write that changes nothing, and two for an UpdateItem that makes an item; all
    are of one region, of version 1.0, as large as their JSON. It invokes functions itself, once, within the
    write: `happypath.sandbox.function_host.stream_source` polls.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    """

    def add(shard: Any, old: Any, new: Any) -> None:
        before, after = old and image(old), new and image(new)
        if before == after:
            return
        table = shard.table
        item = before or after
        key = {name: item[name] for name in (table.hash_key_attr, table.range_key_attr) if name}
        record = StreamRecord(
            region=table.table_arn.split(":")[3],
            view=table.stream_specification["StreamViewType"],
            keys=key,
            old=before,
            new=after,
        )
        with LOCK:
            last = shard.items[-1] if shard.items else None
            # moto's UpdateItem puts the bare key of a new item first.
            if last is not None and last.name == record.name == "INSERT" and last.keys == key:
                shard.items.pop()
            record.sequence_number = shard.starting_sequence_number + len(shard.items)
            shard.items.append(record)
            waiters = vars(shard).get("waiters")
            if waiters is not None:
                waiters.notify_all()

    # Table.__init__ assigns the attribute; a property ignores that.
    nothing = property(lambda _: {}, lambda _self, _value: None)
    with (
        patch.object(StreamShard, "add", add),
        patch.object(Table, "lambda_event_source_mappings", nothing, create=True),
    ):
        yield


@contextmanager
def streams_that_are_not_there(_: Served) -> Iterator[None]:
    """A stream, a shard or an iterator that is not there is an error; moto fails, or takes another stream.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html
    """
    describe: Any = DynamoDBStreamsBackend.describe_stream
    iterate: Any = DynamoDBStreamsBackend.get_shard_iterator
    get: Any = DynamoDBStreamsBackend.get_records

    def describe_existing(backend: Any, arn: str) -> Any:
        _find(arn)
        return describe(backend, arn)

    def iterate_existing(
        backend: Any, arn: str, shard_id: str, kind: str, sequence_number: int | None = None
    ) -> Any:
        if _find(arn).id != shard_id:
            raise ResourceNotFoundException(
                f"Requested resource not found: Shard: {shard_id} in stream: {arn} not found"
            )
        if kind in _FROM_A_NUMBER and sequence_number is None:
            raise MockValidationException(f"Missing required parameter: SequenceNumber for {kind}")
        return iterate(backend, arn, shard_id, kind, sequence_number)

    def get_existing(backend: Any, iterator_arn: str, limit: int) -> Any:
        if iterator_arn not in backend.shard_iterators:
            raise MockValidationException("Invalid ShardIterator")
        if not 1 <= limit <= _MOST_RECORDS:
            bound = "less than or equal to 1000" if limit > 1 else "greater than or equal to 1"
            raise MockValidationException(
                f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
                f"Member must have value {bound}"
            )
        # What a transaction has written, and may take back, is nobody's to read.
        with LOCK:
            return get(backend, iterator_arn, limit)

    with (
        patch.object(DynamoDBStreamsBackend, "describe_stream", describe_existing),
        patch.object(DynamoDBStreamsBackend, "get_shard_iterator", iterate_existing),
        patch.object(DynamoDBStreamsBackend, "get_records", get_existing),
    ):
        yield


def _find(arn: str) -> Any:
    try:
        shard = StreamReader(arn).shard
    except ValueError:
        raise MockValidationException(f"Invalid StreamArn: {arn}") from None
    if shard is None:
        raise ResourceNotFoundException(f"Requested resource not found: Stream: {arn} not found")
    return shard


PATCHES: tuple[Patch, ...] = (stream_records, streams_that_are_not_there)
