"""What was found, where people read it: bench/results.json, and the pages of docs/generated/."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.frame import Bar, Result, Table, number
from bench.plot import svg
from happypath.project import ROOT

RESULTS = ROOT / "bench" / "results.json"
_FOLDER = ROOT / "docs" / "generated"
PAGE = _FOLDER / "performance.md"
# Of benchmarks that are about something else than speed, and measure nothing on this machine.
OWN_PAGES = {"scaling": _FOLDER / "scaling.md"}
CHARTS = _FOLDER / "performance"


def kept() -> dict[str, Any]:
    """The results of earlier runs, by benchmark."""
    if not RESULTS.exists():
        return {}
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return found


def keep(results: Mapping[str, Result]) -> None:
    """Writes results of this run into the file, in the place of earlier ones of the same benchmarks."""
    machine = {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    fresh = {name: {"machine": machine, **result.as_json()} for name, result in results.items()}
    RESULTS.write_text(json.dumps({**kept(), **fresh}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write(order: list[str]) -> None:
    """Writes the pages of all results, and their charts beside them."""
    everything = kept()
    results = {name: Result.of(_without_machine(everything[name])) for name in order if name in everything}
    CHARTS.mkdir(parents=True, exist_ok=True)
    for name, result in results.items():
        if result.chart:
            (CHARTS / f"{name}.svg").write_text(svg(result.chart), encoding="utf-8")
    measured = {name: result for name, result in results.items() if name not in OWN_PAGES}
    machines = {json.dumps(everything[name]["machine"], sort_keys=True) for name in measured}
    sections = [line for name, result in measured.items() for line in ("", *_section(name, result))]
    _write(PAGE, "Performance", [*_machines(machines), "", *_bars(measured), *sections])
    for name, page in OWN_PAGES.items():
        if name in results:
            # Its title is the page's.
            section = list(_section(name, results[name]))[2:]
            _write(page, "Many uploads", [*section, "", *_bars({name: results[name]})])


def _write(page: Path, title: str, lines: list[str]) -> None:
    """Replaces a page."""
    origin = f"Written by `scripts/bench`. [What they mean](../{page.name})."
    page.write_text("\n".join([f"# {title}: the figures", "", origin, "", *lines, ""]), encoding="utf-8")


def shown(bars: Mapping[str, Result]) -> str:
    """The bars of results, for a terminal."""
    return "\n".join(
        f"{'ok  ' if bar.met else 'MISS'} {name}: {bar.what}: {number(bar.reached)} ({_limit(bar)})"
        for name, result in bars.items()
        for bar in result.bars
    )


def tables(result: Result) -> str:
    """The tables of a result, for a terminal."""
    return "\n\n".join("\n".join(_table(table)) for table in result.tables)


def _without_machine(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "machine"}


def _machines(machines: set[str]) -> Iterator[str]:
    for each in sorted(machines):
        machine = json.loads(each)
        yield (
            f"Measured on {machine['processors']} {machine['architecture']} processors, {machine['system']}, "
            f"Python {machine['python']}."
        )


def _bars(results: Mapping[str, Result]) -> Iterator[str]:
    yield "| benchmark | what | bar | reached | |"
    yield "| --- | --- | --- | --- | --- |"
    for name, result in results.items():
        for bar in result.bars:
            mark = "✓" if bar.met else "**missed**"
            yield f"| {_titled(name)} | {bar.what} | {_limit(bar)} | {number(bar.reached)} | {mark} |"


def _limit(bar: Bar) -> str:
    return f"{'at least' if bar.at_least else 'at most'} {number(bar.limit)}"


def _section(name: str, result: Result) -> Iterator[str]:
    yield f"### {_titled(name)}"
    yield ""
    yield result.about
    if result.chart:
        yield ""
        yield f"![{result.chart.title}](performance/{name}.svg)"
    for table in result.tables:
        yield ""
        yield from _table(table)


def _table(table: Table) -> Iterator[str]:
    yield f"**{table.title}**"
    yield ""
    yield "| " + " | ".join(table.columns) + " |"
    yield "| --- " + "| ---: " * (len(table.columns) - 1) + "|"
    for row in table.rows:
        yield "| " + " | ".join(number(cell) if isinstance(cell, float) else str(cell) for cell in row) + " |"


def _titled(name: str) -> str:
    return name.replace("_", " ").capitalize()
