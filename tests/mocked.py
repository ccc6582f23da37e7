"""An AWS account in this process, for boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from moto import mock_aws
from moto.core.config import DefaultConfig


@contextmanager
def mocked(config: DefaultConfig | None = None) -> Iterator[None]:
    """moto's account, empty, while the block lasts.

    Without what answers the library requests: to make that takes longer than most tests.
    """
    with patch("moto.core.models.RESPONSES_METHODS", ()), mock_aws(config=config):
        yield
