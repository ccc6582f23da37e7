"""Uploads through the one sandbox."""

from __future__ import annotations

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.tracing.uploads import Uploads


@pytest.fixture(scope="session")
def uploads(sandbox: Sandbox) -> Uploads:
    return Uploads(sandbox)
