"""The sandbox: how many executions it makes in a second, and what they cost."""

from __future__ import annotations

import argparse
import itertools
import json
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import psutil
from moto.awslambda.models import lambda_backends
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.logs.models import logs_backends

from bench.accounting import Accounts, accounts
from bench.frame import Bar, Chart, Result, Table, number, progress, ratio, spread
from happypath.operations.installation import TERMINAL, Installation
from happypath.operations.logs import report, writer
from happypath.project import NEWEST, ROOT, SAMPLES
from happypath.sandbox.account import ACCOUNT_ID, REGION
from happypath.sandbox.sandbox import Sandbox

WORKFLOW = NEWEST
# 1200 by 800 pixels: small, and large enough to be accepted.
SMALL = SAMPLES / "photos" / "coffee.jpg"
# The sandbox runs two of each function at a time, and all of them are to be warm.
WARM_UPS = 6
CONCURRENCIES = (1, 2)
MANY = 2000
# So many at a time are measured on the way there.
STEP = 100
# The old sandbox and a fresh one take turns, so that both are measured in the same circumstances: so often,
# with so many executions. Those of the fresh one are the 7th to the 198th.
TURNS, IN_TURN = 6, 32
_GROWTH = (("time that is not task work", "overhead_ms"), ("CPU time of the sandbox", "cpu_ms"))
_PATIENCE_S = 120
# No execution is over sooner, and then it is looked for: looking takes next to nothing of the processor.
_LEAST_S, _LOOK_S = 0.03, 0.005
_REST = "the rest: starting threads, waiting, looking for what is published, keeping these accounts"


