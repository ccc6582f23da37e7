"""The sandbox: how soon it shows a result, how many executions it makes in a second, and what they cost."""

from __future__ import annotations

import argparse
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
from typing import Any

import psutil
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.logs.models import logs_backends

from bench.accounting import Accounts, accounts
from bench.frame import Bar, Chart, Result, Table, number, progress, spread
from happypath.installation import TERMINAL, Installation
from happypath.project import ROOT, SAMPLES
from happypath.sandbox.account import ACCOUNT_ID, REGION
from happypath.sandbox.sandbox import Sandbox

WORKFLOW = "v4"
# 1200 by 800 pixels: small, and large enough to be accepted.
SMALL = SAMPLES / "photos" / "coffee.jpg"
# The sandbox runs two of each function at a time, and all of them are to be warm.
WARM_UPS = 6
CONCURRENCIES = (1, 2)
MANY = 2000
_PATIENCE_S = 120
# How often an upload is looked at: seldom enough that looking takes next to nothing of the processor.
_LOOK_S = 0.005
# Executions around the 100th and around the last.
WINDOW = 40
_REST = "the rest: the state machines' interpreter, keeping these accounts, uploading"
_REPORT = re.compile(r"REPORT RequestId: .*?\tDuration: ([\d.]+) ms.*Max Memory Used: (\d+) MB")


