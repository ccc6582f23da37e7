"""The state machine of deletions, on a bucket and a table in memory: every transition is driven."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from functions.upload import rendition_key
from tests.statemachines.definitions import errors_retried, states, tasks
from tests.statemachines.filled import TABLE
from tests.statemachines.interpreter import Interpreter, Run
from tests.statemachines.willing import Answered, Answers, Done, Lost, Raised
from tests.transitions import Transition, declared, driven

MACHINE = "deletion"
UPLOADS, PUBLISHED = "uploads", "happypath-DistributionBucket"
NOT_AS_SEEN = "DynamoDB.ConditionalCheckFailedException"
UNKNOWN = "Sfn.ExecutionDoesNotExistException"


@dataclass
class World:
    """One upload's object, record, item and renditions; `runs` are all executions so far."""

    interpreter: Interpreter
    runs: list[Run] = field(default_factory=list)
    key: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        s3 = self.interpreter.client("s3")
        for bucket in (UPLOADS, PUBLISHED):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=UPLOADS, VersioningConfiguration={"Status": "Enabled"})
        self.new()

    def new(self, place: str = "p", name: str = "crème {x} 1.jpg") -> None:
        """Goes on with a key that nothing lies at."""
        self.key = f"{place}/{next(self._numbers)} {name}"

    @property
    def last_arn(self) -> str:
        """The ARN of the last execution."""
        machine, _, number = self.interpreter.next_arn(MACHINE).rpartition(":")
        return f"{machine}:{int(number) - 1}"

    @property
    def writer(self) -> str:
        return f"arn:aws:states:us-east-1:123456789012:execution:happypath-v1:{self.key[2:4].strip()}"

    def put(self) -> str:
        put = self.interpreter.client("s3").put_object(Bucket=UPLOADS, Key=self.key, Body=b"photo")
        return str(put["VersionId"])

    def delete(self, **which: str) -> str:
        gone = self.interpreter.client("s3").delete_object(Bucket=UPLOADS, Key=self.key, **which)
        return str(gone["VersionId"])

    def item(self, partition: str, sort: str, **attributes: str) -> None:
        found = {"PK": partition, "SK": sort, **attributes}
        self.interpreter.dynamodb.put_item(
            TableName=TABLE, Item={name: {"S": value} for name, value in found.items()}
        )

    def read(self, partition: str, sort: str) -> dict[str, str] | None:
        found = self.interpreter.dynamodb.get_item(
            TableName=TABLE, Key={"PK": {"S": partition}, "SK": {"S": sort}}
        )
        return {name: value["S"] for name, value in found["Item"].items()} if "Item" in found else None

    def record(self, status: str, version: str, **more: str) -> None:
        claimed = {
            "objStatus": status,
            "version": version,
            "placeId": self.key.partition("/")[0],
            "executionArn": self.writer,
            "receivedAt": "2026-05-01T12:00:00.000Z",
        }
        self.item("workflow", self.key, **claimed, **more)

    def recorded(self) -> dict[str, str]:
        found = self.read("workflow", self.key)
        assert found is not None
        return found

    def publish(self, version: str, *, old: bool = False) -> None:
        """Does what an execution does at its end; `old`: at a time when records did not say what is shown."""
        place, _, name = self.key.partition("/")
        says = {} if old else {"item": name, "path": "p/1%20cr%C3%A8me"}
        self.record("PROCESSED", version, **says)
        self.item(place, name, type="photo", **({} if old else {"key": self.key}))
        self.render()

    def render(self) -> None:
        for name in ("tile", "scaled"):
            key = rendition_key(self.key, name)
            self.interpreter.client("s3").put_object(Bucket=PUBLISHED, Key=key, Body=b"made")

    def shown(self) -> int:
        """How much of it is published: the item, and the renditions."""
        under = self.interpreter.client("s3").list_objects_v2(
            Bucket=PUBLISHED, Prefix=f"{self.key}/", Delimiter="/"
        )
        place, _, name = self.key.partition("/")
        return len(under.get("Contents", [])) + (self.read(place, name) is not None)

    def without_entries(self, asked: Mapping[str, Any]) -> dict[str, bool]:
        """What the function answers that has nothing to remove."""
        assert asked["detail"]["object"]["key"] == self.key
        return {"left": False, "locked": self.recorded().get("deletion") == asked["executionArn"]}

    def event(self, version: str | None = None, **more: str) -> dict[str, Any]:
        stored = {"key": self.key} | ({"version-id": version} if version else {})
        return {"detail": {"bucket": {"name": UPLOADS}, "object": stored}, **more}

    def run(self, given: Mapping[str, Any], answers: Mapping[str, Any] | None = None) -> Run:
        # There is no distribution, nor a catalogue.
        good: Answers = {"Invalidate": [Answered({})], "Remove entries": [self.without_entries]}
        ended = self.interpreter.execute(MACHINE, given, {**good, **(answers or {})}, on_account=True)
        self.runs.append(ended)
        return ended


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Interpreter() as interpreter:
        yield World(interpreter)


