from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import certificates
from bench.account import served

# Two services, and a third connection after both were closed. Printed: how often certificates were loaded
# until the clients were there, and in all.
CODE = """
import ssl
loaded = []
load = ssl.SSLContext.load_verify_locations
def counted(*arguments):
    loaded.append(arguments)
    load(*arguments)
ssl.SSLContext.load_verify_locations = counted
from functions.platform.aws import client, prepare
prepare("s3", "dynamodb")
at_start = len(loaded)
client("s3").head_object(Bucket="uploads", Key="place/photo.jpg")
client("dynamodb").get_item(TableName="table", Key={"PK": {"S": "workflow"}})
client("s3").close()
client("s3").head_object(Bucket="uploads", Key="place/photo.jpg")
print(at_start, len(loaded))
"""


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What clients of the endpoint trust."""
    return certificates.make(tmp_path_factory.mktemp("certificates"))[1]


@pytest.fixture(scope="module")
def endpoint(trusted: Path) -> Iterator[str]:
    with served(trusted.parent, trusted.with_name("server.pem")) as address:
        yield address


def ran(endpoint: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.endswith("_CA_BUNDLE")}
    return subprocess.run(
        [sys.executable, "-c", CODE],
        env={
            **environment,
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_ENDPOINT_URL": endpoint,
            **{name: str(value) for name, value in variables.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_trusted_certificates_are_loaded_once_and_at_the_start(
    endpoint: str, trusted: Path, variable: str
) -> None:
    done = ran(endpoint, **{variable: trusted})

    assert done.stdout == "1 1\n", done.stderr


def test_a_server_that_nobody_vouches_for_is_refused(endpoint: str) -> None:
    done = ran(endpoint)

    assert done.returncode
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
