"""A drawing as SVG: classes and no inline styles, each state a link that the keyboard reaches.

It is built as a tree of elements, so that no text of a definition can be anything but text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol
from xml.etree import ElementTree as ET

from markupsafe import Markup

from happypath.console.graph import text
from happypath.console.graph.definition import START, Edge, EdgeKind
from happypath.console.graph.drawing import (
    CUT,
    FOLD_ROOM,
    LABEL_LINE,
    LABEL_SIZE,
    NAME_LINE,
    NAME_SIZE,
    SMALL_LINE,
    SMALL_SIZE,
    Drawing,
    DrawnEdge,
    DrawnNode,
    DrawnPart,
)
from happypath.console.graph.layered import Box, Stop
from happypath.console.templating import STATIC, visible

# What the picture looks like, on the page and alone.
STYLE = STATIC / "graph.css"
_MARGIN = 10.0
_ARROW = 7.0


class Shown(Protocol):
    """What an overlay says of one state."""

    @property
    def css(self) -> str:
        """Its classes; the first is its status."""

    @property
    def word(self) -> str:
        """Its status in words."""

    @property
    def notes(self) -> Sequence[str]:
        """For the line in its box: attempts, time. What there is no room for is left out from the end."""


@dataclass(frozen=True)
class Overlay:
    """What is drawn over a graph: by a state's name, and by an edge how often it was gone."""

    states: Mapping[str, Shown] = field(default_factory=dict)
    taken: Mapping[Edge, int] = field(default_factory=dict)
    # More words for an edge: the rule that matched.
    why: Mapping[Edge, str] = field(default_factory=dict)
    # More classes of an edge.
    css: Mapping[Edge, str] = field(default_factory=dict)
    # What is to be said of the states that are not among `states`.
    others: str = "not reached"


@dataclass(frozen=True)
class Links:
    """Where a state leads, and what folds and unfolds one; None: nothing does."""

    state: Callable[[str], str] | None = None
    fold: Callable[[str, bool], str] | None = None


def render(
    drawing: Drawing,
    title: str,
    *,
    overlay: Overlay | None = None,
    links: Links | None = None,
    selected: str | None = None,
    alone: bool = False,
) -> Markup:
    """The SVG. `alone` makes it a document with its own style."""
    width, height = drawing.width + 2 * _MARGIN, drawing.height + 2 * _MARGIN
    root = ET.Element(
        "svg",
        {
            "class": "graph" if overlay is None else "graph overlaid",
            "role": "group",
            "aria-label": visible(title),
            "width": f"{width:.0f}",
            "height": f"{height:.0f}",
            "viewBox": f"{-_MARGIN:g} {-_MARGIN:g} {width:.1f} {height:.1f}",
            **({"xmlns": "http://www.w3.org/2000/svg"} if alone else {}),
        },
    )
    _add(root, "title").text = visible(title)
    if alone:
        _add(root, "style").text = STYLE.read_text(encoding="utf-8")
    _Writer(overlay, links or Links(), selected).drawing(root, drawing)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n' if alone else ""
    return Markup(head + ET.tostring(root, encoding="unicode"))  # noqa: S704  # ElementTree has escaped all


