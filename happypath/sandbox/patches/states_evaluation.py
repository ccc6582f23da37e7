"""The Amazon States Language: how moto's interpreter runs a state, and what it does where one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser.api import HistoryEventType, StateEnteredEventDetails
from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.path.input_path import InputPath
from moto.stepfunctions.parser.asl.component.common.path.items_path import ItemsPath
from moto.stepfunctions.parser.asl.component.common.path.output_path import OutputPath
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import (
    EvalTimeoutError,
    Timeout,
    TimeoutSeconds,
)
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_map.state_map import StateMap
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel.state_parallel import StateParallel
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.seconds_path import SecondsPath
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import (
    Timestamp,
    TimestampPath,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from happypath.sandbox.patches.served import Patch, Served
from happypath.sandbox.patches.speed import copied
from happypath.sandbox.stepfunctions.failures import error_name
from happypath.sandbox.stepfunctions.language.comparisons import timestamp
from happypath.sandbox.stepfunctions.language.failures import (
    add_event,
    error_output,
    failure,
    is_query_failure,
    is_state_failure,
    query_failure,
)

# The longest that a state may wait: a year, and the day that a leap year has more.
_LONGEST_S = 31_622_400


@contextmanager
def states_run(_: Served) -> Iterator[None]:
    """A path that leads nowhere fails a state as `States.Runtime`, in AWS's words; moto's are others.

    What a state hands on is at most 256 KiB.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    def run(state: Any, env: Any) -> None:
        details = StateEnteredEventDetails(
            name=state.name,
            input=to_json_str(env.states._states_data["input"], separators=(",", ":")),
            inputDetails={"truncated": False},
        )
        env.entered_event_id = env.event_manager.add_event(
            context=env.event_history_context,
            event_type=state.state_entered_event_type,
            event_details={"stateEnteredEventDetails": details},
        )
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        env.assigned = {}
        env.states.context_object.context_object_data["State"] = {"EnteredTime": at, "Name": state.name}
        try:
            with _lost_paths(env):
                state._eval_state_input(env=env)
                state._eval_state(env)
                if not isinstance(env._program_state, ProgramRunning):
                    return
                state._eval_state_output(env=env)
                for name, value in env.assigned.items():
                    env.variable_store.set(variable_identifier=name, variable_value=value)
        except FailureEventException as error:
            if is_query_failure(error.failure_event):
                add_event(env, error.failure_event)
            raise
        state._verify_size_quota(env=env, value=env.states._states_data["input"])
        state._set_next(env)
        if state.state_exited_event_type is not None:
            env.event_manager.add_event(
                context=env.event_history_context,
                event_type=state.state_exited_event_type,
                event_details={"stateExitedEventDetails": state._get_state_exited_event_details(env=env)},
            )

    with patch.object(CommonStateField, "_eval_body", run):
        yield


@contextmanager
def _lost_paths(env: Any) -> Iterator[None]:
    try:
        yield
    except NoSuchJsonPathError as lost:
        cause = (
            f"The JSONPath '{lost.json_path}' specified for the field '{env.next_field_name}' could not be "
            f"found in the input '{to_json_str(lost.data, separators=(',', ':'))}'"
        )
        raise failure(env, StatesErrorNameType.StatesRuntime, cause) from None


