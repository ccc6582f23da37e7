"""`happypath sign`: what it prints answers, what it refuses, and what a new key does."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from happypath.errors import UsageError
from happypath.operations import images
from happypath.operations.installation import Installation
from happypath.sandbox.sandbox import Sandbox
from tests.cli.test_run import happypath
from tests.workflows.driver import Driver
from tests.workflows.images import published, signed


def sign(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    return happypath(
        "sign",
        *arguments,
        cwd=Path.cwd(),
        AWS_ENDPOINT_URL=sandbox.endpoint,
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="sandbox",
        AWS_SECRET_ACCESS_KEY="sandbox",
    )


def test_the_printed_address_answers(sandbox: Sandbox, driver: Driver) -> None:
    key = published(driver)
    done = sign(sandbox, f"/i/cover,30x20/{key}", "--expires", "1h", "--new-key")
    assert done.returncode == 0, done.stderr
    assert "There is a new key" in done.stderr
    (address,) = done.stdout.splitlines()
    answer = requests.get(address, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


def test_the_same_path_is_signed_however_it_is_written(driver: Driver) -> None:
    installation = driver.installation
    one, other = (
        images.sign(installation, f"/i/inside,9x/{key}", timedelta(seconds=9), now_s=lambda: 1e9)
        for key in ("park/a b.jpg", "park/a%20b.jpg")
    )
    assert one == other
    assert "/i/inside,9x/park/a%20b.jpg?expires=1000000009&signature=" in one
    assert signed(driver, "inside,9x", "park/a b.jpg") != one


@pytest.mark.parametrize("path", ["/i/zoom,1x1/a/b", "/x", "/i/inside,9x/a"])
def test_what_cannot_be_asked_for_is_refused(driver: Driver, path: str) -> None:
    with pytest.raises(UsageError, match="cannot be asked for"):
        images.sign(driver.installation, path, timedelta(hours=1))


def test_what_is_not_deployed_is_said(sandbox: Sandbox) -> None:
    with pytest.raises(images.ImagesNotDeployedError, match="happypath deploy images"):
        images.sign(Installation(sandbox.client, "nobody"), "/i/inside,9x/a/b", timedelta(hours=1))


def test_without_anything_it_says_what_to_say() -> None:
    done = happypath("sign", cwd=Path.cwd())
    assert done.returncode == 2
    assert "Say what to sign" in done.stderr
