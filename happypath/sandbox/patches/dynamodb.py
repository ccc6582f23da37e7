"""DynamoDB's writes are atomic, whoever else writes at the same time.

moto's server answers each request in a thread of its own, and its tables know nothing of threads: two
conditional writes of one item can both succeed. A transaction copies the whole table before it begins, and
puts the copy back when a condition fails, with which the writes of others in the meantime are lost.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import copy
import inspect
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.dynamodb import models
from moto.dynamodb.exceptions import (
    InvalidUpdateExpressionInvalidDocumentPath,
    KeyIsEmptyStringException,
    MockValidationException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from happypath.sandbox.dynamodb.read_units import size_bytes, units
from happypath.sandbox.dynamodb.streams import LOCK
from happypath.sandbox.patches.locks import one_at_a_time
from happypath.sandbox.patches.served import Patch, Served

_OPERATIONS = ("get_item", "put_item", "update_item", "delete_item", "query", "scan")


@contextmanager
def atomic_writes(_: Served) -> Iterator[None]:
    """Lets one operation at a time into the tables, and takes back what a failed transaction did."""
    alone = partial(one_at_a_time, LOCK)

    transact = DynamoDBBackend.transact_write_items

    def transact_or_take_back(backend: Any, transact_items: list[dict[str, Any]]) -> None:
        with LOCK:
            before = [_Before(backend, operation) for each in transact_items for operation in each.values()]
            try:
                transact(backend, transact_items)
            except Exception:
                for each in reversed(before):
                    each.restore()
                raise

    def deepcopy(value: Any, memo: Any = None) -> Any:
        return value if isinstance(value, Table) else copy.deepcopy(value, memo)

    with ExitStack() as patches:
        for name in _OPERATIONS:
            patches.enter_context(patch.object(DynamoDBBackend, name, alone(getattr(DynamoDBBackend, name))))
        patches.enter_context(patch.object(DynamoDBBackend, "transact_write_items", transact_or_take_back))
        # What was touched is remembered above: the copy of the whole table is not needed.
        patches.enter_context(
            patch.object(models, "copy", SimpleNamespace(deepcopy=deepcopy, copy=copy.copy))
        )
        yield


class _Before:
    """An item as it was before one operation of a transaction, and the stream's length."""

    def __init__(self, backend: Any, operation: dict[str, Any]) -> None:
        self._table = backend.tables.get(operation.get("TableName"))
        if self._table is None:
            return
        key = operation.get("Key") or operation.get("Item") or {}
        names = self._table.hash_key_attr, self._table.range_key_attr
        # As moto's tables are keyed: by values as it holds them, the second only where there is a range key.
        self._key = [DynamoType(key[name]) for name in names if name in key]
        self._item = copy.deepcopy(self._find())
        shard = self._table.stream_shard
        self._streamed = len(shard.items) if shard else 0

    def _find(self) -> Any:
        found: Any = self._table.items
        for value in self._key:
            found = found.get(value, {})
        return found or None

    def restore(self) -> None:
        """Puts the item back, or takes it away if there was none."""
        if self._table is None or not self._key:
            return
        items: Any = self._table.items
        for value in self._key[:-1]:
            items = items[value]
        if self._item is None:
            items.pop(self._key[-1], None)
        else:
            items[self._key[-1]] = self._item
        if self._table.stream_shard:
            del self._table.stream_shard.items[self._streamed :]


@contextmanager
def empty_keys(_: Served) -> Iterator[None]:
    """No item has an empty key: UpdateItem, DeleteItem and BatchGetItem refuse one; moto's do not.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    """

    def checked(name: str) -> Any:
        operation: Any = getattr(DynamoDBBackend, name)

        def check_and_do(backend: Any, table_name: str, key: Any, *more: Any, **named: Any) -> Any:
            for attribute, value in key.items():
                if value in ({"S": ""}, {"B": ""}):
                    raise KeyIsEmptyStringException(attribute)
            return operation(backend, table_name, key, *more, **named)

        return check_and_do

    with ExitStack() as patches:
        for name in ("get_item", "update_item", "delete_item"):
            patches.enter_context(patch.object(DynamoDBBackend, name, checked(name)))
        yield


@contextmanager
def document_paths(_: Served) -> Iterator[None]:
    """A path leads through maps and lists only: `SET a.b` of a text is refused, and the item stays as it was.

    moto does nothing, or fails, and keeps what the update had done before.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
    """
    put: Any = DynamoType.__setitem__
    pop: Any = DynamoType.pop

    def check(value: DynamoType, key: str | int) -> None:
        if not (value.is_list() if isinstance(key, int) else value.is_map()):
            raise InvalidUpdateExpressionInvalidDocumentPath

    def put_within(value: DynamoType, key: str | int, given: Any) -> None:
        check(value, key)
        put(value, key, given)

    def pop_within(value: DynamoType, key: str | int, *more: Any) -> None:
        check(value, key)
        pop(value, key, *more)

    update: Any = DynamoDBBackend.update_item

    def update_whole(
        backend: Any, table_name: str, key: Any, update_expression: str | None, *more: Any, **named: Any
    ) -> Any:
        # Without a path there is none to fail on.
        has_path = bool(update_expression) and any(each in str(update_expression) for each in ".[")
        before = _Before(backend, {"TableName": table_name, "Key": key}) if has_path else None
        try:
            return update(backend, table_name, key, update_expression, *more, **named)
        except InvalidUpdateExpressionInvalidDocumentPath:
            if before is not None:
                before.restore()
            raise

    with (
        patch.object(DynamoType, "__setitem__", put_within),
        patch.object(DynamoType, "pop", pop_within),
        patch.object(DynamoDBBackend, "update_item", update_whole),
    ):
        yield