def run(_rounds: int) -> Result:
    """Everything about the sandbox, once."""
    progress(f"  sandbox: {MANY} executions")
    with Measuring() as sandbox:
        course = [sandbox.run(2, STEP) for _ in range(MANY // STEP)]
        progress(f"  sandbox: {TURNS} turns of it and of a fresh one")
        with Measuring() as another:
            turns = [(another.run(2, IN_TURN), sandbox.run(2, IN_TURN)) for _ in range(TURNS)]
    fresh, old = zip(*turns, strict=True)
    with Measuring() as sandbox:
        measured = {}
        for at in CONCURRENCIES:
            progress(f"  sandbox: concurrency {at}")
            measured[at] = sandbox.run(at, 150)
    progress("  sandbox: accounts")
    # By itself, so that keeping accounts takes nothing from the other figures.
    with Measuring("--accounts") as sandbox:
        accounted = sandbox.run(2, 100)
    work: list[tuple[str, float, float]] = accounted["accounts"]
    rest = accounted["cpu_ms"] - sum(ms for _, _, ms in work)
    work += [(_REST, 1, rest), ("all of it", 1, accounted["cpu_ms"])]
    tasks = measured[1]["tasks"]
    held_kb = (course[-1]["rss_mb"] - course[0]["rss_mb"]) * 1024 / (MANY - STEP)
    return Result(
        about=(
            f"Executions: {SMALL.name} (1200 by 800) at a park through {WORKFLOW}, functions warm, 150 "
            "uploads with so many in flight. Not task work is the part of an execution's time, from its "
            f"start to its end, in which none of its functions ran. Growth: a sandbox that has made {MANY} "
            f"executions and a fresh one take {TURNS} turns of {IN_TURN} executions each, two at a time; the "
            "median of the ratios of their turns. Memory is that of the sandbox's process, resident, over "
            f"the {MANY}: it keeps every photo, log line, trace and event of a history, as AWS would."
        ),
        bars=[
            Bar("executions a second, two at a time", 15, measured[2]["per_second"], at_least=True),
            *(
                Bar(
                    f"{what} of the {MANY}th execution, of the 100th's",
                    1.1,
                    ratio([each[name] for each in old], [each[name] for each in fresh]),
                )
                for what, name in _GROWTH
            ),
        ],
        tables=[
            Table(
                "Sandbox",
                ["what", "reached"],
                [
                    *(
                        [f"executions a second, {at} at a time", number(each["per_second"])]
                        for at, each in measured.items()
                    ),
                    *(
                        [f"not task work, {at} at a time", f"{each['overhead_ms'] / each['ms']:.0%}"]
                        for at, each in measured.items()
                    ),
                    ["memory that an execution leaves behind, KB", number(held_kb)],
                ],
            ),
            Table(
                "Growth, in ms for each execution",
                ["of", "around the 100th", f"around the {MANY}th", "÷"],
                [
                    [
                        what,
                        *(spread([each[name] for each in which]) for which in (fresh, old)),
                        spread([each[name] / other[name] for each, other in zip(old, fresh, strict=True)]),
                    ]
                    for what, name in (("time", "ms"), *_GROWTH)
                ],
            ),
            Table(
                "Tasks in the sandbox, one at a time",
                ["task", "duration, ms", "CPU, ms", "peak memory, MB"],
                [
                    [name, number(each["ms"]), number(each["cpu_ms"]), number(each["peak_mb"])]
                    for name, each in tasks.items()
                ],
            ),
            Table(
                "What the sandbox's process spends its CPU time on, two at a time",
                ["work", "times for each execution", "CPU, ms for each execution"],
                [[name, number(times), number(ms)] for name, times, ms in work],
            ),
        ],
        chart=Chart(
            f"Time of an execution, over {MANY} in one sandbox",
            "ms",
            ["time", "time that is not task work"],
            [(str((at + 1) * STEP), (each["ms"], each["overhead_ms"])) for at, each in enumerate(course)],
        ),
        data={"tasks": tasks},
    )


@contextmanager
def prepared(*, tracing: bool = True) -> Iterator[tuple[Sandbox, Installation]]:
    """A sandbox with the workflow live and a park, `place`."""
    with Sandbox(tracing=tracing) as sandbox:
        sandbox.deploy("core")
        sandbox.deploy(WORKFLOW)
        installation = Installation(sandbox.client, sandbox.prefix)
        installation.put_place("place", "park", "A place")
        installation.set_live(WORKFLOW)
        yield sandbox, installation


def upload(installation: Installation, body: bytes, name: str) -> None:
    """Uploads a photo and waits until it is published."""
    key = f"place/{name}.jpg"
    installation.upload(body, key)
    deadline = time.monotonic() + _PATIENCE_S
    time.sleep(_LEAST_S)
    while (status := _status(installation, key)) != "PROCESSED":
        if status in TERMINAL or time.monotonic() > deadline:
            raise SystemExit(f"{key} was not published: {status}")
        time.sleep(_LOOK_S)


def _status(installation: Installation, key: str) -> str | None:
    """The status of an upload, read past the API: asking it often would be most of what is measured."""
    table = dynamodb_backends[ACCOUNT_ID][REGION].get_table(installation.prefix)
    item = table.get_item(DynamoType({"S": "workflow"}), DynamoType({"S": key}))
    return None if item is None else str(item.attrs["objStatus"].value)


def cpu_seconds() -> dict[str, float]:
    """The CPU time taken so far, by this process as `sandbox` and by the module of each task's handler."""
    seconds: dict[str, float] = defaultdict(float, {"sandbox": time.process_time()})
    for process in psutil.Process().children():
        handler = process.cmdline()[-1]
        times = process.cpu_times()
        seconds[handler.split(".")[-2]] += times.user + times.system
    return dict(seconds)


class Measuring:
    """A sandbox that measures when it is told to.

    In a process of its own, for moto's state is one for a process.
    """

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "bench.sandbox", *options]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, concurrency: int, executions: int) -> dict[str, Any]:
        """So many executions, so many at a time, and what `_measured` found of them."""
        assert self._process.stdin is not None  # noqa: S101  # they are pipes
        assert self._process.stdout is not None  # noqa: S101
        self._process.stdin.write(f"{concurrency} {executions}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("A sandbox ended; its message is above.")
        found: dict[str, Any] = json.loads(line)
        return found


def _serve(*, accounting: bool) -> None:
    """Measures what each line of standard input asks for, `CONCURRENCY EXECUTIONS`, and prints it as JSON."""
    with (
        accounts() if accounting else nullcontext(Accounts()) as spent_on,
        prepared() as (sandbox, installation),
    ):
        _upload_all(installation, WARM_UPS, WARM_UPS)
        for order in sys.stdin:
            concurrency, executions = map(int, order.split())
            spent_on.clear()
            print(json.dumps(_measured(sandbox, installation, concurrency, executions, spent_on)), flush=True)


_numbers = itertools.count()


def _upload_all(installation: Installation, concurrency: int, executions: int) -> None:
    body = SMALL.read_bytes()
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda _: upload(installation, body, f"upload-{next(_numbers)}"), range(executions)))