class _Writer:
    def __init__(self, overlay: Overlay | None, links: Links, selected: str | None) -> None:
        self._overlay = overlay
        self._links = links
        self._selected = selected

    def drawing(self, parent: ET.Element, drawing: Drawing) -> None:
        """Edges first: they end at nodes, which lie over them. Those taken lie over those that were not."""
        there: set[tuple[EdgeKind, str, Stop, Stop]] = set()
        for edge in sorted(drawing.edges, key=self._times):
            self._edge(parent, edge, there)
        for edge in drawing.edges:
            self._label(parent, edge)
        for node in drawing.nodes:
            self._node(parent, node)

    def _times(self, drawn: DrawnEdge) -> int:
        return self._overlay.taken.get(drawn.edge, 0) if self._overlay else 0

    def _edge(
        self, parent: ET.Element, drawn: DrawnEdge, there: set[tuple[EdgeKind, str, Stop, Stop]]
    ) -> None:
        """The line of an edge; of one that nobody has gone only what no other of its kind has drawn: dashes
        upon dashes are a solid line.
        """
        times = self._times(drawn)
        new = len(drawn.stops)
        for number, (stop, after) in enumerate(pairwise(drawn.stops)):
            segment = (drawn.edge.kind, drawn.edge.target, stop, after)
            if segment in there and not times:
                new = min(new, number + 1)
            there.add(segment)
        more = self._overlay.css.get(drawn.edge) if self._overlay else None
        css = ["edge", str(drawn.edge.kind), *(["taken"] if times else []), *filter(None, [more])]
        group = _add(parent, "g", " ".join(css))
        why = self._overlay.why.get(drawn.edge) if self._overlay else None
        said = ", ".join(filter(None, (why or drawn.edge.words, f"{times} times" if times > 1 else "")))
        if said:
            _add(group, "title").text = visible(said)
        line, arrow = _loop(drawn.loop) if drawn.loop else _path(drawn, new)
        _add(group, "path", "line", d=line)
        if arrow:
            _add(group, "path", "arrow", d=arrow)

    def _label(self, parent: ET.Element, drawn: DrawnEdge) -> None:
        if drawn.label_box is None:
            return
        box = drawn.label_box
        css = "label" + (" taken" if self._times(drawn) else "") + f" {drawn.edge.kind}"
        group = _add(parent, "g", css)
        _add(group, "rect", "paper", **_rectangle(box))
        for number, line in enumerate(drawn.label, 1):
            _text(group, line, box.centre, box.y + LABEL_LINE * number - 2.5, LABEL_SIZE, centred=True)

    def _node(self, parent: ET.Element, drawn: DrawnNode) -> None:
        state = drawn.state
        if state is None:
            _terminal(parent, drawn)
            return
        shown = self._overlay.states.get(state.name) if self._overlay else None
        is_selected = state.name == self._selected
        kind = state.type.lower() if state.type.isascii() and state.type.isalpha() else "unknown"
        status = shown.word if shown else (self._overlay.others if self._overlay else "")
        said = ", ".join(filter(None, (state.name, state.does, status, *(shown.notes if shown else ()))))
        about = visible(f"{said}. {state.comment}" if state.comment else said)
        css = ["state", f"type-{kind}", *(["selected"] if is_selected else [])]
        if self._overlay:
            css.append(shown.css if shown else "not-reached")
        group = _add(parent, "g" if self._links.state is None else "a", " ".join(css))
        if self._links.state is not None:
            group.set("href", self._links.state(state.name))
            group.set("data-state", visible(state.name))
            if is_selected:
                group.set("aria-current", "true")
        _add(group, "title").text = about
        self._inside(group, drawn, shown)
        self._fold(parent, drawn)
        for part in drawn.parts:
            self._part(parent, part)

    def _inside(self, group: ET.Element, drawn: DrawnNode, shown: Shown | None) -> None:
        box = drawn.box
        _shape(group, drawn)
        x, y = drawn.text_x, box.y + 9.0
        for number, line in enumerate(drawn.name, 1):
            _text(group, line, x, y + NAME_LINE * number - 4.5, NAME_SIZE, "name")
        y += NAME_LINE * len(drawn.name)
        for number, line in enumerate(drawn.small, 1):
            _text(group, line, x, y + SMALL_LINE * number - 3.5, SMALL_SIZE, "does")
        if shown and drawn.note_at is not None:
            note = _fitting(shown.notes, box.right - x - 6.0)
            _text(group, note, x, drawn.note_at + 0.5, SMALL_SIZE, "note")
        if self._overlay is not None and drawn.note_at is not None:
            at = f"translate({x - 15.0:.1f} {box.y + 18.0:.1f})"
            mark = _add(group, "g", "mark", transform=at)
            _add(mark, "circle", r="8")
            if sign := _SIGNS.get(shown.css.partition(" ")[0] if shown else ""):
                _add(mark, "path", d=sign)

    def _fold(self, parent: ET.Element, drawn: DrawnNode) -> None:
        state = drawn.state
        if state is None or not state.parts or self._links.fold is None:
            return
        x, y = drawn.box.right - FOLD_ROOM - 2.0, drawn.box.y + 5.0
        label = visible(f"{'Unfold' if drawn.is_folded else 'Fold'} {state.name}")
        link = _add(parent, "a", "fold", href=self._links.fold(state.name, not drawn.is_folded))
        _add(link, "title").text = label
        _add(link, "rect", **_rectangle(Box(x, y, 24.0, 24.0)), rx="5")
        upright = f"M{x + 12:.1f} {y + 7:.1f}v10" if drawn.is_folded else ""
        _add(link, "path", d=f"M{x + 7:.1f} {y + 12:.1f}h10{upright}")

    def _part(self, parent: ET.Element, part: DrawnPart) -> None:
        x, y = part.origin
        group = _add(parent, "g", "part", role="group")
        group.set("aria-label", visible(part.part.name))
        _add(group, "rect", **_rectangle(part.box), rx="8")
        _text(group, part.part.name, part.box.x + 10.0, part.box.y + 15.0, SMALL_SIZE, "does")
        self.drawing(_add(group, "g", transform=f"translate({x:.1f} {y:.1f})"), part.drawing)


def _add(parent: ET.Element, tag: str, css: str = "", **attributes: str) -> ET.Element:
    return ET.SubElement(parent, tag, {"class": css, **attributes} if css else attributes)