@contextmanager
def attempts(_: Served) -> Iterator[None]:
    """A state that is tried again sees its own input; moto's sees what the attempt left.

    What fails before a task is scheduled has no TaskFailed event. A task without a time limit runs in its
    execution's own thread: that is sooner.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    def run_branches(state: Any, env: Any) -> None:
        if state.parargs is not None:
            state.parargs.eval(env=env)
        branches(state, env)

    branches: Any = StateParallel._eval_execution
    with (
        patch.object(ExecutionState, "_evaluate_with_timeout", _attempt),
        patch.object(ExecutionState, "_eval_state", _run),
        patch.object(StateMap, "_eval_state", _run),
        patch.object(StateParallel, "_eval_state", _run),
        patch.object(StateParallel, "_eval_execution", run_branches),
    ):
        yield


def _attempt(state: Any, env: Any) -> None:
    frame = env.open_frame()
    frame.states.reset(input_value=env.states._states_data["input"])
    frame.stack = copied(env.stack)
    try:
        state.timeout.eval(env=env)
        timeout_s = env.stack.pop()
        if state.timeout.is_default_value():
            state._eval_execution(frame)
        else:
            _run_for(timeout_s, state, frame)
    finally:
        frame.set_ended()
        env.close_frame(frame)
    env.stack.append(frame.stack.pop())
    _hand_on(state, env)


def _run(state: Any, env: Any) -> None:
    context = env.states.context_object.context_object_data
    context["State"]["RetryCount"] = 0
    given, stack = env.states._states_data["input"], copied(env.stack)
    while env.is_running():
        try:
            with _lost_paths(env):
                state._evaluate_with_timeout(env)
            break
        except Exception as error:
            failed = state._from_error(env=env, ex=error)
            if not isinstance(state, (StateMap, StateParallel)) or is_query_failure(failed):
                add_event(env, failed)
            env.states._states_data["input"] = given
            env.stack = copied(stack)
            env.assigned = {}
            if state.retry and state._handle_retry(env=env, failure_event=failed) == RetryOutcome.CanRetry:
                continue
            _add_end(state, env, failed)
            if state.catch:
                env.states.set_error_output(error_output(failed))
                state._handle_catch(env=env, failure_event=failed)
                if env.stack[-1] == CatchOutcome.Caught:
                    break
            state._handle_uncaught(env=env, failure_event=failed)


def _run_for(timeout_s: float, state: Any, frame: Any) -> None:
    """Runs an attempt in a thread that is left alone when its time is over."""
    errors: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            state._eval_execution(frame)
        except Exception as error:  # raised again by who waits
            errors.append(error)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    if not ended.wait(timeout_s):
        raise EvalTimeoutError
    if errors:
        raise errors[0]


def _hand_on(state: Any, env: Any) -> None:
    """What a state makes of its result: variables, and what ResultSelector and ResultPath say."""
    if not state._is_language_query_jsonpath():
        env.states.set_result(env.stack[-1])
    if state.assign_decl:
        state.assign_decl.eval(env=env)
    if state.result_selector:
        state.result_selector.eval(env=env)
    state.result_path.eval(env)


def _add_end(state: Any, env: Any, failed: Any) -> None:
    """Writes that a Map or Parallel state failed, unless it could not even begin."""
    if isinstance(state, StateMap) and failed.event_type != HistoryEventType.ExecutionFailed:
        env.event_manager.add_event(
            context=env.event_history_context, event_type=HistoryEventType.MapStateFailed
        )
    elif isinstance(state, StateParallel) and not is_state_failure(failed):
        env.event_manager.add_event(
            context=env.event_history_context, event_type=HistoryEventType.ParallelStateFailed
        )


@contextmanager
def names_of_errors(_: Served) -> Iterator[None]:
    """What fails in a Map or Parallel state keeps its name; moto refuses `States.Timeout` there.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    with (
        patch.object(iteration_worker, "CustomErrorName", error_name),
        patch.object(branches_decl, "CustomErrorName", error_name),
    ):
        yield


@contextmanager
def no_limit_of_time(_: Served) -> Iterator[None]:
    """A task with HeartbeatSeconds and without TimeoutSeconds may take any time; moto gives it a minute.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
    """
    read: Any = ExecutionState.from_state_props

    def read_without_limit(state: Any, state_props: Any) -> None:
        read(state, state_props)
        if state_props.get(Timeout) is None:
            state.timeout = TimeoutSeconds(timeout_seconds=TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS)

    with patch.object(ExecutionState, "from_state_props", read_without_limit):
        yield


