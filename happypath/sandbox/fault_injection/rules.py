"""Rules of fault injection: which calls in the sandbox fail, and how. docs/faults.md explains each kind.

A rule is `TARGET=KIND[@WHEN]`, for example `state:Resizer=throttle@1` or `s3:GetObject=error@10%`. A rule
such as `function:Moderation=rate:5/s` throttles what is called more often than that.
"""

from __future__ import annotations

import difflib
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from happypath.sandbox.service_models import service_model

# What a function or a task raises where the rule does not say.
DEFAULT_ERROR = "InjectedError"
# What it says with it: JSON, as refusals do, so that a rule can raise those, too.
FAULT_MESSAGE = '{"message": "An injected fault."}'


# The units of time in rates, in seconds.
_UNITS_S = {"s": 1.0, "m": 60.0}

# What a rule may raise of Step Functions' own errors.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
_STATES_ERRORS = {
    "States.DataLimitExceeded",
    "States.HeartbeatTimeout",
    "States.Permissions",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
}


class FaultError(ValueError):
    """A rule cannot be used; the message names it and says what is allowed."""


class Kind(StrEnum):
    """How a call goes wrong."""

    THROTTLE = "throttle"
    ERROR = "error"
    DENIED = "denied"
    GONE = "gone"
    RAISE = "raise"
    DELAY = "delay"
    TIMEOUT = "timeout"
    KILL = "kill"
    GARBAGE = "garbage"
    DUPLICATE = "duplicate"
    # Of the calls beyond a rate, which then meet `throttle`.
    RATE = "rate"


_REFUSALS = {Kind.THROTTLE, Kind.ERROR, Kind.DENIED, Kind.GONE, Kind.RATE}
_BY_TARGET = {
    "state": {*_REFUSALS, Kind.RAISE, Kind.DELAY, Kind.TIMEOUT, Kind.GARBAGE},
    "function": {*_REFUSALS, Kind.RAISE, Kind.DELAY, Kind.TIMEOUT, Kind.KILL, Kind.GARBAGE},
    "event": {Kind.DUPLICATE},
}
_OF_OPERATIONS = {*_REFUSALS, Kind.DELAY}

# The services as policies name them → as botocore does. The operations of the last two are distinguished by
# method and path, and only these are known.
_SERVICES = {
    "dynamodb": "dynamodb",
    "events": "events",
    "kms": "kms",
    "logs": "logs",
    "rekognition": "rekognition",
    "sqs": "sqs",
    "ssm": "ssm",
    "states": "stepfunctions",
}
_KNOWN_OPERATIONS = {
    "lambda": frozenset({"Invoke"}),
    "s3": frozenset({"CopyObject", "DeleteObject", "GetObject", "HeadObject", "ListObjectsV2", "PutObject"}),
}


@dataclass(frozen=True)
class Fault:
    """What happens to one call."""

    kind: Kind
    # For `raise`.
    error: str = DEFAULT_ERROR
    # For `delay`.
    seconds: float = 0.0
    # Set when the rule is no longer in force.
    over: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)

    def delay(self, at_most_s: float = threading.TIMEOUT_MAX) -> bool:
        """Waits as long as the rule says, but no longer than it is in force: then it returns False."""
        return not self.over.wait(min(self.seconds, at_most_s))


