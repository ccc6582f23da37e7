from __future__ import annotations

from collections.abc import Iterator

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.sandbox.apigateway.apis import DeployedApi, deployed, function


@pytest.fixture(scope="session")
def echo(sandbox: Sandbox) -> Iterator[DeployedApi]:
    """An API whose function returns its event."""
    routes = (
        "GET /places",
        "GET /places/{id}",
        "ANY /any/{name}",
        "GET /files/{path+}",
        "POST /returns",
        "GET /raises",
    )
    with deployed(sandbox, "http-api-echo", {"Echo": function(*routes)}) as api:
        yield api
