"""The function host: keeps execution environments, starts them as needed, and runs invocations in them."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import psutil

from happypath.sandbox.fault_injection.error_responses import ErrorResponse, error_response
from happypath.sandbox.fault_injection.rules import FAULT_MESSAGE, Fault, Faults, Kind, endings
from happypath.sandbox.function_host.code import Code, CodeStore, allow_writing
from happypath.sandbox.function_host.environment import Environment, Function, Outcome, node, timed_out
from happypath.sandbox.function_host.log import lines
from happypath.sandbox.function_host.runtime_api import Answer, error_answer

# A host's folder is named for its process.
_FOLDER = "happypath-functions-"
# What a process needs of the machine it runs on; nothing else of a person's environment reaches a function.
_FROM_MACHINE = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH")


class InvokeError(Exception):
    """Lambda itself refuses to run the function; `response` is its answer."""

    def __init__(self, response: ErrorResponse) -> None:
        super().__init__(response.message)
        self.response = response


class TooManyRequestsError(InvokeError):
    """The function's reserved concurrency is used up."""

    def __init__(self) -> None:
        super().__init__(ErrorResponse("TooManyRequestsException", 429, "Rate Exceeded."))


def _closing() -> InvokeError:
    return InvokeError(ErrorResponse("ServiceException", 500, "The sandbox ends."))


def _refuse_runtime(runtime: str) -> None:
    """Raises: InvokeError: this machine cannot run functions of that runtime."""
    if runtime.startswith("python") or (runtime.startswith("nodejs") and node()):
        return
    why = (
        "Node.js is not installed on this machine"
        if runtime.startswith("nodejs")
        else "it runs Python and Node.js"
    )
    # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    raise InvokeError(
        ErrorResponse(
            "InvalidRuntimeException", 502, f"The sandbox cannot run functions of {runtime}: {why}."
        )
    )


class FunctionHost:
    """Runs Lambda functions on this machine, each environment in its own process, reused while warm.

    Lambda answers a burst with more environments; a laptop cannot. At most `environments_per_function` of
    each function run, and further invocations wait their turn.
    """

    def __init__(
        self,
        variables: dict[str, str],
        write_log: Callable[[Environment, Outcome], None],
        environments_per_function: int | None = None,
        faults: Faults | None = None,
    ) -> None:
        self._variables = variables
        self._write_log = write_log
        self._faults = Faults() if faults is None else faults
        self._limit = environments_per_function or max(2, os.cpu_count() or 1)
        self._lock = threading.Condition()
        self._idle: dict[str, list[Environment]] = {}
        self._busy: dict[str, int] = {}
        # Those in which an invocation runs.
        self._working: set[Environment] = set()
        self._closed = False
        remove_abandoned()
        self._root = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-"))
        self._code = CodeStore(self._root)

    def unpack(self, sha256: str, archive: bytes, layers: Iterable[tuple[str, bytes]] = ()) -> Code:
        """Unpacks a function's code once, and its layers, each with its SHA-256.

        Raises:
            zipfile.BadZipFile: one of them is no ZIP archive.
        """
        return self._code.unpack(sha256, archive, layers)

    def invoke(
        self,
        function: Function,
        payload: bytes,
        trace_header: str | None = None,
        request_id: str | None = None,
    ) -> Outcome:
        """Runs one invocation and writes its log.

        Raises:
            InvokeError: as Lambda refuses: `TooManyRequestsError` when reserved concurrency is used up, and
                what injected faults make of it.
        """
        _refuse_runtime(function.runtime)
        fault = self._faults.hit(*_names(function)) if self._faults else None
        instead = fault and _instead(fault, function)
        if instead:
            return Outcome(instead, request_id or str(uuid.uuid4()), [], 0.0, None, 0)
        environment = self._take(function)
        outcome: Outcome | None = None
        try:
            outcome = environment.invoke(
                payload, trace_header, request_id, kill=fault is not None and fault.kind is Kind.KILL
            )
            if fault is not None:
                outcome = _corrupted(outcome, fault, environment)
            outcome = replace(outcome, written=lines(function, outcome))
            self._write_log(environment, outcome)
        finally:
            self._give_back(environment, dead=outcome is None or outcome.dead)
        return outcome

    def initialize(self, function: Function) -> None:
        """Starts an environment before it is needed, as Lambda does now and then (proactive initialization).

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        """
        environment = self._new(function)
        with self._lock:
            self._idle.setdefault(function.arn, []).append(environment)

    def concurrency(self, arn: str | None = None) -> int:
        """How many invocations run now, of one function or of all."""
        with self._lock:
            return sum(self._busy.values()) if arn is None else self._busy.get(arn, 0)

    def close(self) -> None:
        """Ends every environment at once. Those that are busy end with their invocation unanswered."""
        with self._lock:
            self._closed = True
            all_ = [*self._working, *(environment for each in self._idle.values() for environment in each)]
            self._idle.clear()
            self._lock.notify_all()
        # All are killed before one is waited for.
        for environment in all_:
            environment.kill()
        for environment in all_:
            environment.close()
        _remove(self._root)

    def _take(self, function: Function) -> Environment:
        with self._lock:
            if (
                function.reserved_concurrency is not None
                and self._busy.get(function.arn, 0) >= function.reserved_concurrency
            ):
                raise TooManyRequestsError
            self._wait_for_turn(function)
            self._busy[function.arn] = self._busy.get(function.arn, 0) + 1
            stale: list[Environment] = []
            found: Environment | None = None
            for environment in self._idle.pop(function.arn, []):
                if environment.function.revision != function.revision:
                    stale.append(environment)
                elif found is None:
                    found = environment
                else:
                    self._idle.setdefault(function.arn, []).append(environment)
            if found is not None:
                self._working.add(found)
        for environment in stale:
            environment.close()
        if found is not None:
            return found
        try:
            return self._started(function)
        except BaseException:
            with self._lock:
                self._busy[function.arn] -= 1
                self._lock.notify_all()
            raise

    def _wait_for_turn(self, function: Function) -> None:
        while not self._closed and self._busy.get(function.arn, 0) >= self._limit:
            self._lock.wait()
        if self._closed:
            raise _closing()

    def _started(self, function: Function) -> Environment:
        """A new environment that is going to be busy."""
        environment = self._new(function)
        with self._lock:
            if not self._closed:
                self._working.add(environment)
                return environment
        environment.close()
        raise _closing()

    def _new(self, function: Function) -> Environment:
        scratch = self._root / f"environment-{uuid.uuid4().hex}"
        return Environment(function, self._environment_variables(function), scratch)

    def _give_back(self, environment: Environment, *, dead: bool) -> None:
        with self._lock:
            self._busy[environment.function.arn] -= 1
            self._working.discard(environment)
            keep = not dead and not self._closed
            if keep:
                self._idle.setdefault(environment.function.arn, []).append(environment)
            self._lock.notify_all()
        if not keep and not dead:
            environment.close()

    def _environment_variables(self, function: Function) -> dict[str, str]:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
        return {
            **{name: os.environ[name] for name in _FROM_MACHINE if name in os.environ},
            **self._variables,
            "AWS_ACCESS_KEY_ID": function.access_key,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "en_US.UTF-8",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_FORMAT": function.log_format,
            "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_to,
            "TZ": ":UTC",
            **function.environment,
            "_HANDLER": function.handler,
        }