def _measured(
    sandbox: Sandbox, installation: Installation, concurrency: int, executions: int, spent_on: Accounts
) -> dict[str, Any]:
    """What so many executions took, on average: `ms` from start to end, `cpu_ms` of the sandbox's process."""
    cpu, started = cpu_seconds(), time.perf_counter()
    _upload_all(installation, concurrency, executions)
    seconds = time.perf_counter() - started
    spent = {name: value - cpu.get(name, 0.0) for name, value in cpu_seconds().items()}
    work = [
        (name, spent_on.calls[name] / executions, of_it * 1000 / executions)
        for name, of_it in sorted(spent_on.seconds.items(), key=lambda each: -each[1])
    ]
    times = _execution_times(sandbox)[-executions:]
    reports = {name: each[-executions:] for name, each in _reports(sandbox).items()}
    task_ms = sum(ms for name, each in reports.items() if name != "StartExecution" for ms, _ in each)
    return {
        "per_second": executions / seconds,
        "ms": sum(times) / executions,
        "overhead_ms": (sum(times) - task_ms) / executions,
        "cpu_ms": spent["sandbox"] * 1000 / executions,
        "rss_mb": psutil.Process().memory_info().rss / 2**20,
        "accounts": work,
        "tasks": {
            name: {
                "ms": statistics.median(ms for ms, _ in each),
                "cpu_ms": spent.get(_module(name), 0.0) * 1000 / executions,
                "peak_mb": max(peak for _, peak in each),
            }
            for name, each in reports.items()
        },
    }


def _module(function: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function).lower()


def _execution_times(sandbox: Sandbox) -> list[float]:
    """Milliseconds of each execution, in the order of their starts."""
    client = sandbox.client("stepfunctions")
    [machine] = [
        each["stateMachineArn"]
        for each in client.list_state_machines()["stateMachines"]
        if each["name"] == f"{sandbox.prefix}-{WORKFLOW}"
    ]
    # A photo is published a little before its execution is over.
    while client.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        time.sleep(_LOOK_S)
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
    found = sorted(
        (each for page in pages for each in page["executions"]), key=lambda each: each["startDate"]
    )
    return [(each["stopDate"] - each["startDate"]).total_seconds() * 1000 for each in found]


def _reports(sandbox: Sandbox) -> dict[str, list[tuple[float, int]]]:
    """Milliseconds and peak MB of every invocation, by function, as the reports in its log have them."""
    functions = lambda_backends[ACCOUNT_ID][REGION].list_functions()
    there: dict[str, list[str]] = defaultdict(list)
    for function in functions:
        there[function.logs_group_name].append(function.function_name)
    found: dict[str, list[tuple[int, float, int]]] = defaultdict(list)
    for group, names in there.items():
        for stream in logs_backends[ACCOUNT_ID][REGION].groups[group].streams.values():
            for event in stream.events:
                said = report(event.message)
                name = writer(stream.log_stream_name, event.message, names) if said else None
                if said and name:
                    found[name].append((event.timestamp, said.duration_ms, said.peak_memory_mb))
    return {
        name.removeprefix(f"{sandbox.prefix}-").removeprefix(f"{WORKFLOW}-"): [
            (ms, peak) for _, ms, peak in sorted(reports)
        ]
        for name, reports in found.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=_serve.__doc__)
    parser.add_argument("--accounts", action="store_true", help="say what the CPU time is spent on, too")
    _serve(accounting=parser.parse_args().accounts)
