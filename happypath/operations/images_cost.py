"""What a month of pictures on request costs: those that caches have, and those that are made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from happypath.operations.cost import Line, Prices
from happypath.project import functions_of, template_of

# Measured by `bench/images_usage.py`.
FILE = Path(__file__).with_name("images_usage.json")
# Each environment asks for both stages of the key every five minutes: how many there are at the least.
_ENVIRONMENTS, _KEY_EVERY_S = 2, 300
_SECONDS_A_MONTH = 365 * 24 * 3600 / 12
_GB = 1024**3


@dataclass(frozen=True)
class ImagesUsage:
    """What a picture takes, on average: as Lambda bills it, in bytes to the viewer, and in bytes of logs."""

    # When, on what, and of what.
    about: str
    billed_ms: float
    picture_bytes: float
    log_bytes: float


def load() -> ImagesUsage:
    """What was measured last."""
    return ImagesUsage(**json.loads(FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class ImagesBill:
    """A month of so many requests, of which caches answer a fraction."""

    requests: int
    cached: float
    lines: tuple[Line, ...]
    assumptions: tuple[str, ...]

    @property
    def total(self) -> float:
        """In US dollars."""
        return sum(line.amount for line in self.lines)

    def as_json(self) -> dict[str, Any]:
        """As `image-cost --json` has it."""
        return {
            "requests": self.requests,
            "cached": self.cached,
            "lines": [line.as_json() for line in self.lines],
            "usd": round(self.total, 4),
            "assumptions": list(self.assumptions),
        }


def bill(requests: int, cached: float, listed: Prices, *, free_tier: bool = True) -> ImagesBill:
    """What so many requests cost in a month, of which a fraction `cached` is answered by caches."""
    (function,) = functions_of(template_of("images")).values()
    memory_gb = int(function["MemorySize"]) / 1024
    made, used = requests * (1 - cached), load()

    def lines() -> Iterator[tuple[str, float, str]]:
        yield "CloudFront: HTTPS requests", requests, "cloudfrontRequest"
        yield "CloudFront: GB to viewers", requests * used.picture_bytes / _GB, "cloudfrontGb"
        yield "Lambda: requests", made, "lambdaRequest"
        yield "Lambda: GB-seconds, arm64", made * used.billed_ms / 1000 * memory_gb, "lambdaGbSecondArm"
        yield "DynamoDB: read units", made, "dynamodbReadUnit"
        yield "S3: GET requests", made, "s3Get"
        yield "Secrets Manager: secrets", 1, "secret"
        calls = 2 * _ENVIRONMENTS * _SECONDS_A_MONTH / _KEY_EVERY_S
        yield "Secrets Manager: calls", min(calls, 2 * made), "secretRequest"
        yield "X-Ray: traces recorded", min(made, _SECONDS_A_MONTH + 0.05 * made), "xrayTrace"
        yield "CloudWatch: GB of logs", made * used.log_bytes / _GB, "logsGb"
        yield "CloudWatch: metrics with alarms", 1, "alarmMetric"

    return ImagesBill(
        requests,
        cached,
        tuple(
            Line(item, quantity, price, listed.by_name[price].of(quantity, free_tier=free_tier))
            for item, quantity, price in lines()
        ),
        (
            f"A picture: {used.billed_ms:.0f} ms, {used.picture_bytes / 1024:.0f} KB; measured {used.about}.",
            "Faces are asked of Rekognition once for each photo (USD 0.001), for the fit `face` alone.",
            f"Prices of {listed.region}, {listed.date}; CloudFront's of the United States.",
        ),
    )