def _text(
    parent: ET.Element, line: str, x: float, y: float, size: float, css: str = "", *, centred: bool = False
) -> None:
    # Sizes are attributes, so that the picture is right without a style, too.
    element = _add(parent, "text", css, x=f"{x:.1f}", y=f"{y:.1f}")
    element.set("font-size", f"{size:g}")
    if centred:
        element.set("text-anchor", "middle")
    element.text = visible(line)


def _rectangle(box: Box) -> dict[str, str]:
    return {
        "x": f"{box.x:.1f}",
        "y": f"{box.y:.1f}",
        "width": f"{box.width:.1f}",
        "height": f"{box.height:.1f}",
    }


def _fitting(notes: Sequence[str], at_most: float) -> str:
    """As many of the notes, in one line, as there is room for."""
    lines = (", ".join(notes[:number]) for number in range(len(notes), 0, -1))
    return next((line for line in lines if text.width(line, SMALL_SIZE) <= at_most), "")


def _terminal(parent: ET.Element, drawn: DrawnNode) -> None:
    box = drawn.box
    group = _add(parent, "g", f"terminal {drawn.node}")
    _add(group, "rect", **_rectangle(box), rx=f"{box.height / 2:g}")
    word = "Start" if drawn.node == START else "End"
    _text(group, word, box.centre, box.y + box.height / 2 + 4.0, LABEL_SIZE, centred=True)


def _shape(group: ET.Element, drawn: DrawnNode) -> None:
    """The outline, by the state's type: a Choice has cut corners, an end is round."""
    box, kind = drawn.box, drawn.state.type if drawn.state else ""
    if kind == "Choice":
        inner, outer, middle = box.x + CUT, box.right - CUT, box.y + box.height / 2
        path = (
            f"M{inner:.1f} {box.y:.1f}H{outer:.1f}L{box.right:.1f} {middle:.1f}L{outer:.1f} {box.bottom:.1f}"
            f"H{inner:.1f}L{box.x:.1f} {middle:.1f}Z"
        )
        _add(group, "path", "outline", d=path)
        return
    if drawn.is_folded:
        _add(group, "rect", "stacked", **_rectangle(box.moved(4.0, 4.0)), rx="7")
    rx = min(18.0, box.height / 2) if kind in ("Succeed", "Fail") else 7.0
    _add(group, "rect", "outline", **_rectangle(box), rx=f"{rx:g}")


# By status, within a circle of radius 8.
_SIGNS = {
    "succeeded": "M-3.6 .2L-1 2.8L3.8-2.6",
    "failed": "M-3-3L3 3M3-3L-3 3",
    "timed-out": "M0-4V.4L2.8 2.2",
    "caught": "M0-4V1M0 3.6V4",
    "aborted": "M-2.6-2.6h5.2v5.2h-5.2z",
    "running": "M-3.4 0h.01M0 0h.01M3.4 0h.01",
    "added": "M-4 0h8M0-4v8",
    "gone": "M-4 0h8",
    "changed": "M-3-1.5h6M-3 1.5h6",
}


def _path(drawn: DrawnEdge, stops_drawn: int) -> tuple[str, str]:
    """The line of an edge, and its arrow head: at the lower end, or at the upper end of one that leads up.
    One that joins another after so many stops has none.
    """
    stops = drawn.stops[:stops_drawn]
    ends = len(stops) == len(drawn.stops)
    first, last = stops[0], stops[-1]
    top = first.top + (_ARROW if drawn.leads_up else 0.0)
    bottom = last.bottom - (0.0 if drawn.leads_up else _ARROW) if ends else last.top
    pieces = [f"M{first.x:.1f} {top:.1f}V{max(top, first.bottom):.1f}"]
    x, y = first.x, first.bottom
    for stop in stops[1:]:
        end = min(stop.top, bottom) if stop is last else stop.top
        if abs(stop.x - x) < 0.05:
            pieces.append(f"V{end:.1f}")
        else:
            middle = (y + end) / 2
            pieces.append(f"C{x:.1f} {middle:.1f} {stop.x:.1f} {middle:.1f} {stop.x:.1f} {end:.1f}")
        y = bottom if stop is last else stop.bottom
        if y > end:
            pieces.append(f"V{y:.1f}")
        x = stop.x
    if not ends:
        return "".join(pieces), ""
    tip, along = (first, first.top) if drawn.leads_up else (last, last.bottom)
    back = 8 if drawn.leads_up else -8
    return "".join(pieces), f"M{tip.x:.1f} {along:.1f}l-4 {back}h8z"


def _loop(box: Box) -> tuple[str, str]:
    """The line beside a node that leads back to it, and its head."""
    x, above, below = box.right, box.y + box.height / 3, box.y + box.height * 2 / 3
    line = f"M{x:.1f} {below:.1f}c24 10 24 {above - below - 10:.1f} {_ARROW:.1f} {above - below:.1f}"
    return line, f"M{x:.1f} {above:.1f}l8-4v8z"