@contextmanager
def input_and_output_paths(_: Served) -> Iterator[None]:
    """InputPath and OutputPath that lead nowhere, with AWS's words for each step; moto takes all for one.

    recorded: LocalStack test_invalid_jsonpath, 02-01-2025; https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    def filtered(evaluate: Any) -> Any:
        def evaluate_path(component: Any, env: Any) -> None:
            sampler = component.string_sampler
            try:
                evaluate(component, env)
            except FailureEventException as error:
                raise _no_results(env, sampler.literal_value) from error

        return evaluate_path

    with (
        patch.object(InputPath, "_eval_body", filtered(InputPath._eval_body)),
        patch.object(OutputPath, "_eval_body", filtered(OutputPath._eval_body)),
    ):
        yield


def _no_results(env: Any, path: str) -> Any:
    steps = "".join(f"['{step}']" for step in path.lstrip("$").lstrip(".").split("."))
    cause = f"Invalid path '{path}' : No results for path: ${steps}"
    return failure(env, StatesErrorNameType.StatesRuntime, cause)


@contextmanager
def items(_: Served) -> Iterator[None]:
    """A Map state without a list to go through fails, in AWS's words; moto names a class of Python.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    """
    iterate: Any = StateMap._eval_execution
    follow: Any = ItemsPath._eval_body

    def follow_to_list(component: Any, env: Any) -> None:
        follow(component, env)
        if not isinstance(env.stack[-1], list):
            path = component.string_sampler.literal_value
            raise _runtime(env, f'Reference path "{path}" must point to array.')

    def iterate_list(state: Any, env: Any) -> None:
        given = env.stack[-1]
        if not (state.items or state.items_path or state.item_reader or isinstance(given, list)):
            said = to_json_str(given, separators=(",", ":"))
            raise query_failure(env, f"Map state input must be an array but was: {said}", "Items")
        iterate(state, env)

    with (
        patch.object(ItemsPath, "_eval_body", follow_to_list),
        patch.object(StateMap, "_eval_execution", iterate_list),
    ):
        yield


@contextmanager
def waits(_: Served) -> Iterator[None]:
    """A Wait state waits until a time in any zone, to parts of a second; moto's in its own, in seconds.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
    """

    with (
        patch.object(SecondsPath, "_get_wait_seconds", _seconds),
        patch.object(Timestamp, "_get_wait_seconds", _until),
        patch.object(WaitFunction, "_wait_interval", _wait),
    ):
        yield


def _seconds(component: Any, env: Any) -> float:
    path = component.string_sampler.literal_value
    try:
        component.string_sampler.eval(env=env)
    except NoSuchJsonPathError:
        raise _runtime(env, f"The SecondsPath parameter does not reference an input value: {path}") from None
    given = env.stack.pop()
    if isinstance(given, bool) or not isinstance(given, int):
        said = given if isinstance(given, (int, float, str)) else to_json_str(given, separators=(",", ":"))
        raise _runtime(env, f"The SecondsPath parameter cannot be parsed as a long value: {path} == {said}")
    if given < 0:
        raise _runtime(env, f"The SecondsPath parameter references a negative value: {path} == {given}")
    return float(given)


def _until(component: Any, env: Any) -> float:
    component.string.eval(env=env)
    given = env.stack.pop()
    end = timestamp(given)
    if end is None and isinstance(component, TimestampPath):
        path = component.string.literal_value
        raise _runtime(
            env,
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time "
            f"format string: {path} == {given}",
        )
    if end is None:
        cause = (
            "The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format "
            f"string: {given}"
        )
        raise query_failure(env, cause, "Timestamp")
    return (end - datetime.now(UTC)).total_seconds()


def _wait(component: Any, env: Any, wait_seconds: float) -> None:  # noqa: ARG001  # moto's signature
    if wait_seconds > _LONGEST_S:
        raise _runtime(env, "Wait state delay is too long.")
    end = time.monotonic() + wait_seconds
    while env.is_running() and (left := end - time.monotonic()) > 0:
        env.program_state_event.wait(left)


def _runtime(env: Any, cause: str) -> Any:
    return failure(env, StatesErrorNameType.StatesRuntime, cause)


PATCHES: tuple[Patch, ...] = (
    states_run,
    attempts,
    names_of_errors,
    no_limit_of_time,
    input_and_output_paths,
    items,
    waits,
)
