"""The function host runs functions as Lambda does: processes, limits, errors in Lambda's shape, logs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from happypath.sandbox.function_host import environment
from happypath.sandbox.function_host.environment import Environment, Function, Outcome
from happypath.sandbox.function_host.host import FunctionHost, InvokeError, TooManyRequestsError
from tests.waiting import until

CODE = """
import os, socket, subprocess, sys, time

print("imported")
count = 0

def handler(event, context):
    global count
    count += 1
    match event["do"]:
        case "echo":
            print("echoing")
            return {"event": event, "count": count, "pid": os.getpid(), "request": context.aws_request_id,
                    "arn": context.invoked_function_arn, "left_ms": context.get_remaining_time_in_millis(),
                    "environment": dict(os.environ)}
        case "raise":
            raise LookupError("no such photo")
        case "sleep":
            time.sleep(event["s"])
            return "slept"
        case "exit":
            sys.stdout.flush()
            os._exit(7)
        case "hog":
            hog = []
            while True:
                hog.append(bytearray(8 << 20))
                time.sleep(0.005)
        case "start hog":
            child = subprocess.Popen([sys.executable, "-c", event["code"]])
            child.wait()
        case "meet":
            with socket.create_connection(("127.0.0.1", event["port"])) as meeting:
                meeting.recv(1)
            return "met"
        case "talk":
            for n in range(event["lines"]):
                print("x" * 99)
            return "talked"
"""


def archive(code: str, **files: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as contents:
        for name, content in {"work/__init__.py": code, **files}.items():
            contents.writestr(name, content)
    return stream.getvalue()


@pytest.fixture(params=["awslambdaric", "runtime.py"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both runtimes: AWS's own, and the stand-in for machines that it has no wheel for."""
    if request.param == "awslambdaric" and sys.platform != "linux":
        pytest.skip("AWS publishes awslambdaric's wheels for Linux only")
    monkeypatch.setattr(environment, "_has_aws_client", lambda: request.param == "awslambdaric")
    return str(request.param)


