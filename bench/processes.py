"""Fresh processes, as Lambda starts them: what one took until it said that it was ready, and its memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# What Lambda sets, and what the settings of all tasks are read from; nothing of it is ever called.
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "CACHE_SECONDS": "300",
    "CATALOGUE_TABLE": "catalogue",
    "DISTRIBUTION_BUCKET": "distribution",
    "DISTRIBUTION_URL": "https://example.com",
    "HOLD_SECONDS": "30",
    "LADDER": "320x",
    "LARGE_BUCKET": "large",
    "LIVE_PARAMETER": "/happypath/live",
    "MAX_PIXELS": "100000000",
    "SIGNING_SECRET": "signing",
    "QUEUE_URL": "https://example.com/queue",
    "STATE_MACHINE_PREFIX": "arn:aws:states:us-east-1:123456789012:stateMachine:happypath-",
    "TABLE_NAME": "table",
}
# Printed by the process itself: what the system counts for a child begins with its parent's memory.
# Linux has it in KiB; elsewhere, on macOS, it is in bytes.
_PEAK = """
import os, resource
if os.path.exists("/proc/self/status"):
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    peak_mb = int(status["VmHWM"].split()[0]) * 1024 / 1e6
else:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(peak_mb, end="")
"""
_FROM_MACHINE = ("PATH", "LANG", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Ran:
    """What a process took: milliseconds of wall and of CPU time, peak memory in MB, and what it printed."""

    wall_ms: float
    cpu_ms: float
    peak_mb: float
    said: str


def ran(code: str, root: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> Ran:
    """Runs Python code to its end, with `root` as the folder of a function's code."""
    environment = {name: os.environ[name] for name in _FROM_MACHINE if name in os.environ}
    environment |= ENVIRONMENT | {"LAMBDA_TASK_ROOT": str(root), "PYTHONPATH": str(root), **(variables or {})}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", code + _PEAK, *arguments],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall_ms = (time.perf_counter() - started) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"A process ended with {process.returncode}; its message is above.")
    cpu_ms = (usage.ru_utime + usage.ru_stime) * 1000
    said, _, peak_mb = output.rpartition("\n")
    return Ran(wall_ms, cpu_ms, float(peak_mb), said)
