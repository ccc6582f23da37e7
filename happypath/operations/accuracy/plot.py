"""The errors by threshold as a picture: SVG without scripts, readable on a light and on a dark page.

It is built as a tree of elements, so that no name can be anything but text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.etree import ElementTree as ET

from happypath.operations.accuracy.curve import Errors, Step
from happypath.operations.accuracy.interval import Share
from happypath.operations.accuracy.report import OfThreshold

_WIDTH, _HEIGHT = 760.0, 318.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 62.0, 20.0, 62.0, 50.0
_ACROSS, _UP = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
# Both kinds of error, told apart by their lines as well as by their colours.
_KINDS: tuple[tuple[str, str, Callable[[Errors], Share]], ...] = (
    ("acceptances", "false acceptances, of {of} to be refused", lambda errors: errors.false_acceptances),
    ("refusals", "false refusals, of {of} to be accepted", lambda errors: errors.false_refusals),
)
_STYLE = """
.curves {
  --text: #15191b; --quiet: #566067; --line: #dfe3e6; --ground: #ffffff; --bad: #a91d2b; --busy: #1652a5;
}
@media (prefers-color-scheme: dark) {
  .curves {
    --text: #e9edef; --quiet: #a3aeb5; --line: #2c3439; --ground: #181d20; --bad: #ff9a9f; --busy: #93c0ff;
  }
}
"""
# What no XML document can hold, and what turns or hides the text around it.
_UNSEEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u200b-\u200f\u202a-\u202e]"
)
# The same rules alone and in the console, whose own colours have these names.
RULES = """
.curves { display: block; width: 100%; max-width: 760px; height: auto; }
.curves text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: var(--quiet); }
.curves .title { font-size: 15px; font-weight: 600; fill: var(--text); }
.curves .ground { fill: var(--ground); }
.curves .grid { stroke: var(--line); }
.curves .today { stroke: var(--text); stroke-dasharray: 2 3; }
.curves .said { fill: var(--text); }
.curves .curve { fill: none; stroke-width: 2.25; }
.curves .band { fill-opacity: .14; }
.curves .curve.acceptances { stroke: var(--bad); }
.curves .band.acceptances { fill: var(--bad); }
.curves .curve.refusals { stroke: var(--busy); stroke-dasharray: 7 4; }
.curves .band.refusals { fill: var(--busy); }
"""


def svg(shown: Sequence[OfThreshold], title: str) -> str:
    """A file of its own, with a panel for each threshold."""
    root = _picture(shown, title)
    ET.register_namespace("", "http://www.w3.org/2000/svg")
    root.set("xmlns", "http://www.w3.org/2000/svg")
    style = ET.Element("style")
    style.text = _STYLE + RULES
    root.insert(0, style)
    # The page that shows it may be of another colour than the reader's.
    root.insert(1, _element("rect", "ground", width="100%", height="100%"))
    ET.indent(root, "")
    return f"{ET.tostring(root, encoding='unicode')}\n"


def inline(shown: Sequence[OfThreshold], title: str) -> str:
    """The same for a page that has its rules, and the colours that they name."""
    return ET.tostring(_picture(shown, title), encoding="unicode")


def _picture(shown: Sequence[OfThreshold], title: str) -> ET.Element:
    height = _HEIGHT * max(1, len(shown))
    root = _element(
        "svg",
        "curves",
        width=_WIDTH,
        height=height,
        viewBox=f"0 0 {_number(_WIDTH)} {_number(height)}",
        role="img",
    )
    root.set("aria-label", _text(title))
    for number, each in enumerate(shown):
        panel = ET.SubElement(root, "g", transform=f"translate(0 {_number(number * _HEIGHT)})")
        _draw(panel, each)
    return root


def _draw(panel: ET.Element, shown: OfThreshold) -> None:
    most = shown.threshold.most

    def x(threshold: float) -> float:
        return _LEFT + _ACROSS * threshold / most

    panel.append(_word(_LEFT, 22, shown.threshold.name, "title"))
    for tenth in range(0, 11, 2):
        at = _y(tenth / 10)
        panel.append(_line("grid", _LEFT, at, _WIDTH - _RIGHT, at))
        panel.append(_word(_LEFT - 8, at + 4, f"{10 * tenth} %", anchor="end"))
        across = most * tenth / 10
        panel.append(_word(x(across), _HEIGHT - _BOTTOM + 20, f"{across:g}", anchor="middle"))
    panel.append(_word(_LEFT + _ACROSS / 2, _HEIGHT - _BOTTOM + 40, "threshold", anchor="middle"))
    steps, at = shown.steps, _LEFT
    for kind, said, share in _KINDS:
        counted = share(steps[0].errors).of
        panel.append(_line(f"curve {kind}", at, 42, at + 26, 42))
        panel.append(_word(at + 33, 46, said.format(of=counted)))
        at += _ACROSS / 2
        if counted:
            panel.append(_element("path", f"band {kind}", d=_band(steps, share, x)))
            panel.append(_element("path", f"curve {kind}", d=_curve(steps, share, x)))
    for threshold in shown.threshold.today:
        panel.append(_line("today", x(threshold), _TOP, x(threshold), _TOP + _UP))
        # Beside the line, on the side where there is more room.
        right = threshold < most / 2
        panel.append(
            _word(
                x(threshold) + (5 if right else -5),
                _TOP + 14,
                f"today {threshold:g}",
                "said",
                "start" if right else "end",
            )
        )


def _y(rate: float) -> float:
    return _TOP + _UP * (1 - rate)


def _curve(steps: Sequence[Step], share: Callable[[Errors], Share], x: Callable[[float], float]) -> str:
    rates = [share(step.errors).rate or 0.0 for step in steps]
    return "M" + " L".join(_points(steps, rates, x))


def _band(steps: Sequence[Step], share: Callable[[Errors], Share], x: Callable[[float], float]) -> str:
    lows, highs = zip(*(share(step.errors).interval for step in steps), strict=True)
    there = list(_points(steps, highs, x))
    back = list(_points(steps, lows, x))
    return f"M{' L'.join([*there, *reversed(back)])} Z"


def _points(steps: Sequence[Step], rates: Sequence[float], x: Callable[[float], float]) -> list[str]:
    """The corners of stairs."""
    return [
        f"{_number(x(end))} {_number(_y(rate))}"
        for step, rate in zip(steps, rates, strict=True)
        for end in (step.above, step.until)
    ]


def _element(name: str, css: str, **attributes: float | str) -> ET.Element:
    made = ET.Element(name, {"class": css})
    for attribute, value in attributes.items():
        made.set(attribute, value if isinstance(value, str) else _number(value))
    return made


def _line(css: str, left: float, top: float, right: float, bottom: float) -> ET.Element:
    return _element("line", css, x1=left, y1=top, x2=right, y2=bottom)


def _word(left: float, top: float, text: str, css: str = "", anchor: str = "start") -> ET.Element:
    made = _element("text", css, x=left, y=top)
    made.set("text-anchor", anchor)
    made.text = _text(text)
    return made


def _text(text: str) -> str:
    return _UNSEEN.sub("�", text)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