class Logs:
    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.streams: list[str] = []

    def __call__(self, environment: Environment, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.streams.append(environment.log_stream)


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def host(runtime: str, logs: Logs) -> Iterator[FunctionHost]:
    host = FunctionHost({"AWS_REGION": "us-east-1"}, logs, environments_per_function=2)
    yield host
    host.close()


def made(host: FunctionHost, code: str = CODE, **properties: Any) -> Function:
    body = archive(code)
    name = properties.pop("name", "work")
    return Function(
        name=name,
        arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        handler="work.handler",
        code=host.unpack(hashlib.sha256(body).hexdigest(), body),
        **{"environment": {}, "timeout_s": 60.0, "memory_mb": 512, **properties},
    )


@pytest.fixture
def make(host: FunctionHost) -> Callable[..., Function]:
    return partial(made, host)


def call(host: FunctionHost, function: Function, **event: Any) -> tuple[Any, bool]:
    outcome = host.invoke(function, json.dumps(event).encode())
    return json.loads(outcome.answer.payload), outcome.answer.failed


def test_a_function_gets_its_event_context_and_environment(
    host: FunctionHost, make: Callable[..., Function], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_PASSWORD", "secret")
    function = make(environment={"TABLE_NAME": "photos"})
    result, failed = call(host, function, do="echo", text="Grüße")
    assert not failed
    assert result["event"] == {"do": "echo", "text": "Grüße"}
    assert result["arn"] == function.arn
    assert 0 < result["left_ms"] <= 60_000
    variables = result["environment"]
    assert variables["TABLE_NAME"] == "photos"
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "work"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert "MY_PASSWORD" not in variables


def test_an_environment_stays_warm_and_is_a_process_of_its_own(
    host: FunctionHost, make: Callable[..., Function]
) -> None:
    function = make()
    first, _ = call(host, function, do="echo")
    second, _ = call(host, function, do="echo")
    assert (first["count"], second["count"]) == (1, 2)
    assert first["pid"] == second["pid"] != psutil.Process().pid
    assert first["request"] != second["request"]


def test_a_new_revision_does_not_use_an_old_environment(
    host: FunctionHost, make: Callable[..., Function]
) -> None:
    first, _ = call(host, make(revision="1"), do="echo")
    second, _ = call(host, make(revision="2", environment={"NEW": "1"}), do="echo")
    assert second["count"] == 1
    assert second["environment"]["NEW"] == "1"
    assert not psutil.pid_exists(first["pid"])


def test_an_exception_is_an_error_in_lambdas_shape(host: FunctionHost, make: Callable[..., Function]) -> None:
    function = make()
    error, failed = call(host, function, do="raise")
    assert failed
    assert error["errorType"] == "LookupError"
    assert error["errorMessage"] == "no such photo"
    assert "handler" in "".join(error["stackTrace"])
    _, failed = call(host, function, do="echo")
    assert not failed


def test_a_time_out_ends_the_environment(host: FunctionHost, make: Callable[..., Function]) -> None:
    function = make(timeout_s=0.3)
    # Longer than the test may take.
    error, failed = call(host, function, do="sleep", s=3600)
    assert failed
    assert error["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 0.30 seconds" in error["errorMessage"]
    result, _ = call(host, replace(function, timeout_s=60.0), do="echo")
    assert result["count"] == 1


def test_a_process_that_ends_is_an_exit_error(host: FunctionHost, make: Callable[..., Function]) -> None:
    error, failed = call(host, make(), do="exit")
    assert failed
    assert error["errorType"] == "Runtime.ExitError"
    assert "exit status 7" in error["errorMessage"]


def test_too_much_memory_ends_the_process(
    host: FunctionHost, make: Callable[..., Function], logs: Logs
) -> None:
    error, failed = call(host, make(memory_mb=128), do="hog")
    assert failed
    assert error["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in error["errorMessage"]
    assert logs.outcomes[-1].peak_memory_mb == 128


def test_what_a_function_starts_is_ended_with_it_for_their_memory_together(
    host: FunctionHost, make: Callable[..., Function], logs: Logs
) -> None:
    code = "import os, time; print('pid', os.getpid(), flush=True); hog = b'x' * (120 << 20); time.sleep(600)"
    error, failed = call(host, make(memory_mb=128), do="start hog", code=code)
    assert failed
    assert error["errorType"] == "Runtime.ExitError"
    assert logs.outcomes[-1].peak_memory_mb == 128
    (started,) = [int(line.split()[1]) for line in logs.outcomes[-1].log_lines if line.startswith("pid ")]
    until(
        lambda: not psutil.pid_exists(started) or psutil.Process(started).status() == psutil.STATUS_ZOMBIE,
        "what it started is gone",
    )


def test_a_process_that_is_killed_on_purpose_has_done_nothing(
    make: Callable[..., Function], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kill = subprocess.Popen.kill

    def late(process: subprocess.Popen[bytes]) -> None:
        # As on a busy machine. The function would be done by then.
        time.sleep(0.3)
        kill(process)

    monkeypatch.setattr(subprocess.Popen, "kill", late)
    with socket.create_server(("127.0.0.1", 0)) as meeting:
        event = json.dumps({"do": "meet", "port": meeting.getsockname()[1]}).encode()
        process = Environment(make(), {}, tmp_path / "scratch")
        outcome = process.invoke(event, kill=True)
        process.close()
        assert json.loads(outcome.answer.payload)["errorType"] == "Runtime.ExitError"
        meeting.setblocking(False)
        with pytest.raises(BlockingIOError):
            meeting.accept()


def test_a_module_that_cannot_be_imported_says_why(host: FunctionHost, make: Callable[..., Function]) -> None:
    error, failed = call(host, make("raise KeyError('MIN_PIXELS')"), do="echo")
    assert failed
    assert "MIN_PIXELS" in error["errorMessage"]


def test_every_line_reaches_the_log_in_order(
    host: FunctionHost, make: Callable[..., Function], logs: Logs
) -> None:
    function = make()
    call(host, function, do="talk", lines=5000)  # more than a pipe holds
    call(host, function, do="echo")
    first, second = logs.outcomes
    assert first.log_lines == ["imported"] + ["x" * 99] * 5000
    assert second.log_lines == ["echoing"]
    assert first.init_ms is not None
    assert second.init_ms is None
    assert len(set(logs.streams)) == 1


def test_no_more_environments_than_allowed_and_the_rest_wait(
    host: FunctionHost, make: Callable[..., Function]
) -> None:
    function = make()
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(call(host, function, do="echo")[0])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len({result["pid"] for result in results}) <= 2


def test_a_function_runs_twice_at_a_time_where_there_is_one_processor(
    logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    host = FunctionHost({"AWS_REGION": "us-east-1"}, logs)
    try:
        with socket.create_server(("127.0.0.1", 0)) as meeting, ThreadPoolExecutor(2) as pool:
            meet = partial(call, host, made(host), do="meet", port=meeting.getsockname()[1])
            answers = [pool.submit(meet) for _ in range(2)]
            meeting.settimeout(30)
            for guest in [meeting.accept()[0] for _ in answers]:
                guest.close()
        assert [answer.result() for answer in answers] == [("met", False)] * 2
    finally:
        host.close()


def test_reserved_concurrency_is_a_throttle(host: FunctionHost, make: Callable[..., Function]) -> None:
    function = make(reserved_concurrency=1)
    call(host, function, do="echo")
    with socket.create_server(("127.0.0.1", 0)) as meeting:
        port = meeting.getsockname()[1]
        busy = threading.Thread(target=lambda: call(host, function, do="meet", port=port))
        busy.start()
        with meeting.accept()[0], pytest.raises(TooManyRequestsError):
            call(host, function, do="echo")
    busy.join()


def test_closing_leaves_no_process_behind(host: FunctionHost, make: Callable[..., Function]) -> None:
    result, _ = call(host, make(), do="echo")
    host.close()
    assert not psutil.pid_exists(result["pid"])


def test_closing_ends_what_is_busy_at_once(host: FunctionHost, make: Callable[..., Function]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as meeting, ThreadPoolExecutor() as pool:
        port = meeting.getsockname()[1]
        function = make()
        answers = [pool.submit(call, host, function, do="meet", port=port) for _ in range(2)]
        guests = [meeting.accept()[0] for _ in answers]
        # There is room for two: this one waits for its turn.
        waiting = pool.submit(call, host, function, do="echo")
        host.close()
        for guest in guests:
            guest.settimeout(30)
            assert guest.recv(1) == b""
            guest.close()
        assert [answer.result()[0]["errorType"] for answer in answers] == ["Runtime.ExitError"] * 2
        with pytest.raises(InvokeError, match="The sandbox ends"):
            waiting.result()
        with pytest.raises(InvokeError, match="The sandbox ends"):
            call(host, function, do="echo")


FILES = """
import errno, os, sys, tempfile

def attempt(path, size=1):
    try:
        with open(path, "wb") as file:
            for _ in range(size):
                file.write(bytes(1 << 20))
        return "written"
    except OSError as error:
        return errno.errorcode[error.errno]

def handler(event, context):
    return {
        "task": attempt(os.environ["LAMBDA_TASK_ROOT"] + "/work/new.py"),
        "root": os.environ["LAMBDA_TASK_ROOT"],
        "here": os.getcwd(),
        "home": attempt(event["elsewhere"]),
        "temporary": tempfile.gettempdir(),
        "before": os.listdir("/tmp"),
        "small": attempt("/tmp/small"),
        "large": attempt("/tmp/large", event["mb"]),
        "path": sys.path,
        "file": __file__,
    }
"""
FAILING = """
def handler(event, context):
    raise LookupError("no such photo")
"""

confined = pytest.mark.skipif(sys.platform != "linux", reason="file systems of their own are Linux's")


@confined
def test_an_environment_has_the_file_system_of_lambda(
    host: FunctionHost, make: Callable[..., Function], tmp_path: Path
) -> None:
    function = make(FILES, ephemeral_storage_mb=20)
    found, failed = call(host, function, elsewhere=str(tmp_path / "x"), mb=30)
    assert not failed
    assert (found["task"], found["home"]) == ("EROFS", "ENOENT")
    assert (found["root"], found["here"], found["temporary"]) == ("/var/task", "/var/task", "/tmp")
    assert found["file"] == "/var/task/work/__init__.py"
    assert (found["small"], found["large"]) == ("written", "ENOSPC")
    assert found["path"][0] == "/var/task"
    assert found["before"] == []
    again, _ = call(host, function, elsewhere=str(tmp_path / "x"), mb=1)
    assert "small" in again["before"]
    other, _ = call(host, make(FILES, name="other"), elsewhere=str(Path.home() / "x"), mb=1)
    assert "small" not in other["before"]
    assert other["home"] in {"EROFS", "ENOENT"}
    host.close()
    assert not list(tmp_path.iterdir())


def test_where_there_are_no_namespaces_the_code_cannot_be_written_to(
    host: FunctionHost, make: Callable[..., Function], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without = tmp_path / "launcher.py"
    source = Path(environment._LAUNCHER).read_text(encoding="utf-8")
    without.write_text(source.replace('sys.platform == "linux"', "False"), encoding="utf-8")
    monkeypatch.setattr(environment, "_LAUNCHER", without)
    function = make(FILES)
    found, _ = call(host, function, elsewhere=str(tmp_path / "x"), mb=1)
    assert found["temporary"] != "/tmp"
    assert not (function.code.folder / "work" / "__init__.py").stat().st_mode & 0o222
    error, _ = call(host, make(FAILING), do="raise")
    assert "/var/task/work/__init__.py" in "".join(error["stackTrace"])
    assert str(function.code.folder.parent) not in "".join(error["stackTrace"])


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        (
            "gone.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'gone': No module named 'gone'",
        ),
        ("work.gone", "Runtime.HandlerNotFound", "Handler 'gone' missing on module 'work'"),
        ("work", "Runtime.MalformedHandlerName", "Bad handler 'work'"),
        ("broken.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken'"),
        ("needy.handler", "Runtime.ImportModuleError", "No module named 'flask'"),
        ("needy2.handler", "Runtime.ImportModuleError", "No module named 'happypath'"),
    ],
)
def test_a_handler_that_cannot_be_had_has_lambdas_name_for_why(
    host: FunctionHost, handler: str, kind: str, message: str
) -> None:
    body = archive(CODE, **{"broken.py": "def", "needy.py": "import flask", "needy2.py": "import happypath"})
    function = replace(made(host), code=host.unpack("unavailable", body), handler=handler)
    error, failed = call(host, function, do="echo")
    assert failed
    assert error["errorType"] == kind
    assert message in error["errorMessage"]
    assert error["requestId"]
    assert error["stackTrace"] == [] or kind == "Runtime.UserCodeSyntaxError"


def test_leaving_without_an_error_is_an_exit_error(host: FunctionHost, make: Callable[..., Function]) -> None:
    error, failed = call(host, make("import sys\ndef handler(event, context):\n    sys.exit(0)"))
    assert failed
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith("Error: Runtime exited without providing a reason")


def test_an_answer_that_is_too_large_is_an_error(host: FunctionHost, make: Callable[..., Function]) -> None:
    function = make("def handler(event, context):\n    return 'x' * event['n']")
    largest, failed = call(host, function, n=6_291_554)
    assert (len(largest), failed) == (6_291_554, False)
    error, failed = call(host, function, n=6_291_555)
    assert failed
    assert error["errorType"] == "Function.ResponseSizeTooLarge"


def test_the_archives_libraries_come_first_then_the_layers_then_the_runtimes(host: FunctionHost) -> None:
    names = "boto3/__init__.py", "jmespath/__init__.py"
    body = archive(
        "import boto3, jmespath, six\ndef handler(event, context):\n"
        "    return [boto3.WHOSE, jmespath.WHOSE, six.__name__]",
        **{names[0]: "WHOSE = 'archive'"},
    )
    layer = archive("", **{f"python/{name}": "WHOSE = 'layer'" for name in names})
    older = archive("", **{"python/jmespath/__init__.py": "WHOSE = 'older layer'"})
    code = host.unpack("with-boto3", body, [("older", older), ("layer", layer)])
    function = replace(made(host), code=code)
    assert call(host, function) == (["archive", "layer", "six"], False)


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00" + machine.to_bytes(2, "little")


def test_libraries_for_another_processor_are_those_of_this_machine_or_named(host: FunctionHost) -> None:
    files: dict[str, str | bytes] = {
        "PIL/__init__.py": "",
        "PIL/_imaging.cpython-313-aarch64-linux-gnu.so": elf(183),
        "numpi/__init__.py": "",
        "numpi/core.abi3.so": elf(8),
    }
    body = archive("def handler(event, context):\n    import PIL\n    import numpi", **files)
    code = host.unpack("compiled", body)
    assert [name for name, _ in code.unusable] == ["numpi"]
    function = replace(made(host), code=code)
    error, _ = call(host, function)
    assert error["errorMessage"].startswith("No module named 'numpi' (The sandbox: numpi is in the archive")
    needy = replace(
        function,
        code=host.unpack("compiled2", archive("import numpi", **{"numpi/core.abi3.so": elf(8)})),
        revision="2",
    )
    error, _ = call(host, needy)
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert "numpi is in the archive, compiled for another system" in error["errorMessage"]


def test_what_no_machine_can_run_is_an_invalid_runtime(
    host: FunctionHost, make: Callable[..., Function], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvokeError) as refused:
        call(host, make(runtime="java21"), do="echo")
    assert (refused.value.response.code, refused.value.response.status) == ("InvalidRuntimeException", 502)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvokeError, match=r"Node\.js is not installed"):
        call(host, make(runtime="nodejs22.x"), do="echo")


NODE = {
    "index.js": """
exports.handler = async (event, context) => {
  console.log("said", event);
  return { event, name: context.functionName, left: context.getRemainingTimeInMillis() > 0, root: __dirname };
};
exports.back = (event, context, callback) => callback(null, "called back");
exports.fails = async () => { throw new RangeError("too far"); };
exports.leaves = () => process.exit(0);
""",
    "lib/module.mjs": "export const handler = async () => 'a module';",
    "needs.js": "require('no-such-library'); exports.handler = 1;",
    "broken.js": "(",
}


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed here")
@pytest.mark.parametrize(
    ("handler", "answer", "kind"),
    [
        ("index.handler", {"event": {"a": "ä"}, "name": "work", "left": True, "root": "/var/task"}, None),
        ("index.back", "called back", None),
        ("lib/module.handler", "a module", None),
        ("index.fails", "too far", "RangeError"),
        ("index.leaves", "Runtime exited without providing a reason", "Runtime.ExitError"),
        ("index.gone", "index.gone is undefined or not exported", "Runtime.HandlerNotFound"),
        ("gone.handler", "Error: Cannot find module 'gone'", "Runtime.ImportModuleError"),
        ("needs.handler", "Error: Cannot find module 'no-such-library'", "Runtime.ImportModuleError"),
        ("broken.handler", "SyntaxError", "Runtime.UserCodeSyntaxError"),
    ],
)
def test_a_function_for_node_runs_where_node_is(
    host: FunctionHost, logs: Logs, handler: str, answer: Any, kind: str | None
) -> None:
    body = archive("", **NODE)
    function = replace(made(host), code=host.unpack("node", body), handler=handler, runtime="nodejs22.x")
    found, failed = call(host, function, a="ä")
    assert failed == (kind is not None)
    if kind:
        assert found["errorType"] == kind
        assert answer in found["errorMessage"]
    else:
        assert found == answer
    if handler == "index.handler":
        assert "said { a: 'ä' }" in logs.outcomes[-1].log_lines[-1]


def test_what_a_killed_sandbox_left_is_removed_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, logs: Logs
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    starts = "from happypath.sandbox.function_host.host import FunctionHost; import time"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{starts}; FunctionHost({{}}, print); print('up', flush=True); time.sleep(60)",
        ],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    (left,) = tmp_path.iterdir()
    FunctionHost({}, logs).close()
    assert list(tmp_path.iterdir()) == [left]
    process.kill()
    process.wait()
    host = FunctionHost({}, logs)
    assert not left.exists()
    host.close()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_host_that_was_killed_goes_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed = subprocess.Popen([sys.executable, "-c", "pass"])
    killed.wait()
    left = tmp_path / f"happypath-functions-{killed.pid}-x"
    others = [tmp_path / f"happypath-functions-{os.getpid()}-x", tmp_path / "happypath-functions-mine"]
    for folder in (left, *others):
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "handler.py").write_text("pass")
    # As a function's code is.
    (left / "code").chmod(0o555)
    FunctionHost({}, logs).close()
    assert sorted(tmp_path.iterdir()) == sorted(others)
