"""A trace as the lines of a waterfall: what ran when, and for how long, without layers that say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from happypath.operations.trace import Node, Trace

_ORIGINS = {
    "AWS::Lambda": "Lambda",
    "AWS::Lambda::Function": "Lambda",
    "AWS::StepFunctions::StateMachine": "Step Functions",
}


@dataclass(frozen=True)
class Row:
    """A line of the waterfall."""

    label: str
    depth: int
    node: Node


def rows(trace: Trace) -> list[Row]:
    """What a person wants to see of a trace, or of what is in a part of one.

    Left out are the layers that say nothing of their own: the function within Lambda's own segment, which
    shows the wait for it, too; Invocation around the handler, Overhead after it; and the one call of a
    state that was tried once, with success.
    """
    return [row for root in trace.roots for row in _rows(root, None, 0)]


def _rows(node: Node, parent: Node | None, depth: int) -> Iterator[Row]:
    if _says_nothing(node, parent):
        for child in node.children:
            yield from _rows(child, node, depth)
        return
    yield Row(_label(node), depth, node)
    attempts = _attempts(node)
    for child in node.children:
        if child not in attempts:
            yield from _rows(child, node, depth + 1)
            continue
        below = depth + 1
        if len(attempts) > 1 or child.failed:
            yield Row(f"attempt {attempts.index(child) + 1}", below, child)
            below += 1
        for grandchild in child.children:
            yield from _rows(grandchild, child, below)


def _says_nothing(node: Node, parent: Node | None) -> bool:
    if node.origin == "AWS::Lambda::Function":
        return parent is not None and parent.origin == "AWS::Lambda"
    return node.origin is None and node.name in {"Invocation", "Overhead"}


def _attempts(node: Node) -> list[Node]:
    """A state's calls of a function; any of them but the last has failed."""
    return [child for child in node.children if child.name == "Lambda" and child.operation == "Invoke"]


def _label(node: Node) -> str:
    if node.origin is not None:
        service = _ORIGINS.get(node.origin, node.origin.removeprefix("AWS::"))
        return f"{node.name} ({service})"
    return f"{node.name} {node.operation}" if node.operation else node.name
