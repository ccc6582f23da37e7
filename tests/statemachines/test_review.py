"""The state machine of reviews, on a table in memory: every transition is driven, and no time passes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from functions.ingest.record import utc_now
from functions.outcome import sentence
from functions.review.execution import withdraw
from functions.review.reviews import Reviews
from happypath.operations.masking import masked
from tests.statemachines.definitions import states, tasks
from tests.statemachines.filled import TABLE
from tests.statemachines.interpreter import DETAIL, Interpreter, Run
from tests.statemachines.willing import Answered, Done, Lost, Raised
from tests.transitions import Transition, declared, driven

MACHINE = "review"
PARENT = "arn:aws:states:us-east-1:123456789012:execution:happypath-v4:a"
RULES = {"reminder_s": 100, "expiry_s": "250", "on_expiry": "refuse"}
TIME_OUT = Raised("States.Timeout")


@dataclass
class World:
    """One upload's record and its reviews; `runs` are all executions so far."""

    interpreter: Interpreter
    runs: list[Run] = field(default_factory=list)

    @property
    def reviews(self) -> Reviews:
        return Reviews(self.interpreter.dynamodb, TABLE)

    @property
    def next_id(self) -> str:
        return self.interpreter.next_arn(MACHINE).rpartition(":")[2]

    def record(self, status: str = "RECEIVED", owner: str = PARENT) -> None:
        found = {"PK": "workflow", "SK": DETAIL["record"], "objStatus": status, "executionArn": owner}
        self.interpreter.dynamodb.put_item(
            TableName=TABLE, Item={name: {"S": value} for name, value in found.items()}
        )

    def item(self, partition: str, sort: str) -> dict[str, Any]:
        found = self.interpreter.dynamodb.get_item(
            TableName=TABLE, Key={"PK": {"S": partition}, "SK": {"S": sort}}
        )
        return {name: next(iter(value.values())) for name, value in found["Item"].items()}

    def deciding(self, *verdict: str) -> Answered:
        """The answer to a question: a person decides, by a method of `Reviews`, and it is woken."""
        decide, *more = verdict
        return Answered({}, after=partial(getattr(self.reviews, decide), self.next_id, "ann", *more))

    def run(self, answers: Mapping[str, Any] | None = None, **more: Any) -> Run:
        given = {
            "detail": DETAIL | {"workflow": "v4"},
            "executionArn": PARENT,
            "seen": {"a": [1]},
            "rules": RULES,
        }
        ended = self.interpreter.execute(MACHINE, given | more, answers or {}, on_account=True)
        self.runs.append(ended)
        return ended


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Interpreter() as interpreter:
        yield World(interpreter)


@pytest.fixture(autouse=True)
def _new(world: World) -> None:
    world.record()


def test_what_is_approved_is_accepted_and_the_record_waited_for_it(world: World) -> None:
    review_id = world.next_id
    ended = world.run({"Ask": [world.deciding("approve", "fine")]})

    assert ended.output == {
        "accepted": True,
        "reason": None,
        "detail": {"review": review_id, "reviewer": "ann"},
    }
    record = world.item("workflow", DETAIL["record"])
    assert (record["objStatus"], record["review"]) == ("IN_REVIEW", review_id)
    item = world.item("review", review_id)
    assert (item["status"], item["seen"], item["note"]) == ("DECIDED", '{"a":[1]}', "fine")
    (told,) = ended.told
    assert (told["Source"], told["DetailType"]) == ("happypath", "Photo in review")
    detail = json.loads(told["Detail"])
    assert (detail["review"], detail["key"], detail["reminders"], detail["left_s"]) == (
        review_id,
        DETAIL["key"],
        0,
        250,
    )
    assert (detail["status"], detail["sentence"]) == ("IN_REVIEW", sentence("IN_REVIEW"))


def test_what_is_refused_says_by_whom_and_why(world: World) -> None:
    review_id = world.next_id
    ended = world.run({"Ask": [world.deciding("refuse", "TOO_DARK", "a note")]})

    detail = {"review": review_id, "reviewer": "ann", "reason": "TOO_DARK", "note": "a note"}
    assert ended.output == {"accepted": False, "reason": "REFUSED_BY_REVIEWER", "detail": detail}


