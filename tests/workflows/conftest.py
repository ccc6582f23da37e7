"""The one driver of the sandbox, with places of every kind."""

from __future__ import annotations

import pytest

from happypath.installation import Installation
from happypath.sandbox.sandbox import Sandbox
from tests.workflows.driver import Driver


@pytest.fixture(scope="session")
def driver(sandbox: Sandbox, installation: Installation) -> Driver:
    driver = Driver(sandbox, installation)
    for place_type in ("park", "restaurant", "cafe", "bar", "museum"):
        driver.put_place(f"the-{place_type}", {"S": place_type})
    driver.put_place("the-place-without-type", None)
    driver.put_place("the-place-with-a-number", {"N": "5"})
    return driver