@pytest.fixture(autouse=True)
def _new(world: World) -> None:
    world.new()


# What it does


def test_what_was_published_goes_and_the_record_says_so(world: World) -> None:
    world.publish(world.put())
    ended = world.run(world.event(world.delete()))

    assert ended.status == "SUCCEEDED"
    assert world.shown() == 0
    record = world.recorded()
    assert record["objStatus"] == "DELETED"
    assert record["deletedAt"] == record["finishedAt"] > "2026"
    assert {"deletion", "item", "renditions", "path", "reason"}.isdisjoint(record)
    assert "Invalidate" in ended.path


def test_cloudfront_is_told_of_the_path_once_for_each_removal(world: World) -> None:
    world.publish(world.put())
    ended = world.run(world.event(world.delete()))

    (asked,) = [
        json.loads(event["taskScheduledEventDetails"]["parameters"])
        for event in ended.history
        if event.get("taskScheduledEventDetails", {}).get("resource") == "createInvalidation"
    ]
    batch = asked["InvalidationBatch"]
    assert batch["Paths"] == {"Quantity": 1, "Items": ["/p/1%20cr%C3%A8me/*"]}
    assert len(batch["CallerReference"].split()) == 2


def test_an_upload_that_never_was_published_needs_no_invalidation(world: World) -> None:
    world.record("REJECTED", world.put(), reason="TOO_SMALL")
    ended = world.run(world.event(world.delete()))

    assert (world.recorded()["objStatus"], "reason" in world.recorded()) == ("DELETED", False)
    assert "Invalidate" not in ended.path


def test_what_was_published_before_records_said_where_goes_too(world: World) -> None:
    world.publish(world.put(), old=True)
    world.run(world.event(world.delete()))

    assert (world.recorded()["objStatus"], world.shown()) == ("DELETED", 0)


def test_an_event_that_is_late_changes_nothing(world: World) -> None:
    world.publish(world.put())
    marker = world.delete()
    world.delete(VersionId=marker)
    before = world.recorded()
    ended = world.run(world.event(marker))

    assert (ended.status, ended.told, world.recorded(), world.shown()) == ("SUCCEEDED", [], before, 3)


def test_a_repeated_event_changes_nothing(world: World) -> None:
    world.publish(world.put())
    event = world.event(world.delete())
    world.run(event)
    before = world.recorded()

    assert world.run(event).status == "SUCCEEDED"
    assert world.recorded() == before


def test_of_a_key_that_was_no_upload_nothing_is_recorded(world: World) -> None:
    assert world.run(world.event("a-marker")).path == ("Find record", "Recorded?", "Done")
    assert world.read("workflow", world.key) is None


@pytest.mark.parametrize("with_version", [False, True])
def test_a_key_that_no_workflow_can_use_is_recorded_as_deleted(world: World, *, with_version: bool) -> None:
    world.item("workflow", world.key, objStatus="REJECTED", reason="INVALID_KEY", version=world.put())
    marker = world.delete()
    world.run(world.event(marker if with_version else None))

    assert world.recorded()["objStatus"] == "DELETED"


def test_a_version_that_was_removed_because_it_was_refused_stays_refused(world: World) -> None:
    version = world.put()
    world.record("REJECTED", version, reason="FAILED_MODERATION")
    world.delete(VersionId=version)
    world.run(world.event(version))

    assert (world.recorded()["objStatus"], world.recorded()["reason"]) == ("REJECTED", "FAILED_MODERATION")


@pytest.mark.parametrize("status", ["PROCESSED", "DELETED"])
def test_a_version_that_is_current_again_is_announced(world: World, status: str) -> None:
    """The version that hid it was deleted for good, or its delete marker."""
    older = world.put()
    newer = world.put() if status == "PROCESSED" else world.delete()
    world.record(status, newer if status == "PROCESSED" else older)
    world.delete(VersionId=newer)
    ended = world.run(world.event(newer))

    (told,) = ended.told
    assert (told["Source"], told["DetailType"]) == ("custom.happyPath", "uploadComplete")
    assert json.loads(told["Detail"]) == {
        "bucket": UPLOADS,
        "key": world.key,
        "version": older,
        "restored": world.last_arn.rpartition(":")[2],
    }
    assert world.recorded()["objStatus"] == status


