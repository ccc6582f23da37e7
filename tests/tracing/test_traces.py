"""One upload is one trace: connected, in order of time, with every state and every call."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import pytest

from functions.imaging.header import header
from happypath.operations.express import machine_of
from happypath.project import WORKFLOWS
from happypath.sandbox.sandbox import Sandbox
from happypath.sandbox.xray.documents import Document
from tests.outcomes import Row, rows
from tests.tracing.uploads import Traced, Uploads
from tests.workflows import pictures
from tests.workflows.pictures import place_id, put_places
from tests.workflows.tasks import Task, accepted, all_tasks

OUTCOMES = {"accepted": "PROCESSED", "refused": "REJECTED", "failed": "FAILED"}
# What StartExecution asks of AWS.
_TAKEN_IN = ["dynamodb PutItem", "states StartExecution"]
# No photo is there to be looked at.
_MISSING = "PhotoNotFoundError"
# Of these the account counts the items.
_OF_ITEMS = {"dynamodb TransactWriteItems", "dynamodb BatchWriteItem"}


@dataclass(frozen=True)
class Run:
    """An upload, and what its workflow's functions called meanwhile, as the account has counted it."""

    trace: Traced
    reason: str | None
    # Whether the last to say something was a function, not the state machine itself.
    decided_by_function: bool
    called: Counter[str]


Runs: TypeAlias = Callable[[str], dict[str, Run]]


def refused_row(workflow: str) -> Row:
    """The row that is rejected last of all, by a function or by the state machine itself, and no person."""
    refused = (row for row in rows(workflow) if row.reason and row.review != "refuse")
    return max(refused, key=lambda row: len(row.path))


@pytest.fixture(scope="module")
def traced(uploads: Uploads, sandbox: Sandbox) -> Runs:
    """What comes of an accepted, a refused and a failed upload to a workflow."""
    put_places(uploads.installation)

    def run(workflow: str, row: Row | None) -> Run:
        before = sandbox.calls.requests.copy()
        if row is None:
            trace, states = uploads.lost(), accepted(workflow).path[:1]
        else:
            body = pictures.given(sandbox.rekognition, row)
            trace, states = uploads.ended(uploads.put(body, place_id(row))), row.path
        own = f"{sandbox.prefix}-{workflow}-"
        called: Counter[str] = Counter()
        for (caller, call), count in (sandbox.calls.requests - before).items():
            if caller.startswith(own):
                called[call.replace(":", " ")] += count
        tasks = [task for task in all_tasks() if task.workflow == workflow and task.name in states]
        *_, last = sorted(
            (task for task in tasks if task.records != "REJECTED" and not task.follows_refusal),
            key=lambda task: states.index(task.name),
        )
        if row is None:
            # The fault injector answered, before the account had counted.
            called = Counter(["s3 GetObject"])
        reason = row.reason if row else _MISSING
        return Run(trace, reason, last.role is not None, called)

    @cache
    def of(workflow: str) -> dict[str, Run]:
        with uploads.live(workflow):
            # One after the other, so that they find the functions warm.
            return {
                "accepted": run(workflow, accepted(workflow)),
                "refused": run(workflow, refused_row(workflow)),
                "failed": run(workflow, None),
            }

    return of


CASES = [(workflow, outcome) for workflow in WORKFLOWS for outcome in OUTCOMES]


@pytest.mark.parametrize(("workflow", "outcome"), CASES)
def test_an_upload_is_one_connected_trace(traced: Runs, workflow: str, outcome: str) -> None:
    trace = traced(workflow)[outcome].trace
    assert trace.record["objStatus"] == OUTCOMES[outcome]
    assert trace.record["workflow"] == workflow
    assert {document["trace_id"] for document in trace.documents} == {trace.record["traceId"]}
    assert all(count == 1 for count in Counter(part["id"] for part in trace.parts).values())
    assert not [part for part in trace.parts if part.get("in_progress")]
    (root,) = [document for document in trace.documents if "parent_id" not in document]
    assert root["origin"] == "AWS::Lambda"
    assert_within(root, trace.documents)


def assert_within(part: Document, documents: list[Document]) -> None:
    """Each part lies within the one that it is a part of, each segment within the part that called it.

    A state machine is started, and not waited for.
    """
    assert part["start_time"] <= part["end_time"]
    called = [document for document in documents if document.get("parent_id") == part["id"]]
    for child in [*part.get("subsegments", []), *called]:
        assert part["start_time"] <= child["start_time"] <= part["end_time"], (part, child)
        if child.get("origin") != "AWS::StepFunctions::StateMachine":
            assert child["end_time"] <= part["end_time"], (part, child)
        assert_within(child, documents)