def test_the_token_lies_in_the_item_and_nowhere_else(world: World) -> None:
    review_id = world.next_id
    held: list[str] = []
    # It is woken by somebody's mistake, and asks again.
    ended = world.run({"Ask": [Done(), world.deciding("approve")]})
    held.append(world.item("review", review_id)["token"])

    said = [event for event in ended.history if held[0] in json.dumps(event, default=str)]
    # Where Step Functions has it from the state's own parameters: the commands and the console mask it there.
    assert {event["type"] for event in said} == {"TaskScheduled"}
    assert held[0] not in json.dumps([ended.told, ended.output])
    assert held[0] not in json.dumps(world.reviews.show(review_id).as_json(utc_now()))
    # As the commands and the console read a history.
    assert held[0] not in json.dumps([masked(event) for event in ended.history], default=str)


@pytest.mark.parametrize(
    ("on_expiry", "output", "error"),
    [
        ("approve", {"accepted": True, "reason": None}, None),
        ("refuse", {"accepted": False, "reason": "REVIEW_EXPIRED"}, None),
        ("fail", {}, "ReviewExpired"),
    ],
)
def test_it_reminds_and_expires_as_the_rule_says(
    world: World, on_expiry: str, output: dict[str, Any], error: str | None
) -> None:
    review_id = world.next_id
    ended = world.run({"Ask": [TIME_OUT]}, rules=RULES | {"on_expiry": on_expiry})

    assert ended.error == error
    assert {name: ended.output.get(name) for name in output} == output
    told = [json.loads(each["Detail"]) for each in ended.told]
    assert [(each["reminders"], each["left_s"]) for each in told] == [(0, 250), (1, 150), (2, 50)]
    # Each has its own id, whoever drops what comes twice.
    assert len({each["id"] for each in told}) == 3
    item = world.item("review", review_id)
    assert (item["status"], item["verdict"], "token" in item) == ("EXPIRED", "expired", False)


def test_as_many_reminders_as_a_history_has_room_for(world: World) -> None:
    machine = states(MACHINE)["Another reminder?"]["Choices"][0]["And"]
    (most,) = (each["NumericLessThan"] for each in machine if "NumericLessThan" in each)
    # 20 and more events for each, and 25,000 in a history.
    assert most * 40 < 25_000
    turn = Transition("Another reminder?", "Until the end")
    ended = world.run({"Ask": [TIME_OUT]}, rules={"reminder_s": 10, "expiry_s": 10, "on_expiry": "refuse"})
    assert turn in driven(ended.history, states(MACHINE))
    assert len(ended.told) == 1


def test_a_verdict_in_the_last_moment_counts(world: World) -> None:
    review_id = world.next_id
    approve = partial(world.reviews.approve, review_id, "ann")

    class Late(Raised):
        """Somebody decides between the last look and the end."""

        def cause(self) -> str:
            approve()
            return super().cause()

    ended = world.run(
        {"Ask": [TIME_OUT], "Expire": [Late("DynamoDB.ConditionalCheckFailedException"), Done()]}
    )
    assert ended.output["detail"]["reviewer"] == "ann"


def test_a_verdict_that_nobody_was_woken_for_is_found_before_anybody_is_reminded(world: World) -> None:
    approve = partial(world.reviews.approve, world.next_id, "ann")

    class Unheard(Raised):
        """Somebody decides, and the time is up before Step Functions hears of it."""

        def cause(self) -> str:
            approve()
            return super().cause()

    ended = world.run({"Ask": [Unheard("States.Timeout")]})
    assert (ended.output["accepted"], len(ended.told)) == (True, 1)


def test_a_verdict_that_comes_before_the_question_is_waited_for_is_found(world: World) -> None:
    told = Answered({"FailedEntryCount": 0, "Entries": []}, after=world.deciding("approve").after)
    ended = world.run({"Tell reviewers": [told]})

    assert ended.output["accepted"] is True
    assert ended.path[-4:] == ("Ask", "Find verdict", "What is the verdict?", "Approved")


@pytest.mark.parametrize("owner", ["arn:another", PARENT])
def test_who_does_not_own_the_record_does_not_ask(world: World, owner: str) -> None:
    world.record("RECEIVED" if owner != PARENT else "DELETED", owner)
    ended = world.run()

    assert ended.output["reason"] == "REVIEW_WITHDRAWN"
    assert ended.told == []


