"""Measures what `happypath cost` reckons with, and writes it to happypath/operations/usage.json.

    .venv/bin/python bench/usage.py

Every workflow gets its samples, one after the other, in a sandbox: functions are warm, and
StartExecution has one upload at a time. Times are this machine's, with a whole core for each function, and
Rekognition on the same machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from functions.ingest.live import MAX_AGE_S
from happypath import samples
from happypath.operations.installation import Installation
from happypath.operations.logs import events, groups, report
from happypath.operations.review import ReviewQueue
from happypath.operations.usage import FILE, FunctionUsage, Usage, times
from happypath.operations.waiting import Look, Watch
from happypath.project import SANDBOX_STACKS, WORKFLOWS
from happypath.samples import Photo
from happypath.sandbox.sandbox import Sandbox

# CloudWatch Logs counts so many bytes for a line beside the line's own.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LINE_BYTES = 26


def measure(rounds: int) -> Usage:
    """Runs its samples `rounds` times through each workflow, and once before that to warm up."""
    photos = {workflow: samples.of(workflow).at(None) for workflow in WORKFLOWS}
    every = [photo for each in photos.values() for photo in each]
    with Sandbox() as sandbox:
        for stack in SANDBOX_STACKS:
            sandbox.deploy(stack)
        installation = Installation(sandbox.client, sandbox.prefix)
        for photo in every:
            installation.put_place(photo.place_id, photo.place_type, f"A {photo.place_type}")
        for workflow in WORKFLOWS:
            run(installation, workflow, photos[workflow], "warm")
        before, began = sandbox.calls.requests.copy(), datetime.now(UTC)
        for number in range(rounds):
            for workflow in WORKFLOWS:
                run(installation, workflow, photos[workflow], f"round-{number}")
        requests = sandbox.calls.requests - before
        since = datetime.now(UTC) - began
        invocations, log_bytes, metrics = logged(installation, began)
        renditions = sizes(installation)
        state_log_bytes = logged_a_state(installation, began)
        billed = times(installation, since, invocations)
        handlers = {name: handler(installation, name) for name in invocations}
    called: Counter[tuple[str, str]] = Counter()
    for (caller, operation), number in requests.items():
        name = caller.removeprefix(f"{installation.prefix}-")
        if name in handlers:
            called[handlers[name], operation] += number

    def measured(of: str) -> FunctionUsage:
        """What the functions of one handler used, whatever workflow they are of."""
        names = [name for name in invocations if handlers[name] == of]
        number = sum(invocations[name] for name in names)
        return FunctionUsage(
            # What else the machine does meanwhile shows in the mean.
            billed_ms=round(statistics.median([each for name in names for each in billed[name]]), 1),
            requests={
                operation: round(times / number, 4)
                for (handler, operation), times in sorted(called.items())
                if handler == of
            },
            log_bytes=round(sum(log_bytes[name] for name in names) / number),
            metrics=sorted(set().union(*(metrics[name] for name in names))),
        )

    return Usage(
        about=(
            f"{datetime.now(UTC):%Y-%m-%d}, in a sandbox on {platform.machine()}, "
            f"{rounds * len(every)} uploads of samples"
        ),
        photo_bytes=round(statistics.fmean(photo.path.stat().st_size for photo in every)),
        rendition_bytes=round(renditions),
        state_log_bytes=round(state_log_bytes),
        functions={each: measured(each) for each in sorted(set(handlers.values()))},
    )


def handler(installation: Installation, function: str) -> str:
    """The handler of a function, which is named without the installation's prefix."""
    found: str = installation.client("lambda").get_function_configuration(
        FunctionName=f"{installation.prefix}-{function}"
    )["Handler"]
    return found


def run(installation: Installation, workflow: str, photos: list[Photo], label: str) -> None:
    """Uploads photos to a workflow, one after the other."""
    installation.set_live(workflow)
    time.sleep(MAX_AGE_S + 0.5)  # StartExecution knows by then
    for number, photo in enumerate(photos):
        key = f"{photo.folder}/{label}-{workflow}-{number}{photo.path.suffix}"
        installation.upload(photo.path.read_bytes(), key)
        seen = ended(installation, key)
        if seen.status not in {"PROCESSED", "REJECTED"}:
            raise SystemExit(f"{key} came to no decision: {seen}")


def ended(installation: Installation, key: str) -> Look:
    """Waits for the end of an upload, and approves of it where a person is asked."""
    watch, reviews = Watch(installation, key), ReviewQueue(installation)
    deadline = time.monotonic() + 120
    while not (seen := watch.look()).is_over and time.monotonic() < deadline:
        asked = reviews.about(seen.record or {})
        if asked and not asked.verdict:
            reviews.approve(asked.id)
        time.sleep(0.05)
    return seen


def logged(
    installation: Installation, began: datetime
) -> tuple[Counter[str], Counter[str], dict[str, set[str]]]:
    """By function, how often it ran, how many bytes it logged, and its custom metrics."""
    invocations: Counter[str] = Counter()
    log_bytes: Counter[str] = Counter()
    metrics: dict[str, set[str]] = defaultdict(set)
    functions = [name for stack in SANDBOX_STACKS for name in installation.functions(stack)]
    for group, there in groups(installation, functions).items():
        for function, event in events(installation, group, there, startTime=int(began.timestamp() * 1000)):
            name, message = function.removeprefix(f"{installation.prefix}-"), event["message"]
            log_bytes[name] += len(message.encode()) + LINE_BYTES
            invocations[name] += report(message) is not None
            if '"_aws"' in message:
                metrics[name].update(_metrics(json.loads(message)))
    return invocations, log_bytes, metrics


def logged_a_state(installation: Installation, began: datetime) -> float:
    """How many bytes Express executions logged for each state that they went through."""
    machines = installation.state_machines()
    logging = [name for name, arn in machines.items() if installation.is_express(arn)]
    pages = (
        installation.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=f"/aws/vendedlogs/states/{installation.prefix}-{name}",
            startTime=int(began.timestamp() * 1000),
            filterPattern='"execution_arn"',
        )
        for name in logging
    )
    lines = [event["message"] for each in pages for page in each for event in page["events"]]
    states = sum('StateEntered"' in line for line in lines)
    return sum(len(line.encode()) + LINE_BYTES for line in lines) / max(1, states)


def _metrics(line: dict[str, Any]) -> Iterator[str]:
    """The metrics that a line is about, each with its dimensions but for the workflow.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for kind in line["_aws"]["CloudWatchMetrics"]:
        for dimensions in kind["Dimensions"]:
            values = [f"{each}={line[each]}" for each in dimensions if each != "workflow"]
            yield from (" ".join([each["Name"], *values]) for each in kind["Metrics"])


def sizes(installation: Installation) -> float:
    """The mean size of a rendition."""
    bucket = installation.core["DistributionBucket"]
    pages = installation.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = [each["Size"] for page in pages for each in page.get("Contents", [])]
    return statistics.fmean(found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    used = measure(parser.parse_args().rounds)
    FILE.write_text(json.dumps(used.as_json(), indent=2) + "\n", encoding="utf-8")
    print(FILE)
