"""The life of an execution: it starts, runs in a thread of its own, ends once, and may be redriven.

moto's interpreter (`Program`, `Environment`) does the running. What moto does around it differs from AWS in
this: its executions have neither a status nor a history until their thread runs, end only when the state that
they are in lets them, and end twice if they are stopped meanwhile.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus, HistoryEventType
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from happypath.sandbox.stepfunctions.history import History
from happypath.sandbox.stepfunctions.tasks import Tokens
from happypath.sandbox.stepfunctions.turns import Turns

logger = logging.getLogger(__name__)

# https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html
EXPRESS_LIMIT_S = 300.0
STANDARD, EXPRESS = "STANDARD", "EXPRESS"
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MOST_EVENTS = 25_000
_FROM_OUTSIDE = {"ABORTED", "TIMED_OUT"}


@dataclass(frozen=True)
class Outcome:
    """How an execution ended."""

    status: str
    error: str | None = None
    cause: str | None = None
    output: str | None = None


class Observer:
    """A listener to executions. Nothing that it does may fail the execution."""

    def starting(self, execution: StatesExecution) -> None:
        """The execution is about to run, for the first time or again; its environment is there."""

    def ending(self, execution: StatesExecution, outcome: Outcome) -> None:
        """The execution is over; that cannot be seen yet."""

    def changed(self, execution: StatesExecution) -> None:
        """The execution's status is another, and everybody can see it."""

    def recorded(self, execution: StatesExecution, event: dict[str, Any]) -> None:
        """An event was added to the execution's history."""


_observers: list[Observer] = []
_turns = Turns(1_000_000)


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Tells an observer of all executions while the block lasts."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


@contextmanager
def in_turns(turns: Turns) -> Iterator[None]:
    """Has executions take these turns while the block lasts."""
    global _turns  # noqa: PLW0603  # moto's executions are global, too
    before, _turns = _turns, turns
    try:
        yield
    finally:
        _turns = before


