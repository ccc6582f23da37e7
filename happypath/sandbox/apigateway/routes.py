"""Which stage and which route of an API a request is for.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from happypath.sandbox.apigateway.request import RefusedError

DEFAULT = "$default"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VARIABLE = re.compile(r"\{([^{}+]+)(\+?)\}")


@dataclass(frozen=True)
class Match:
    """A route that takes a request, and the values of its path's variables."""

    route: Any
    parameters: Mapping[str, str] = field(default_factory=dict)


def stage_of(stages: Mapping[str, Any], segments: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """The stage that a path begins with, or the default one, and the rest of the path.

    Raises:
        RefusedError: there is none.
    """
    named = segments[0] != DEFAULT and segments[0] in stages
    stage = stages.get(segments[0] if named else DEFAULT)
    # Without either nothing is deployed to it.
    if stage is None or not (stage.auto_deploy or stage.config.get("deploymentId")):
        raise RefusedError(404, "Not Found")
    return stage, (segments[1:] or ("",)) if named else segments


def match(routes: Iterable[Any], method: str, segments: tuple[str, ...]) -> Match:
    """The most specific route: one without a greedy variable, then one with, then `$default`.

    Raises:
        RefusedError: there is none.
    """
    found: list[tuple[tuple[Any, ...], Match]] = []
    for route in list(routes):
        if route.route_key == DEFAULT:
            found.append(((2,), Match(route)))
            continue
        wanted, _, path = route.route_key.partition(" ")
        if wanted != method and not (wanted == "ANY" and method in _METHODS):
            continue
        parts = tuple(path[1:].split("/"))
        parameters = _matched(parts, segments)
        if parameters is not None:
            found.append(((*_rank(parts), wanted == "ANY"), Match(route, parameters)))
    if not found:
        raise RefusedError(404, "Not Found")
    return min(found, key=lambda each: each[0])[1]


def _matched(parts: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, part in enumerate(parts):
        variable = _VARIABLE.fullmatch(part)
        if variable and variable[2]:
            rest = "/".join(segments[index:])
            return {**parameters, variable[1]: rest} if rest else None
        if index >= len(segments):
            return None
        if variable is None and part != segments[index]:
            return None
        if variable:
            if not segments[index]:
                return None
            parameters[variable[1]] = segments[index]
    return parameters if len(parts) == len(segments) else None


def _rank(parts: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
    """The less, the more specific: a fixed segment before a variable, and that before a greedy one."""
    kinds = tuple(_kind(part) for part in parts)
    return int(2 in kinds), kinds


def _kind(part: str) -> int:
    variable = _VARIABLE.fullmatch(part)
    return 0 if variable is None else 1 + bool(variable[2])