@contextmanager
def names_of_tables(_: Served) -> Iterator[None]:
    """A table's name has 3 to 255 characters, of those that are allowed; moto takes any.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    """
    create: Any = DynamoDBBackend.create_table

    def create_if_named(backend: Any, name: str, *more: Any, **named: Any) -> Any:
        if not 3 <= len(name) <= 255:
            raise MockValidationException(
                "TableName must be at least 3 characters long and at most 255 characters long"
            )
        if not re.fullmatch("[a-zA-Z0-9_.-]+", name):
            raise MockValidationException(
                f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
            )
        return create(backend, name, *more, **named)

    with patch.object(DynamoDBBackend, "create_table", create_if_named):
        yield


@contextmanager
def consumed_read_units(_: Served) -> Iterator[None]:
    """A read consumes by the bytes that it read; moto says 1 of a query, 0.5 of an item, 1 of one in a batch.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    with ExitStack() as patches:
        for name, projection in (("query", "projection_expressions"), ("scan", "projection_expression")):
            read = _ReadWhole(getattr(Table, name), projection)
            patches.enter_context(patch.object(Table, name, read.as_method()))
            patches.enter_context(
                patch.object(DynamoHandler, name, _counted(getattr(DynamoHandler, name), read.sizes_bytes))
            )
        patches.enter_context(
            patch.object(DynamoHandler, "get_item", _counted(DynamoHandler.get_item, _item_bytes))
        )
        patches.enter_context(
            patch.object(DynamoHandler, "batch_get_item", _batch_counted(DynamoHandler.batch_get_item))
        )
        yield


class _ReadWhole:
    """A method of moto's tables that reads items as they are, remembers their sizes, and then leaves out."""

    def __init__(self, through: Any, projection: str) -> None:
        self._through = through
        self._signature = inspect.signature(through)
        self._projection = projection
        self._read = threading.local()

    def as_method(self) -> Any:
        return lambda table, *given, **named: self._call(self._signature.bind(table, *given, **named))

    def _call(self, asked: inspect.BoundArguments) -> Any:
        condition = asked.arguments.get("filter_expression")
        wanted = asked.arguments.get(self._projection)
        asked.arguments |= {"filter_expression": None, self._projection: None}
        items, scanned, last = self._through(*asked.args, **asked.kwargs)
        self._read.sizes_bytes = [size_bytes(item) for item in items]
        kept = items if condition is None else [item for item in items if condition.expr(item)]
        return [item.project(wanted) for item in kept] if wanted else kept, scanned, last

    def sizes_bytes(self, _: Any) -> list[int]:
        """Of what this thread read last."""
        found: list[int] = self._read.sizes_bytes
        return found


def _item_bytes(handler: Any) -> list[int]:
    item = handler.dynamodb_backend.get_item(handler.body["TableName"], handler.body["Key"])
    return [size_bytes(item)] if item else []


def _counted(through: Any, sizes_bytes: Any) -> Any:
    def answer(handler: Any) -> Any:
        result = through(handler)
        if _asks(handler):
            consumed = units(sizes_bytes(handler), consistent=handler.body.get("ConsistentRead", False))
            result.result["ConsumedCapacity"] = _consumed(handler, handler.body, consumed)
        return result

    return answer


def _batch_counted(through: Any) -> Any:
    def each(backend: Any, name: str, asked: Mapping[str, Any]) -> Iterator[float]:
        for key in asked["Keys"]:
            item = backend.get_item(name, key)
            # Each is rounded up.
            yield units([size_bytes(item)] if item else [], consistent=asked.get("ConsistentRead", False))

    def answer(handler: Any) -> Any:
        result = through(handler)
        result.result.pop("ConsumedCapacity", None)
        if _asks(handler):
            result.result["ConsumedCapacity"] = [
                _consumed(handler, {"TableName": name}, sum(each(handler.dynamodb_backend, name, asked)))
                for name, asked in handler.body["RequestItems"].items()
            ]
        return result

    return answer


def _asks(handler: Any) -> bool:
    return bool(handler.body.get("ReturnConsumedCapacity", "NONE") != "NONE")


def _consumed(handler: Any, asked: Mapping[str, Any], consumed: float) -> dict[str, Any]:
    """ConsumedCapacity, as one request of one table is told of it."""
    told: dict[str, Any] = {"TableName": asked["TableName"], "CapacityUnits": consumed}
    if handler.body["ReturnConsumedCapacity"] == "INDEXES":
        name = asked.get("IndexName")
        told["Table"] = {"CapacityUnits": 0.0 if name else consumed}
        if name:
            table = handler.dynamodb_backend.get_table(asked["TableName"])
            is_global = any(each.name == name for each in table.global_indexes)
            told[f"{'Global' if is_global else 'Local'}SecondaryIndexes"] = {
                name: {"CapacityUnits": consumed}
            }
    return told


PATCHES: tuple[Patch, ...] = (
    empty_keys,
    document_paths,
    names_of_tables,
    atomic_writes,
    consumed_read_units,
)
