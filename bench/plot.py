"""A chart as SVG: horizontal bars, readable on a light and on a dark page."""

from __future__ import annotations

from html import escape

from bench.frame import Chart, number

_WIDTH, _LABEL, _VALUE = 760, 190, 60
_BAR, _GAP, _TOP, _BOTTOM = 11, 7, 62, 34
_COLOURS = ("#2f81f7", "#8b949e", "#d29922")
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:14px}"
    ".line{stroke:#cf222e;stroke-dasharray:4 3}.axis{stroke:#8b949e}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
)


def svg(chart: Chart) -> str:
    """The chart as a file of its own."""
    group = len(chart.series) * _BAR + _GAP
    height = _TOP + len(chart.rows) * group + _BOTTOM
    most = max(
        [value for _, values in chart.rows for value in values] + ([chart.line[0]] if chart.line else [])
    )
    scale = (_WIDTH - _LABEL - _VALUE) / most
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(chart.title)}">'
        ),
        f"<style>{_STYLE}</style>",
        _text(8, 20, chart.title, "title"),
    ]
    for place, name in enumerate(chart.series):
        left = _LABEL + place * 130
        parts += [_bar(left, 34, 10, _COLOURS[place]), _text(left + 15, 43, name)]
    for row, (label, values) in enumerate(chart.rows):
        top = _TOP + row * group
        parts.append(_text(_LABEL - 8, top + len(values) * _BAR / 2 + 4, label, anchor="end"))
        for place, value in enumerate(values):
            at = top + place * _BAR
            parts.append(_bar(_LABEL, at, value * scale, _COLOURS[place]))
            parts.append(_text(_LABEL + value * scale + 4, at + _BAR - 1.5, number(value)))
    foot = height - _BOTTOM + 4
    parts.append(f'<line class="axis" x1="{_LABEL}" x2="{_LABEL}" y1="{_TOP - 6}" y2="{foot}"/>')
    if chart.line:
        value, name = chart.line
        across = _LABEL + value * scale
        parts.append(f'<line class="line" x1="{across:.1f}" x2="{across:.1f}" y1="{_TOP - 6}" y2="{foot}"/>')
        parts.append(_text(across, foot + 14, name, anchor="middle"))
    parts.append(_text(_LABEL, foot + 14, chart.unit))
    return "\n".join([*parts, "</svg>", ""])


def _bar(left: float, top: float, width: float, colour: str) -> str:
    return f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{_BAR - 2}" fill="{colour}"/>'


def _text(left: float, top: float, text: str, kind: str = "", anchor: str = "start") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
