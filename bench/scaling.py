"""What gives first when uploads come fast, and what a backlog costs and takes, by AWS's quotas and our files.

Nothing is measured here. What an upload needs is read from `statemachines/`, `templates/` and what
`happypath cost` reckons with (`usage.json`, `prices.json`), the quotas from `quotas.json`. `backlog.py`
simulates the waiting.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.backlog import PARCELS, Backlog, Ended, Retrier, simulate
from bench.frame import Bar, Result, Table, number, progress
from happypath.operations import cost
from happypath.operations.usage import Usage, load
from happypath.project import WORKFLOWS, template_of

QUOTAS = Path(__file__).with_name("quotas.json")
RATES = (10, 100, 1_000)
BACKLOGS = (2_000, 100_000, 1_000_000)
_REGIONS = ("large", "small")
# What Lambda raises where it, or what a function calls, throttles.
_THROTTLED = "ThrottledError"
_START = "StartExecution"
# The write units of an operation on one item of up to a kilobyte; in a transaction each costs twice as much.
_WRITE_UNITS = {"PutItem": 1, "UpdateItem": 1, "DeleteItem": 1, "TransactWriteItems": 2}
# Events in an execution's history for an attempt of a task: scheduled, started, failed.
_EVENTS_AN_ATTEMPT = 3


@dataclass(frozen=True)
class Need:
    """What one upload needs of what has a quota."""

    workflow: str
    path: Sequence[str]
    # The task that asks Rekognition, its operation, and the memory of its function.
    task: str
    operation: str
    memory_mb: int
    # By the names of the quotas.
    of: Mapping[str, float]
    # What `MaximumConcurrency` lets start in a second.
    starts_a_second: float
    concurrency: int
    batch: int
    retrier: Retrier


def quotas(path: Path = QUOTAS) -> dict[str, Any]:
    """Reads the data file."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def need(workflow: str, usage: Usage, assumed: Mapping[str, float]) -> Need:
    """What an upload needs that goes the longest way through a workflow on which Rekognition is asked."""
    machine = cost.read(workflow)

    def calls(function: str) -> Mapping[str, float]:
        return machine.usage_of(function, usage).requests

    def asked(way: Sequence[str]) -> list[tuple[str, str]]:
        return [
            (state, called)
            for state in way
            if state in machine.function_of
            for called in calls(machine.function_of[state])
            if called.startswith("rekognition:")
        ]

    path = max((way for way in machine.accepted if asked(way)), key=len)
    task, operation = asked(path)[0]
    functions = [machine.function_of[state] for state in path if state in machine.function_of]
    requests: dict[str, float] = defaultdict(float)
    for function in (_START, *functions):
        for called, times in calls(function).items():
            requests[called] += times

    def seconds(function: str) -> float:
        of_rekognition = sum(n for called, n in calls(function).items() if called.startswith("rekognition:"))
        others = sum(calls(function).values()) - of_rekognition
        return (
            machine.usage_of(function, usage).billed_ms / 1000
            + others * assumed["call_s"]
            + of_rekognition * assumed["rekognition_call_s"]
        )

    concurrency, batch = _intake()
    return Need(
        workflow=workflow,
        path=path,
        task=task,
        operation=operation.partition(":")[2],
        memory_mb=machine.memory_mb[machine.function_of[task]],
        of={
            "rekognition": requests[operation],
            "startExecution": requests["states:StartExecution"],
            "stateTransition": len(path),
            "lambdaConcurrency": sum(map(seconds, (_START, *functions))),
            "sqsPollers": seconds(_START),
            "partitionWrites": sum(
                _record_writes(name, times)
                for name, times in requests.items()
                if name.startswith("dynamodb:")
            ),
            # A consistent read of the record, of up to 4 KB.
            "partitionReads": requests["dynamodb:GetItem"],
        },
        starts_a_second=concurrency / seconds(_START),
        concurrency=concurrency,
        batch=batch,
        retrier=Retrier.of(machine.states[task], _THROTTLED),
    )