def _remove(root: Path) -> None:
    """Removes a host's folder, in which functions' code cannot be written to."""
    for folder in root.glob("*/"):
        allow_writing(folder)
    shutil.rmtree(root, ignore_errors=True)


def remove_abandoned() -> None:
    """Removes the folders of hosts whose process was killed and could not do it itself."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        process = folder.name.removeprefix(_FOLDER).partition("-")[0]
        with contextlib.suppress(OSError):
            if process.isdecimal() and not psutil.pid_exists(int(process)):
                _remove(folder)


def _names(function: Function) -> list[str]:
    """The names of a function in rules: with and without what its stack puts before it.

    For `happypath-v4-Resize` they are `happypath-v4-Resize`, `v4-Resize` and `Resize`.
    """
    return [f"function:{end}" for end in endings(function.name)]


def _instead(fault: Fault, function: Function) -> Answer | None:
    """What is answered without running the function; None where it runs, after a delay perhaps.

    Raises:
        InvokeError: Lambda is to refuse the call.
    """
    no = error_response("lambda", fault.kind)
    if no is not None:
        raise InvokeError(no)
    match fault.kind:
        case Kind.RAISE:
            return error_answer(fault.error, FAULT_MESSAGE)
        case Kind.DELAY:
            if fault.delay(function.timeout_s) and fault.seconds >= function.timeout_s:
                return timed_out(str(uuid.uuid4()), function.timeout_s)
    return None


def _corrupted(outcome: Outcome, fault: Fault, environment: Environment) -> Outcome:
    """The outcome of an invocation whose answer is lost, or is not what the function said."""
    match fault.kind:
        case Kind.TIMEOUT:
            # The worst of moments: all is done, and nobody hears of it.
            environment.close()
            timeout_s = environment.function.timeout_s
            answer = timed_out(outcome.request_id, timeout_s)
            return replace(outcome, answer=answer, duration_ms=timeout_s * 1000, dead=True)
        case Kind.GARBAGE if not outcome.answer.failed:
            return replace(outcome, answer=Answer(b'"garbage"'))
    return outcome
