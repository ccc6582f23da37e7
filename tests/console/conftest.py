"""A console over an installation in memory, for tests without a browser; and over a sandbox, for one."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from happypath.console.app import application
from happypath.console.console import Console
from tests.operations.conftest import Offline, installation

__all__ = ["installation"]
ADDRESS = "http://127.0.0.1:8400"


@pytest.fixture
def console(installation: Offline) -> Console:
    return Console(installation, allow_changes=True)


@pytest.fixture
def client(console: Console) -> TestClient:
    return TestClient(application(console), base_url=ADDRESS, follow_redirects=False)
