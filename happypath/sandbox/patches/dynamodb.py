"""DynamoDB's writes are atomic, whoever else writes at the same time.

moto's server answers each request in a thread of its own, and its tables know nothing of threads: two
conditional writes of one item can both succeed. A transaction copies the whole table before it begins, and
puts the copy back when a condition fails, with which the writes of others in the meantime are lost.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from happypath.sandbox.patches.locks import one_at_a_time
from happypath.sandbox.patches.served import Patch, Served

_OPERATIONS = ("get_item", "put_item", "update_item", "delete_item", "query", "scan")


@contextmanager
def atomic_writes(_: Served) -> Iterator[None]:
    """Lets one operation at a time into the tables, and takes back what a failed transaction did."""
    # One for all tables; reentrant because a transaction is made of the other operations.
    lock = threading.RLock()

    alone = partial(one_at_a_time, lock)

    transact = DynamoDBBackend.transact_write_items

    def transact_or_take_back(backend: Any, transact_items: list[dict[str, Any]]) -> None:
        with lock:
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


PATCHES: tuple[Patch, ...] = (atomic_writes,)
