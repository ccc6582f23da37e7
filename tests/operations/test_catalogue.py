"""`happypath catalogue --existing`: what is not catalogued is, once, and no record changes hands."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.catalogue.entries import write_part
from functions.catalogue.index import index
from functions.upload import DRY_RUN, Upload
from happypath.operations import catalogue, cost, reconcile, usage
from happypath.operations.catalogue import Ended, State, by_name, look
from happypath.operations.search import tables_of
from tests.operations.conftest import Command, Offline

ARN = "arn:aws:states:us-east-1:123456789012:execution:happypath-catalogue:"


class Interrupted(BaseException):
    """As by Ctrl-C."""


@dataclass
class Runs:
    """The executions of `catalogue`, which end when and as a test says: by a part of the upload's key."""

    installation: Offline
    ends: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    most_at_once: int = 0

    def start(self, *, stateMachineArn: str, name: str, input: str) -> Any:  # noqa: N803, A002  # as boto3 has it
        arn = f"{stateMachineArn.replace(':stateMachine:', ':execution:')}:{name}"
        if arn in self.inputs:
            if self._status(arn)[0] == "RUNNING":
                return {"executionArn": arn}
            raise self.installation.client("stepfunctions").exceptions.ExecutionAlreadyExists(
                {}, "StartExecution"
            )
        self.inputs[arn] = json.loads(input)
        self.started.append(self.inputs[arn]["detail"]["key"])
        running = sum(self._status(each)[0] == "RUNNING" for each in self.inputs)
        self.most_at_once = max(self.most_at_once, running)
        return {"executionArn": arn}

    def describe(self, *, executionArn: str) -> Any:  # noqa: N803  # as boto3 has it
        if executionArn not in self.inputs:
            unknown = self.installation.client("stepfunctions").exceptions.ExecutionDoesNotExist
            raise unknown({}, "DescribeExecution")
        status, reason = self._status(executionArn)
        decision = {"decision": {"accepted": reason is None, "reason": reason}}
        said = {"output": json.dumps(decision)} if status == "SUCCEEDED" else {"error": reason}
        return {"status": status, **said}

    def _status(self, arn: str) -> tuple[str, str | None]:
        key = self.inputs[arn]["detail"]["key"]
        return next((end for part, end in self.ends.items() if part in key), ("RUNNING", None))

    def end(self, part: str, status: str, reason: str | None = None) -> None:
        self.ends[part] = status, reason


@pytest.fixture
def runs(installation: Offline, monkeypatch: pytest.MonkeyPatch) -> Runs:
    stepfunctions = installation.client("stepfunctions")
    for name in ("catalogue", "document"):
        stepfunctions.create_state_machine(
            name=f"happypath-{name}",
            definition='{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/workflow",
        )
    made = Runs(installation)
    monkeypatch.setattr(stepfunctions, "start_execution", made.start)
    monkeypatch.setattr(stepfunctions, "describe_execution", made.describe)
    return made


def put(installation: Offline, name: str, status: str = "PROCESSED", **more: str) -> Upload:
    """An object `p/<name>` with a record."""
    version = installation.put_photo(f"p/{name}")
    installation.put_record("", status, key=f"p/{name}", version=version, workflow="v1", **more)
    return Upload("uploads", f"p/{name}", "p", name, version)


def be_catalogued(installation: Offline, upload: Upload) -> None:
    tables = tables_of(installation)
    write_part(tables, upload, 0, [], "a b", workflow="v1", at=datetime.now(UTC), type="jpg")
    index(tables, upload)


def catalogued(installation: Offline, **more: Any) -> list[Ended]:
    found = look(installation, "")
    machines = catalogue.machines_of(installation, ["catalogue"])
    return sorted(
        catalogue.catalogue(installation, found, machines, **more), key=lambda each: (each.key, each.status)
    )


# What there is


