"""A trace for a person at a terminal: what ran when, for how long, and where the time went."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from happypath.operations.trace import Found, Kind, Trace
from happypath.operations.waterfall import rows

_COLOURS = {
    Kind.REKOGNITION: "magenta",
    Kind.S3: "green",
    Kind.DYNAMODB: "blue",
    Kind.IMAGE: "cyan",
    Kind.OVERHEAD: "bright_black",
}
_BAR_WIDTH = 40
# Blocks of an eighth of a column each.
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SECONDS_IN_MS = 1000


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
