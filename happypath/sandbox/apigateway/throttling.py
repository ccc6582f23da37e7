"""How many requests a route takes: a bucket of tokens for each, by its stage's settings.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

# What an account has, where a stage gives only one of the two.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
_RATE = 10_000.0
_BURST = 5_000.0


class Throttle:
    """The buckets of all routes; `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # A route → its tokens, and when it had them.
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}

    def take(self, api_id: str, stage: Any, route_key: str) -> bool:
        """Whether a route may be asked once more now; `stage` is moto's."""
        settings: Mapping[str, Any] = {
            **(stage.default_route_settings or {}),
            **((stage.route_settings or {}).get(route_key) or {}),
        }
        rate, burst = settings.get("throttlingRateLimit"), settings.get("throttlingBurstLimit")
        if rate is None and burst is None:
            return True
        rate, burst = float(_RATE if rate is None else rate), float(_BURST if burst is None else burst)
        now, route = self._clock(), (api_id, stage.name, route_key)
        with self._lock:
            tokens, at = self._buckets.get(route, (burst, now))
            tokens = min(burst, tokens + (now - at) * rate)
            taken = tokens >= 1
            self._buckets[route] = tokens - taken, now
        return taken
