"""Which route a request takes: AWS's own example, and what is more specific."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from happypath.sandbox.apigateway.request import RefusedError
from happypath.sandbox.apigateway.routes import match, stage_of

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
KEYS = (
    "$default",
    "ANY /{proxy+}",
    "GET /pets/{proxy+}",
    "ANY /pets/dog/{id}",
    "GET /pets/dog/{id}",
    "GET /pets/dog/1",
    "GET /pets/{kind}/1",
)


def _taken(method: str, path: str, keys: tuple[str, ...] = KEYS) -> str:
    found = match([SimpleNamespace(route_key=key) for key in keys], method, tuple(path[1:].split("/")))
    return str(found.route.route_key)


@pytest.mark.parametrize(
    ("method", "path", "key"),
    [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("DELETE", "/pets/dog/2", "ANY /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{kind}/1"),
        ("GET", "/pets/cat/2", "GET /pets/{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("GET", "/", "$default"),
    ],
)
def test_the_most_specific_route_is_taken(method: str, path: str, key: str) -> None:
    assert _taken(method, path) == key
    assert _taken(method, path, KEYS[::-1]) == key


def _stage(*, auto_deploy: bool = True, **config: str) -> SimpleNamespace:
    return SimpleNamespace(auto_deploy=auto_deploy, config=config)


def test_a_stage_is_the_first_segment_or_the_default_one() -> None:
    default, production = _stage(), _stage(auto_deploy=False, deploymentId="a")
    stages = {"$default": default, "prod": production, "empty": _stage(auto_deploy=False)}
    assert stage_of(stages, ("prod", "a")) == (production, ("a",))
    assert stage_of(stages, ("prod",)) == (production, ("",))
    assert stage_of(stages, ("a", "b")) == (default, ("a", "b"))
    assert stage_of(stages, ("$default", "a")) == (default, ("$default", "a"))
    for given, segments in (({"prod": production}, ("a",)), (stages, ("empty", "a"))):
        with pytest.raises(RefusedError):
            stage_of(given, segments)
