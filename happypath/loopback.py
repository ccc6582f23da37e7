"""An AWS account on this machine needs nothing of a person's AWS settings, and no proxy."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from urllib.parse import urlsplit

# What a request to this machine needs. Of AWS's other variables one may name a profile that is not there,
# another endpoint, or dual-stack endpoints, which is an error beside an endpoint of one's own.
_KEPT = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_MAX_ATTEMPTS",
}
# No file of settings, no server of a machine in EC2.
NO_SETTINGS = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# Also where the system has a proxy and the environment has none.
_NO_PROXY = {"NO_PROXY": "127.0.0.1,localhost,::1", "no_proxy": "127.0.0.1,localhost,::1"}


def is_loopback(url: str) -> bool:
    """Whether an address is of this machine alone.

    >>> is_loopback("http://127.0.0.1:4566"), is_loopback("http://localhost:4566")
    (True, True)
    >>> is_loopback("https://sqs.eu-central-1.amazonaws.com")
    False
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def isolated(**variables: str) -> Iterator[None]:
    """Takes a person's AWS settings and proxies out of this process's environment while the block lasts.

    `variables` are set besides. A client that was made before keeps what it has read.
    """
    with patch.dict(os.environ):
        for name in list(os.environ):
            if _is_a_setting(name):
                del os.environ[name]
        os.environ.update({**NO_SETTINGS, **_NO_PROXY, **variables})
        yield


def _is_a_setting(name: str) -> bool:
    return (name.startswith("AWS_") and name not in _KEPT) or name.lower().endswith("_proxy")