@pytest.mark.parametrize(("workflow", "outcome"), CASES)
def test_it_holds_each_state_that_was_entered(traced: Runs, workflow: str, outcome: str) -> None:
    trace = traced(workflow)[outcome].trace
    assert machine_of(trace.machine["aws"]["execution_arn"]) == machine_of(trace.record["executionArn"])
    assert [state["name"] for state in trace.machine["subsegments"]] == trace.states


@pytest.mark.parametrize(("workflow", "outcome"), CASES)
def test_it_holds_each_call_that_the_functions_made(traced: Runs, workflow: str, outcome: str) -> None:
    run = traced(workflow)[outcome]
    trace = run.trace
    made = calls(below(trace, trace.machine))
    assert made.keys() == run.called.keys()
    for call in made.keys() - _OF_ITEMS:
        assert made[call] == run.called[call], call
    # StartExecution remembers which workflow is live, so it need not ask.
    (invocation,) = [part for part in trace.parts if part["name"] == "## start_execution"]
    (own,) = [
        part
        for part in invocation["subsegments"]
        if part.get("annotations", {}).get("uploadId") == trace.record["uploadId"]
    ]
    assert calls(own["subsegments"]) - Counter(["ssm GetParameter"]) == Counter(_TAKEN_IN)


def calls(parts: Iterable[Document]) -> Counter[str]:
    """The calls that the SDK has recorded: it has the services' names in lower case, AWS itself has not."""
    return Counter(
        f"{part['name']} {part['aws']['operation']}"
        for part in parts
        if part.get("namespace") == "aws" and part["name"].islower()
    )


def below(trace: Traced, part: Document) -> Iterator[Document]:
    yield part
    called = [document for document in trace.documents if document.get("parent_id") == part["id"]]
    for child in [*part.get("subsegments", []), *called]:
        yield from below(trace, child)


@pytest.mark.parametrize(("workflow", "outcome"), CASES)
def test_it_says_how_the_upload_ended(traced: Runs, workflow: str, outcome: str) -> None:
    run = traced(workflow)[outcome]
    trace = run.trace
    own = list(below(trace, trace.machine))
    said = [part["annotations"] for part in own if part.get("annotations")]
    assert all(
        (each["uploadId"], each["placeId"], each["workflow"])
        == (trace.record["uploadId"], trace.record["placeId"], workflow)
        for each in said
    )
    ends = {(each["status"], each.get("reason")) for each in said if "status" in each}
    # A state machine cannot annotate.
    assert ends == ({(OUTCOMES[outcome], run.reason)} if run.decided_by_function else set())
    assert trace.record.get("reason") == run.reason
    assert bool(trace.machine.get("fault")) is (outcome == "failed")


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_an_error_is_recorded_where_it_arose(traced: Runs, workflow: str) -> None:
    trace = traced(workflow)["failed"].trace
    own = list(below(trace, trace.machine))
    (call,) = [part for part in own if part["name"] == "s3"]
    assert call["fault"]
    (exception,) = call["cause"]["exceptions"]
    assert exception["type"] == "NoSuchKey"
    (fetch,) = [part for part in own if part["name"] == "fetch"]
    assert fetch["cause"] == exception["id"]
    (function,) = [part for part in own if part.get("origin") == "AWS::Lambda::Function"]
    assert function["fault"]
    assert function["cause"]["exceptions"][0]["type"] == "PhotoNotFoundError"


RESIZING = [task for task in all_tasks() if task.role == "Resize"]


@pytest.mark.parametrize(
    "task", [task for task in RESIZING if task.name == refused_row(task.workflow).path[0]]
)
def test_a_refusal_is_an_error_and_no_fault_of_the_task(traced: Runs, task: Task) -> None:
    trace = traced(task.workflow)["refused"].trace
    (work,) = [part for part in below(trace, trace.machine) if part["name"] == "## resize"]
    assert work["error"]
    assert "fault" not in work


@pytest.mark.parametrize("task", RESIZING, ids=str)
def test_the_work_is_told_of_with_its_sizes(traced: Runs, task: Task) -> None:
    row = accepted(task.workflow)
    trace = traced(task.workflow)["accepted"].trace
    (work,) = [part for part in below(trace, trace.machine) if part["name"] == "## resize"]
    works = [part for part in work["subsegments"] if part["namespace"] != "aws"]
    assert Counter(each["name"] for each in works if not each["name"].startswith("client ")) == Counter(
        ["fetch", "decode", "resize", "resize", "encode", "encode"]
    )
    (decode,) = [each for each in works if each["name"] == "decode"]
    body = pictures.body(row)
    told = decode["metadata"]["happypath"]
    assert told == {"size_bytes": len(body), **header(io.BytesIO(body)).as_detail()}
