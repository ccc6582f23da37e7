"""The catalogue's table and that of the records: how they are read and written, and how much is read."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from functions.ingest.record import PARTITION
from functions.platform.aws import ThrottledError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[str, str]

# Of one request: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_MOST_WRITTEN, _MOST_READ = 25, 100
# How often DynamoDB is asked again for what it left undone, and how long the first wait is at most.
_TRIES, _WAIT_S = 7, 0.05


class ReadTooMuchError(Exception):
    """As many units were read as may be."""


class Tables:
    """The two tables, by a client of DynamoDB. `read_units` counts the capacity units that reads consumed.

    All methods raise botocore.exceptions.ClientError and BotoCoreError when DynamoDB throttles, fails,
    refuses or cannot be reached, and ThrottledError when it leaves parts of a request undone again and again.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        catalogue: str,
        records: str,
        wait: Callable[[float], Any] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._catalogue = catalogue
        self._records = records
        self._wait = wait
        self.read_units = 0.0
        self._most_read_units = math.inf

    @contextmanager
    def reading_at_most(self, read_units: float) -> Iterator[None]:
        """Lets `page` raise ReadTooMuchError when so much was read since the block began."""
        self._most_read_units = self.read_units + read_units
        try:
            yield
        finally:
            self._most_read_units = math.inf

    def put(self, item: Item) -> None:
        """Puts an item into the catalogue."""
        self._dynamodb.put_item(TableName=self._catalogue, Item=item)

    def page(self, partition: str, low: str, high: str, limit: int) -> tuple[list[Item], bool]:
        """The last items of a partition from `low` to `high`, newest first, and whether that is all there is.

        Raises:
            ReadTooMuchError: too much was read before.
        """
        if self.read_units >= self._most_read_units:
            raise ReadTooMuchError
        found = self._dynamodb.query(
            TableName=self._catalogue,
            KeyConditionExpression="PK = :partition AND SK BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":partition": {"S": partition},
                ":low": {"S": low},
                ":high": {"S": high},
            },
            ScanIndexForward=False,
            Limit=limit,
            ReturnConsumedCapacity="TOTAL",
        )
        self.read_units += found["ConsumedCapacity"]["CapacityUnits"]
        return found["Items"], "LastEvaluatedKey" not in found

    def items(self, partition: str, begins: str = "", names: Sequence[str] = ()) -> Iterator[Item]:
        """The items of a partition whose sort keys begin so, in their order, as they are now."""
        asked: Any = {
            "TableName": self._catalogue,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
            "KeyConditionExpression": "PK = :partition",
            "ExpressionAttributeValues": {":partition": {"S": partition}},
        }
        if begins:
            asked["KeyConditionExpression"] += " AND begins_with(SK, :begins)"
            asked["ExpressionAttributeValues"][":begins"] = {"S": begins}
        yield from self._all(self._dynamodb.query, asked, names)

    def groups(self, partition: str) -> list[str]:
        """What the sort keys of a partition begin with, up to their first #, in their order, as they are now.

        Of items that fill more than an answer only those in its first answer are read of each group.
        """
        asked: Any = {
            "TableName": self._catalogue,
            "ConsistentRead": True,
            "ReturnConsumedCapacity": "TOTAL",
            "KeyConditionExpression": "PK = :partition",
            "ExpressionAttributeValues": {":partition": {"S": partition}},
            "ProjectionExpression": "SK",
        }
        groups: dict[str, None] = {}
        while True:
            found = self._dynamodb.query(**asked)
            self.read_units += found["ConsumedCapacity"]["CapacityUnits"]
            groups |= dict.fromkeys(item["SK"]["S"].partition("#")[0] for item in found["Items"])
            if "LastEvaluatedKey" not in found:
                return list(groups)
            last = found["LastEvaluatedKey"]["SK"]["S"].partition("#")[0]
            # Behind all that begin so: "$" follows "#".
            asked["ExclusiveStartKey"] = {"PK": {"S": partition}, "SK": {"S": f"{last}$"}}

    def scan(self, *begins: str, names: Sequence[str]) -> Iterator[Item]:
        """All items of the catalogue whose partition keys begin so, in no order."""
        asked: Any = {
            "TableName": self._catalogue,
            "ReturnConsumedCapacity": "TOTAL",
            "FilterExpression": " OR ".join(f"begins_with(PK, :b{number})" for number in range(len(begins))),
            "ExpressionAttributeValues": {f":b{number}": {"S": each} for number, each in enumerate(begins)},
        }
        yield from self._all(self._dynamodb.scan, asked, names)

    def _all(self, call: Any, asked: dict[str, Any], names: Sequence[str]) -> Iterator[Item]:
        if names:
            asked["ProjectionExpression"] = ", ".join(f"#{name}" for name in names)
            asked["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
        while True:
            found = call(**asked)
            self.read_units += found["ConsumedCapacity"]["CapacityUnits"]
            yield from found["Items"]
            if "LastEvaluatedKey" not in found:
                return
            asked["ExclusiveStartKey"] = found["LastEvaluatedKey"]

    def record(self, key: str) -> Item | None:
        """The workflow record of a key as it is now."""
        found = self._dynamodb.get_item(
            TableName=self._records,
            Key={"PK": {"S": PARTITION}, "SK": {"S": key}},
            ConsistentRead=True,
            ReturnConsumedCapacity="TOTAL",
        )
        self.read_units += found["ConsumedCapacity"]["CapacityUnits"]
        return found.get("Item")

    def records(self, keys: Collection[str]) -> dict[str, Item]:
        """The workflow records of keys as they are now: those that there are."""
        found = self._get(self._records, [(PARTITION, key) for key in keys])
        return {item["SK"]["S"]: item for item in found}

    def existing(self, keys: Collection[Key]) -> set[Key]:
        """Those of these items of the catalogue that there are now."""
        found = self._get(self._catalogue, keys, ProjectionExpression="PK, SK")
        return {(item["PK"]["S"], item["SK"]["S"]) for item in found}

    def _get(self, table: str, keys: Collection[Key], **more: Any) -> Iterator[Item]:
        unique = sorted(set(keys))
        for first in range(0, len(unique), _MOST_READ):
            some = [{"PK": {"S": pk}, "SK": {"S": sk}} for pk, sk in unique[first : first + _MOST_READ]]
            left: Any = {table: {"Keys": some, "ConsistentRead": True, **more}}
            for _ in self._tries("BatchGetItem"):
                answer = self._dynamodb.batch_get_item(RequestItems=left, ReturnConsumedCapacity="TOTAL")
                self.read_units += sum(each["CapacityUnits"] for each in answer["ConsumedCapacity"])
                yield from answer["Responses"].get(table, [])
                left = answer["UnprocessedKeys"]
                if not left:
                    break

    def write(self, items: Iterable[Item]) -> None:
        """Puts items into the catalogue, in batches."""
        self._write({"PutRequest": {"Item": item}} for item in items)

    def delete(self, keys: Iterable[Key], unless: Callable[[], bool] = lambda: False) -> bool:
        """Deletes items of the catalogue in batches; `unless` is asked before each, and ends it.

        Returns whether all were deleted.
        """
        return self._write(
            ({"DeleteRequest": {"Key": {"PK": {"S": pk}, "SK": {"S": sk}}}} for pk, sk in keys), unless
        )

    def _write(self, requests: Iterable[Mapping[str, Any]], unless: Callable[[], bool] | None = None) -> bool:
        for batch in _batches(requests, _MOST_WRITTEN):
            if unless is not None and unless():
                return False
            left: Any = {self._catalogue: batch}
            for _ in self._tries("BatchWriteItem"):
                left = self._dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
                if not left:
                    break
        return True

    def _tries(self, operation: str) -> Iterator[None]:
        """Waits between tries, longer each time."""
        yield
        for number in range(_TRIES - 1):
            # Not for a secret: so that those who were throttled together do not come again together.
            self._wait(random.uniform(0, _WAIT_S * 2**number))  # noqa: S311
            yield
        raise ThrottledError(f"DynamoDB left parts of {operation} undone {_TRIES} times.")


def _batches(requests: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for each in requests:
        batch.append(each)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