class StatesExecution(Execution):
    """An execution, as moto has it, that ends as one of AWS does.

    `error`, `cause`, `output` (JSON as text) and `stop_date` are there once it has ended.
    """

    def __init__(
        self, *, version_arn: str | None = None, alias_arn: str | None = None, **described: Any
    ) -> None:
        super().__init__(**described)
        self.version_arn, self.alias_arn = version_arn, alias_arn
        self.redrives = 0
        self.redrive_date: datetime | None = None
        self.exec_status = ExecutionStatus.RUNNING
        self.output: Any = None
        self.history: Any = None
        # Whether somebody waits for its answer (StartSyncExecution): it takes no turn then.
        self.waited_for = False
        # Where it logs to, once it has, and the function that a state of it called last.
        self.log_stream = self.calls_lambda = ""
        # By client token.
        self.redriven_by: dict[str, datetime] = {}
        # Of the current run: the first, or a redrive.
        self.over = threading.Event()
        self._ends_once = threading.Lock()

    @property
    def is_express(self) -> bool:
        """Whether it is of an Express workflow."""
        return bool(self.sm_type == EXPRESS)

    @property
    def env(self) -> Any:
        """The interpreter's environment of the current run."""
        worker: Any = self.exec_worker
        return worker.env

    def prepare(self) -> None:
        """Makes the execution ready to start: from here on it has a history, and can be stopped."""
        self.history = History(self._tell_of_event)
        env = self._prepare()
        self.history.add_event(
            env.event_history_context,
            HistoryEventType.ExecutionStarted,
            {
                "executionStartedEventDetails": {
                    "input": self.execution_input,
                    "inputDetails": {"truncated": False},
                    "roleArn": self.role_arn,
                }
            },
            update_source_event_id=False,
        )

    def start(self) -> None:
        """Starts the execution."""
        self._run_from(None)

    def program(self) -> Any:
        """The definition, as the interpreter has it."""
        worker: Any = self.exec_worker
        return worker._get_evaluation_entrypoint()

    def run_again(self, state: str | None, state_input: Any, variables: Any) -> datetime:
        """Redrives the execution from a state, which has this input, with these variables; returns when.

        None is the first state.
        """
        with self._ends_once:
            self.redrives += 1
            self.redrive_date = redriven = datetime.now(UTC)
            self.exec_status = ExecutionStatus.RUNNING
            self.stop_date = self.error = self.cause = self.output = None
            self.over = threading.Event()
        self.history = self.history.resumed(state)
        env = self._prepare()
        env.event_history_context.source_event_id = self.history.last_id
        if state is not None:
            env.states.reset(input_value=state_input)
            env.variable_store = variables
        self.history.add_event(
            env.event_history_context,
            HistoryEventType.ExecutionRedriven,
            {"executionRedrivenEventDetails": {"redriveCount": self.redrives}},
        )
        self._run_from(state)
        return redriven

    def _prepare(self) -> Any:
        worker = self.exec_worker = self._get_start_execution_worker()
        env: Any = worker._get_evaluation_environment()
        worker.env = env
        env.event_manager = self.history
        env.callback_pool_manager = Tokens(
            stepfunctions_parser_backends[self.account_id][self.region_name], self.over
        )
        context = env.states.context_object.context_object_data["Execution"]
        context["StartTime"] = as_text(self.start_date)
        context["RedriveCount"] = self.redrives
        for observer in _observers:
            observer.starting(self)
        for observer in _observers:
            _told(observer.changed, self)
        return env

    def _tell_of_event(self, event: dict[str, Any]) -> None:
        for observer in _observers:
            _told(observer.recorded, self, event)
        if event["id"] == MOST_EVENTS - 1 and not self.is_express:
            cause = f"The execution reached the maximum number of history events ({MOST_EVENTS})."
            self._end_from_outside(self.over, Outcome("FAILED", "States.Runtime", cause))

    def _run_from(self, state: str | None) -> None:
        worker: Any = self.exec_worker
        thread = threading.Thread(
            target=self._run, args=(worker, state, self.over), daemon=True, name=f"execution {self.name}"
        )
        thread.start()

    def _run(self, worker: Any, state: str | None, over: threading.Event) -> None:
        program = self.program()
        timer = self._timer(program, over)
        try:
            with nullcontext() if self.waited_for else _turns.taken():
                if not over.is_set():
                    _interpret(program, worker.env, state)
        except Exception as error:
            self.end(over, Outcome("FAILED", "States.Runtime", repr(error)))
            raise
        finally:
            if timer:
                timer.cancel()
        self._end_as(over, worker.env)

    def _timer(self, program: Any, over: threading.Event) -> threading.Timer | None:
        seconds = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
        if self.is_express:
            seconds = min(EXPRESS_LIMIT_S, seconds or EXPRESS_LIMIT_S)
        if seconds is None:
            return None
        timer = threading.Timer(seconds, self._time_out, (over,))
        timer.daemon = True
        timer.start()
        return timer

    def _time_out(self, over: threading.Event) -> None:
        self._end_from_outside(over, Outcome("TIMED_OUT"))

    def stop(self, _: Any = None, error: str | None = None, cause: str | None = None) -> None:
        """Ends the execution as ABORTED, now, whatever state it is in; one that is over stays as it is."""
        self._end_from_outside(self.over, Outcome("ABORTED", error, cause))

    def _end_from_outside(self, over: threading.Event, outcome: Outcome) -> None:
        env = self.env
        if self.end(over, outcome):
            env.set_stop(stop_date=self.stop_date, error=outcome.error, cause=outcome.cause)

    def _end_as(self, over: threading.Event, env: Any) -> None:
        state = env.program_state()
        if isinstance(state, ProgramEnded):
            self.end(over, Outcome("SUCCEEDED", output=as_json(env.states.get_input())))
        elif isinstance(state, ProgramError):
            failed: Any = state.error or {}
            self.end(over, Outcome("FAILED", failed.get("error"), failed.get("cause")))

    def end(self, over: threading.Event, outcome: Outcome) -> bool:
        """Ends the run that `over` is of; whether it had not ended before.

        The interpreter adds the last event of a run that comes to its own end, before it ends here. One that
        is stopped or takes too long after that is let be.
        """
        with self._ends_once:
            if over.is_set():
                return False
            closed = self.history.end(
                self.env.event_history_context,
                outcome.status,
                {"error": outcome.error, "cause": outcome.cause},
            )
            if not closed and outcome.status in _FROM_OUTSIDE:
                return False
            for observer in _observers:
                observer.ending(self, outcome)
            self.output, self.error, self.cause = outcome.output, outcome.error, outcome.cause
            self.stop_date = datetime.now(UTC)
            self.exec_status = ExecutionStatus(outcome.status)
            over.set()
        for observer in _observers:
            _told(observer.changed, self)
        return True


def _told(tell: Callable[..., None], *what: Any) -> None:
    """Tells an observer, whose failure is its own."""
    try:
        tell(*what)
    except Exception:  # whatever it is, the execution goes on
        logger.exception("An execution could not be recorded.")


def _interpret(program: Any, env: Any, state: str | None) -> None:
    """Runs the states of a program, from its first or another, to the end."""
    env.next_state_name = state or program.start_at.start_at_name
    EvalComponent.eval(program, env)


def as_json(value: Any) -> str:
    """A state's data as the API has it: compact, and dates as text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)


def as_text(time: datetime) -> str:
    """A time as the context object has it: `2019-03-26T20:14:13.192Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return as_text(value)
    return value.isoformat() if isinstance(value, date) else str(value)