def test_what_lies_in_the_bucket_is_told_apart(installation: Offline) -> None:
    put(installation, "new.jpg")
    be_catalogued(installation, put(installation, "done.jpg"))
    put(installation, "running.jpg", "RECEIVED")
    put(installation, "asked.jpg", "IN_REVIEW")
    put(installation, "refused.jpg", "REJECTED")
    put(installation, "failed.jpg", "FAILED")
    put(installation, "back.jpg", "DELETED")
    # Replaced, of which no event has told; an older version is catalogued.
    be_catalogued(installation, put(installation, "replaced.jpg"))
    installation.put_photo("p/replaced.jpg", b"newer")
    installation.put_photo("p/unseen.jpg")
    put(installation, "gone.jpg")
    installation.client("s3").delete_object(Bucket="uploads", Key="p/gone.jpg")
    installation.put_record(
        "", "REJECTED", key="x", reason="INVALID_KEY", version=installation.put_photo("x")
    )
    installation.put_photo(f"{DRY_RUN}/compared.jpg")

    assert {each.stored.key: each.state for each in look(installation, "")} == {
        "p/new.jpg": State.NEW,
        "p/done.jpg": State.CATALOGUED,
        "p/running.jpg": State.OPEN,
        "p/asked.jpg": State.OPEN,
        "p/refused.jpg": State.NOT_ACCEPTED,
        "p/failed.jpg": State.NOT_ACCEPTED,
        "p/back.jpg": State.NO_RECORD,
        "p/replaced.jpg": State.NO_RECORD,
        "p/unseen.jpg": State.NO_RECORD,
        "x": State.NOT_ACCEPTED,
    }
    assert [each.stored.key for each in look(installation, "p/n")] == ["p/new.jpg"]


# Runs


def test_each_is_catalogued_once_however_often_it_is_interrupted(installation: Offline, runs: Runs) -> None:
    uploads = {name: put(installation, name) for name in ("good.jpg", "bad.jpg", "dead.jpg", "lost.jpg")}
    installation.put_photo("p/unseen.jpg")
    records = installation.client("dynamodb").scan(TableName="table")["Items"]

    def interrupt(_: float) -> None:
        raise Interrupted

    for _ in range(2):
        with pytest.raises(Interrupted):
            catalogued(installation, wait=interrupt)
    assert sorted(runs.started) == [f"p/{name}" for name in sorted(uploads)]

    def all_end(_: float) -> None:
        be_catalogued(installation, uploads["good.jpg"])
        runs.end("good", "SUCCEEDED")
        runs.end("bad", "SUCCEEDED", "CORRUPT_IMAGE")
        runs.end("p/dead.jpg", "FAILED", "KeyError")
        runs.end("lost", "SUCCEEDED")

    ended = catalogued(installation, wait=all_end)
    assert [(each.key, each.status, each.reason) for each in ended] == [
        ("p/bad.jpg", "REJECTED", "CORRUPT_IMAGE"),
        ("p/dead.jpg", "FAILED", "KeyError"),
        ("p/good.jpg", "CATALOGUED", None),
        ("p/lost.jpg", "CHANGED", "It was replaced or deleted meanwhile."),
        ("p/unseen.jpg", "NO_RECORD", catalogue.ADVICE[State.NO_RECORD]),
    ]
    assert len(runs.started) == 4
    # Each is told as the upload that it is, of the workflow that its record is of; nobody's record changed.
    for given in runs.inputs.values():
        detail = given["detail"]
        assert detail == uploads[detail["ID"]].as_detail() | {"workflow": "v1"}
    assert installation.client("dynamodb").scan(TableName="table")["Items"] == records


def test_what_failed_is_tried_again_and_what_was_refused_is_not(installation: Offline, runs: Runs) -> None:
    for name in ("bad.jpg", "dead.jpg"):
        put(installation, name)
    runs.end("bad", "SUCCEEDED", "CORRUPT_IMAGE")
    runs.end("dead", "TIMED_OUT")
    for number in (1, 2):
        bad, dead = catalogued(installation)
        assert (bad.status, dead.status, dead.reason) == ("REJECTED", "FAILED", "TIMED_OUT")
        assert runs.started.count("p/dead.jpg") == number
        assert str(dead.execution_arn).endswith("-2") is (number == 2)
    assert runs.started.count("p/bad.jpg") == 1


