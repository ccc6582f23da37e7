from __future__ import annotations

from typing import get_args

import pytest
from botocore.loaders import Loader

from functions.platform.service_models import Service, loader

OURS = loader()
BOTOCORES = Loader()


@pytest.mark.parametrize("service", get_args(Service))
@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
def test_a_service_is_described_as_botocore_does_it(service: str, kind: str) -> None:
    assert OURS.load_service_model(service, kind) == BOTOCORES.load_service_model(service, kind)


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration", "_retry"])
def test_what_all_services_share_is_as_botocore_has_it(name: str) -> None:
    assert OURS.load_data(name) == BOTOCORES.load_data(name)
