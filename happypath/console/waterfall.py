"""A trace as a picture: a bar for each piece of work, by when it ran and what its time went into."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from markupsafe import Markup

from happypath.console.graph import text
from happypath.console.templating import lasting, visible
from happypath.operations.trace import Kind
from happypath.operations.waterfall import Row

_ROW, _BAR, _HEAD = 22.0, 12.0, 26.0
_LABEL, _BARS, _TIME = 250.0, 330.0, 60.0
_INDENT, _SIZE = 10.0, 11.5
_TICKS = 4
_CSS = {
    Kind.REKOGNITION: "rekognition",
    Kind.S3: "s3",
    Kind.DYNAMODB: "dynamodb",
    Kind.IMAGE: "image",
    Kind.OVERHEAD: "overhead",
}
# How time is named in the legend, in its order.
LEGEND = [(css, kind.value) for kind, css in _CSS.items()]


def render(rows: Sequence[Row], title: str) -> Markup:
    """The waterfall of some lines as SVG; nothing for none."""
    if not rows:
        return Markup("")
    began = min(row.node.start for row in rows)
    total = max(max(row.node.end for row in rows) - began, 0.001)
    width, height = _LABEL + _BARS + _TIME, _HEAD + _ROW * len(rows) + 6
    root = ET.Element(
        "svg",
        {
            "class": "waterfall",
            "role": "img",
            "aria-label": visible(title),
            "width": f"{width:.0f}",
            "height": f"{height:.0f}",
            "viewBox": f"0 0 {width:.0f} {height:.0f}",
        },
    )
    for tick in range(_TICKS + 1):
        x = _LABEL + _BARS * tick / _TICKS
        ET.SubElement(root, "path", {"class": "tick", "d": f"M{x:.1f} {_HEAD - 6:.1f}V{height:.1f}"})
        _text(root, lasting(total * tick / _TICKS), x, 14, "middle" if tick else "start")
    for number, row in enumerate(rows):
        _row(root, row, _HEAD + _ROW * number, began, total)
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704  # ElementTree has escaped all


def _row(root: ET.Element, row: Row, y: float, began: float, total: float) -> None:
    node = row.node
    seconds = node.end - node.start
    group = ET.SubElement(root, "g", {"class": "failed" if node.failed else ""})
    said = f"{row.label}: {lasting(seconds)}, after {lasting(node.start - began)}"
    ET.SubElement(group, "title").text = visible(f"{said}. {node.problem}" if node.problem else said)
    indent = min(row.depth, 8) * _INDENT
    _text(group, _shortened(row.label, _LABEL - indent - 12), 4 + indent, y + 15, "start")
    x = _LABEL + _BARS * (node.start - began) / total
    width = max(2.0, _BARS * seconds / total)
    bar = {"x": f"{min(x, _LABEL + _BARS - width):.1f}", "y": f"{y + 5:.1f}", "width": f"{width:.1f}"}
    css = "failed" if node.failed else _CSS[node.kind or Kind.OVERHEAD]
    ET.SubElement(group, "rect", {"class": f"bar {css}", **bar, "height": f"{_BAR:g}", "rx": "2"})
    _text(group, lasting(seconds), _LABEL + _BARS + 8, y + 15, "start")


def _text(parent: ET.Element, line: str, x: float, y: float, anchor: str) -> None:
    attributes = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": f"{_SIZE:g}", "text-anchor": anchor}
    ET.SubElement(parent, "text", attributes).text = visible(line)


def _shortened(given: str, at_most: float) -> str:
    """A name that is too long with an ellipsis in its middle; all of it is in the title."""
    kept = len(given)
    short = given
    while kept > 2 and text.width(short, _SIZE) > at_most:
        kept -= 1
        short = f"{given[: (kept + 1) // 2]}…{given[len(given) - kept // 2 :]}"
    return short
