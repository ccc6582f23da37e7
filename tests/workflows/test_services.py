"""AWS itself in trouble: calls that are refused, whoever makes them, and what becomes of the upload.

What a function calls is what it is seen to call. One that several workflows have is looked at in the first.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

import pytest

from tests.workflows.driver import Driver
from tests.workflows.tasks import Task, all_tasks, first_task, functions, on_path, one_of_each
from tests.workflows.test_errors import check_failed
from tests.workflows.test_photos import check_outcome

# A task for each call that Step Functions itself makes.
CALLS = [task for task in one_of_each() if not task.role and not task.outlasts and not task.follows_refusal]
# A function that may call nothing has no trouble with services.
CALLING = [task for task in functions() if task.may_call]


@pytest.fixture(scope="module")
def calls(driver: Driver) -> CallsOf:
    return CallsOf(driver)


class CallsOf:
    """The calls of functions, as the sandbox counts them while a photo takes its way."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.of = cache(self._of)
        # How often each task is tried on its way when nothing goes wrong.
        self.attempts: dict[Task, Counter[str]] = {}
        self._earlier: Counter[tuple[str, str]] = Counter()

    def _of(self, task: Task) -> list[str]:
        """The calls that a task makes first of all on its way: the others hit a task before it."""
        # Other tests have them make calls that they seldom make.
        self._earlier = Counter(self._driver.sandbox.calls.requests)
        outcome = self._driver.execute_row(task.workflow, task.way.row)
        check_outcome(outcome, task.workflow, task.way.row)
        self.attempts[task] = Counter(outcome.attempts)
        before: set[str] = set()
        for each in on_path(task.way.row, task.workflow):
            made = self._made(each)
            if each == task:
                assert made, f"{task} was not seen to call anything"
                return sorted(made - before)
            before |= made
        raise AssertionError(f"{task} is not on its way")

    def _made(self, task: Task) -> set[str]:
        if not task.role:
            return {operation(task)}
        name = f"{self._driver.sandbox.prefix}-{task.function}"
        made = Counter(self._driver.sandbox.calls.requests) - self._earlier
        return {call for caller, call in made if caller == name}


def operation(task: Task) -> str:
    """What Step Functions itself calls for a task, as policies name it, whatever it then waits for."""
    service, _, action = task.resource.removeprefix("aws-sdk:").partition(".")[0].partition(":")
    return f"{service}:{action[0].upper()}{action[1:]}"


def beside(task: Task) -> list[Task]:
    """The tasks that call its function in the same step: branches that run at once may have one."""
    way = on_path(task.way.row, task.workflow)
    return [each for each in way if (each.place, each.function) == (task.place, task.function)]


@pytest.mark.parametrize("task", CALLING, ids=str)
def test_what_does_not_pass_is_recorded_by_what_it_is(task: Task, calls: CallsOf, driver: Driver) -> None:
    for call in calls.of(task):
        outcome = driver.execute_row(task.workflow, task.way.row, faults=[f"{call}=denied"])
        check_failed(outcome, task.place, "AccessDeniedError")


@pytest.mark.parametrize("task", CALLING, ids=str)
def test_what_passes_is_no_trouble(task: Task, calls: CallsOf, driver: Driver) -> None:
    for call in calls.of(task):
        # A function's own attempts are three, and the fourth is the state machine's.
        outcome = driver.execute_row(task.workflow, task.way.row, faults=[f"{call}=throttle@1-3"])
        check_outcome(outcome, task.workflow, task.way.row)
        (again,) = (Counter(outcome.attempts) - calls.attempts[task]).elements()
        assert again in {each.name for each in beside(task)}


@pytest.mark.parametrize("task", CALLS, ids=str)
def test_what_step_functions_itself_is_refused_is_recorded_by_the_services_name(
    task: Task, driver: Driver
) -> None:
    outcome = driver.execute_row(task.workflow, task.way.row, faults=[f"{operation(task)}=denied"])

    check_failed(outcome, task.place, str(outcome.reason))
    assert re.fullmatch(r"(DynamoDB|EventBridge|StepFunctions)\.\w+Exception", str(outcome.reason))


def test_a_function_that_lambda_refuses_at_first_is_called_again(driver: Driver) -> None:
    task = all_tasks()[0]
    outcome = driver.execute_row(task.workflow, task.way.row, faults=["lambda:Invoke=throttle@1-2"])

    check_outcome(outcome, task.workflow, task.way.row)
    assert outcome.attempts[first_task(task.way.row, task.workflow).name] == 3


@pytest.mark.parametrize(
    "rule", ["s3:GetObject=delay:0.2", "lambda:Invoke=delay:0.2", "s3:GetObject=error@1-2"]
)
def test_what_is_slow_and_what_the_function_itself_tries_again_is_no_attempt(
    rule: str, driver: Driver
) -> None:
    task = all_tasks()[0]
    outcome = driver.execute_row(task.workflow, task.way.row, faults=[rule])

    check_outcome(outcome, task.workflow, task.way.row)
    assert set(outcome.attempts.values()) == {1}
