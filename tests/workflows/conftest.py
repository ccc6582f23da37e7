"""The one driver of the sandbox, with the places of all tables of expected outcomes."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol

import pytest

from happypath.operations.installation import Installation
from happypath.sandbox.sandbox import Sandbox
from tests.transitions import Transitions
from tests.workflows.driver import Driver
from tests.workflows.pictures import put_places


class DeployAnew(Protocol):
    """Deploys a workflow's stack from nothing."""

    def __call__(self, workflow: str, parameters: dict[str, str] | None = None) -> None: ...


@pytest.fixture(scope="session")
def driver(sandbox: Sandbox, installation: Installation) -> Driver:
    driver = Driver(sandbox, installation)
    put_places(installation)
    return driver


@pytest.fixture
def deploy_anew(driver: Driver, pytestconfig: pytest.Config) -> DeployAnew:
    """Deploys a workflow's stack from nothing, with other parameters.

    moto leaves a role's own policies as they were when a stack is updated. The executions go with the stack,
    so what they drove is read before.
    """
    needed = driver.sandbox.calls.needed
    before: dict[str, Any] = {}
    transitions: Transitions | None = pytestconfig.pluginmanager.get_plugin(Transitions.NAME)
    assert transitions is not None

    def deploy(workflow: str, parameters: dict[str, str] | None = None) -> None:
        transitions.read(driver.installation, [workflow])
        stack = f"{driver.sandbox.prefix}-{workflow}"
        driver.installation.client("cloudformation").delete_stack(StackName=stack)
        driver.sandbox.deploy(workflow, parameters)
        own = f"{stack}-"
        if parameters:
            before.update({name: copy(each) for name, each in needed.items() if name.startswith(own)})
            return
        # As it is deployed again it has no other rights than before, and needs none.
        for name in [each for each in needed if each.startswith(own)]:
            needed[name] = before.get(name) or type(needed[name])()

    return deploy
