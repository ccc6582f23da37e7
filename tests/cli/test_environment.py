"""A person's AWS settings, proxies, terminal and file names do not get in the way of a sandbox."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import pytest

from happypath.sandbox.sandbox import Sandbox
from tests.cli.test_run import PHOTOS, happypath, results


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that answers nothing, and what it is asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(1000))

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def settings(tmp_path: Path, proxy: tuple[str, list[bytes]]) -> dict[str, str]:
    """Everything that a person may have set, and that would lead elsewhere."""
    config = tmp_path / "config"
    config.write_text(
        "[default]\nregion = xx-nowhere-1\nendpoint_url = http://127.0.0.1:9\nca_bundle = /nowhere\n"
        "s3 =\n    addressing_style = virtual\n[profile other]\nrole_arn = arn:aws:iam::1:role/none\n"
    )
    address, _ = proxy
    return {
        "HTTP_PROXY": address,
        "HTTPS_PROXY": address,
        "http_proxy": address,
        "ALL_PROXY": address,
        "NO_PROXY": "",
        "AWS_PROFILE": "no-such",
        "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_CA_BUNDLE": "/nowhere",
        "AWS_REGION": "xx-nowhere-1",
        "AWS_DEFAULT_REGION": "xx-nowhere-1",
    }


def test_run_needs_nothing_of_a_persons_settings(
    tmp_path: Path, settings: dict[str, str], proxy: tuple[str, list[bytes]]
) -> None:
    run = happypath("run", "--json", PHOTOS / "coffee.jpg", cwd=tmp_path, **settings)
    assert run.returncode == 0, run.stderr
    assert [each["status"] for each in results(run)] == ["PROCESSED"]
    assert proxy[1] == []


def test_other_commands_go_straight_to_a_sandbox(
    tmp_path: Path, settings: dict[str, str], proxy: tuple[str, list[bytes]], sandbox: Sandbox
) -> None:
    there = {
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    listed = happypath("live", cwd=tmp_path, **{**settings, **there})
    assert listed.returncode == 0, listed.stderr
    assert proxy[1] == []


@pytest.mark.parametrize(
    "terminal",
    [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}],
)
def test_a_terminal_that_is_not_utf_8_gets_plain_characters(tmp_path: Path, terminal: dict[str, str]) -> None:
    run = happypath("run", PHOTOS / "coffee.jpg", cwd=tmp_path, **terminal)
    assert run.returncode == 0, run.stderr
    assert "Check Dimensions -> Dimensions Result?" in run.stdout
    assert "Traceback" not in run.stderr


def test_a_name_that_is_not_utf_8_is_one_line(tmp_path: Path) -> None:
    name = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    copy(PHOTOS / "coffee.jpg", name)
    run = happypath("run", name, cwd=tmp_path)
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert "its name is not UTF-8" in line
