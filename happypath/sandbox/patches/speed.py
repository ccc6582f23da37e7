"""Work that moto and SAM do again and again, and that is done once here. No patch changes an answer.

The shares are of the CPU of `scripts/run` on the samples, functions included, on two processors.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property, lru_cache, wraps
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import yaml
from moto.cloudformation import models as cloudformation_models
from moto.core import responses, utils
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes, validators
from moto.kms import models as kms_models
from moto.kms.utils import KeySpec
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from samtranslator.plugins.policies.policy_templates_plugin import PolicyTemplatesForResourcePlugin
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor
from samtranslator.translator import translator

from happypath.sandbox.patches.served import Patch, Served

_NODE: Any = vars(ast_nodes)["Node"]


@contextmanager
def definitions_parsed_once(_: Served) -> Iterator[None]:
    """moto parses a definition for each execution: a seventh of `scripts/run`.

    Executions then share the parsed states, and each counts its attempts under a state's key. moto creates
    the key on first use, so two executions at once could get different keys.

    It is parsed in a thread of its own. CPython keeps frames in chunks of 16 KiB: a call whose frame does not
    fit into the last one pays for a new chunk, and so does each after it, as often as it is made. Deep within
    a deployment that made the parser's calls four times as slow, and a deployment of everything a third.
    """
    parse_here: Any = AmazonStateLanguageParser.parse

    def parse_in_thread(definition: str) -> Any:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(parse_here, definition).result()

    parse = staticmethod(lru_cache(maxsize=64)(parse_in_thread))
    key = property(lambda component: str(id(component)))
    with (
        patch.object(AmazonStateLanguageParser, "parse", parse),
        patch.object(EvalComponent, "heap_key", key),
    ):
        yield


@contextmanager
def paths_parsed_once(_: Served) -> Iterator[None]:
    """moto makes a parser for each use of a JSONPath: a twelfth of `scripts/run`."""
    with ExitStack() as patches:
        for module in (json_path, result_path):
            parse: Any = vars(module)["parse"]
            patches.enter_context(patch.object(module, "parse", lru_cache(maxsize=1024)(parse)))
        yield


@contextmanager
def states_copied_as_json(_: Served) -> Iterator[None]:
    """The interpreter copies a state's input and output at each step, as if they were objects of any kind.

    They are JSON. Nothing measurable of `scripts/run`; a tenth of the sandbox's CPU for many executions.
    """
    quickly = SimpleNamespace(deepcopy=copied)
    with ExitStack() as patches:
        for module in (states, string_expression, result_path, state_task_service, execute_state):
            patches.enter_context(patch.object(module, "copy", quickly))
        yield


def copied(value: Any) -> Any:
    """A copy as `copy.deepcopy` makes it, of what is mostly JSON."""
    kind = type(value)
    if kind is dict:
        return {name: copied(each) for name, each in value.items()}
    if kind is list:
        return [copied(each) for each in value]
    return value if kind in _ATOMS else copy.deepcopy(value)


_ATOMS = frozenset({str, int, float, bool, type(None)})


@contextmanager
def expressions_copied_as_trees(_: Served) -> Iterator[None]:
    """An update's expression is copied before it is read, as if it were an object of any kind.

    It is a tree of nodes. Nothing measurable of `scripts/run`; a thirtieth of the sandbox's CPU for many
    executions.
    """

    def copy_of(value: Any) -> Any:
        return _tree(value) if isinstance(value, _NODE) else copy.deepcopy(value)

    with patch.object(validators, "deepcopy", copy_of):
        yield


def _tree(node: Any) -> Any:
    found = object.__new__(type(node))
    vars(found).update(vars(node))
    if node.children is not None:
        found.children = [_tree(each) if isinstance(each, _NODE) else copied(each) for each in node.children]
        for child in found.children:
            if isinstance(child, _NODE):
                child.set_parent(found)
    return found


@contextmanager
def operations_listed_once(_: Served) -> Iterator[None]:
    """For each request moto looks through all that a service's class has, for the names of its operations.

    Nothing measurable of `scripts/run`; a fortieth of the sandbox's CPU for many executions.
    """
    with patch.object(responses, "method_names_from_class", cache(utils.method_names_from_class)):
        yield


@contextmanager
def services_listed_once(_: Served) -> Iterator[None]:
    """For each service moto lists all directories of descriptions, its own and botocore's, to read one.

    A thirtieth of deploying everything.
    """
    with patch.object(utils, "create_loader", cache(vars(utils)["create_loader"])):
        yield


@contextmanager
def policy_templates_checked_once(_: Served) -> Iterator[None]:
    """For each template SAM reads all policies that it knows by name, and checks them against their schema.

    A fifteenth of deploying everything.
    """

    @cache
    def processor() -> PolicyTemplatesProcessor:
        return PolicyTemplatesProcessor(PolicyTemplatesProcessor.get_default_policy_templates_json())

    with patch.object(
        translator,
        "make_policy_template_for_function_plugin",
        lambda: PolicyTemplatesForResourcePlugin(processor()),
    ):
        yield


class _Late:
    """A key that is made when it is first used."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Any:
        return self._make()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made, name)


@contextmanager
def keys_made_when_used(_: Served) -> Iterator[None]:
    """moto makes a pair of RSA for each KMS key, also for those that only encrypt, which never use it.

    A tenth of deploying everything.
    """
    make: Any = vars(kms_models)["generate_private_key"]

    def late(key_spec: str) -> Any:
        signs = key_spec in KeySpec.rsa_key_specs() or key_spec in KeySpec.ecc_key_specs()
        return make(key_spec) if signs else _Late(lambda: make(key_spec))

    with patch.object(kms_models, "generate_private_key", late):
        yield


