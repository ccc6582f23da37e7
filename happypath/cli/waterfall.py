"""A trace for a person at a terminal: what ran when, for how long, and where the time went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from happypath.operations.trace import Found, Kind, Node, Trace

_COLOURS = {
    Kind.REKOGNITION: "magenta",
    Kind.S3: "green",
    Kind.DYNAMODB: "blue",
    Kind.IMAGE: "cyan",
    Kind.OVERHEAD: "bright_black",
}
_ORIGINS = {
    "AWS::Lambda": "Lambda",
    "AWS::Lambda::Function": "Lambda",
    "AWS::StepFunctions::StateMachine": "Step Functions",
}
_BAR_WIDTH = 40
# Blocks of an eighth of a column each.
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SECONDS_IN_MS = 1000


@dataclass(frozen=True)
class Row:
    """A line of the waterfall."""

    label: str
    depth: int
    node: Node


def rows(trace: Trace) -> list[Row]:
    """What a person wants to see of a trace.

    Left out are the layers that say nothing of their own: the function within Lambda's own segment, which
    tells of the wait for it, too; Invocation around the handler, Overhead after it; and the one call of a
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


def render(trace: Trace) -> RenderableType:
    """The waterfall, and below it the shares of the time."""
    total = trace.seconds
    table = Table(box=None, pad_edge=False)
    table.add_column("what", no_wrap=True, overflow="ellipsis")
    # In a narrow window the names give way, not the numbers.
    table.add_column("start", justify="right", no_wrap=True, min_width=6)
    table.add_column("ms", justify="right", no_wrap=True, min_width=6)
    table.add_column("", no_wrap=True, min_width=_BAR_WIDTH)
    problems = []
    for row in rows(trace):
        node = row.node
        colour = "red" if node.failed else _COLOURS[node.kind or Kind.OVERHEAD]
        table.add_row(
            Text("  " * row.depth + row.label, style="red" if node.failed else ""),
            f"{(node.start - trace.start) * _SECONDS_IN_MS:.0f}",
            f"{(node.end - node.start) * _SECONDS_IN_MS:.0f}",
            Text(bar(node.start - trace.start, node.end - node.start, total), style=colour),
        )
        if node.problem and node.problem not in problems:
            problems.append(node.problem)
    head = Text(f"trace {trace.id}: {total * _SECONDS_IN_MS:.0f} ms", style="bold")
    errors = [Text(problem, style="red") for problem in problems]
    return Group(head, table, *errors, _shares(trace))


def bar(offset_s: float, length_s: float, total_s: float, width: int = _BAR_WIDTH) -> str:
    """A bar from `offset_s`, as wide as its share of the total, and never so short that it cannot be seen.

    >>> bar(1, 1, 4, 8)
    '  ██'
    """
    if total_s <= 0:
        return _EIGHTHS[1]
    column = min(int(offset_s / total_s * width), width - 1)
    length = max(1, min(round(length_s / total_s * width * 8), 8 * (width - column)))
    whole, rest = divmod(length, 8)
    return " " * column + _EIGHTHS[8] * whole + (_EIGHTHS[rest] if rest else "")


def _shares(trace: Trace) -> Text:
    text = Text()
    spent = trace.shares()
    total = sum(spent.values()) or 1.0
    for kind, seconds in spent.items():
        if seconds:
            text.append("█ ", style=_COLOURS[kind])
            text.append(f"{kind.value} {seconds / total:.0%}, {seconds * _SECONDS_IN_MS:.0f} ms  ")
    return text


def render_found(found: list[Found]) -> RenderableType:
    """Traces that a search has found, one per line."""
    if not found:
        return Text("There are none.")
    table = Table(box=None, pad_edge=False)
    table.add_column("upload", overflow="fold")
    table.add_column("ms", justify="right", no_wrap=True)
    table.add_column("workflow", overflow="fold")
    table.add_column("status", overflow="fold")
    table.add_column("start", no_wrap=True)
    for each in found:
        statuses = [status for status in each.statuses if status != "RECEIVED"] or each.statuses
        table.add_row(
            escape(", ".join(each.uploads)),
            f"{each.seconds * _SECONDS_IN_MS:.0f}",
            escape(", ".join(each.workflows)),
            escape(" ".join([*statuses, *each.reasons])),
            each.start.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
        )
    return table
