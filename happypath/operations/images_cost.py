"""What a month of pictures on request costs: those that caches have, and those that are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from happypath.operations.cost import Line, Prices
from happypath.project import functions_of, template_of

# What is reckoned with for pictures of 320 to 1,920 pixels; not measured yet.
MADE_MS, PICTURE_KB = 400, 60
_LOG_BYTES = 700
# Each environment asks for both stages of the key every five minutes: how many there are at the least.
_ENVIRONMENTS, _KEY_EVERY_S = 2, 300
_SECONDS_A_MONTH = 365 * 24 * 3600 / 12
_GB = 1024**3


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
    made = requests * (1 - cached)

    def lines() -> Iterator[tuple[str, float, str]]:
        yield "CloudFront: HTTPS requests", requests, "cloudfrontRequest"
        yield "CloudFront: GB to viewers", requests * PICTURE_KB * 1024 / _GB, "cloudfrontGb"
        yield "Lambda: requests", made, "lambdaRequest"
        yield "Lambda: GB-seconds, arm64", made * MADE_MS / 1000 * memory_gb, "lambdaGbSecondArm"
        yield "DynamoDB: read units", made, "dynamodbReadUnit"
        yield "S3: GET requests", made, "s3Get"
        yield "Secrets Manager: secrets", 1, "secret"
        calls = 2 * _ENVIRONMENTS * _SECONDS_A_MONTH / _KEY_EVERY_S
        yield "Secrets Manager: calls", min(calls, 2 * made), "secretRequest"
        yield "X-Ray: traces recorded", min(made, _SECONDS_A_MONTH + 0.05 * made), "xrayTrace"
        yield "CloudWatch: GB of logs", made * _LOG_BYTES / _GB, "logsGb"
        yield "CloudWatch: metrics with alarms", 1, "alarmMetric"

    return ImagesBill(
        requests,
        cached,
        tuple(
            Line(item, quantity, price, listed.by_name[price].of(quantity, free_tier=free_tier))
            for item, quantity, price in lines()
        ),
        (
            f"A picture is reckoned with {MADE_MS} ms to make and {PICTURE_KB} KB: not measured yet.",
            "Faces are asked of Rekognition once for each photo (USD 0.001), for the fit `face` alone.",
            f"Prices of {listed.region}, {listed.date}; CloudFront's of the United States.",
        ),
    )
