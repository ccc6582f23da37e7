"""The one driver of the sandbox, with the places of all tables of expected outcomes."""

from __future__ import annotations

import pytest

from happypath.operations.installation import Installation
from happypath.sandbox.sandbox import Sandbox
from tests.workflows.driver import Driver
from tests.workflows.pictures import put_places


@pytest.fixture(scope="session")
def driver(sandbox: Sandbox, installation: Installation) -> Driver:
    driver = Driver(sandbox, installation)
    put_places(installation)
    return driver