def run(rounds: int) -> Result:
    """Everything about the sandbox; `rounds` is for the first result."""
    progress(f"  sandbox: scripts/run, {rounds} times")
    first = [first_result() for _ in range(rounds)]
    progress(f"  sandbox: {MANY} executions")
    grown = _elsewhere("--concurrency", "2", "--executions", str(MANY))
    rates = {}
    tasks: dict[str, Any] = {}
    shares = {}
    for concurrency in CONCURRENCIES:
        progress(f"  sandbox: concurrency {concurrency}")
        found = _elsewhere("--concurrency", str(concurrency), "--executions", "150")
        rates[concurrency] = found["per_second"]
        shares[concurrency] = found["overhead"]
        if concurrency == 1:
            tasks = found["tasks"]
    progress("  sandbox: accounts")
    # By itself, so that keeping accounts takes nothing from the other figures.
    found = _elsewhere("--concurrency", "2", "--executions", "100", "--accounts")
    accounted: list[tuple[str, float, float]] = found["accounts"]
    rest = found["sandbox_cpu_ms"] - sum(ms for _, _, ms in accounted)
    accounted += [(_REST, 1, rest), ("all of it", 1, found["sandbox_cpu_ms"])]
    growth = grown["last"] / grown["hundredth"]
    return Result(
        about=(
            "First result: from the start of scripts/run in a warm installation to the first photo's line. "
            f"Executions: {SMALL.name} (1200 by 800) at a park through {WORKFLOW}, functions warm, 150 "
            "uploads with so many in flight. Not task work is the share of an execution's time, from its "
            "start to its end, in which none of its functions ran. Growth: the median time of the "
            f"{WINDOW} executions around the 100th and of those before the {MANY}th in one sandbox, two at a "
            "time."
        ),
        bars=[
            Bar("first result, s", 10, statistics.median(first)),
            Bar("executions a second, two at a time", 15, rates[2], at_least=True),
            Bar(f"time of the {MANY}th execution, of the 100th's", 1.1, growth),
        ],
        tables=[
            Table(
                "Sandbox",
                ["what", "reached"],
                [
                    ["first result, s", spread(first)],
                    *([f"executions a second, {at} at a time", number(rate)] for at, rate in rates.items()),
                    *([f"not task work, {at} at a time", f"{share:.0%}"] for at, share in shares.items()),
                    ["an execution around the 100th, ms", number(grown["hundredth"])],
                    [f"an execution before the {MANY}th, ms", number(grown["last"])],
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
                [[name, number(times), number(ms)] for name, times, ms in accounted],
            ),
        ],
        chart=Chart(
            f"Time of an execution, over {MANY} in one sandbox",
            "ms",
            ["median"],
            [(str(at), (ms,)) for at, ms in grown["course"]],
        ),
        data={"tasks": tasks},
    )


def first_result() -> float:
    """Seconds from the start of scripts/run to the first photo's line."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [ROOT / "scripts" / "run", SMALL, "--place-type", "park"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    for line in process.stdout:
        if line.startswith("PROCESSED"):
            seconds = time.perf_counter() - started
            process.communicate()
            return seconds
    raise SystemExit(f"scripts/run ended with {process.wait()} and showed no result")


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
    installation.upload(body, f"place/{name}.jpg")
    deadline = time.monotonic() + _PATIENCE_S
    while (status := _status(installation, name)) != "PROCESSED":
        if status in TERMINAL or time.monotonic() > deadline:
            raise SystemExit(f"{name} was not published: {status}")
        time.sleep(_LOOK_S)


def _status(installation: Installation, name: str) -> str | None:
    """The status of an upload, read past the API: asking it often would be most of what is measured."""
    table = dynamodb_backends[ACCOUNT_ID][REGION].get_table(installation.prefix)
    item = table.get_item(DynamoType({"S": "workflow"}), DynamoType({"S": name}))
    return None if item is None else str(item.attrs["objStatus"].value)


def cpu_seconds() -> dict[str, float]:
    """The CPU time taken so far, by this process as `sandbox` and by the module of each task's handler."""
    seconds: dict[str, float] = defaultdict(float, {"sandbox": time.process_time()})
    for process in psutil.Process().children():
        handler = process.cmdline()[-1]
        times = process.cpu_times()
        seconds[handler.split(".")[-2]] += times.user + times.system
    return dict(seconds)


def _measured(concurrency: int, executions: int, *, accounting: bool = False) -> dict[str, Any]:
    body = SMALL.read_bytes()
    with (
        accounts() if accounting else nullcontext(Accounts()) as spent_on,
        prepared() as (sandbox, installation),
        ThreadPoolExecutor(max(concurrency, WARM_UPS)) as pool,
    ):
        list(pool.map(lambda n: upload(installation, body, f"warm-{n}"), range(WARM_UPS)))
        spent_on.clear()
        cpu, started = cpu_seconds(), time.perf_counter()
        with ThreadPoolExecutor(concurrency) as few:
            list(few.map(lambda n: upload(installation, body, f"upload-{n}"), range(executions)))
        seconds = time.perf_counter() - started
        accounted = [
            (name, spent_on.calls[name] / executions, spent * 1000 / executions)
            for name, spent in sorted(spent_on.seconds.items(), key=lambda each: -each[1])
        ]
        spent = {name: value - cpu.get(name, 0.0) for name, value in cpu_seconds().items()}
        times = _execution_times(sandbox)[-executions:]
        reports = _reports()
    task_ms = sum(
        sum(ms for ms, _ in each[-executions:]) for name, each in reports.items() if name != "StartExecution"
    )
    tasks = {
        name: {
            "ms": statistics.median(ms for ms, _ in each[-executions:]),
            "cpu_ms": spent.get(_module(name), 0.0) * 1000 / executions,
            "peak_mb": max(peak for _, peak in each),
        }
        for name, each in reports.items()
    }
    step = max(1, executions // 20)
    return {
        "per_second": executions / seconds,
        "overhead": 1 - task_ms / sum(times),
        "tasks": tasks,
        "accounts": accounted,
        "sandbox_cpu_ms": spent["sandbox"] * 1000 / executions,
        "hundredth": statistics.median(times[100 - WINDOW // 2 : 100 + WINDOW // 2] or times),
        "last": statistics.median(times[-WINDOW:]),
        "course": [
            (at + step, statistics.median(times[at : at + step])) for at in range(0, executions, step)
        ],
    }


def _module(function: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function).lower()


def _execution_times(sandbox: Sandbox) -> list[float]:
    """Milliseconds of each execution, in the order of their starts."""
    client = sandbox.client("stepfunctions")
    [machine] = [
        each for each in client.list_state_machines()["stateMachines"] if each["name"].endswith(WORKFLOW)
    ]
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine["stateMachineArn"])
    found = sorted(
        (each for page in pages for each in page["executions"]), key=lambda each: each["startDate"]
    )
    return [(each["stopDate"] - each["startDate"]).total_seconds() * 1000 for each in found]


def _reports() -> dict[str, list[tuple[float, int]]]:
    """Milliseconds and peak MB of every invocation, by function, as the REPORT lines of its log have them."""
    found: dict[str, list[tuple[float, int]]] = {}
    for name, group in logs_backends[ACCOUNT_ID][REGION].groups.items():
        if not name.startswith("/aws/lambda/"):
            continue
        lines = sorted(
            (event.timestamp, event.message)
            for stream in group.streams.values()
            for event in stream.events
            if event.message.startswith("REPORT")
        )
        matches = [_REPORT.match(line) for _, line in lines]
        times = [(float(match[1]), int(match[2])) for match in matches if match]
        if times:
            found[name.rpartition("-")[2]] = times
    return found


def _elsewhere(*arguments: str) -> dict[str, Any]:
    """A measurement in a process of its own: moto's state is one for a process."""
    command = [sys.executable, "-m", "bench.sandbox", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One measurement of the sandbox, as JSON.")
    parser.add_argument("--concurrency", type=int, default=2)
    parser.add_argument("--executions", type=int, default=150)
    parser.add_argument("--accounts", action="store_true")
    options = parser.parse_args()
    print(json.dumps(_measured(options.concurrency, options.executions, accounting=options.accounts)))
