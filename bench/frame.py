"""What benchmarks share: taking turns, and what is told of the times."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

# One round of a contender: does its work once, and returns what it took, in one unit for all.
Contender: TypeAlias = Callable[[], float]


@dataclass(frozen=True)
class Bar:
    """What is to be reached, and what was: at most a limit, or at least one."""

    what: str
    limit: float
    reached: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.reached >= self.limit if self.at_least else self.reached <= self.limit


@dataclass(frozen=True)
class Table:
    """Rows under columns; numbers are shown to the decimals of their size."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float]]


@dataclass(frozen=True)
class Chart:
    """Horizontal bars: for each label one of each series, with a line at a value that matters."""

    title: str
    unit: str
    series: Sequence[str]
    rows: Sequence[tuple[str, Sequence[float]]]
    line: tuple[float, str] | None = None


@dataclass(frozen=True)
class Result:
    """What a benchmark found. `about` says how it was measured; `data` is for other programs."""

    about: str
    bars: Sequence[Bar] = ()
    tables: Sequence[Table] = ()
    chart: Chart | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON has it; `Result.of` reads it back."""
        shown = asdict(self)
        for bar, each in zip(shown["bars"], self.bars, strict=True):
            bar["met"] = each.met
        return shown

    @classmethod
    def of(cls, shown: Mapping[str, Any]) -> Result:
        """A result read back."""
        bars = [Bar(**{name: value for name, value in bar.items() if name != "met"}) for bar in shown["bars"]]
        chart = shown["chart"]
        return cls(
            shown["about"],
            bars,
            [Table(**table) for table in shown["tables"]],
            Chart(**chart) if chart else None,
            shown["data"],
        )


def timed(work: Callable[[], object]) -> Contender:
    """A contender that does its work here; in milliseconds of wall time."""

    def contender() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    return contender


def cpu(work: Callable[[], object]) -> Contender:
    """A contender that does its work here; in milliseconds of the process's CPU time."""

    def contender() -> float:
        started = time.process_time()
        work()
        return (time.process_time() - started) * 1000

    return contender


def interleaved(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """What each contender took in each round.

    A first round is not counted. All take part in each, and each round another begins, so that no contender
    has the quieter half of the time.
    """
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    order = list(contenders)
    for number in range(-1, rounds):
        for name in order:
            value = contenders[name]()
            if number >= 0:
                taken[name].append(value)
        order.append(order.pop(0))
    return taken


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of what ours took for each unit of theirs."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def spread(values: Sequence[float]) -> str:
    """The median, and between which values half of all lie.

    >>> spread([1.0, 2.0, 3.0, 4.0, 10.0])
    '3.00 (2.00 to 4.00)'
    """
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{number(middle)} ({number(low)} to {number(high)})"


def number(value: float) -> str:
    """A number to three digits or so.

    >>> number(0.4567), number(12.34), number(1234.5)
    ('0.46', '12.3', '1234')
    """
    size = abs(value)
    return f"{value:.2f}" if size < 10 else f"{value:.1f}" if size < 100 else f"{value:.0f}"


def progress(text: str) -> None:
    """Says on standard error what is going on."""
    print(text, file=sys.stderr, flush=True)
