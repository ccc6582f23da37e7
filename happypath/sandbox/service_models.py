"""AWS's own descriptions of its services, which botocore has: each is read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import botocore.session
from botocore.loaders import Loader
from botocore.model import ServiceModel

# The names that requests are signed with, where they are not botocore's.
_SIGNED_AS: Mapping[str, str] = {
    "cassandra": "keyspaces",
    "elasticloadbalancing": "elbv2",
    "email": "ses",
    "execute-api": "apigatewaymanagementapi",
    "mobiletargeting": "pinpoint",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
    "timestream": "timestream-query",
}


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


def loader() -> Loader:
    """What reads the descriptions: whoever shares it shares what it has read."""
    found: Loader = _session().get_component("data_loader")
    return found


@cache
def services() -> frozenset[str]:
    """The names of all services."""
    return frozenset(_session().get_available_services())


@cache
def service_model(service: str) -> ServiceModel:
    """The description of a service, by botocore's name.

    Raises:
        botocore.exceptions.UnknownServiceError: there is no such service.
    """
    return _session().get_service_model(service)


def signed_as(name: str) -> str:
    """botocore's name of the service that requests are signed for by a name.

    >>> signed_as("states"), signed_as("s3")
    ('stepfunctions', 's3')
    """
    return _SIGNED_AS.get(name, name)
