"""What tracing costs: the sandbox's time for an execution, and the tasks' CPU time, with it and without."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.frame import Result, Table, interleaved, number, progress, ratio
from bench.sandbox import WARM_UPS, WORKFLOW, cpu_seconds, prepared, upload
from happypath.project import ROOT, SAMPLES

PHOTO = SAMPLES / "photos" / "dogs.jpg"
EXECUTIONS = 30
WALL = "execution"


def run(rounds: int) -> Result:
    """Runs the same uploads in a sandbox that traces and in one that does not, in turns."""
    progress(f"  tracing: {rounds} times {EXECUTIONS} executions with it, and without")
    found: dict[str, list[dict[str, float]]] = {"on": [], "off": []}

    def contender(name: str) -> float:
        found[name].append(_elsewhere(name))
        return found[name][-1][WALL]

    interleaved({"on": lambda: contender("on"), "off": lambda: contender("off")}, rounds)
    rows: list[list[str | float]] = []
    for name in found["off"][0]:
        on, off = ([each[name] for each in found[which][1:]] for which in ("on", "off"))
        kind = "wall" if name == WALL else "CPU"
        rows.append(
            [
                name,
                kind,
                number(statistics.median(off)),
                number(statistics.median(on)),
                number(ratio(on, off)),
            ]
        )
    return Result(
        about=(
            f"Milliseconds for one upload of {PHOTO.name} through {WORKFLOW}: of wall time, and of CPU time "
            f"of the sandbox and of each task; medians of {rounds} rounds of {EXECUTIONS} uploads at once, "
            "functions warm."
        ),
        tables=[Table("Tracing", ["of", "time", "off, ms", "on, ms", "on ÷ off"], rows)],
    )


def _elsewhere(which: str) -> dict[str, float]:
    """A measurement in a process of its own: moto's state is one for a process."""
    command = [sys.executable, "-m", "bench.tracing", which]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _measured(*, tracing: bool) -> dict[str, float]:
    body = PHOTO.read_bytes()
    with prepared(tracing=tracing) as (_, installation), ThreadPoolExecutor(EXECUTIONS) as pool:
        list(pool.map(lambda n: upload(installation, body, f"warm-{n}"), range(WARM_UPS)))
        cpu, started = cpu_seconds(), time.perf_counter()
        list(pool.map(lambda n: upload(installation, body, f"upload-{n}"), range(EXECUTIONS)))
        seconds = time.perf_counter() - started
        spent = {task: after - cpu.get(task, 0.0) for task, after in cpu_seconds().items()}
    return {name: value * 1000 / EXECUTIONS for name, value in {**spent, WALL: seconds}.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="One measurement, as JSON.")
    parser.add_argument("tracing", choices=["on", "off"])
    print(json.dumps(_measured(tracing=parser.parse_args().tracing == "on")))