def test_an_object_in_a_bucket_without_versions_is_there(world: World) -> None:
    world.record("PROCESSED", "v1")
    s3 = world.interpreter.client("s3")
    s3.create_bucket(Bucket="unversioned")
    s3.put_object(Bucket="unversioned", Key=world.key, Body=b"photo")
    event = world.event()
    event["detail"]["bucket"]["name"] = "unversioned"

    assert world.run(event).told == []
    assert world.recorded()["objStatus"] == "PROCESSED"


def test_an_item_that_shows_another_object_stays(world: World) -> None:
    version = world.put()
    world.publish(version)
    place, _, name = world.key.partition("/")
    world.item(place, name, key="p/another.jpg")
    world.run(world.event(world.delete()))

    assert world.read(place, name) == {"PK": place, "SK": name, "key": "p/another.jpg"}
    assert world.recorded()["objStatus"] == "DELETED"


def test_renditions_of_uploads_beneath_the_key_stay(world: World) -> None:
    world.publish(world.put())
    upper = world.key
    beneath = [f"{upper}/{number:03}.jpg" for number in range(60)]
    s3 = world.interpreter.client("s3")
    for key in beneath:
        s3.put_object(Bucket=PUBLISHED, Key=rendition_key(key, "tile"), Body=b"made")
    world.run(world.event(world.delete()))

    left = s3.list_objects_v2(Bucket=PUBLISHED, Prefix=f"{upper}/")["Contents"]
    assert [each["Key"] for each in left] == [rendition_key(key, "tile") for key in beneath]


def test_a_record_that_changes_meanwhile_is_looked_at_again(world: World) -> None:
    world.publish(world.put())
    event = world.event(world.delete())
    ended = world.run(event, {"Record deletion": [Raised(NOT_AS_SEEN), Done()]})

    assert ended.path.count("Record deletion") == 2
    assert (world.recorded()["objStatus"], world.shown()) == ("DELETED", 0)


def test_a_deletion_that_could_not_end_is_ended_by_another(world: World) -> None:
    world.publish(world.put())
    event = world.event(world.delete())
    failed = world.run(event, {"Delete rendition": [Raised("S3.S3Exception")]})
    assert (failed.status, failed.error) == ("FAILED", "S3.S3Exception")
    assert world.recorded()["deletionError"] == "S3.S3Exception"
    deletion = world.recorded()["deletion"]
    # An upload of the key that waits for the end does not keep it from ending.
    world.put()
    ended = world.run(world.event(unfinished=deletion))

    assert ended.status == "SUCCEEDED"
    assert world.shown() == 0
    assert {"deletion", "deletionError"}.isdisjoint(world.recorded())


def test_entries_are_removed_until_none_is_left_and_then_the_record_is_unlocked(world: World) -> None:
    def all_but_the_last(asked: Mapping[str, Any]) -> dict[str, bool]:
        assert world.recorded()["deletion"] == asked["executionArn"]
        return {"left": True, "locked": True}

    world.publish(world.put())
    left = [all_but_the_last, all_but_the_last, world.without_entries]
    ended = world.run(world.event(world.delete()), {"Remove entries": left})

    removing = [name for name in ended.path if name in {"Remove entries", "Unlock record"}]
    assert removing == ["Remove entries"] * 3 + ["Unlock record"]
    assert "deletion" not in world.recorded()


def test_while_entries_are_left_the_record_stays_locked(world: World) -> None:
    world.publish(world.put())
    event = world.event(world.delete())
    ended = world.run(event, {"Remove entries": [Raised("AccessDeniedError")]})

    assert (ended.status, ended.error) == ("FAILED", "AccessDeniedError")
    assert world.recorded()["deletion"] == world.last_arn
    again = world.run(world.event(unfinished=world.last_arn))
    assert (again.status, "deletion" in world.recorded()) == ("SUCCEEDED", False)