class TokenBucket:
    """Lets `per_second` calls through on average, and at once as many as come in a second, at least one.

    It is full at first. `clock` tells seconds.

    >>> now = 0.0
    >>> bucket = TokenBucket(2.0, clock=lambda: now)
    >>> [bucket.take() for _ in range(3)]
    [True, True, False]
    >>> now = 0.5
    >>> [bucket.take() for _ in range(2)]
    [True, False]
    """

    def __init__(self, per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._size = max(1.0, per_second)
        self._tokens = self._size
        self._filled_at = clock()

    def take(self) -> bool:
        """Takes a token, if there is one."""
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        # Sums of parts of a token: the last part may be a rounding error short.
        if self._tokens < 1.0 and not math.isclose(self._tokens, 1.0):
            return False
        self._tokens -= 1.0
        return True


@dataclass
class Rule:
    """One rule, and how many calls have met it."""

    text: str
    target: str
    fault: Fault
    # The number of the matching call, from 1 → whether the fault happens to it.
    when: Callable[[int], bool]
    met: int = field(default=0, compare=False)

    def meets(self) -> bool:
        """Counts a matching call, and says whether the fault happens to it."""
        self.met += 1
        return self.when(self.met)


class Faults:
    """The rules in force. They can be changed at any time; a rule counts its calls from when it was set.

    >>> faults = Faults.parse(["state:Resizer=throttle@1"])
    >>> faults.hit("state:Resizer").kind.value, faults.hit("state:Resizer")
    ('throttle', None)
    """

    def __init__(self, seed: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seed = seed
        self._clock = clock
        self._lock = threading.Lock()
        self._rules: tuple[Rule, ...] = ()

    @classmethod
    def parse(
        cls, rules: Iterable[str], *, seed: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> Faults:
        """Faults by these rules. `seed` decides which calls a percentage hits; rates go by `clock`, in s.

        Raises:
            FaultError: a rule cannot be used.
        """
        faults = cls(seed, clock=clock)
        faults.set(rules)
        return faults

    def __bool__(self) -> bool:
        return bool(self._rules)

    def set(self, rules: Iterable[str]) -> None:
        """Puts these rules in place of those in force."""
        added = tuple(parse(rule, self.seed, self._clock) for rule in rules)
        with self._lock:
            self._enforce(added)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force, in their order."""
        return self._rules

    def add(self, rule: str) -> None:
        """Adds a rule to those in force; one of the same text begins to count anew.

        Raises:
            FaultError: it cannot be used.
        """
        added = parse(rule, self.seed, self._clock)
        with self._lock:
            self._enforce((*(each for each in self._rules if each.text != rule), added))

    def remove(self, rule: str) -> None:
        """Ends the faults of a rule, if it is in force."""
        with self._lock:
            self._enforce(tuple(each for each in self._rules if each.text != rule))

    def clear(self) -> None:
        """Ends all faults."""
        self.set(())

    def _enforce(self, rules: tuple[Rule, ...]) -> None:
        """Has these rules in force, and ends the delays of those that are not any longer."""
        gone = [rule for rule in self._rules if not any(rule is each for each in rules)]
        self._rules = rules
        for rule in gone:
            rule.fault.over.set()

    @contextmanager
    def __call__(self, *rules: str) -> Iterator[None]:
        """Adds these rules to those in force as long as the block lasts."""
        added = tuple(parse(rule, self.seed, self._clock) for rule in rules)
        with self._lock:
            self._rules += added
        try:
            yield
        finally:
            with self._lock:
                self._enforce(tuple(rule for rule in self._rules if not any(rule is each for each in added)))

    def hit(self, *targets: str) -> Fault | None:
        """What is to happen to a call that goes by any of these names; None: nothing.

        The call counts for every rule that matches; the first of them that has its turn decides.
        """
        with self._lock:
            due = [rule.fault for rule in self._rules if rule.target in targets and rule.meets()]
        return due[0] if due else None

    def unmet(self) -> list[str]:
        """The rules that no call has met: misspelt, perhaps."""
        return [rule.text for rule in self._rules if not rule.met]


def parse(text: str, seed: int = 0, clock: Callable[[], float] = time.monotonic) -> Rule:
    """Reads one rule.

    Raises:
        FaultError: it cannot be used.
    """
    # The name of a state may hold any character.
    target, equals, what = text.rpartition("=")
    if not equals:
        raise _error(text, "it is not TARGET=KIND[@WHEN], such as state:Resizer=throttle@1")
    words, at, when = what.partition("@")
    allowed = _kinds(text, target)
    name, _, parameter = words.partition(":")
    if name == Kind.RATE and Kind.RATE in allowed:
        if at:
            raise _error(text, f"a rate says itself which calls it hits: leave @{when} out")
        bucket = TokenBucket(_per_second(text, parameter), clock=clock)
        return Rule(text, target, Fault(Kind.THROTTLE), lambda _: not bucket.take())
    fault = _fault(text, words, allowed)
    return Rule(text, target, fault, _when(text, when, seed) if at else _always)


def _per_second(text: str, rate: str) -> float:
    """The rate in calls a second."""
    read = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)/([sm])", rate)
    if read is None or not float(read[1]):
        raise _error(
            text, "rate is written rate:CALLS/s or rate:CALLS/m, such as rate:5/s, rate:0.5/s, rate:300/m"
        )
    return float(read[1]) / _UNITS_S[read[2]]


def endings(name: str) -> list[str]:
    """A name with and without what an installation puts before it, which may hold hyphens as the name may.

    >>> endings("happypath-v4-Resize")
    ['happypath-v4-Resize', 'v4-Resize', 'Resize']
    """
    parts = name.split("-")
    return ["-".join(parts[start:]) for start in range(len(parts))]


def _error(text: str, problem: str) -> FaultError:
    return FaultError(f"The fault {text!r} cannot be used: {problem}.")


def _kinds(text: str, target: str) -> set[Kind]:
    """The kinds of faults that a target can have."""
    what, _, name = target.partition(":")
    if what == "event" and name != "upload":
        raise _error(text, "the only event is event:upload")
    if what in _BY_TARGET and name:
        return _BY_TARGET[what]
    known = _operations(what)
    if not known or not name:
        services = ", ".join(f"{service}:…" for service in sorted([*_SERVICES, *_KNOWN_OPERATIONS]))
        raise _error(
            text, f"its target is none of state:NAME, function:NAME, event:upload, and operations: {services}"
        )
    if name not in known:
        alike = difflib.get_close_matches(name, sorted(known), cutoff=0)
        raise _error(text, f"{what} has no operation {name}; it has {', '.join(alike)}")
    return _OF_OPERATIONS


def _operations(service: str) -> frozenset[str]:
    if service in _SERVICES:
        return frozenset(service_model(_SERVICES[service]).operation_names)
    return _KNOWN_OPERATIONS.get(service, frozenset())


def _fault(text: str, words: str, allowed: set[Kind]) -> Fault:
    name, colon, parameter = words.partition(":")
    choice = ", ".join(_usage(kind) for kind in Kind if kind in allowed)
    if name not in allowed:
        raise _error(text, f"for this target choose one of {choice}")
    kind = Kind(name)
    if kind is Kind.RAISE and colon and re.fullmatch(r"[A-Za-z][\w.-]*", parameter):
        if parameter.startswith("States.") and parameter not in _STATES_ERRORS:
            raise _error(text, f"of States. errors choose one of {', '.join(sorted(_STATES_ERRORS))}")
        return Fault(kind, error=parameter)
    if kind is Kind.DELAY and re.fullmatch(r"\d{1,4}(\.\d{1,3})?", parameter):
        return Fault(kind, seconds=float(parameter))
    if colon or kind is Kind.DELAY:
        how = "takes no parameter" if _usage(kind) == kind else f"is written {_usage(kind)}"
        raise _error(text, f"{name} {how}")
    return Fault(kind)


def _usage(kind: Kind) -> str:
    parameters = {Kind.RAISE: "raise[:ERROR]", Kind.DELAY: "delay:SECONDS", Kind.RATE: "rate:CALLS/s"}
    return parameters.get(kind, kind.value)


def _always(_: int) -> bool:
    return True


def _when(text: str, when: str, seed: int) -> Callable[[int], bool]:
    percent = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)%", when)
    if percent and 0 < float(percent[1]) <= 100:
        # A generator for each rule, so that rules do not change each other's calls.
        chance = random.Random(f"{seed} {text}")  # noqa: S311  # nothing secret
        return lambda _: chance.random() * 100 < float(percent[1])
    numbers = re.fullmatch(r"([1-9]\d{0,8})(-([1-9]\d{0,8})?)?", when)
    if numbers is None:
        raise _error(text, f"@{when} is none of @1 (the first call), @2-4, @3- (from the third on), and @10%")
    first = int(numbers[1])
    last = int(numbers[3] or first) if numbers[3] or not numbers[2] else None
    if last is not None and last < first:
        raise _error(text, f"@{when} ends before it begins")
    return lambda n: first <= n and (last is None or n <= last)