def test_what_is_withdrawn_before_it_is_asked_is_not_asked(world: World) -> None:
    withdraw(world.interpreter.dynamodb, TABLE, world.next_id, "DELETED")
    ended = world.run()

    assert ended.output["reason"] == "REVIEW_WITHDRAWN"
    assert ended.told == []


def test_what_is_withdrawn_while_it_waits_is_decided_by_nobody(world: World) -> None:
    gone: Callable[[], Any] = partial(withdraw, world.interpreter.dynamodb, TABLE, world.next_id, "DELETED")
    ended = world.run({"Ask": [Answered({}, after=gone)]})

    assert ended.output == {
        "accepted": False,
        "reason": "REVIEW_WITHDRAWN",
        "detail": {"review": ended.output["detail"]["review"]},
    }


def test_in_a_dry_run_nobody_is_asked(world: World) -> None:
    for dry in (True, False):
        ended = world.run(
            {"Ask": [world.deciding("approve")]}, detail=DETAIL | {"workflow": "v4", "dryRun": dry}
        )
        assert ended.output["reason"] == ("NEEDS_REVIEW" if dry else None)
        assert len(ended.told) == (0 if dry else 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("reminder_s", 0),
        ("expiry_s", "true"),
        ("expiry_s", 25_920_001),
        ("on_expiry", "wait"),
        ("on_expiry", 1),
    ],
)
def test_senseless_rules_are_an_error_that_names_them(world: World, name: str, value: Any) -> None:
    ended = world.run(rules=RULES | {name: value})

    assert ended.error == "InvalidRules"
    assert f"{name} ({str(value).lower()})" in (ended.cause or "").lower()
    assert world.item("workflow", DETAIL["record"])["objStatus"] == "RECEIVED"


@pytest.mark.parametrize("name", tasks(MACHINE))
def test_a_task_that_goes_wrong_is_tried_again_or_fails(world: World, name: str) -> None:
    task = tasks(MACHINE)[name]
    for retrier in task["Retry"]:
        for error in retrier["ErrorEquals"] if retrier["MaxAttempts"] else ():
            world.record()
            ended = _driven(world, name, Raised("Some.Error" if error == "States.ALL" else error))
            assert ended.status == "SUCCEEDED", (name, error, ended.cause)
    for catcher in task.get("Catch", []):
        if name in ("Count those that wait", "Tell reviewers"):
            # Who cannot be told is asked all the same.
            (error,) = catcher["ErrorEquals"]
            world.record()
            raised = Raised("Some.Error" if error == "States.ALL" else error)
            ended = world.run({"Ask": [world.deciding("approve")], name: [raised]})
            assert ended.output["accepted"] is True


def _driven(world: World, name: str, raised: Raised) -> Run:
    """An execution in which a task goes wrong once."""
    if name == "Expire":
        return world.run({"Ask": [TIME_OUT], name: [raised, Done()]})
    if name == "Count those that wait":
        return world.run({"Ask": [world.deciding("approve")], name: [raised, Answered({"Count": 2})]})
    if name == "Ask":
        return world.run({name: [raised, world.deciding("approve")]})
    return world.run({"Ask": [world.deciding("approve")], name: [raised, Done()]})


@pytest.mark.parametrize("name", ["Put record into review", "Put item", "Expire"])
def test_what_was_done_and_not_answered_is_not_done_otherwise(world: World, name: str) -> None:
    ask = TIME_OUT if name == "Expire" else world.deciding("approve")
    ended = world.run({"Ask": [ask], name: [Lost(), Done()]})

    assert ended.output["reason"] == ("REVIEW_EXPIRED" if name == "Expire" else None)


def test_every_transition_was_driven(world: World, request: pytest.FixtureRequest) -> None:
    """The last of these tests: it judges what the others did, if all of them ran."""
    ours = {item.name for item in request.session.items if item.path == request.path}
    if len(ours) < 25:
        pytest.fail("it judges all tests of this file: run them all")
    definition = states(MACHINE)
    seen: set[Transition] = set().union(*(driven(run.history, definition) for run in world.runs))

    assert [str(each) for each in declared(definition) if each not in seen] == []