@pytest.mark.parametrize("name", ["Record deletion", "Lock record", "Take deletion over"])
def test_a_lock_whose_answer_is_lost_is_its_own_all_the_same(world: World, name: str) -> None:
    scenario = next(each for each in SCENARIOS if name in _path(world, each))
    ended = _driven(world, scenario, {name: [Lost(), Done()]})

    assert (ended.status, ended.path.count(name)) == ("SUCCEEDED", 1)
    assert (world.recorded()["objStatus"], world.shown()) == ("DELETED", 0)
    assert "deletion" not in world.recorded()


# Executions that may still write


RUNNING, OVER = Answered({"Status": "RUNNING"}), Answered({"Status": "SUCCEEDED"})


def test_what_an_execution_writes_late_goes_when_it_is_over(world: World) -> None:
    world.record("RECEIVED", world.put())
    late = Answered(OVER.result, after=world.render)
    ended = world.run(world.event(world.delete()), {"Find writer": [RUNNING, RUNNING, late]})

    assert ended.status == "SUCCEEDED"
    assert (world.recorded()["objStatus"], world.shown()) == ("DELETED", 0)
    assert "deletion" not in world.recorded()
    assert ended.waits_s == [2, 4]


def test_it_looks_less_and_less_often(world: World) -> None:
    world.record("RECEIVED", world.put())
    ended = world.run(world.event(world.delete()), {"Find writer": [*[RUNNING] * 13, OVER]})

    assert ended.waits_s[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert set(ended.waits_s[9:]) == {1024}


# AWS does not say which of both it answers to the ARN that an Express execution would have as a Standard one.
@pytest.mark.parametrize("error", [UNKNOWN, "Sfn.InvalidArnException"])
def test_an_execution_that_is_not_known_is_waited_for_as_long_as_an_express_one_may_take(
    world: World, error: str
) -> None:
    world.record("RECEIVED", world.put())
    unknown = [Raised(error)] * 13
    ended = world.run(world.event(world.delete()), {"Find writer": unknown})

    assert (ended.status, world.shown()) == ("SUCCEEDED", 0)
    retrier = tasks(MACHINE)["Find writer"]["Retry"][0]
    assert error in retrier["ErrorEquals"]
    # With full jitter it waits half of these, on the whole.
    waits = (retrier["IntervalSeconds"] * retrier["BackoffRate"] ** n for n in range(retrier["MaxAttempts"]))
    assert sum(min(wait, retrier["MaxDelaySeconds"]) for wait in waits) / 2 > 300


@pytest.mark.parametrize(
    ("status", "left"), [("PROCESSED", 3), ("REJECTED", 1), ("FAILED", 1), ("DELETED", 1)]
)
def test_what_a_replaced_upload_left_goes_unless_the_newer_one_is_published(
    world: World, status: str, left: int
) -> None:
    version = world.put()
    world.publish(version)
    world.record("RECEIVED", version)
    outcome = Answered(OVER.result, after=lambda: world.record(status, version))
    given = world.event(writer="arn:of-the-replaced", path="p/1")
    ended = world.run(given, {"Find writer": [OVER, outcome]})

    assert ended.status == "SUCCEEDED"
    assert "Remove entries" in ended.path
    # The item went when the record was taken over, or shows the newer one.
    assert world.shown() == left
    assert world.recorded()["objStatus"] == status
    assert ("Invalidate" in ended.path) is (status != "PROCESSED")


def test_two_that_remove_take_turns(world: World) -> None:
    version = world.put()
    world.record("REJECTED", version, deletion="arn:another")
    world.render()
    other_ends = Answered(OVER.result, after=lambda: world.record("REJECTED", version))
    ended = world.run(world.event(writer="arn:of-the-replaced"), {"Find writer": [OVER, other_ends]})

    assert ended.path.count("Wait") == 1
    assert world.shown() == 0


def test_an_upload_that_gave_its_record_up_needs_nothing(world: World) -> None:
    """Its claim was released, for there was no such workflow."""
    world.put()
    key = {"PK": {"S": "workflow"}, "SK": {"S": world.key}}
    world.record("RECEIVED", "v1")
    released = Answered(
        OVER.result, after=lambda: world.interpreter.dynamodb.delete_item(TableName=TABLE, Key=key)
    )
    ended = world.run(world.event(writer="arn:of-the-replaced"), {"Find writer": [released]})

    assert (ended.status, ended.path[-2:]) == ("SUCCEEDED", ("Needed?", "Done"))


def test_a_record_that_is_taken_over_meanwhile_is_left_alone(world: World) -> None:
    version = world.put()
    world.record("REJECTED", version)
    world.render()
    ended = world.run(
        world.event(writer="arn:of-the-replaced"),
        {"Find writer": [OVER], "Lock record": [Raised(NOT_AS_SEEN), Done()]},
    )
    assert ended.path.count("Find outcome") == 2
    assert world.shown() == 0


# Every transition


def _upload_that_runs(world: World) -> tuple[Any, dict[str, Any]]:
    world.record("IN_REVIEW", world.put())
    return world.event(world.delete()), {"Find writer": [RUNNING, OVER]}


def _published(world: World) -> tuple[Any, dict[str, Any]]:
    world.publish(world.put())
    return world.event(world.delete()), {}


def _refused_key(world: World) -> tuple[Any, dict[str, Any]]:
    world.item("workflow", world.key, objStatus="REJECTED", reason="INVALID_KEY")
    return world.event(), {}


def _restored(world: World) -> tuple[Any, dict[str, Any]]:
    world.put()
    world.record("DELETED", "another")
    return world.event(), {}


def _unfinished(world: World) -> tuple[Any, dict[str, Any]]:
    world.record("DELETED", world.put(), deletion="arn:dead")
    return world.event(world.delete(), unfinished="arn:dead"), {}


def _with_folders(world: World) -> tuple[Any, dict[str, Any]]:
    world.publish(world.put())
    for number in range(60):
        beneath = rendition_key(f"{world.key}/{number:03}.jpg", "tile")
        world.interpreter.client("s3").put_object(Bucket=PUBLISHED, Key=beneath, Body=b"made")
    return world.event(world.delete()), {}


SCENARIOS = (_published, _upload_that_runs, _refused_key, _restored, _unfinished, _with_folders)
BY_ITSELF = ("RecordErrorState",)


@pytest.mark.parametrize("name", [name for name in tasks(MACHINE) if name not in BY_ITSELF])
def test_a_task_that_goes_wrong_is_tried_again_or_fails_as_an_error(world: World, name: str) -> None:
    scenario = next(each for each in SCENARIOS if name in _path(world, each))
    task = tasks(MACHINE)[name]
    for retrier in task["Retry"]:
        for error in retrier["ErrorEquals"] if retrier["MaxAttempts"] else ():
            raised = Raised("Some.Error" if error == "States.ALL" else error)
            assert _driven(world, scenario, {name: [raised, *_good(world, name)]}).status == "SUCCEEDED"
    for catcher in task["Catch"]:
        for error in catcher["ErrorEquals"]:
            raised = Raised("Some.Error" if error == "States.ALL" else error)
            once = error not in errors_retried(task) and catcher["Next"] != "RecordErrorState"
            ended = _driven(world, scenario, {name: [raised, *_good(world, name)] if once else [raised]})
            failed = catcher["Next"] == "RecordErrorState"
            assert (ended.status, ended.error) == (
                ("FAILED", raised.error) if failed else ("SUCCEEDED", None)
            )


def _good(world: World, name: str) -> list[Any]:
    good = {"Find writer": [RUNNING, OVER], "Invalidate": [Answered({})]}
    return good.get(name, [world.without_entries] if name == "Remove entries" else [Done()])


def _driven(world: World, scenario: Any, answers: Mapping[str, Any]) -> Run:
    world.new()
    given, own = scenario(world)
    return world.run(given, {**own, **answers})


def _path(world: World, scenario: Any) -> tuple[str, ...]:
    return _driven(world, scenario, {}).path


@pytest.mark.parametrize("error", ["DynamoDB.ThrottlingException", NOT_AS_SEEN, "Some.Error"])
def test_an_error_that_cannot_be_recorded_is_an_error_all_the_same(world: World, error: str) -> None:
    times = 1 if "Throttling" in error else 12
    answers = {
        "Look at object": [Raised("S3.S3Exception")],
        "RecordErrorState": [Raised(error)] * times + [Done()],
    }
    ended = _driven(world, _published, answers)

    assert (ended.status, ended.error) == ("FAILED", "S3.S3Exception")


def test_every_transition_was_driven(world: World, request: pytest.FixtureRequest) -> None:
    """The last of these tests: it judges what the others did, if all of them ran."""
    ours = {item.name for item in request.session.items if item.path == request.path}
    if len(ours) < 40:
        pytest.fail("it judges all tests of this file: run them all")
    definition = states(MACHINE)
    seen: set[Transition] = set().union(*(driven(run.history, definition) for run in world.runs))

    assert [str(each) for each in declared(definition) if each not in seen] == []
