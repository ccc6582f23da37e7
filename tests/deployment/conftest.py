"""An account with nothing in it, as `happypath up --empty` opens one, and the command against it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import boto3
import pytest

from happypath.operations.installation import Installation
from happypath.project import ROOT

Command: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "happypath", "up", "--empty", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    greeting = ""
    while "Ctrl-C" not in greeting:
        line = process.stdout.readline()
        assert line, "the sandbox did not start"
        greeting += line
    address = re.search(r"http://127\.0\.0\.1:\d+", greeting)
    assert address
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables = {
        **clean,
        "AWS_ENDPOINT_URL": address[0],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "sandbox",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "SAM_CLI_TELEMETRY": "0",
        # How long SAM waits between two looks at a stack.
        "SAM_CLI_POLL_DELAY": "1",
    }
    yield variables
    process.send_signal(signal.SIGINT)
    # A few seconds, but for a machine that has much else to do.
    assert process.wait(timeout=120) == 0


@pytest.fixture(scope="module")
def happypath(environment: dict[str, str]) -> Command:
    """The command, against the account; it must succeed unless `status` says otherwise."""

    def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "happypath", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def client(environment: dict[str, str]) -> Callable[[str], Any]:
    session: Any = boto3.Session(
        aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name="us-east-1"
    )
    return lambda service: session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])


@pytest.fixture(scope="module")
def installation(client: Callable[[str], Any]) -> Installation:
    return Installation(client, "happypath")
