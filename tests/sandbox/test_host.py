"""The function host runs functions as Lambda does: processes, limits, errors in Lambda's shape, logs."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from happypath.sandbox.function_host import environment
from happypath.sandbox.function_host.environment import Environment, Function, Outcome
from happypath.sandbox.function_host.host import FunctionHost, TooManyRequestsError

CODE = """
import os, sys, time

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
        case "meet":
            open(os.path.join(event["at"], context.aws_request_id), "x").close()
            while len(os.listdir(event["at"])) < event["guests"]:
                time.sleep(0.005)
            return "met"
        case "talk":
            for n in range(event["lines"]):
                print("x" * 99)
            return "talked"
"""


def archive(code: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as contents:
        contents.writestr("work/__init__.py", code)
        contents.writestr("PIL/__init__.py", "raise ImportError('built for another processor')")
    return stream.getvalue()


@pytest.fixture(params=["awslambdaric", "happypath.sandbox.function_host.runtime"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both runtimes: AWS's own, and the stand-in for machines that it has no wheel for."""
    if request.param == "awslambdaric" and sys.platform != "linux":
        pytest.skip("AWS publishes awslambdaric's wheels for Linux only")
    monkeypatch.setattr(environment, "_runtime", lambda: request.param)
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
        code=host.unpack(hashlib.sha256(body).hexdigest(), body, "work.handler"),
        **{"environment": {}, "timeout_s": 10.0, "memory_mb": 512, **properties},
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
    assert 0 < result["left_ms"] <= 10_000
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
    call(host, function, do="echo")
    started = time.monotonic()
    error, failed = call(host, function, do="sleep", s=30)
    assert time.monotonic() - started < 5
    assert failed
    assert error["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 0.30 seconds" in error["errorMessage"]
    result, _ = call(host, function, do="echo")
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


def test_a_process_that_is_killed_on_purpose_has_done_nothing(
    make: Callable[..., Function], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kill = subprocess.Popen.kill

    def late(process: subprocess.Popen[bytes]) -> None:
        # As on a busy machine. The function would be done by then.
        time.sleep(0.3)
        kill(process)

    monkeypatch.setattr(subprocess.Popen, "kill", late)
    event = json.dumps({"do": "meet", "at": str(tmp_path), "guests": 1}).encode()
    process = Environment(make(), {})
    outcome = process.invoke(event, kill=True)
    process.close()
    assert json.loads(outcome.answer.payload)["errorType"] == "Runtime.ExitError"
    assert list(tmp_path.iterdir()) == []


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
    logs: Logs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    host = FunctionHost({"AWS_REGION": "us-east-1"}, logs)
    try:
        meet = partial(call, host, made(host), do="meet", at=str(tmp_path), guests=2)
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(meet) for _ in range(2)]
        assert [answer.result() for answer in answers] == [("met", False)] * 2
    finally:
        host.close()


def test_reserved_concurrency_is_a_throttle(host: FunctionHost, make: Callable[..., Function]) -> None:
    function = make(reserved_concurrency=1)
    call(host, function, do="echo")
    sleeper = threading.Thread(target=lambda: call(host, function, do="sleep", s=1))
    sleeper.start()
    time.sleep(0.2)
    with pytest.raises(TooManyRequestsError):
        call(host, function, do="echo")
    sleeper.join()


def test_closing_leaves_no_process_behind(host: FunctionHost, make: Callable[..., Function]) -> None:
    result, _ = call(host, make(), do="echo")
    host.close()
    assert not psutil.pid_exists(result["pid"])
