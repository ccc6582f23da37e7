"""How soon a sandbox is there, shows a first result, and is gone; beside ministack, in the same turns."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bench.frame import Bar, Result, Table, interleaved, progress, ratio, spread
from happypath.project import ROOT, SAMPLES

# 1200 by 800 pixels: small, and large enough to be accepted.
PHOTO = SAMPLES / "photos" / "coffee.jpg"
_MINISTACK = ROOT / ".venv-ministack" / "bin" / "ministack"
_HAPPYPATH = ROOT / ".venv" / "bin" / "happypath"
_PATIENCE_S, _LOOK_S = 60.0, 0.005
_RESULT, _PROMPT = "scripts/run PHOTO: its result", "scripts/run PHOTO: from its last line to its end"
_EMPTY, _ALL, _PEER = "happypath up --empty", "happypath up", "ministack"
# In seconds.
_LIMITS = {_RESULT: 4, _PROMPT: 0.5, _EMPTY: 1.5, _ALL: 5}


def run(rounds: int) -> Result:
    """Everything about starting and ending, in turns."""
    subprocess.run([ROOT / "scripts" / "install", "ministack"], check=True)
    ends: list[float] = []

    def result() -> float:
        shown, ended = result_and_end()
        ends.append(ended)
        return shown

    progress(f"  start: {rounds} turns")
    contenders = {_RESULT: result, _EMPTY: empty, _PEER: ministack, _ALL: everything}
    taken = {**interleaved(contenders, rounds), _PROMPT: ends}
    return Result(
        about=(
            f"scripts/run {PHOTO.name} in a warm installation: to the photo's line, and from the last line "
            f"to its end. {_EMPTY} and {_PEER}: to the first answer to ListBuckets; the one enforces "
            f"roles, the other knows none. {_ALL}: to the line that says that every workflow is deployed."
        ),
        bars=[Bar(f"{name}, s", limit, statistics.median(taken[name])) for name, limit in _LIMITS.items()],
        tables=[
            Table(
                "Start and end", ["what", "s"], [[name, spread(taken[name])] for name in (*_LIMITS, _PEER)]
            ),
            Table("Beside ministack", ["what", "÷"], [[_EMPTY, f"{ratio(taken[_EMPTY], taken[_PEER]):.2f}"]]),
        ],
    )


def result_and_end() -> tuple[float, float]:
    """Seconds from the start of scripts/run to the photo's line, and from its last line to its end."""
    shown = last = 0.0
    with _started([ROOT / "scripts" / "run", PHOTO, "--place-type", "park"]) as (process, started):
        for line in process.stdout or ():
            last = time.perf_counter()
            if line.startswith("PROCESSED"):
                shown = last
        process.wait()
        ended = time.perf_counter()
    if not shown:
        raise SystemExit(f"scripts/run ended with {process.returncode} and showed no result")
    return shown - started, ended - last


def empty() -> float:
    """Seconds until an empty sandbox answers."""
    port = _free_port()
    with _started([_HAPPYPATH, "up", "--empty", "--port", str(port)]) as (process, started):
        return _answered(process, port) - started


def ministack() -> float:
    """Seconds until ministack answers."""
    port = _free_port()
    with _started([_MINISTACK], {"GATEWAY_PORT": str(port)}) as (process, started):
        return _answered(process, port) - started


def everything() -> float:
    """Seconds until a sandbox says that it is up with every workflow."""
    with _started([_HAPPYPATH, "up", "--port", str(_free_port())]) as (process, started):
        for line in process.stdout or ():
            if line.startswith("The sandbox is up"):
                return time.perf_counter() - started
    raise SystemExit("happypath up did not say that it is up")


@contextmanager
def _started(
    command: Sequence[str | Path], variables: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], float]]:
    """A process, and when it was started; it is interrupted at the end."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(variables or {})},
    )
    try:
        yield process, started
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=_PATIENCE_S)


def _answered(process: subprocess.Popen[str], port: int) -> float:
    """When the program at a port answers ListBuckets."""
    client: Any = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106  # none
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    deadline = time.perf_counter() + _PATIENCE_S
    while time.perf_counter() < deadline and process.poll() is None:
        try:
            client.list_buckets()
        except (BotoCoreError, ClientError):
            time.sleep(_LOOK_S)
        else:
            return time.perf_counter()
    raise SystemExit(f"what was started did not answer at port {port}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
