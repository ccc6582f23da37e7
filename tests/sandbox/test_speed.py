"""What the sandbox spares moto and SAM changes no answer: copies, queries, keys, policies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
from hypothesis import given
from hypothesis import strategies as st
from moto.dynamodb.models import table as tables
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.parsing import ast_nodes, expressions, validators
from moto.kms import models as kms_models
from moto.kms.utils import AbstractPrivateKey

from happypath.sandbox.deployment.serverless import expand
from happypath.sandbox.patches.speed import (
    attribute_values_as_they_are,
    copied,
    expressions_copied_as_trees,
    keys_made_when_used,
    policy_templates_checked_once,
    queries_sort_their_own_items,
)
from happypath.sandbox.stepfunctions import casing
from tests.mocked import mocked

Table: Any = tables.Table
Node: Any = vars(ast_nodes)["Node"]
UpdateExpressionParser: Any = vars(expressions)["UpdateExpressionParser"]
# The patch needs nothing of it.
SERVED: Any = None


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


def test_a_copy_of_an_expression_is_equal_and_shares_no_node() -> None:
    text = "SET a = if_not_exists(#a, :z) + :one, b[1].c = list_append(b, :l) REMOVE d, e[2] ADD f :one"
    expression: Any = UpdateExpressionParser.make(text)
    with expressions_copied_as_trees(SERVED):
        copy: Any = vars(validators)["deepcopy"](expression)

    def nodes(node: Any, parent: Any = None) -> list[int]:
        assert node.parent is parent
        children = [each for each in node.children or [] if isinstance(each, Node)]
        return [id(node), *(found for each in children for found in nodes(each, node))]

    def told(node: Any) -> Any:
        return type(node), [told(each) if isinstance(each, Node) else each for each in node.children or []]

    assert told(copy) == told(expression)
    assert set(nodes(copy)).isdisjoint(nodes(expression))


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.text("xyz", min_size=1, max_size=2), st.sampled_from("st"))),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from([None, "0", "1", "x", "z"]),
)
def test_a_query_answers_as_moto_does(
    items: list[tuple[str, str, str]], limit: int, ascending: bool, until: str | None
) -> None:
    table = Table(
        "t",
        "123456789012",
        "us-east-1",
        schema=[
            {"AttributeName": "PK", "KeyType": "HASH"},
            {"AttributeName": "SK", "KeyType": "RANGE"},
        ],
        attr=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK", "status", "at")],
        global_indexes=[
            {
                "IndexName": "by-status",
                "KeySchema": [
                    {"AttributeName": "status", "KeyType": "HASH"},
                    {"AttributeName": "at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    for number, (partition, sort_key, status) in enumerate(items):
        more = {"status": {"S": status}, "at": {"S": f"{number % 3}"}} if number % 4 else {}
        table.put_item({"PK": {"S": partition}, "SK": {"S": sort_key}, **more})

    where: list[Any] = ["<=", [DynamoType({"S": until})]] if until else [None, []]

    def pages(key: str, **query: Any) -> list[Any]:
        found: list[Any] = []
        after: Any = None
        while True:
            page, looked_at, after = table.query(
                DynamoType({"S": key}), *where, limit, after, ascending, None, **query
            )
            assert len(page) == looked_at <= limit
            found += [each.to_json() for each in page]
            if not after:
                return found

    def answers() -> list[Any]:
        condition = [("status", DynamoType({"S": "s"}))]
        return [pages("a"), pages("s", index_name="by-status", hash_key_conditions=condition)]

    without = answers()
    with queries_sort_their_own_items(SERVED):
        assert answers() == without


def test_a_key_that_signs_has_its_pair_and_one_that_encrypts_makes_it_when_asked() -> None:
    with keys_made_when_used(SERVED):
        make: Any = vars(kms_models)["generate_private_key"]
        for spec in ("RSA_2048", "ECC_NIST_P256"):
            assert isinstance(make(spec), AbstractPrivateKey)
        late = make("SYMMETRIC_DEFAULT")
        assert "_made" not in vars(late)
        signature = late.sign(b"said", "RSASSA_PSS_SHA_256")
        assert late.verify(b"said", signature, "RSASSA_PSS_SHA_256")


def test_policies_by_name_are_the_same_for_each_template() -> None:
    def policies(bucket: str) -> Any:
        function = {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Handler": "a.b",
                "Runtime": "python3.13",
                "CodeUri": {"Bucket": "code", "Key": "code.zip"},
                "Policies": [{"S3ReadPolicy": {"BucketName": bucket}}],
            },
        }
        document = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"F": function}}
        return json.loads(expand(json.dumps(document), "123456789012", "us-east-1"))["Resources"]["FRole"]

    buckets = ("one", "other", "one")
    with policy_templates_checked_once(SERVED):
        found = [policies(bucket) for bucket in buckets]
    assert found == [policies(bucket) for bucket in buckets]
    assert found[0] == found[2] != found[1]


def test_a_service_is_found_by_its_id_as_if_all_were_looked_through() -> None:
    every = casing._by_id()
    assert {name: casing.boto_service.__wrapped__(name) for name in every} == every
    assert casing.boto_service("../data/s3") is None


def test_an_item_is_answered_as_without_the_patch() -> None:
    item: Any = {
        "PK": {"S": "a 'quote' \u202e"},
        "empty": {"S": ""},
        "number": {"N": "-1.50"},
        "bytes": {"B": b"\x00\xff"},
        "map": {"M": {"S": {"S": "x"}, "list": {"L": [{"N": "1"}, {"NULL": True}]}}},
        "sets": {"SS": ["a", "b"]},
        "yes": {"BOOL": True},
    }
    with mocked():
        dynamodb = boto3.client("dynamodb", "us-east-1")
        dynamodb.create_table(
            TableName="items",
            KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "PK", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_item(TableName="items", Item=item)
        with attribute_values_as_they_are(SERVED):
            assert dynamodb.scan(TableName="items")["Items"] == [item]
        assert dynamodb.scan(TableName="items")["Items"] == [item]
