"""Measures what `happypath image-cost` reckons with, and writes it to happypath/operations/images_usage.json.

    .venv/bin/python bench/images_usage.py

Each sample photo is published in a sandbox and asked for in each size of the ladder that a template has by
default, as a browser asks: for AVIF. Times are this machine's, with S3 and DynamoDB on it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import urllib.request
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from functions.ingest.live import MAX_AGE_S
from happypath.operations import images
from happypath.operations.images_cost import FILE, ImagesUsage
from happypath.operations.installation import Installation
from happypath.operations.logs import events, groups, report
from happypath.operations.waiting import wait
from happypath.project import SAMPLES, template_of
from happypath.sandbox.sandbox import Sandbox

# CloudWatch Logs counts so many bytes for a line beside the line's own.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
LINE_BYTES = 26
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Guides/Content_negotiation/List_of_default_Accept_values
_BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


def measure(rounds: int) -> ImagesUsage:
    """Asks for all pictures `rounds` times, and once before that to warm up."""
    with Sandbox() as sandbox:
        for stack in ("core", "v1", "images"):
            sandbox.deploy(stack)
        installation = Installation(sandbox.client, sandbox.prefix)
        keys = _published(installation)
        began, sizes, billed = datetime.now(UTC), list[int](), list[list[float]]()
        for _ in range(rounds + 1):
            began = datetime.now(UTC)
            sizes = _asked(installation, keys)
            lines = _logged(installation, began)
            billed.append([found.billed_ms for each in lines if (found := report(each))])
        return ImagesUsage(
            about=(
                f"{datetime.now(UTC):%Y-%m-%d}, in a sandbox on {platform.machine()}: {len(keys)} sample "
                f"photos in {len(sizes) // len(keys)} sizes of the ladder, as AVIF"
            ),
            # What else the machine does meanwhile only adds to it.
            billed_ms=round(min(map(statistics.fmean, billed[1:])), 1),
            picture_bytes=round(statistics.fmean(sizes)),
            log_bytes=round(sum(len(each.encode()) + LINE_BYTES for each in lines) / len(sizes)),
        )


def _published(installation: Installation) -> list[str]:
    installation.put_place("sample-park", "park", "A park")
    installation.set_live("v1")
    keys = []
    for photo in sorted((SAMPLES / "photos").glob("*.jpg")):
        keys.append(f"sample-park/{photo.name}")
        installation.upload(photo.read_bytes(), keys[-1])
    for key in keys:
        if (seen := wait(installation, key, 120 + MAX_AGE_S, 0.2)).status != "PROCESSED":
            raise SystemExit(f"{key} was not published: {seen}")
    return keys


def _asked(installation: Installation, keys: list[str]) -> list[int]:
    """Asks for all pictures; returns their sizes in bytes."""
    ladder = template_of("images")["Parameters"]["Ladder"]["Default"].split(",")
    sizes = []
    for key in keys:
        for step in ladder:
            address = images.sign(installation, f"/i/inside,{step}/{key}", timedelta(minutes=5))
            request = urllib.request.Request(address, headers={"Accept": _BROWSER})  # noqa: S310  # the sandbox
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                sizes.append(len(answer.read()))
    return sizes


def _logged(installation: Installation, began: datetime) -> list[str]:
    there = groups(installation, installation.functions("images"))
    since = int(began.timestamp() * 1000)
    return [
        event["message"]
        for group, functions in there.items()
        for _, event in events(installation, group, functions, startTime=since)
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    used = measure(parser.parse_args().rounds)
    FILE.write_text(json.dumps(asdict(used), indent=2) + "\n", encoding="utf-8")
    print(FILE)
