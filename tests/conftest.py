"""What the layers share: one sandbox with everything deployed, and the table of transitions at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from happypath.operations.installation import Installation
from tests.outcomes import PARAMETERS
from tests.transitions import Transitions

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from happypath.sandbox.sandbox import Sandbox


# How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None)
# For `scripts/test fast`.
settings.register_profile("few", deadline=None, max_examples=20)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Transitions(), Transitions.NAME)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needs_sandbox(item):
            item.add_marker("sandbox")
    # moto's state is one for the process, and other tests' mock_aws empties it: the sandbox comes last.
    # Files are given out in this order, each to one process: those that take longest come before others, or
    # one process has nothing left to do while the other has a long one. The roles come after that: by then
    # the other tests have driven what they are for. And last of all the cases of fidelity, which leave behind
    # what they make.
    files_with_sandbox = {item.path for item in items if _needs_sandbox(item)}
    items.sort(
        key=lambda item: (
            item.path in files_with_sandbox,
            item.path.parent.name == "fidelity",
            item.path.stem == "test_permissions",
            item.path.parent.name != "workflows",
        )
    )


def _needs_sandbox(item: pytest.Item) -> bool:
    return "sandbox" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with core and every workflow deployed, and none of them live.

    The state machines retry as often as they say, and wait a thousandth of what they say.
    """
    # moto and OpenCV take a second to import, which only those wait for who need a sandbox.
    from happypath.project import SANDBOX_STACKS
    from happypath.sandbox.sandbox import Sandbox

    with Sandbox(retry_wait_scale=0.001) as sandbox:
        for stack in SANDBOX_STACKS:
            sandbox.deploy(stack, PARAMETERS.get(stack))
        yield sandbox


@pytest.fixture(scope="session")
def installation(sandbox: Sandbox, pytestconfig: pytest.Config) -> Iterator[Installation]:
    """What is deployed in the sandbox; at the end its executions are looked at for their transitions."""
    installation = RememberingInstallation(sandbox.client, sandbox.prefix)
    yield installation
    transitions: Transitions | None = pytestconfig.pluginmanager.get_plugin(Transitions.NAME)
    assert transitions is not None
    transitions.read(installation)


class RememberingInstallation(Installation):
    """Reads the history of an execution that has ended only once."""

    def __init__(self, client: Callable[[str], Any], prefix: str) -> None:
        super().__init__(client, prefix)
        self._histories: dict[str, list[HistoryEventTypeDef]] = {}

    def history(self, execution_arn: str, begun: datetime | None = None) -> list[HistoryEventTypeDef]:
        """All events of an execution, oldest first."""
        if execution_arn not in self._histories:
            history = super().history(execution_arn, begun)
            # Under load there is an execution before there is an event of it.
            if not history or history[-1]["type"] not in {"ExecutionSucceeded", "ExecutionFailed"}:
                return history
            self._histories[execution_arn] = history
        return self._histories[execution_arn]
