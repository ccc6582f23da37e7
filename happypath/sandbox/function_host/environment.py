"""One Lambda execution environment: a process of its own that runs one function, one invocation at a time."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any, cast

import psutil

from happypath.sandbox.function_host.code import Code
from happypath.sandbox.function_host.runtime_api import Answer, Invocation, RuntimeApi, error_answer

# How often a busy process is looked at for its memory, and of how many looks one is for the processes
# that it has started: to find them takes milliseconds.
_WATCH_S = 0.02
_CHILDREN_EVERY = 5
# Lambda gives the init phase 10 s; a laptop that starts several at once is slower.
_INIT_LIMIT_S = 60.0
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_RESPONSE_BYTES = 6_291_556
_HERE = Path(__file__).parent
_LAUNCHER = _HERE / "launcher.py"


@dataclass(frozen=True)
class Function:
    """A deployed function, as far as running it goes."""

    name: str
    arn: str
    handler: str
    code: Code
    environment: dict[str, str] = field(hash=False)
    # Lambda's name of it. What is not Python or Node.js cannot run here.
    runtime: str = "python3.13"
    version: str = "$LATEST"
    memory_mb: int = 128
    # Of its `/tmp`.
    ephemeral_storage_mb: int = 512
    timeout_s: float = 3.0
    reserved_concurrency: int | None = None
    # Where it logs, unless that is its own group.
    log_group: str | None = None
    # Text or JSON, of what Lambda itself writes.
    log_format: str = "Text"
    # By which its requests are known as its role's.
    access_key: str = ""
    # Changes with code and configuration: environments of an older revision are not used again.
    revision: str = ""

    @property
    def own_log_group(self) -> str:
        """The log group that Lambda makes for a function which names none."""
        return f"/aws/lambda/{self.name}"

    @property
    def logs_to(self) -> str:
        """The log group that its lines are in."""
        return self.log_group or self.own_log_group


@dataclass(frozen=True)
class Outcome:
    """An invocation's answer and what Lambda would report of it."""

    answer: Answer
    request_id: str
    log_lines: list[str]
    duration_ms: float
    init_ms: float | None
    peak_memory_mb: int
    # Its whole log, with what Lambda adds.
    written: list[str] = field(default_factory=list)
    # The environment cannot be used again.
    dead: bool = False
    # When the environment was made for this invocation, and when the function had it, in seconds since 1970.
    init: tuple[float, float] | None = None
    invocation: tuple[float, float] | None = None


