"""Apps of the kinds that people publish do their main job in the sandbox, unchanged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.apps.drives import DRIVES
from tests.apps.stacks import HERE, deployed


def test_every_app_is_driven() -> None:
    assert {path.parent.name for path in Path(HERE).glob("*/template.yaml")} == set(DRIVES)


@pytest.mark.parametrize("app", DRIVES)
def test_an_app_does_its_main_job(app: str, sandbox: Any) -> None:
    client: Callable[[str], Any] = sandbox.client
    with deployed(app, client) as outputs:
        DRIVES[app](client, outputs)
