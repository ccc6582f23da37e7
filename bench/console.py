"""How long the console takes for a page: the list of 10,000 uploads, and an execution of 200 events."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from bench.frame import Bar, Result, Table, number, progress
from functions.ingest.record import timestamp
from happypath.console.console import Console
from happypath.console.server import serving
from happypath.operations.installation import Installation
from happypath.operations.uploads import STATUSES, Cursor
from happypath.project import ROOT
from happypath.sandbox.sandbox import Sandbox

UPLOADS = 10_000
EVENTS = 200
WORKFLOW = "v1"
FIRST, EXECUTION = "the first page of uploads", f"an execution of {EVENTS} events"
_ITEMS, _WARM_UPS, _TIMES = 24, 2, 3
_MAP = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "End": True,
            "ItemProcessor": {
                "StartAt": "One",
                "States": {
                    "One": {"Type": "Pass", "Next": "Two"},
                    "Two": {"Type": "Pass", "Next": "Three"},
                    "Three": {"Type": "Pass", "End": True},
                },
            },
        }
    },
}


def run(rounds: int) -> Result:
    """Asks for each page, rounds times so often."""
    progress(f"  console: {UPLOADS} uploads, each page {rounds * _TIMES} times")
    # moto's state is one for a process.
    command = [sys.executable, "-m", "bench.console", str(rounds * _TIMES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    rows: list[list[str | float]] = [
        [name, number(statistics.median(each["ms"])), number(max(each["ms"])), number(each["bytes"] / 1024)]
        for name, each in found.items()
    ]
    return Result(
        about=(
            "Milliseconds of the console's server for a page, over a sandbox in the same process with "
            f"{UPLOADS:,} uploads, and its size."
        ),
        bars=[
            Bar("first page of uploads, ms", 300, statistics.median(found[FIRST]["ms"])),
            Bar("first page of uploads, KiB", 1024, found[FIRST]["bytes"] / 1024),
            Bar(f"an execution of {EVENTS} events, ms", 300, statistics.median(found[EXECUTION]["ms"])),
        ],
        tables=[Table("The console", ["page", "median, ms", "longest, ms", "size, KiB"], rows)],
    )


def measure(times: int) -> dict[str, dict[str, Any]]:
    """The times of each page, and its size."""
    with Sandbox() as sandbox:
        sandbox.deploy("core")
        sandbox.deploy(WORKFLOW)
        installation = Installation(sandbox.client, sandbox.prefix)
        after = _fill(installation)
        execution = _execute(installation)
        paths = {
            FIRST: "/uploads",
            "a later page": f"/uploads?after={after}",
            "failed first": "/uploads?order=failed",
            "one status": "/uploads?status=REJECTED",
            "a part of the key": "/uploads?text=0042.jpg",
            "operations": "/operations?time=30d",
            EXECUTION: f"/executions/{execution}",
        }
        with serving(Console(installation, allow_changes=True, faults=sandbox.faults), 0) as address:
            connection = HTTPConnection(urlsplit(address).netloc)
            return {name: _ask(connection, path, times) for name, path in paths.items()}


def _ask(connection: HTTPConnection, path: str, times: int) -> dict[str, Any]:
    taken: list[float] = []
    body = b""
    for _ in range(_WARM_UPS + times):
        started = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - started) * 1000)
        if answer.status != 200 or b"is missing here" in body:
            raise RuntimeError(f"{path}: {answer.status} {body[:500]!r}")
    return {"ms": taken[_WARM_UPS:], "bytes": len(body)}


def _fill(installation: Any) -> str:
    """Writes records, and returns where the list goes on in their middle."""
    dynamodb, table = installation.client("dynamodb"), installation.core["Table"]
    now = datetime.now(UTC)
    reasons = {"FAILED": "ThrottledError", "REJECTED": "IMAGE_TOO_SMALL"}
    requests = []
    for index in range(UPLOADS):
        # Of a hundred uploads one failed, one runs, and each tenth was rejected.
        status = STATUSES[index % 100] if index % 100 < 2 else "REJECTED" if index % 10 == 5 else "PROCESSED"
        at = now - timedelta(seconds=60 * (UPLOADS - index))
        key = f"place-{index % 17}/{index:05d}.jpg"
        record = {
            "PK": "workflow",
            "SK": key,
            "key": key,
            "bucket": installation.core["UploadBucket"],
            "placeId": f"place-{index % 17}",
            "objStatus": status,
            "receivedAt": timestamp(at),
            "workflow": WORKFLOW,
            "detail": json.dumps({"labels": ["Person"] * 20}),
            **({"finishedAt": timestamp(at + timedelta(seconds=3))} if status != "RECEIVED" else {}),
            **({"reason": reasons[status]} if status in reasons else {}),
        }
        requests.append({"PutRequest": {"Item": {name: {"S": text} for name, text in record.items()}}})
    for first in range(0, UPLOADS, 25):
        dynamodb.batch_write_item(RequestItems={table: requests[first : first + 25]})
    return str(Cursor(0, timestamp(now - timedelta(seconds=30 * UPLOADS)), ""))


def _execute(installation: Any) -> str:
    """Runs an execution of so many events, and returns its name."""
    stepfunctions = installation.client("stepfunctions")
    machine = installation.state_machines()[WORKFLOW]
    stepfunctions.update_state_machine(stateMachineArn=machine, definition=json.dumps(_MAP))
    arn = stepfunctions.start_execution(
        stateMachineArn=machine,
        name="many-events",
        input=json.dumps([{"number": each} for each in range(_ITEMS)]),
    )["executionArn"]
    while not installation.execution_ended(arn):
        time.sleep(0.1)
    events = len(installation.history(arn))
    if not 0.95 * EVENTS <= events <= 1.05 * EVENTS:
        raise RuntimeError(f"The execution has {events} events, not some {EVENTS}.")
    return "many-events"


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
