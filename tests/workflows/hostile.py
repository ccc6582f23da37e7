"""Hostile files for every task that looks at photos: what each says, and the memory and time that it takes.

    scripts/reliability hostile

throws all of a few hundred at them, and writes what came of it into docs/generated/hostile_files.md.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psutil

from functions.decision import REASON
from happypath.operations.logs import events, groups
from tests.statemachines import definitions
from tests.workflows import document
from tests.workflows.driver import Driver, Outcome, opened
from tests.workflows.hostile_files import Hostile, files
from tests.workflows.pictures import place_id
from tests.workflows.tasks import PUBLISHING, Task, accepted_paths, all_tasks, functions

# The sandbox runs two of each function at a time.
_AT_ONCE = 2
_ACCEPTED = "accepted"
# The workflow that publishes after the most checks, and a place for each path of them.
WORKFLOW = max(
    PUBLISHING, key=lambda name: sum(task.decides for task in all_tasks() if task.workflow == name)
)
PLACES = [place_id(row) for row in accepted_paths(WORKFLOW)]
_REPORT = re.compile(r"\tDuration: ([\d.]+) ms\t.*\tMax Memory Used: (\d+) MB")


@dataclass(frozen=True)
class Limits:
    """What a function has by its template, and the most that it took."""

    memory_mb: int
    timeout_s: float
    peak_mb: int
    longest_s: float


class CrashError(AssertionError):
    """A file got something else out of a task than a decision; the message says which, and what."""


def _is_rendition(made: object) -> bool:
    return isinstance(made, dict) and "bytes" in made


class Siege:
    """Throws files at the functions of a driver's sandbox, and at whole workflows."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._began_ms = int(time.time() * 1000)
        self._peaks_kb: dict[str, int] = defaultdict(int)

    @cached_property
    def payloads(self) -> dict[str, dict[str, Any]]:
        """What each function that looks at photos is sent beside the upload: rules of its own, if any."""
        found: dict[str, dict[str, Any]] = {}
        for task in functions():
            payload = self._deployed(task.workflow)[task.name]["Parameters"]["Payload"]
            if set(payload) - {"rules"} == {"detail.$", "executionArn.$"} and not self._needs_work(task):
                rules = {"rules": payload["rules"]} if "rules" in payload else {}
                found[str(task.function)] = rules
        return found

    def _needs_work(self, task: Task) -> bool:
        """Whether it goes on with what the tasks before it left in the bucket of work."""
        configured = self._driver.installation.client("lambda").get_function_configuration(
            FunctionName=f"{self._driver.sandbox.prefix}-{task.function}"
        )
        is_first = definitions.load(task.workflow)["StartAt"] == task.name
        return "WORK_BUCKET" in configured["Environment"]["Variables"] and not is_first

    def _deployed(self, workflow: str) -> dict[str, Any]:
        """The tasks of a workflow, wherever they are, with the rules that it is deployed with."""
        described = self._driver.installation.client("stepfunctions").describe_state_machine(
            stateMachineArn=self._driver.installation.state_machines()[workflow]
        )
        return definitions.tasks_in(json.loads(described["definition"]))

    def besiege(
        self,
        chosen: Sequence[Hostile],
        *,
        of_functions: int | None = None,
        told: Callable[[int], None] = lambda _: None,
    ) -> dict[tuple[str, str], str]:
        """What each function says of each file, by function and file: `accepted` or a reason.

        With `of_functions` each file is given to so many of them, in turn.

        Raises:
            CrashError: it said something else.
        """
        names = list(self.payloads)
        found: dict[tuple[str, str], str] = {}

        def throw(numbered: tuple[int, Hostile]) -> None:
            number, file = numbered
            detail = self._driver.put_by_hand(PLACES[0], file.make())
            in_turn = [*names[number % len(names) :], *names[: number % len(names)]]
            for name in in_turn[:of_functions]:
                found[name, file.name] = self._ask(name, detail, file)
            told(number)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(throw, enumerate(chosen, 1)):
                pass
        self._look_at_processes()
        return found

    def _ask(self, name: str, detail: Mapping[str, Any], file: Hostile) -> str:
        answer = self._driver.installation.client("lambda").invoke(
            FunctionName=f"{self._driver.sandbox.prefix}-{name}",
            Payload=json.dumps(
                {"detail": detail, "executionArn": "arn:aws:states:by-hand", **self.payloads[name]}
            ),
        )
        said = json.loads(answer["Payload"].read())
        match said:
            case {"errorType": reason} if REASON.fullmatch(reason):
                return str(reason)
            case {"accepted": False, "reason": reason} if REASON.fullmatch(reason):
                return str(reason)
            case {"accepted": True} | {"refusal": None, "signals": [_, *_]}:
                return _ACCEPTED
            case {"refusal": {"reason": reason}, "signals": []} if REASON.fullmatch(reason):
                return str(reason)
            # What is to be made of it: FFmpeg reads some photos, such as HEIC, as films of one picture.
            case {"width": int(), "height": int(), "pieces": [_, *_]}:
                return _ACCEPTED
            # What was made of it, by any names.
            case {"width": int(), "height": int(), **made} if all(map(_is_rendition, made.values())):
                return _ACCEPTED
        raise CrashError(f"{name} says of {file}: {said}")

    def _look_at_processes(self) -> None:
        """Notes what the kernel says was the most that each process has had, where it says it."""
        for process in psutil.Process().children():
            try:
                name = process.environ()["AWS_LAMBDA_FUNCTION_NAME"]
                with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", status.read())
            except (OSError, KeyError, ValueError, psutil.Error):
                continue
            self._peaks_kb[name] = max(self._peaks_kb[name], int(peak))

    def limits(self) -> dict[str, Limits]:
        """What each function had and took, by the REPORT lines of its log and by the kernel."""
        found = {}
        for name in self.payloads:
            function = f"{self._driver.sandbox.prefix}-{name}"
            reports = [
                (float(report[1]), int(report[2]))
                for group in groups(self._driver.installation, [function])
                for _, event in events(self._driver.installation, group, [function], startTime=self._began_ms)
                if (report := _REPORT.search(event["message"]))
            ]
            configured = self._driver.installation.client("lambda").get_function_configuration(
                FunctionName=function
            )
            found[name] = Limits(
                memory_mb=configured["MemorySize"],
                timeout_s=configured["Timeout"],
                peak_mb=max(*(memory for _, memory in reports), -(-self._peaks_kb[function] // 1024)),
                longest_s=max(duration for duration, _ in reports) / 1000,
            )
        return found

    def through(self, chosen: Iterable[Hostile]) -> dict[tuple[str, str], Outcome]:
        """How `WORKFLOW` ends for each file, by place and file: at each of `PLACES`."""
        cases = [(place, file) for file in chosen for place in PLACES]
        with ThreadPoolExecutor(2 * _AT_ONCE) as pool:
            ended = pool.map(
                lambda case: self._driver.execute(WORKFLOW, case[1].make(), place=case[0]), cases
            )
            return {(place, file.name): outcome for (place, file), outcome in zip(cases, ended, strict=True)}


def check_ended(outcome: Outcome, name: str) -> None:
    """Whether a file got its record, and only what was accepted is published."""
    assert outcome.execution == "SUCCEEDED", f"{name}: {outcome}"
    assert outcome.status in {"PROCESSED", "REJECTED"}, f"{name}: {outcome}"
    assert outcome.is_published == (outcome.status == "PROCESSED"), f"{name}: {outcome}"


def report(
    said: Mapping[tuple[str, str], str],
    limits: Mapping[str, Limits],
    outcomes: Mapping[tuple[str, str], Outcome],
) -> str:
    """What came of it, in Markdown."""
    count = len({file for _, file in said})
    lines = [
        f"{count} files, each given to each of {len(limits)} functions in its own process:",
        "",
        "| function | accepted | refused | peak memory | `MemorySize` | longest | `Timeout` |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, limit in limits.items():
        reasons = Counter(reason for (function, _), reason in said.items() if function == name)
        accepted = reasons.pop(_ACCEPTED, 0)
        refused = ", ".join(f"{number} `{reason}`" for reason, number in sorted(reasons.items()))
        lines.append(
            f"| {name} | {accepted} | {refused} | {limit.peak_mb} MB | {limit.memory_mb} MB "
            f"| {limit.longest_s:.2f} s | {limit.timeout_s:.0f} s |"
        )
    ends = Counter((outcome.status, outcome.reason) for outcome in outcomes.values())
    lines += [
        "",
        f"{len(outcomes)} executions of {WORKFLOW}, of each file that does not take seconds, at "
        f"{' and at '.join(PLACES)}: "
        + ", ".join(
            f"{number} {status}{f' `{reason}`' if reason else ''}"
            for (status, reason), number in sorted(ends.items(), key=str)
        )
        + ".",
    ]
    return "\n".join(lines)


def main() -> None:
    """Throws every file at every function, and through the workflow with the most checks."""
    parser = argparse.ArgumentParser(
        prog="scripts/reliability hostile", description="Hostile files for every task that looks at photos."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--damaged", type=int, default=16, help="damaged copies of each good photo, of each kind"
    )
    options = parser.parse_args()
    chosen = files(options.seed, damaged=options.damaged)
    lock = threading.Lock()

    def told(number: int) -> None:
        with lock:
            print(f"\r{number} of {len(chosen)} files", end="", flush=True)

    with opened() as driver:
        siege = Siege(driver)
        said = siege.besiege(chosen, told=told)
        outcomes = siege.through([file for file in chosen if not file.heavy])
        limits = siege.limits()
    for (place, name), outcome in outcomes.items():
        check_ended(outcome, f"{name} at {place}")
    text = report(said, limits, outcomes)
    print(f"\n{text}")
    document.write("hostile_files", text)


if __name__ == "__main__":
    main()
