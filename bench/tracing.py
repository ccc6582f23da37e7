"""What tracing costs: the sandbox's time for an execution, and the tasks' CPU time, with it and without.

    .venv/bin/python bench/tracing.py

Each round runs the same uploads through v4 in two sandboxes, one that traces and one that does not, each in a
process of its own; functions are warm. What counts is the ratio: the median over the rounds. The wall time
says little on a machine that is busy with other things, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict

import psutil

from happypath.installation import Installation
from happypath.project import SAMPLES
from happypath.sandbox.sandbox import Sandbox

WORKFLOW = "v4"
PHOTO = SAMPLES / "photos" / "dogs.jpg"
# The sandbox runs two of each function at a time, and all of them are to be warm.
WARM_UPS = 6
WALL, SANDBOX = "execution", "sandbox"


def measure(*, tracing: bool, executions: int) -> dict[str, float]:
    """Milliseconds for one upload: of wall time, and of CPU time of the sandbox and of each task."""
    with Sandbox(tracing=tracing) as sandbox:
        sandbox.deploy("core")
        sandbox.deploy(WORKFLOW)
        installation = Installation(sandbox.client, sandbox.prefix)
        installation.put_place("place", "park", "A place")
        installation.set_live(WORKFLOW)
        body = PHOTO.read_bytes()
        run(installation, body, [f"warm-{n}" for n in range(WARM_UPS)])
        cpu, started = cpu_seconds(), time.perf_counter()
        run(installation, body, [f"upload-{n}" for n in range(executions)])
        seconds = time.perf_counter() - started
        spent = {task: after - cpu.get(task, 0.0) for task, after in cpu_seconds().items()}
    return {name: value * 1000 / executions for name, value in {**spent, WALL: seconds}.items()}


def run(installation: Installation, body: bytes, uploads: list[str]) -> None:
    """Makes uploads at once, and waits until all are published."""
    for upload in uploads:
        installation.upload(body, f"place/{upload}.jpg")
    for upload in uploads:
        record = installation.wait(upload, timeout_s=120, every_s=0.01)
        if record is None or record["objStatus"] != "PROCESSED":
            raise SystemExit(f"{upload} was not published: {record}")


def cpu_seconds() -> dict[str, float]:
    """The CPU time taken so far, by the sandbox and by the module of each task's handler."""
    seconds: dict[str, float] = defaultdict(float, {SANDBOX: time.process_time()})
    for process in psutil.Process().children():
        handler = process.cmdline()[-1]
        times = process.cpu_times()
        seconds[handler.split(".")[-2]] += times.user + times.system
    return dict(seconds)


def measured_elsewhere(*, tracing: bool, executions: int) -> dict[str, float]:
    """The same, in a process of its own: moto's state is one for a process."""
    arguments = ["--only", "on" if tracing else "off", "--executions", str(executions)]
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """Prints the ratios, or for one of the two the milliseconds as JSON."""
    parser = argparse.ArgumentParser(description="What tracing costs.")
    parser.add_argument("--executions", type=int, default=40, help="uploads in each sandbox")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["on", "off"], help="measure one of the two, once, as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(tracing=options.only == "on", executions=options.executions)))
        return
    off: dict[str, list[float]] = defaultdict(list)
    on: dict[str, list[float]] = defaultdict(list)
    for number in range(options.rounds):
        # In turns, so that neither has the quieter half of the time.
        for tracing in (False, True) if number % 2 == 0 else (True, False):
            results = measured_elsewhere(tracing=tracing, executions=options.executions)
            for name, value in results.items():
                (on if tracing else off)[name].append(value)
    print(f"{'':16}{'off ms':>9}{'on ms':>9}{'ratio':>8}")
    for name, without in off.items():
        ratio = statistics.median(b / a for a, b in zip(without, on[name], strict=True))
        values = f"{statistics.median(without):9.1f}{statistics.median(on[name]):9.1f}"
        print(f"{name:16}{values}{ratio:8.2f}  {'wall' if name == WALL else 'CPU'}")


if __name__ == "__main__":
    main()