def _intake() -> tuple[int, int]:
    """How many batches StartExecution takes at once, and how many uploads are in one, by core's template."""
    core = template_of("core")
    (queue,) = (
        event["Properties"]
        for resource in core["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "SQS"
    )
    parameter = queue["ScalingConfig"]["MaximumConcurrency"]["Ref"]
    return int(core["Parameters"][parameter]["Default"]), int(queue["BatchSize"])


def _record_writes(called: str, times: float) -> float:
    """The write units in the partition of all records: of a transaction's two items one is the record."""
    operation = called.partition(":")[2]
    if operation == "TransactWriteItems":
        return times / 2 * _WRITE_UNITS["TransactWriteItems"]
    return times * _WRITE_UNITS.get(operation, 0)


def capacities(needed: Need, listed: Mapping[str, Any], region: str) -> dict[str, float]:
    """How many uploads a second each quota lets through, and core's MaximumConcurrency, the least first."""
    found = {name: listed["quotas"][name][region] / per_upload for name, per_upload in needed.of.items()}
    found["MaximumConcurrency"] = needed.starts_a_second
    return dict(sorted(found.items(), key=lambda item: item[1]))


def backlog(needed: Need, listed: Mapping[str, Any], region: str, uploads: int) -> Backlog:
    """So many uploads that come at once."""

    def quota(name: str) -> float:
        return float(listed["quotas"][name][region])

    starts = min(needed.starts_a_second, quota("startExecution"))
    transactions = quota("rekognition")
    # The states of those that get through, too, are transitions.
    through = min(starts, transactions) * needed.of["stateTransition"]
    return Backlog(uploads, starts, transactions, max(1.0, quota("stateTransition") - through))


@dataclass(frozen=True)
class Bill:
    """What a backlog costs, in US dollars: the uploads as ever, and the attempts that were throttled."""

    uploads: float
    attempts: float


def bill(needed: Need, ended: Ended, uploads: int, usage: Usage, throttled_s: float) -> Bill:
    """What it costs, without any free tier and without what an idle installation costs."""
    prices = cost.prices()
    whole, idle = (
        cost.bill(needed.workflow, count, 1.0, usage, prices, free_tier=False).total for count in (uploads, 0)
    )
    throttled = ended.attempts - uploads + ended.failed
    quantities = {
        "stateTransition": throttled,
        "lambdaRequest": throttled,
        "lambdaGbSecondArm": throttled * throttled_s * needed.memory_mb / 1024,
    }
    return Bill(
        whole - idle,
        sum(prices.by_name[name].of(quantity, free_tier=False) for name, quantity in quantities.items()),
    )


def run(_rounds: int, *, backlogs: Sequence[int] = BACKLOGS, parcels: int = PARCELS) -> Result:
    """Calculates and simulates; the result is the same every time."""
    listed, usage = quotas(), load()
    # The newest version: those stand before other workflows, in order.
    newest = [each for each in WORKFLOWS if each.removeprefix("v").isdecimal()][-1]
    needed = need(newest, usage, listed["assumed"])
    throttled_s = listed["assumed"]["throttled_s"]
    rows, bars = [], []
    ends: dict[tuple[int, str], tuple[Ended, Bill]] = {}
    for uploads in backlogs:
        for region in _REGIONS:
            progress(f"  scaling: {uploads} uploads at once, {listed['regions'][region]}")
            ended = simulate(backlog(needed, listed, region, uploads), needed.retrier, parcels=parcels)
            costs = bill(needed, ended, uploads, usage, throttled_s)
            ends[uploads, region] = ended, costs
            where = f"in {listed['regions'][region]}"
            rows.append(_row(f"{uploads:,} {where}", ended, costs, uploads, throttled_s))
            bars.append(Bar(f"{uploads:,} uploads at once {where}, FAILED", 0.0, ended.failed))
    return Result(
        about=_about(needed, listed, usage),
        bars=bars,
        tables=[
            _capacity_table(needed, listed),
            _rates_table(needed, listed),
            Table("Uploads that come at once", _COLUMNS, rows),
            _retriers_table(needed, listed, usage, max(backlogs), parcels),
        ],
        data={
            "workflow": needed.workflow,
            "failed": {f"{uploads} {region}": end.failed for (uploads, region), (end, _) in ends.items()},
        },
    )


def _about(needed: Need, listed: Mapping[str, Any], usage: Usage) -> str:
    assumed = listed["assumed"]
    retrier = needed.retrier
    return " ".join(
        (
            f"Calculated for the longest path of {needed.workflow} that publishes a photo",
            "and calls Rekognition:",
            f"{' → '.join(needed.path)}.",
            f"The functions' times and calls are those of {usage.about}.",
            f"Assumed are {assumed['call_s'] * 1000:g} ms more for each call to AWS,",
            f"{assumed['rekognition_call_s']:g} s for each call to Rekognition, and",
            f"{assumed['throttled_s']:g} s for a throttled invocation (boto3's own retry quota is used up",
            "after about fifty of them in a process).",
            f"Throttled calls are retried up to {retrier.max_attempts} times after",
            f"{retrier.interval_s:g} to {retrier.max_delay_s:g} s, with full jitter:",
            f"up to {_EVENTS_AN_ATTEMPT * (1 + retrier.max_attempts):,} of the",
            f"{listed['quotas']['historyEvents']['large']:,} events that an execution may have.",
            f"The quotas are those of {listed['date']}; `bench/quotas.json` has their sources.",
        )
    )


def _capacity_table(needed: Need, listed: Mapping[str, Any]) -> Table:
    by_region = {region: capacities(needed, listed, region) for region in _REGIONS}
    rows: list[list[str | float]] = []
    for name in by_region["small"]:
        if name == "MaximumConcurrency":
            what = f"core's `MaximumConcurrency`, batches of {needed.batch} at once"
            share, limits = 1 / needed.starts_a_second, [str(needed.concurrency)] * 2
        else:
            quota = listed["quotas"][name]
            what = f"[{quota['what']}]({quota['source']})"
            share, limits = needed.of[name], [f"{quota[region]:,}" for region in _REGIONS]
        row = [what, number(share), *limits]
        rows.append([*row, *(f"{by_region[region][name]:,.0f}" for region in _REGIONS)])
    names = [listed["regions"][region] for region in _REGIONS]
    return Table(
        "What an upload needs, and how many a second the quotas let through",
        ["what", "an upload a second needs", *names, *(f"uploads a second, {name}" for name in names)],
        rows,
    )


def _rates_table(needed: Need, listed: Mapping[str, Any]) -> Table:
    rows = []
    for rate in RATES:
        for region in _REGIONS:
            least = capacities(needed, listed, region)
            given = [_needed(needed, name, rate, listed) for name, most in least.items() if most < rate]
            first = next(iter(least))
            gives = f"{_short(first, listed)}, at {least[first]:,.0f}" if given else "nothing"
            rows.append([f"{rate:,} in {listed['regions'][region]}", gives, "; ".join(given) or "nothing"])
    return Table(
        "What gives first, and what is needed",
        ["uploads a second, sustained", "gives first, at so many", "needed"],
        rows,
    )


def _needed(needed: Need, name: str, rate: float, listed: Mapping[str, Any]) -> str:
    """What a rate needs of what gives."""
    if name not in needed.of:
        return f"`{name}` {-(-rate * needed.concurrency // needed.starts_a_second):.0f}"
    fixed = " (cannot be raised)" if "cannot be raised" in listed["quotas"][name]["what"] else ""
    return f"{_short(name, listed)} {rate * needed.of[name]:,.0f}{fixed}"


def _short(name: str, listed: Mapping[str, Any]) -> str:
    if name not in listed["quotas"]:
        return f"`{name}`"
    return str(listed["quotas"][name]["what"]).partition(",")[0].partition(" (")[0]


_COLUMNS = [
    "uploads",
    "all decided after",
    "FAILED",
    "attempts, mean",
    "most",
    "open at most",
    "attempts a second, at most",
    "throttled invocations at once",
    "uploads, USD",
    "throttled attempts, USD",
]


def _row(label: str, ended: Ended, costs: Bill, uploads: int, throttled_s: float) -> list[str]:
    return [
        label,
        _duration(ended.seconds),
        f"{ended.failed:,}",
        f"{ended.attempts / uploads:.1f}",
        f"{ended.most_attempts}",
        f"{ended.most_open:,}",
        f"{ended.most_attempts_a_second:,.0f}",
        f"{ended.most_attempts_a_second * throttled_s:,.0f}",
        f"{costs.uploads:,.2f}",
        f"{costs.attempts:,.2f}",
    ]


def _retriers_table(
    needed: Need, listed: Mapping[str, Any], usage: Usage, uploads: int, parcels: int
) -> Table:
    """The largest backlog with few transactions, by the quota of transitions, and where AWS has raised it."""
    rows = []
    slow = backlog(needed, listed, "small", uploads)
    raised = replace(slow, transitions_a_second=float(listed["quotas"]["stateTransition"]["burst"]["large"]))
    chosen = needed.retrier
    others = [
        chosen,
        *(replace(chosen, max_delay_s=delay_s) for delay_s in (900.0, 1800.0, 3600.0)),
        replace(chosen, max_attempts=1000),
        replace(chosen, max_delay_s=1800.0, max_attempts=1000),
    ]
    for retrier in dict.fromkeys(others):
        progress(f"  scaling: {retrier}")
        row: list[str] = [f"{retrier.max_delay_s:g} s, {retrier.max_attempts} times"]
        for each in (slow, raised):
            ended = simulate(each, retrier, parcels=parcels)
            costs = bill(needed, ended, uploads, usage, listed["assumed"]["throttled_s"])
            row += [_duration(ended.seconds), f"{ended.failed:,}", f"{costs.attempts:,.0f}"]
        small = simulate(backlog(needed, listed, "small", min(BACKLOGS)), retrier, parcels=parcels)
        rows.append([*row, _duration(small.seconds)])
    names = [f"{each.transitions_a_second:,.0f} transitions a second" for each in (slow, raised)]
    return Table(
        f"{uploads:,} uploads at once in {listed['regions']['small']}, by MaxDelaySeconds and MaxAttempts",
        [
            "retrier",
            *(f"{what}, {name}" for name in names for what in ("decided after", "FAILED", "attempts, USD")),
            f"{min(BACKLOGS):,} uploads decided after",
        ],
        rows,
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
