"""Where the nodes, edges and texts of a graph are; what is in a Parallel or Map state is inside its box."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from happypath.console.graph import text
from happypath.console.graph.definition import END, START, Edge, EdgeKind, Graph, Part, State, node_of
from happypath.console.graph.layered import Box, Layout, Link, Size, Stop, layout

NAME_SIZE, SMALL_SIZE, LABEL_SIZE = 13.0, 10.5, 11.0
NAME_LINE, SMALL_LINE, LABEL_LINE = 17.0, 14.0, 14.0
# Of a state's box: room at the left for the mark of its status, and at the right.
MARK_ROOM, _RIGHT = 32.0, 14.0
_ABOVE = 9.0
_LEAST_WIDTH, _MOST_TEXT = 150.0, 205.0
_LABEL_TEXT, _LABEL_PADDING = 195.0, 4.0
_TERMINAL = (64.0, 24.0)
# The corners of a Choice.
CUT = 10.0
_PADDING = 14.0
PART_HEAD = 22.0
FOLD_ROOM = 26.0
# A link from a node to itself: beside its node.
_LOOP = 30.0
# Larger parts are folded until they are asked for.
_MOST_UNFOLDED = 14
_WEIGHTS = {EdgeKind.START: 3.0, EdgeKind.NEXT: 3.0, EdgeKind.RULE: 2.0}
_BUNDLED = frozenset({EdgeKind.CATCH, EdgeKind.DEFAULT, EdgeKind.END})


@dataclass(frozen=True)
class DrawnPart:
    """A part of a Parallel or Map state, in a box of its own. Its drawing begins at `origin`."""

    part: Part
    box: Box
    drawing: Drawing
    origin: tuple[float, float]


@dataclass(frozen=True)
class DrawnNode:
    """A state, or START or END. A state whose parts are not drawn although it has some is folded."""

    node: str
    box: Box
    state: State | None = None
    name: tuple[str, ...] = ()
    small: tuple[str, ...] = ()
    # Where its texts begin.
    text_x: float = 0.0
    # The line for what an execution did with it is below; None where no room was asked for.
    note_at: float | None = None
    parts: tuple[DrawnPart, ...] = ()

    @property
    def is_folded(self) -> bool:
        """Whether there is more inside than is drawn."""
        return self.state is not None and bool(self.state.parts) and not self.parts


@dataclass(frozen=True)
class DrawnEdge:
    """An edge by the places through which it goes, from its source to its target, and its label."""

    edge: Edge
    stops: tuple[Stop, ...]
    leads_up: bool
    label: tuple[str, ...] = ()
    label_box: Box | None = None
    # Of an edge from a node to itself, the node's right side; it has no stops.
    loop: Box | None = None


@dataclass(frozen=True)
class Drawing:
    """A graph, or a part of one, from its upper left corner."""

    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    width: float
    height: float

    def all_nodes(self) -> Iterator[DrawnNode]:
        """The nodes, and those within them."""
        for node in self.nodes:
            yield node
            for part in node.parts:
                yield from part.drawing.all_nodes()

    def all_edges(self) -> Iterator[DrawnEdge]:
        """The edges, and those within the nodes."""
        yield from self.edges
        for node in self.nodes:
            for part in node.parts:
                yield from part.drawing.all_edges()


def folded_at_first(graph: Graph) -> frozenset[str]:
    """The names of the states that are folded unless somebody wants them open: those with much inside."""
    return frozenset(
        state.name
        for state in graph.all_states()
        if sum(1 for part in state.parts for _ in part.graph.all_states()) > _MOST_UNFOLDED
    )


def draw(graph: Graph, folded: Collection[str] = (), *, with_notes: bool = False) -> Drawing:
    """Lays out a graph. The states named in `folded` hide what is in them; `with_notes` leaves room
    for a line about an execution in each state.
    """
    parts: dict[str, tuple[list[tuple[Part, Drawing]], Size]] = {}
    sizes: dict[str, Size] = {START: _TERMINAL}
    for state in graph.states.values():
        node = node_of(state.name)
        sizes[node] = _text_size(state, with_notes=with_notes)
        if state.parts and state.name not in folded:
            inner = [(part, draw(part.graph, folded, with_notes=with_notes)) for part in state.parts]
            widths = [_part_width(part, drawing) for part, drawing in inner]
            tall = max(drawing.height for _, drawing in inner) + 2 * _PADDING + PART_HEAD
            wide = sum(widths) + _PADDING * (len(inner) + 1)
            parts[node] = (inner, (wide, tall))
            sizes[node] = (max(wide, sizes[node][0]), sizes[node][1] + tall + _PADDING)
    if any(edge.target == END for edge in graph.edges):
        sizes[END] = _TERMINAL
    labels = {edge.key: _label(edge) for edge in graph.edges}
    # What leads back to its own state is beside it, with labels one after the other.
    beside: dict[str, float] = {}
    loops: dict[str, float] = {}
    for edge in graph.edges:
        if edge.source == edge.target:
            loops[edge.key] = beside.setdefault(edge.source, _LOOP)
            if labels[edge.key]:
                width, height = _label_size(labels[edge.key])
                beside[edge.source] += width
                sizes[edge.source] = (sizes[edge.source][0], max(height, sizes[edge.source][1]))
    laid_out = layout(sizes, [_link(edge, labels[edge.key]) for edge in graph.edges], beside)
    states = {node_of(name): state for name, state in graph.states.items()}
    boxes = laid_out.boxes
    return Drawing(
        tuple(
            _node(states.get(node), node, box, parts.get(node), with_notes=with_notes)
            for node, box in boxes.items()
        ),
        tuple(_edge(edge, labels[edge.key], laid_out, loops.get(edge.key)) for edge in graph.edges),
        laid_out.width,
        laid_out.height,
    )


def _text_size(state: State, *, with_notes: bool) -> Size:
    name, small = _texts(state)
    lines = [text.width(line, NAME_SIZE, bold=True) for line in name] + [
        text.width(line, SMALL_SIZE) for line in small
    ]
    left = MARK_ROOM if with_notes else _RIGHT
    right = _RIGHT + (FOLD_ROOM if state.parts else 0.0) + (CUT if state.type == "Choice" else 0.0)
    width = max(_LEAST_WIDTH if with_notes else _LEAST_WIDTH - MARK_ROOM, left + max(lines) + right)
    height = 2 * _ABOVE + NAME_LINE * len(name) + SMALL_LINE * (len(small) + with_notes)
    return width, height


def _texts(state: State) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (
        tuple(text.lines(state.name, NAME_SIZE, _MOST_TEXT, bold=True)),
        tuple(text.lines(state.does, SMALL_SIZE, _MOST_TEXT)),
    )


def _part_width(part: Part, drawing: Drawing) -> float:
    return max(drawing.width, text.width(part.name, SMALL_SIZE)) + 2 * _PADDING


# Labels of edges that were gone are bold.
def _label(edge: Edge) -> tuple[str, ...]:
    return tuple(text.lines(edge.label, LABEL_SIZE, _LABEL_TEXT, bold=True)) if edge.label else ()


def _label_size(lines: tuple[str, ...]) -> Size:
    width = max(text.width(line, LABEL_SIZE, bold=True) for line in lines)
    return width + 2 * _LABEL_PADDING, LABEL_LINE * len(lines) + 4


def _link(edge: Edge, label: tuple[str, ...]) -> Link:
    return Link(
        edge.key,
        edge.source,
        edge.target,
        _label_size(label) if label else None,
        _WEIGHTS.get(edge.kind, 1.0),
        str(edge.kind) if edge.kind in _BUNDLED else None,
    )


def _node(
    state: State | None,
    node: str,
    box: Box,
    inner: tuple[list[tuple[Part, Drawing]], Size] | None,
    *,
    with_notes: bool,
) -> DrawnNode:
    if state is None:
        return DrawnNode(node, box)
    name, small = _texts(state)
    after = box.y + _ABOVE + NAME_LINE * len(name) + SMALL_LINE * len(small)
    drawn: list[DrawnPart] = []
    if inner:
        parts, (wide, tall) = inner
        x = box.x + (box.width - wide) / 2 + _PADDING
        y = after + _ABOVE + SMALL_LINE * with_notes
        for part, drawing in parts:
            part_box = Box(x, y, _part_width(part, drawing), tall)
            origin = (part_box.centre - drawing.width / 2, y + PART_HEAD + _PADDING)
            drawn.append(DrawnPart(part, part_box, drawing, origin))
            x = part_box.right + _PADDING
    note_at = after + SMALL_LINE - 4.0 if with_notes else None
    cut = CUT / 2 if state.type == "Choice" else 0.0
    text_x = box.x + cut + (MARK_ROOM if with_notes else _RIGHT)
    return DrawnNode(node, box, state, name, small, text_x, note_at, tuple(drawn))


def _edge(edge: Edge, label: tuple[str, ...], laid_out: Layout, loop: float | None) -> DrawnEdge:
    if loop is not None:
        box = laid_out.boxes[edge.source]
        beside = Box(box.right + loop, box.y, *_label_size(label)) if label else None
        return DrawnEdge(edge, (), leads_up=True, label=label, label_box=beside, loop=box)
    route = laid_out.routes[edge.key]
    return DrawnEdge(edge, route.stops, route.leads_up, label, route.label)
