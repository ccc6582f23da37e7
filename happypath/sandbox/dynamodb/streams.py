"""DynamoDB Streams: what is written of each change of an item, and who waits for it.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
"""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeAlias

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

# An item, or the key of one, as DynamoDB's JSON.
Attributes: TypeAlias = Mapping[str, Any]

# Whoever writes to a table, or reads a stream, has it meanwhile. One for all tables, for a transaction may be
# of several; reentrant because a transaction is made of other operations.
LOCK = threading.RLock()


class StreamRecord:
    """One change of an item: made when it is written, and put into words only for who reads it."""

    def __init__(
        self, *, region: str, view: str, keys: Attributes, old: Attributes | None, new: Attributes | None
    ) -> None:
        self.keys = keys
        self.written = datetime.now(UTC)
        self._region = region
        self._view = view
        self._old = old
        self._new = new
        # Its place in the stream gives it one.
        self.sequence_number = 0

    @property
    def name(self) -> str:
        """What was done to the item: INSERT, MODIFY or REMOVE."""
        if self._old is None:
            return "INSERT"
        return "REMOVE" if self._new is None else "MODIFY"

    @cached_property
    def as_json(self) -> dict[str, Any]:
        """The record as GetRecords has it."""
        change: dict[str, Any] = {
            "ApproximateCreationDateTime": self.written.replace(microsecond=0),
            "Keys": self.keys,
        }
        if self._new is not None and self._view in {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}:
            change["NewImage"] = self._new
        if self._old is not None and self._view in {"OLD_IMAGE", "NEW_AND_OLD_IMAGES"}:
            change["OldImage"] = self._old
        parts = [change[each] for each in ("Keys", "NewImage", "OldImage") if each in change]
        return {
            "eventID": uuid.uuid4().hex,
            "eventName": self.name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self._region,
            "dynamodb": {
                **change,
                "SequenceNumber": str(self.sequence_number),
                "SizeBytes": sum(map(size_bytes, parts)),
                "StreamViewType": self._view,
            },
        }

    def to_json(self) -> dict[str, Any]:
        """The same, by moto's name for it."""
        return self.as_json


def image(item: Any) -> dict[str, Any]:
    """An item of moto's as DynamoDB's JSON, which later changes of the item leave as it is."""
    return {name: plain(value) for name, value in item.attrs.items()}


def plain(value: Any) -> Any:
    """A value of moto's as DynamoDB's JSON, all through."""
    if isinstance(value, DynamoType):
        return {value.type: plain(value.value)}
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def size_bytes(item: Attributes) -> int:
    """How large an item counts: the names of its attributes, and their values.

    >>> size_bytes({"Id": {"N": "101"}, "Message": {"S": "New item!"}})
    21

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            size = len(content.encode())
        case "N":
            digits = content.partition("E")[0].strip("-+0.").replace(".", "")
            size = (len(digits) + 1) // 2 + 1
        case "B":
            size = len(base64.b64decode(content))
        case "SS" | "NS" | "BS":
            size = sum(_value_bytes({kind[0]: each}) for each in content)
        case "L":
            size = 3 + sum(1 + _value_bytes(each) for each in content)
        case "M":
            size = 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in content.items())
        case _:  # true, false, null
            size = 1
    return size


class StreamReader:
    """The one shard of a table's stream, by the stream's ARN."""

    def __init__(self, arn: str) -> None:
        parts = arn.split(":", 5)
        self._region, self._account = parts[3:5]
        _, self._table, _, self._label = parts[5].split("/", 3)

    @property
    def shard(self) -> Any:
        """The shard as moto holds it, or None: the table is gone, or has another stream by now."""
        table = dynamodb_backends[self._account][self._region].tables.get(self._table)
        return table.stream_shard if table is not None and table.latest_stream_label == self._label else None

    def end(self) -> int:
        """The position behind the last record."""
        with LOCK:
            shard = self.shard
            return len(shard.items) if shard else 0

    def read(self, position: int, limit: int) -> list[StreamRecord]:
        """Records from a position on."""
        with LOCK:
            shard = self.shard
            return list(shard.items[position : position + limit]) if shard else []

    def wait(self, position: int, timeout_s: float, stopped: Callable[[], bool]) -> None:
        """Waits until there is a record at a position, or the time is over, or it is `stopped`."""
        with LOCK:
            shard = self.shard
            if shard is not None:
                waiters(shard).wait_for(lambda: len(shard.items) > position or stopped(), timeout_s)
                return
        # There is nothing to be told of.
        threading.Event().wait(timeout_s)


def waiters(shard: Any) -> threading.Condition:
    """What those who wait for a shard's records wait at."""
    with LOCK:
        found: threading.Condition | None = vars(shard).get("waiters")
        if found is None:
            found = shard.waiters = threading.Condition(LOCK)
        return found
