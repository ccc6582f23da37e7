"""The one driver of the sandbox, with places of every kind."""

from __future__ import annotations

import pytest

from happypath.installation import Installation
from happypath.sandbox.sandbox import Sandbox
from tests.workflows.driver import Driver, put_places


@pytest.fixture(scope="session")
def driver(sandbox: Sandbox, installation: Installation) -> Driver:
    driver = Driver(sandbox, installation)
    put_places(driver)
    return driver
