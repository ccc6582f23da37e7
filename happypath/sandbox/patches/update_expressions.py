"""How moto reads the expressions of DynamoDB's updates, in less time: it was most of a transaction.

An expression is parsed twice for each item, and walked ten times; each part of it is asked for its kind, and
the kinds are abstract classes, which makes asking slow.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from typing import Any
from unittest.mock import patch

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.parsing import ast_nodes, expressions, validators

# moto's modules without types.
_Node: Any = vars(ast_nodes)["Node"]
_Traverser: Any = vars(ast_nodes)["DepthFirstTraverser"]
_BRANCHES = tuple(vars(ast_nodes)[name] for name in ("Expression", "UpdateExpressionFunction"))
_Parser: Any = vars(expressions)["UpdateExpressionParser"]
# What looks at all clauses below a part, and does so at each part.
_LOOKS_BELOW = (
    (validators.ActionCountValidator, "verify_action_counts"),
    (validators.OverlappingPathsValidator, "check_for_overlapping_paths"),
)


@contextmanager
def updates_are_read_once() -> Iterator[None]:
    """Parses an expression once, and asks once for what stays the same.

    What was parsed is copied before it is changed, by way of bytes that are made once.
    """
    # Only expressions as they were parsed, which are kept, are copied: each is told by its identity.
    in_bytes = lru_cache(maxsize=256)(pickle.dumps)

    def copied(value: Any) -> Any:
        return pickle.loads(in_bytes(value)) if isinstance(value, _Node) else copy.deepcopy(value)  # noqa: S301  # its own bytes

    with ExitStack() as patches:
        for owner, name, instead in (
            (_Parser, "make", staticmethod(lru_cache(maxsize=256)(_Parser.make))),
            (validators, "deepcopy", copied),
            (_Node, "find_clauses", _find_clauses),
            (_Traverser, "traverse_node_recursively", _traverse),
            *(
                (validator, "traverse", _whole_first(getattr(validator, look)))
                for validator, look in _LOOKS_BELOW
            ),
        ):
            patches.enter_context(patch.object(owner, name, instead))
        yield


def _whole_first(look: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Where the whole has no fault, no part has one; where it has, moto tells which it meets first."""

    def traverse(validator: Any, whole: Any) -> Any:
        try:
            return look(validator, whole)
        except MockValidationException:
            return _traverse(validator, whole)

    return traverse


def _traverse(traverser: Any, node: Any, child_id: int = -1) -> Any:
    return _visit(traverser, _Roles.of(traverser.nodes_to_be_processed()), node, child_id)


def _visit(traverser: Any, roles: _Roles, node: Any, child_id: int) -> Any:
    role = roles[type(node)]
    if role is None:
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        if roles[type(child)] is not None:
            _visit(traverser, roles, child, number)
    if role:
        node = traverser.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


class _Roles(dict[type, bool | None]):
    """Whether a traverser processes a part of an expression, by its kind; None for what is no such part."""

    def __init__(self, processed: tuple[type, ...]) -> None:
        super().__init__()
        self._processed = processed

    def __missing__(self, kind: type) -> bool | None:
        self[kind] = role = issubclass(kind, self._processed) if issubclass(kind, _Node) else None
        return role

    @classmethod
    @cache
    def of(cls, processed: tuple[type, ...]) -> _Roles:
        """Those of a traverser that processes such parts."""
        return cls(processed)


def _find_clauses(node: Any, wanted: list[type]) -> list[Any]:
    found: list[Any] = []
    for child in node.children or ():
        kind: Any = type(child)
        if kind in wanted:
            found.append(child)
        elif _is_branch(kind):
            found += _find_clauses(child, wanted)
    return found


@cache
def _is_branch(kind: Any) -> bool:
    return issubclass(kind, _BRANCHES)
