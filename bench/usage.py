"""Measures what `happypath cost` reckons with, and writes it to happypath/usage.json.

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
from datetime import UTC, datetime

from functions.live import MAX_AGE_S
from happypath.installation import Installation
from happypath.project import WORKFLOWS
from happypath.run import Photo, samples
from happypath.sandbox.sandbox import Sandbox
from happypath.usage import FILE, FunctionUsage, Usage, times
from happypath.waiting import wait

# CloudWatch Logs counts so many bytes for a line beside the line's own.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LINE_BYTES = 26


def measure(rounds: int) -> Usage:
    """Runs its samples `rounds` times through each workflow, and once before that to warm up."""
    photos = {workflow: samples(workflow, None) for workflow in WORKFLOWS}
    every = [photo for each in photos.values() for photo in each]
    with Sandbox() as sandbox:
        for stack in ("core", *WORKFLOWS):
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
        billed = times(installation, since, invocations)
    prefix = f"{installation.prefix}-"
    by_function: dict[str, dict[str, float]] = defaultdict(dict)
    for (caller, called), number in sorted(requests.items()):
        name = caller.removeprefix(prefix)
        if name in invocations:
            by_function[name][called] = round(number / invocations[name], 3)
    return Usage(
        about=(
            f"{datetime.now(UTC):%Y-%m-%d}, in a sandbox on {platform.machine()}, "
            f"{rounds * len(every)} uploads of samples"
        ),
        photo_bytes=round(statistics.fmean(photo.path.stat().st_size for photo in every)),
        rendition_bytes=round(renditions),
        custom_metrics={workflow: len(metrics[workflow]) for workflow in WORKFLOWS},
        functions={
            name: FunctionUsage(
                # What else the machine does meanwhile shows in the mean.
                billed_ms=round(statistics.median(billed[name]), 1),
                requests=by_function[name],
                log_bytes=round(log_bytes[name] / invocations[name]),
            )
            for name in sorted(invocations)
        },
    )


def run(installation: Installation, workflow: str, photos: list[Photo], label: str) -> None:
    """Uploads photos to a workflow, one after the other."""
    installation.set_live(workflow)
    time.sleep(MAX_AGE_S + 0.5)  # StartExecution knows by then
    for number, photo in enumerate(photos):
        upload = f"{label}-{workflow}-{number}"
        installation.upload(photo.path.read_bytes(), f"{photo.place_id}/{upload}{photo.path.suffix}")
        seen = wait(installation, upload, timeout_s=120, every_s=0.05)
        if seen.status not in {"PROCESSED", "REJECTED"}:
            raise SystemExit(f"{upload} came to no decision: {seen}")


def logged(
    installation: Installation, began: datetime
) -> tuple[Counter[str], Counter[str], dict[str, set[str]]]:
    """By function, how often it ran and how many bytes it logged; by workflow, its custom metrics."""
    invocations: Counter[str] = Counter()
    log_bytes: Counter[str] = Counter()
    metrics: dict[str, set[str]] = defaultdict(set)
    logs = installation.client("logs")
    begin = f"/aws/lambda/{installation.prefix}-"
    for group in logs.describe_log_groups(logGroupNamePrefix=begin)["logGroups"]:
        name = group["logGroupName"].removeprefix(begin)
        for page in logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"], startTime=int(began.timestamp() * 1000)
        ):
            for event in page["events"]:
                log_bytes[name] += len(event["message"].encode()) + LINE_BYTES
                invocations[name] += event["message"].startswith("REPORT ")
                if '"_aws"' in event["message"]:
                    line = json.loads(event["message"])
                    for kind in line["_aws"]["CloudWatchMetrics"]:
                        for dimensions in kind["Dimensions"]:
                            values = [f"{each}={line[each]}" for each in dimensions]
                            named = [" ".join([each["Name"], *values]) for each in kind["Metrics"]]
                            metrics[line.get("workflow", "")].update(named)
    return invocations, log_bytes, metrics


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
