"""What the sandbox spares moto changes no answer: expressions of updates, and copies of states."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend

from happypath.sandbox.patches.speed import copied
from happypath.sandbox.patches.update_expressions import updates_are_read_once

NAMES = {"#a": "a", "#b": "b", "#list": "list", "#new": "new"}
VALUES = {":one": {"N": "1"}, ":text": {"S": "text"}, ":list": {"L": [{"S": "added"}]}, ":set": {"SS": ["x"]}}
EXPRESSIONS = [
    "SET #a = :one, #b = :text",
    "SET #new = if_not_exists(#new, :one), b = :text REMOVE #a",
    "SET n = n + :one, m = n - :one",
    "SET #list = list_append(#list, :list), #new = list_append(:list, #list)",
    "REMOVE #list[0], #list[2] SET a = :one",
    "ADD n :one, tags :set DELETE more :set",
    "SET deep.insides = :text",
    # Refused, each for its own reason, or for the first of two.
    "SET a = :one SET b = :one",
    "ADD n :one ADD m :one SET a = :one SET b = :one",
    "SET a = :one SET b = :one ADD n :one ADD m :one",
    "SET a = :one, b = :one, a = :text",
    "SET a = :one, b = :one, b = :text, a = :text",
    "SET deep = :one, deep.insides = :text REMOVE a, a",
    "SET #a = :one, #a = :text, b.c = :one, b = :text",
    "SET PK = :text",
    "SET missing.insides = :text",
    "SET a = :unknown",
    "SET n = n + :text",
    "SETT a = :one",
    "SET a = list_append(a, :text)",
]


def updated(expression: str) -> list[Any]:
    """What an item is after an update, and after it once more; or why it was not updated."""
    backend: Any = DynamoDBBackend("us-east-1", "123456789012")
    backend.create_table(
        "table",
        schema=[{"AttributeName": "PK", "KeyType": "HASH"}],
        throughput=None,
        attr=[{"AttributeName": "PK", "AttributeType": "S"}],
        global_indexes=None,
        indexes=None,
        streams=None,
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    key = {"PK": {"S": "key"}}
    strings = {"L": [{"S": "first"}, {"S": "second"}, {"S": "third"}]}
    deep = {"M": {"insides": {"S": "inside"}}}
    attributes = {"a": {"S": "a"}, "n": {"N": "3"}, "list": strings, "deep": deep, "more": {"SS": ["x", "y"]}}
    backend.put_item("table", {**key, **attributes})
    found = []
    for _ in range(2):
        try:
            item = backend.update_item("table", key, expression, NAMES, VALUES)
            found.append(item.to_json())
        except MockValidationException as error:
            found.append(str(error))
    return found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_update_does_or_says_what_moto_does(expression: str) -> None:
    as_by_moto = updated(expression)
    with updates_are_read_once():
        assert updated(expression) == as_by_moto


def test_a_copy_of_a_state_is_equal_and_shares_nothing_that_changes() -> None:
    class Text(str):
        __slots__ = ()

    at = datetime.now(UTC)
    state = {
        "a": [1, 2.5, None, True, "text", {"b": []}],
        "at": at,
        "kind": Text("x"),
        "set": {1},
        "pair": ([],),
    }
    copy: Any = copied(state)
    assert copy == state
    assert type(copy["kind"]) is Text
    copy["a"][5]["b"].append(1)
    copy["a"].append(1)
    copy["set"].add(2)
    copy["pair"][0].append(1)
    assert state["a"] == [1, 2.5, None, True, "text", {"b": []}]
    assert (state["set"], state["pair"]) == ({1}, ([],))