@contextmanager
def queries_sort_their_own_items(_: Served) -> Iterator[None]:
    """A query sorts all items of a table, and then those again that have the key which it is for.

    With 10,000 items that took a fifth of a second. Nothing of `scripts/run`, and what the console's first
    page needs.
    """
    query: Any = Table.query
    signature = inspect.signature(query)

    @wraps(query)
    def query_own(table: Any, *given: Any, **named: Any) -> Any:
        items = _own_items(table, signature.bind(table, *given, **named).arguments)
        if items is None:
            return query(table, *given, **named)
        with patch.object(table, "all_items", lambda: items):
            return query(table, *given, **named)

    is_equal: Any = DynamoType.__eq__
    is_less: Any = DynamoType.__lt__

    def equal(one: Any, other: Any) -> Any:
        return one.value == other.value if one.type == other.type == "S" else is_equal(one, other)

    def less(one: Any, other: Any) -> Any:
        return one.value < other.value if one.type == other.type == "S" else is_less(one, other)

    with (
        patch.object(Table, "query", query_own),
        patch.object(DynamoType, "__eq__", equal),
        patch.object(DynamoType, "__lt__", less),
    ):
        yield


@contextmanager
def attribute_values_as_they_are(_: Served) -> Iterator[None]:
    """Each attribute of each item of an answer is looked through for values of all kinds, under all names.

    An item took half a millisecond, and a page of a search reads hundreds.
    """
    serialize: Any = BaseJSONSerializer._serialize_type_structure

    def serialize_attribute(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        # Texts and numbers, which are texts in DynamoDB's JSON; whatever else goes the long way.
        if shape.name == "AttributeValue" and type(value) is dict and len(value) == 1:
            ((kind, content),) = value.items()
            if kind in {"S", "N"} and type(content) is str:
                serialized[key] = {kind: content}
                return
        serialize(serializer, serialized, value, shape, key)

    with patch.object(BaseJSONSerializer, "_serialize_type_structure", serialize_attribute):
        yield


def _own_items(table: Any, asked: Mapping[str, Any]) -> list[Any] | None:
    """The items that a query is for, in any order; None: that cannot be told so simply."""
    if not table.range_key_attr:
        return None
    if not asked.get("index_name"):
        own = list(table.items.get(asked["hash_key"], {}).values())
        return _first_page(table, own, table.range_key_attr, asked)
    conditions = asked.get("hash_key_conditions") or []
    index = next((each for each in table.all_indexes() if each.name == asked["index_name"]), None)
    if len(conditions) != 1 or index is None:
        return None
    ((name, value),) = conditions
    every = (item for items in table.items.values() for item in items.values())
    found = [item for item in every if (has := item.attrs.get(name)) and has.value == value.value]
    ranges = [key["AttributeName"] for key in index.schema if key["KeyType"] == "RANGE"]
    return _first_page(table, found, ranges[0], asked) if len(ranges) == 1 else found


def _first_page(table: Any, items: list[Any], name: str, asked: Mapping[str, Any]) -> list[Any]:
    """Of the items of an index those that a page can have, and one more; all of them if that is not sure."""
    names = (name, table.hash_key_attr, table.range_key_attr)
    start, limit = asked.get("exclusive_start_key"), asked.get("limit")
    there = [item for item in items if name in item.attrs]
    if not limit or asked.get("filter_kwargs") or any(item.attrs[name].type != "S" for item in there):
        return items

    def position(item: Any) -> tuple[str, ...]:
        return tuple(item.attrs[each].value for each in names)

    ascending = asked.get("scan_index_forward") is not False
    there.sort(key=position, reverse=not ascending)
    begin = tuple(DynamoType(start[each]).value for each in names) if start else None
    comparison, objects = asked.get("range_comparison"), asked.get("range_objs")
    page: list[Any] = []
    for item in there:
        if begin is not None and (position(item) < begin if ascending else position(item) > begin):
            continue
        if comparison and not item.attrs[name].compare(comparison, objects):
            continue
        page.append(item)
        # That at which it begins may be among them, and one shows that there are more.
        if len(page) > limit + 1:
            break
    return page


@contextmanager
def json_templates(_: Served) -> Iterator[None]:
    """moto reads each template as YAML, several times, in Python alone; those that were expanded are JSON.

    Half of a deployment's CPU, and a twentieth of `scripts/run`.
    """

    def load(template: str, Loader: Any) -> Any:  # noqa: N803  # PyYAML's name
        try:
            return json.loads(template)
        except ValueError:
            return yaml.load(template, Loader=Loader)  # noqa: S506  # moto's own choice

    with patch.object(
        cloudformation_models,
        "yaml",
        SimpleNamespace(load=load, Loader=yaml.Loader, add_multi_constructor=yaml.add_multi_constructor),
    ):
        yield


PATCHES: tuple[Patch, ...] = (
    definitions_parsed_once,
    paths_parsed_once,
    states_copied_as_json,
    expressions_copied_as_trees,
    operations_listed_once,
    services_listed_once,
    keys_made_when_used,
    policy_templates_checked_once,
    queries_sort_their_own_items,
    attribute_values_as_they_are,
    json_templates,
)
