"""What a person gets wrong is one line that says what, where, and what to do; never a traceback."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
import typer

from functions.upload import parse_key
from happypath.cli import main as cli
from happypath.operations.installation import Installation
from happypath.operations.naming import upload_name
from happypath.sandbox import DeployError

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens, and nobody else can."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, nobody: str
) -> Command:
    """Runs `happypath` in an empty folder, at an address where nobody is: its status and its one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in {
        "AWS_ENDPOINT_URL": nobody,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["happypath", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert out == ""
        *asked, line = err.splitlines()
        assert not asked
        return int(ended.value.code or 0), line

    return run


@pytest.fixture
def somebody_else() -> Iterator[str]:
    """A server that is no AWS."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = b"<p>Welcome!<br>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "endpoint",
    ["localhost:4566", "http://", "http://127.0.0.1:port", "http://127.0.0.1:0", "ftp://127.0.0.1"],
)
def test_an_address_that_is_none(command: Command, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    status, line = command("runs")
    assert status == 2
    assert f"AWS_ENDPOINT_URL={endpoint} is no address" in line


def test_an_address_where_nobody_is(command: Command) -> None:
    status, line = command("runs")
    assert status == 1
    assert line.endswith("Is AWS_ENDPOINT_URL right, and the sandbox up?")


@pytest.mark.parametrize(
    ("arguments", "help_of"),
    [
        (("nonsense",), "happypath"),
        (("refuse", "photo.jpg"), "happypath refuse"),
        (("review", "claim"), "happypath review claim"),
        (("run", "--nonsense"), "happypath run"),
    ],
)
def test_unusable_arguments_name_the_help_of_their_own_command(
    command: Command, arguments: tuple[str, ...], help_of: str
) -> None:
    status, line = command(*arguments)
    assert status == 2
    assert line.endswith(f" See `{help_of} --help`.")


def test_an_address_of_somebody_else(
    command: Command, monkeypatch: pytest.MonkeyPatch, somebody_else: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", somebody_else)
    status, line = command("runs")
    assert status == 1
    assert f"AWS_ENDPOINT_URL ({somebody_else})" in line


def test_a_profile_that_there_is_not(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_PROFILE", "nobodys")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    status, line = command("runs")
    assert status == 1
    assert "nobodys" in line
    assert "set AWS_PROFILE" in line


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("upload", "photo.jpg", "--place", "a/b"), "--place 'a/b' is not a place id"),
        (("compare", "v3", "v4", "photo.jpg", "--place", "a/b"), "--place 'a/b' is not a place id"),
        (("compare", "v3", "v4", "--place-type", "a/b"), "--place-type 'a/b' must not"),
        (("upload", "photo.jpg", "--place", "x" * 1020), "photo.jpg cannot be uploaded as xxx"),
        (("upload", "photo.jpg", "./photo.jpg", "--place", "a", "--own-name"), "leave out --own-name"),
    ],
)
def test_a_place_that_no_upload_can_have(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    (tmp_path / "photo.jpg").touch()
    status, line = command(*arguments)
    assert status == 2
    assert complaint in line


def test_a_bill_by_the_logs_of_an_installation_that_there_is_not(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Installation, "stack", lambda *_: None)
    status, line = command("cost", "--since", "1h", "--prefix", "nobodys")
    assert status == 1
    assert "There is no stack nobodys-core" in line


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    from happypath.operations.run import save  # moto takes a while to import

    class Published(Installation):
        def outputs(self, record: Mapping[str, Any]) -> dict[str, bytes]:
            return {"park/u.jpg/tile.png": b"photo"}

    (tmp_path / "park").touch()
    make: Any = boto3.client
    record = {"key": "park/u.jpg"}
    with pytest.raises(OSError, match=r"park/u\.jpg/tile\.png cannot be saved: .*--out names another folder"):
        save(Published(make, "happypath"), record, tmp_path)
    saved = save(Published(make, "happypath"), record, tmp_path / "out")
    assert [Path(each).read_bytes() for each in saved] == [b"photo"]


def test_an_error_of_the_machine_is_told_by_its_words(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("happypath.cli.display.show_bill", full)
    assert command("cost") == (1, f"happypath: {os.strerror(errno.ENOSPC)}.")


def test_a_template_with_a_slip(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def deploy(*_: object, **__: object) -> None:
        raise DeployError("happypath-v4 cannot be deployed: line 3")

    monkeypatch.setattr("happypath.operations.run.run", deploy)
    assert command("run") == (1, "happypath: happypath-v4 cannot be deployed: line 3")


def test_a_question_that_nobody_answers(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("happypath.operations.deploy.removable_in", lambda *_: None)
    monkeypatch.setattr("typer.confirm", _nobody)
    status, line = command("destroy", "v1")
    assert status == 2
    assert "--yes" in line


def _nobody(*_: object, **__: object) -> bool:
    raise typer.Abort


@pytest.mark.parametrize("file", ["photo.jpg", ".jpg", "photo.", "photo", "a.b.jpg", "%20 ü.png"])
def test_an_upload_is_looked_for_where_its_workflow_records_it(file: str) -> None:
    upload_id, key = upload_name(Path("folder") / file, "park", "001-")
    assert parse_key(key) == ("park", upload_id)
    assert upload_id == f"001-{file}"


@pytest.mark.parametrize(
    "arguments", [("run",), ("upload", "--place", "park"), ("compare", "v1", "v2"), ("run", "--json")]
)
@pytest.mark.parametrize("folder", [b".", b"fotos-\xe9"])
def test_a_photo_whose_name_is_not_utf8(
    command: Command, tmp_path: Path, arguments: tuple[str, ...], folder: bytes
) -> None:
    photo = Path(os.fsdecode(folder + b"/caf\xe9.jpg"))
    photo.parent.mkdir(exist_ok=True)
    photo.write_bytes(b"photo")
    status, line = command(*arguments, str(photo))
    shown = r"fotos-\xe9/caf\xe9.jpg" if folder != b"." else r"caf\xe9.jpg"
    assert (status, line) == (2, f"happypath: {shown}: its name is not UTF-8, as keys are: rename it.")


def test_a_place_that_is_not_utf8(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("happypath.cli.uploads.secrets.token_hex", lambda _: "1f")
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    status, line = command("upload", "photo.jpg", "--place", os.fsdecode(b"caf\xe9"))
    assert status == 2
    assert line == r"happypath: photo.jpg cannot be uploaded as caf\xe9/1f-photo.jpg: it is not Unicode text."
