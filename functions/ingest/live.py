"""Which workflow is live: the SSM parameter, what it may say, and the choice that it makes for an upload."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from urllib.parse import unquote

from functions.platform.aws import client
from functions.upload import InvalidKeyError, parse_key

# How long a value is kept. It bounds how long a switch of versions takes to reach every warm instance.
MAX_AGE_S = 5.0

_WORKFLOW = r"(?P<workflow>[a-z][a-z0-9-]*)"
_ROUTE = re.compile(rf"{_WORKFLOW}(?:=(?P<weight>[1-9][0-9]{{0,8}}))?")
# A workflow has no slash in its name, and every key has one.
_PREFIX_ROUTE = re.compile(rf"(?P<prefix>\S*/\S*)={_WORKFLOW}")
_NONE = "none"
_GRAMMAR = (
    "expected 'none', one workflow such as 'v4', or weights such as 'v3=90 v4=10'; beside it there may be "
    "workflows of their own for beginnings of keys, such as 'documents/=matcher', each with its slash, "
    "and with %20 for white space"
)


class LiveError(Exception):
    """The parameter is missing or makes no sense; the message names it and says what it may hold."""


@dataclass(frozen=True)
class Live:
    """The live workflows and their weights; without any, uploads wait.

    Uploads whose keys begin with one of the `prefixes` go to a workflow of their own (None: they wait).
    """

    weights: tuple[tuple[str, int], ...] = ()
    prefixes: tuple[tuple[str, str | None], ...] = ()

    @classmethod
    def parse(cls, value: str) -> Live:
        """Reads the parameter's value: routes separated by white space.

        The beginning of a key is URL-encoded where it holds white space or a percent sign.

        >>> Live.parse("v3=90 v4=10").weights
        (('v3', 90), ('v4', 10))
        >>> Live.parse("v4 documents/=matcher").prefixes
        (('documents/', 'matcher'),)

        Raises:
            ValueError: the value makes no sense.
        """
        routes = value.split()
        return cls(
            _weights([route for route in routes if "/" not in route]),
            _prefixes([route for route in routes if "/" in route]),
        )

    @property
    def workflows(self) -> tuple[str, ...]:
        """Every workflow that uploads may go to, once."""
        named = (*(name for name, _ in self.weights), *(name for _, name in self.prefixes if name))
        return tuple(dict.fromkeys(named))

    def own(self, key: str) -> tuple[str, str | None] | None:
        """The longest of the prefixes that a key begins with, and its workflow; None if there is none."""
        routes = (route for route in self.prefixes if key.startswith(route[0]))
        return max(routes, key=lambda route: len(route[0]), default=None)

    def choose(self, key: str, fingerprint: str) -> str | None:
        """The workflow for an upload, None if it has to wait.

        The longest of the prefixes that its key begins with decides. `fingerprint` is a hash of the upload in
        hexadecimal (`functions.ingest.record.fingerprint`), so that an upload that is looked at again goes
        the same way.

        >>> Live.parse("v3=1 v4=3").choose("park/photo.jpg", "5")
        'v4'
        >>> Live.parse("v4 documents/=matcher").choose("documents/invoice.png", "5")
        'matcher'
        """
        if own := self.own(key):
            return own[1]
        if not self.weights:
            return None
        bounds = list(accumulate(weight for _, weight in self.weights))
        return self.weights[bisect_right(bounds, int(fingerprint, 16) % bounds[-1])][0]


def _weights(routes: list[str]) -> tuple[tuple[str, int], ...]:
    """The workflows for all uploads but those with a prefix of their own."""
    if routes == [_NONE]:
        return ()
    weights: dict[str, int] = {}
    matches = []
    # What is wrong with one route is reported before what is wrong with all of them together.
    for route in routes:
        match = _ROUTE.fullmatch(route)
        if match is None or match["workflow"] == _NONE:
            raise ValueError(f"{route!r} is not understood: {_GRAMMAR}")
        matches.append(match)
    bare = [match["workflow"] for match in matches if match["weight"] is None]
    if bare and len(routes) > 1:
        raise ValueError(f"no weight is given for {' and '.join(map(repr, bare))}: {_GRAMMAR}")
    for match in matches:
        if match["workflow"] in weights:
            raise ValueError(f"{match['workflow']!r} is named twice: {_GRAMMAR}")
        weights[match["workflow"]] = int(match["weight"] or 1)
    if not weights:
        raise ValueError(f"it says nothing of uploads in general: {_GRAMMAR}")
    return tuple(weights.items())


def _prefixes(routes: list[str]) -> tuple[tuple[str, str | None], ...]:
    found: dict[str, str | None] = {}
    for route in routes:
        match = _PREFIX_ROUTE.fullmatch(route)
        if match is None:
            raise ValueError(f"{route!r} is not understood: {_GRAMMAR}")
        prefix = unquote(match["prefix"])
        try:
            parse_key(f"{prefix}x.jpg")
        except InvalidKeyError as error:
            raise ValueError(f"no upload's key begins with {prefix!r}, for {error}: {_GRAMMAR}") from None
        if prefix in found:
            raise ValueError(f"{match['prefix']!r} is named twice: {_GRAMMAR}")
        found[prefix] = None if match["workflow"] == _NONE else match["workflow"]
    return tuple(found.items())


class LiveParameter:
    """The SSM parameter, read again when what is known of it is older than `max_age_s`."""

    def __init__(
        self, name: str, *, max_age_s: float = MAX_AGE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self._max_age_s = max_age_s
        self._clock = clock
        self._known: Live | None = None
        self._read_at = 0.0

    def read(self) -> Live:
        """What is live now.

        Raises:
            LiveError: the parameter is missing or makes no sense.
            botocore.exceptions.ClientError: SSM throttles, fails or refuses.
        """
        now = self._clock()
        if self._known is None or now - self._read_at >= self._max_age_s:
            self._known = self._fetch()
            self._read_at = now
        return self._known

    def _fetch(self) -> Live:
        ssm = client("ssm")
        try:
            value = ssm.get_parameter(Name=self.name)["Parameter"]["Value"]
        except ssm.exceptions.ParameterNotFound:
            raise LiveError(f"The SSM parameter {self.name} does not exist: deploy core again.") from None
        try:
            return Live.parse(value)
        except ValueError as error:
            raise LiveError(f"The SSM parameter {self.name} makes no sense: {error}.") from None