def timed_out(request_id: str, timeout_s: float) -> Answer:
    """What Lambda answers for a function that took longer than its Timeout."""
    return error_answer(
        "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    )


class Environment:
    """Starts the function's process; `invoke` runs one invocation in it; `close` ends it."""

    def __init__(self, function: Function, variables: dict[str, str], scratch: Path) -> None:
        """Makes `scratch` a folder of its own, for as long as it lasts."""
        self.function = function
        self._scratch = scratch
        scratch.mkdir()
        # Where functions may share a group, streams are named for theirs.
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
        named = "" if function.logs_to == function.own_log_group else function.name
        self.log_stream = f"{time.strftime('%Y/%m/%d')}/{named}[$LATEST]{uuid.uuid4().hex}"
        self._api = RuntimeApi()
        self._log = bytearray()
        self._log_lock = threading.Lock()
        self._started = time.monotonic()
        self._started_at = time.time()
        self._init_reported = False
        self._process = subprocess.Popen(  # noqa: S603  # the deployed function, on its owner's machine
            [sys.executable, "-P", "-S", str(_LAUNCHER), json.dumps(_plan(function, scratch))],
            env={
                **variables,
                "AWS_LAMBDA_RUNTIME_API": self._api.address,
                "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # Not waited for yet, a process is there even if it has ended.
        self._usage = psutil.Process(self._process.pid)
        self._output = cast("IO[bytes]", self._process.stdout).fileno()
        os.set_blocking(self._output, False)
        threading.Thread(target=self._collect_log, name=f"log-{function.name}", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def invoke(
        self,
        payload: bytes,
        trace_header: str | None = None,
        request_id: str | None = None,
        *,
        kill: bool = False,
    ) -> Outcome:
        """Runs one invocation within the function's Timeout and MemorySize.

        Whatever goes wrong is an answer in Lambda's shape: `Sandbox.Timedout`, `Runtime.ExitError`, or the
        error that the function raised when it was imported. With `kill` the process is killed
        before any of the work is done.
        """
        request_id = request_id or str(uuid.uuid4())
        problem = self._wait_until_ready(request_id)
        if problem:
            problem = self._explained(problem, request_id)
        init_ms = None if self._init_reported else (time.monotonic() - self._started) * 1000
        init = None if self._init_reported else (self._started_at, time.time())
        self._init_reported = True
        if problem:
            self.close()
            return Outcome(problem, request_id, self._take_log(), 0.0, init_ms, 0, dead=True, init=init)

        timeout_s = self.function.timeout_s
        started, started_at = time.monotonic(), time.time()
        if kill:
            # Before it has the invocation: a quick function on a busy machine is done before the signal.
            self._process.kill()
            self._process.wait()
        self._api.offer(
            Invocation(
                request_id=request_id,
                payload=payload,
                deadline_ms=int((time.time() + timeout_s) * 1000),
                function_arn=self.function.arn,
                trace_header=trace_header,
            )
        )
        answer, peak = self._watch(request_id, started + timeout_s)
        duration_ms = (time.monotonic() - started) * 1000
        invocation = started_at, time.time()
        dead = answer is None or self._process.poll() is not None
        if answer is None:
            answer = timed_out(request_id, timeout_s)
        if dead:
            self.close()
        if answer.failed:
            answer = self._explained(answer, request_id)
        elif len(answer.payload) > MAX_RESPONSE_BYTES:
            answer = error_answer(
                "Function.ResponseSizeTooLarge",
                f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
            )
        return Outcome(
            answer,
            request_id,
            self._take_log(),
            duration_ms,
            init_ms,
            peak,
            dead=dead,
            init=init,
            invocation=invocation,
        )

    def kill(self) -> None:
        """Kills the process and those that it has started, and does not wait for their end."""
        if self._process.poll() is None:
            children = self._children()
            self._process.kill()
            for child in children:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()

    def _children(self) -> list[psutil.Process]:
        try:
            return self._usage.children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def close(self) -> None:
        """Ends the process at once, as Lambda does with an environment that it no longer needs."""
        self.kill()
        self._process.wait()
        self._api.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _wait_until_ready(self, request_id: str) -> Answer | None:
        deadline = self._started + _INIT_LIMIT_S
        while not self._api.ready.wait(_WATCH_S):
            if self._process.poll() is not None:
                # The error itself was posted before the process ended.
                return self._api.init_error or self._exit_error(request_id)
            if time.monotonic() > deadline:
                return error_answer(
                    "Sandbox.Timedout",
                    f"RequestId: {request_id} Error: init did not end in {_INIT_LIMIT_S:.0f} s",
                )
        return None

    def _watch(self, request_id: str, deadline: float) -> tuple[Answer | None, int]:
        """Waits for the answer; ends processes that take more memory than they have."""
        peak = 0
        for number in count(1):
            if time.monotonic() >= deadline:
                break
            answer = self._api.wait(min(_WATCH_S, max(0.0, deadline - time.monotonic())))
            others = self._children() if answer is None and number % _CHILDREN_EVERY == 0 else []
            peak = max(peak, sum(map(_resident_bytes, (self._usage, *others))) >> 20)
            if answer is not None:
                return answer, peak
            if self._process.poll() is not None:
                return self._exit_error(request_id), peak
            if peak > self.function.memory_mb:
                self.kill()
                return self._exit_error(request_id), self.function.memory_mb
        return None, peak

    def _exit_error(self, request_id: str) -> Answer:
        code = self._process.wait()
        how = "with error: signal: killed" if code < 0 else f"with error: exit status {code}"
        if code == 0:
            how = "without providing a reason"
        return error_answer("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited {how}")

    def _explained(self, problem: Answer, request_id: str) -> Answer:
        """An error with the request that it is of, and with why a library is missing that was shipped."""
        try:
            error: Any = json.loads(problem.payload)
            if "requestId" in error:
                error["requestId"] = request_id
            if error["errorType"] in {"Runtime.ImportModuleError", "ModuleNotFoundError", "ImportError"}:
                error["errorMessage"] = self.function.code.explained(error["errorMessage"])
        except (ValueError, TypeError, KeyError):
            return problem  # a runtime's own words
        return Answer(self._as_on_lambda(json.dumps(error)).encode(), failed=True)

    def _as_on_lambda(self, text: str) -> str:
        """A text with the folders of Lambda in it, where the code is in others on this machine."""
        code = self.function.code
        text = text.replace(str(code.folder), "/var/task")
        return text.replace(str(code.layers), "/opt") if code.layers else text

    def _collect_log(self) -> None:
        # The pipe must be emptied while the function runs, or a talkative one would stop in `print`.
        while self._read_log(wait_s=None):
            pass

    def _read_log(self, wait_s: float | None) -> bool:
        """Takes over what the process has written; False once there is no more to come."""
        try:
            readable, _, _ = select.select([self._output], [], [], wait_s)
            if not readable:
                return False
            with self._log_lock:
                chunk = os.read(self._output, 65_536)
                self._log += chunk
                return bool(chunk)
        except BlockingIOError:
            return True  # the other reader was faster
        except (OSError, ValueError):
            return False  # closed

    def _take_log(self) -> list[str]:
        # A runtime writes its log before it answers, so that everything is in the pipe by now.
        while self._read_log(wait_s=0):
            pass
        with self._log_lock:
            lines = self._as_on_lambda(self._log.decode(errors="replace")).splitlines()
            self._log.clear()
        return lines


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _has_aws_client() -> bool:
    """Whether AWS's own runtime client is installed; else a file of this project stands in for it."""
    return importlib.util.find_spec("awslambdaric") is not None


def node() -> str | None:
    """The path of Node.js, if it is installed here."""
    return shutil.which("node")


def _plan(function: Function, scratch: Path) -> dict[str, Any]:
    """What the launcher gets."""
    code = function.code
    found = node() if function.runtime.startswith("nodejs") else None
    # Folders without which nothing runs, wherever they are on this machine.
    needed = {sys.base_prefix, *([str(Path(found).resolve().parent.parent)] if found else ())}
    return {
        "task": str(code.folder),
        "layers": str(code.layers or ""),
        "libraries": str(code.libraries),
        "client_folder": str(_HERE),
        "aws_client": _has_aws_client(),
        "node": found,
        "needed": sorted(needed),
        "scratch": str(scratch),
        "tmp_mb": function.ephemeral_storage_mb,
    }