def test_no_more_run_at_once_than_may(
    installation: Offline, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "_AT_ONCE", 3)
    uploads = [put(installation, f"{number}.jpg") for number in range(7)]
    waits: list[float] = []

    def one_ends(seconds: float) -> None:
        waits.append(seconds)
        # It waits longer each time, up to a bound, as long as nothing ends.
        if len(waits) % 6 == 0:
            upload = uploads[len(waits) // 6 - 1]
            be_catalogued(installation, upload)
            runs.end(upload.key, "SUCCEEDED")

    ended = catalogued(installation, wait=one_ends)
    assert [each.status for each in ended] == ["CATALOGUED"] * 7
    assert runs.most_at_once == 3
    assert waits == [0.5, 1, 2, 4, 8, 10] * 7


# What is not as it is to be


def open_uploads(installation: Offline) -> dict[str, str]:
    """What `reconcile` says, each key's state once."""
    found = list(reconcile.find(installation, datetime.now(UTC) + timedelta(hours=1)))
    assert len({each.key for each in found}) == len(found)
    return {each.key: each.state for each in found}


def test_what_a_run_left_half_way_is_found_and_put_right(installation: Offline, runs: Runs) -> None:
    whole, half, lost = (put(installation, f"{name}.jpg") for name in ("whole", "half", "lost"))
    own = {"version": str(lost.version_id), "workflow": "catalogue"}
    installation.put_record("", "PROCESSED", key=lost.key, **own)
    be_catalogued(installation, whole)
    # It left its entries and died; of the other nothing is left at all.
    write_part(tables_of(installation), half, 0, [], "a", workflow="v1", at=datetime.now(UTC), type="jpg")
    assert open_uploads(installation) == dict.fromkeys((half.key, lost.key), "NOT_CATALOGUED")

    for upload in reconcile.find(installation, datetime.now(UTC)):
        assert reconcile.fix(installation, upload)
    assert sorted(runs.started) == [half.key, lost.key]
    # They run.
    assert open_uploads(installation) == {}
    runs.end("half", "FAILED", "KeyError")
    assert open_uploads(installation) == {half.key: "NOT_CATALOGUED"}
    be_catalogued(installation, half)
    assert open_uploads(installation) == {}


def test_entries_of_what_is_not_current_are_found_and_removed(
    installation: Offline, happypath: Command
) -> None:
    names = ("kept", "replaced", "deleted", "refused", "late", "unknown")
    uploads = {name: put(installation, f"{name}.jpg") for name in names}
    for upload in uploads.values():
        be_catalogued(installation, upload)
    put(installation, "replaced.jpg")
    for name in ("deleted", "late", "unknown"):
        installation.client("s3").delete_object(Bucket="uploads", Key=f"p/{name}.jpg")
    gone = {"version": "v", "finishedAt": "2026-05-01T12:00:01.000Z"}
    installation.put_record("", "DELETED", key="p/deleted.jpg", **gone)
    # Its deletion has only begun.
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    installation.put_record("", "DELETED", key="p/late.jpg", **{**gone, "finishedAt": now})
    refused = {"version": str(uploads["refused"].version_id), "reason": "NOT_NICE"}
    installation.put_record("", "REJECTED", key="p/refused.jpg", **refused)
    installation.client("dynamodb").delete_item(
        TableName="table", Key={"PK": {"S": "workflow"}, "SK": {"S": "p/unknown.jpg"}}
    )
    ended = happypath("reconcile", "--fix", "--older-than", "1h")
    lines = [line.split() for line in ended.output.splitlines()]
    assert sorted((line[0], line[-3], line[-1]) for line in lines) == [
        ("STALE_ENTRIES", f"p/{name}.jpg", "catalogue")
        for name in ("deleted", "refused", "replaced", "unknown")
    ]
    left = {
        item.get("key", {"S": item["PK"]["S"].partition("#")[2]})["S"]
        for item in installation.client("dynamodb").scan(TableName="catalogue")["Items"]
    }
    assert left == {"p/kept.jpg", "p/late.jpg"}
    assert happypath("reconcile", "--older-than", "1h").status == 0


# The command


def test_the_command_says_what_it_costs_and_asks(
    installation: Offline, runs: Runs, happypath: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg", "c.pdf"):
        put(installation, name)
    put(installation, "d.jpg", "RECEIVED")
    monkeypatch.setattr("sys.stdin", io.StringIO("n"))
    ended = happypath("catalogue", "--existing", "--workflow", "catalogue")

    assert (ended.status, ended.output.strip(), runs.started) == (2, "", [])
    for said in ("NEW: 3.", "OPEN: 1.  They have", "catalogue, 3 uploads", "Rekognition: images", "--yes"):
        assert said in ended.notices


def test_the_command_catalogues_and_tells_of_each(
    installation: Offline, runs: Runs, happypath: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, _ = put(installation, "good.jpg"), put(installation, "dead.jpg")
    installation.put_photo("p/unseen.jpg")
    runs.end("dead", "FAILED", "KeyError")
    start = runs.start

    def done(**asked: Any) -> Any:
        be_catalogued(installation, good)
        runs.end("good", "SUCCEEDED")
        return start(**asked)

    monkeypatch.setattr(installation.client("stepfunctions"), "start_execution", done)
    ended = happypath("catalogue", "--existing", "--yes", "--json")

    assert ended.status == 1
    found = {each["key"]: each for each in json.loads(ended.output)}
    assert {key: each["status"] for key, each in found.items()} == {
        "p/good.jpg": "CATALOGUED",
        "p/dead.jpg": "FAILED",
        "p/unseen.jpg": "NO_RECORD",
    }
    assert found["p/good.jpg"] == {
        "key": "p/good.jpg",
        "version": good.version_id,
        "workflow": "catalogue",
        "status": "CATALOGUED",
        "reason": None,
        "executionArn": next(
            arn for arn, given in runs.inputs.items() if given["detail"]["ID"] == "good.jpg"
        ),
    }
    assert "1 CATALOGUED, 1 FAILED, 1 NO_RECORD" in ended.notices
    again = happypath("catalogue", "--existing", "--yes", "--key-prefix", "p/g")
    assert (again.status, again.output) == (0, "")
    assert "CATALOGUED: 1." in again.notices
    installation.put_photo("p/h\u202e.jpg")
    turned = happypath("catalogue", "--existing", "--yes", "--key-prefix", "p/h")
    assert turned.output.startswith("NO_RECORD  p/h\\u202e.jpg  catalogue")


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ([], 2, "--existing"),
        (["--existing", "--workflow", "v1"], 2, "--workflow v1 catalogues nothing: choose one of catalogue"),
        (["--existing"], 1, "Nothing lies in uploads."),
        (["--existing", "--key-prefix", "q/"], 1, "Nothing lies under q/ in uploads."),
    ],
)
def test_what_cannot_be_done_is_said(
    installation: Offline, happypath: Command, arguments: list[str], status: int, says: str
) -> None:
    if "--workflow" in arguments:
        put(installation, "a.jpg")
    ended = happypath("catalogue", *arguments, "--yes")
    assert (ended.status, ended.output) == (status, "")
    assert says in ended.notices


def test_what_is_not_deployed_is_said(installation: Offline, happypath: Command) -> None:
    put(installation, "a.jpg")
    ended = happypath("catalogue", "--existing", "--yes")
    assert (ended.status, ended.output) == (1, "")
    assert "happypath deploy catalogue" in ended.notices
    del installation.core["CatalogueTable"]
    assert "happypath deploy core" in happypath("catalogue", "--existing", "--yes").notices


# Its cost


def test_what_lies_there_already_costs_what_its_workflow_does_and_nothing_that_is_there_anyway() -> None:
    bill, whole = (
        cost.bill("catalogue", 1_000, 1.0, usage.load(), cost.prices(), free_tier=False, uploaded=uploaded)
        for uploaded in (False, True)
    )
    left_out = {line.price for line in whole.lines} - {line.price for line in bill.lines}
    assert left_out == {"s3Put", "s3GbMonth", "sqsRequest", "event", "customMetric", "alarmMetric", "kmsKey"}
    of_both = {line.price: line.quantity for line in bill.lines}
    assert of_both["lambdaRequest"] == next(
        line.quantity - 1_000 for line in whole.lines if line.price == "lambdaRequest"
    )
    none = cost.bill("catalogue", 0, 1.0, usage.load(), cost.prices(), free_tier=False, uploaded=False)
    assert (none.total, bill.total > 1) == (0, True)


def test_a_name_says_what_looks_at_it() -> None:
    names = ("a/b.JPG", "a/b.heic", "a/b.pdf", "a/b.docx", "a/b.txt", "a/b", "a.jpg/b")
    assert [by_name(name) == "catalogue" for name in names] == [True, True, *[False] * 5]
