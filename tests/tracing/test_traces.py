"""One upload is one trace: connected, in order of time, with every state and every call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TypeAlias

import pytest

from happypath.sandbox.xray.documents import Document
from tests.tracing.uploads import Traced, Uploads, photo

WORKFLOWS = ("v1", "v2", "v3", "v4")
OUTCOMES = {"accepted": "PROCESSED", "refused": "REJECTED", "failed": "FAILED"}

# What the functions ask of AWS.
_TAKEN_IN = ["dynamodb PutItem", "states StartExecution"]
_RESIZER = ["s3 GetObject", "dynamodb GetItem", "s3 PutObject", "s3 PutObject"]
_PUBLISH = ["dynamodb TransactWriteItems"]
_DIMENSIONS = ["s3 GetObject"]
_MODERATOR = ["rekognition DetectModerationLabels", "s3 GetObject"]
_PUBLISHED = [*_RESIZER, *_PUBLISH]
CALLS = {
    ("v1", "accepted"): _PUBLISHED,
    ("v1", "refused"): ["s3 GetObject"],
    ("v1", "failed"): ["s3 GetObject"],
    ("v2", "accepted"): [*_MODERATOR, *_PUBLISHED],
    ("v2", "refused"): [*_MODERATOR, "s3 GetObject"],
    ("v2", "failed"): ["s3 GetObject"],
    ("v3", "accepted"): [*_DIMENSIONS, *_MODERATOR, *_PUBLISHED],
    ("v3", "refused"): _DIMENSIONS,
    ("v3", "failed"): _DIMENSIONS,
    ("v4", "accepted"): [*_DIMENSIONS, *_MODERATOR, *_PUBLISHED],
    ("v4", "refused"): _DIMENSIONS,
    ("v4", "failed"): _DIMENSIONS,
}
REASONS = {
    ("v1", "refused"): "CORRUPT_IMAGE",
    ("v2", "refused"): "CORRUPT_IMAGE",
    ("v3", "refused"): "IMAGE_TOO_SMALL",
    ("v4", "refused"): "UNKNOWN_PLACE",
    **{(workflow, "failed"): "PhotoNotFoundError" for workflow in WORKFLOWS},
}

REFUSED = {
    "v1": (photo()[:2000], "traced-park"),
    "v2": (photo()[:2000], "traced-park"),
    "v3": (photo(900, 700), "traced-park"),
    "v4": (photo(), "nowhere"),
}
Run: TypeAlias = Callable[[str], dict[str, Traced]]


@pytest.fixture(scope="module")
def traced(uploads: Uploads) -> Run:
    """What comes of an accepted, a refused and a failed upload to a workflow."""

    @cache
    def run(workflow: str) -> dict[str, Traced]:
        with uploads.live(workflow):
            # One after the other, so that they find the functions warm.
            return {
                "accepted": uploads.ended(uploads.put(photo())),
                "refused": uploads.ended(uploads.put(*REFUSED[workflow])),
                "failed": uploads.lost(),
            }

    return run


CASES = [(workflow, outcome) for workflow in WORKFLOWS for outcome in OUTCOMES]


@pytest.mark.parametrize(("workflow", "outcome"), CASES)
def test_an_upload_is_one_connected_trace(traced: Run, workflow: str, outcome: str) -> None:
    trace = traced(workflow)[outcome]
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
def test_it_holds_each_state_that_was_entered(traced: Run, workflow: str, outcome: str) -> None:
    trace = traced(workflow)[outcome]
    assert trace.machine["aws"]["execution_arn"] == trace.record["executionArn"]
    assert [state["name"] for state in trace.machine["subsegments"]] == trace.states


@pytest.mark.parametrize(("workflow", "outcome"), CASES)
def test_it_holds_each_call_that_the_functions_made(traced: Run, workflow: str, outcome: str) -> None:
    trace = traced(workflow)[outcome]
    assert calls(below(trace, trace.machine)) == Counter(CALLS[workflow, outcome])
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
def test_it_says_how_the_upload_ended(traced: Run, workflow: str, outcome: str) -> None:
    trace = traced(workflow)[outcome]
    own = list(below(trace, trace.machine))
    said = [part["annotations"] for part in own if part.get("annotations")]
    assert all(
        (each["uploadId"], each["placeId"], each["workflow"])
        == (trace.record["uploadId"], trace.record["placeId"], workflow)
        for each in said
    )
    ends = {(each["status"], each.get("reason")) for each in said if "status" in each}
    # An unknown place is found out by the state machine itself, which cannot annotate.
    decided_by_task = (workflow, outcome) != ("v4", "refused")
    assert ends == ({(OUTCOMES[outcome], REASONS.get((workflow, outcome)))} if decided_by_task else set())
    assert trace.record.get("reason") == REASONS.get((workflow, outcome))
    assert bool(trace.machine.get("fault")) is (outcome == "failed")


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_an_error_is_recorded_where_it_arose(traced: Run, workflow: str) -> None:
    trace = traced(workflow)["failed"]
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


def test_a_refusal_is_an_error_and_no_fault_of_the_task(traced: Run) -> None:
    trace = traced("v1")["refused"]
    (task,) = [part for part in below(trace, trace.machine) if part["name"] == "## resize"]
    (decode,) = [part for part in task["subsegments"] if part["name"] == "decode"]
    for part in (task, decode):
        assert part["error"]
        assert "fault" not in part


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_the_work_is_told_of_with_its_sizes(traced: Run, workflow: str) -> None:
    trace = traced(workflow)["accepted"]
    (task,) = [part for part in below(trace, trace.machine) if part["name"] == "## resize"]
    works = [part for part in task["subsegments"] if part["namespace"] != "aws"]
    assert Counter(work["name"] for work in works if not work["name"].startswith("client ")) == Counter(
        ["fetch", "decode", "resize", "resize", "encode", "encode"]
    )
    (decode,) = [work for work in works if work["name"] == "decode"]
    assert decode["metadata"]["happypath"] == {
        "size_bytes": len(photo()),
        "type": "jpg",
        "width_px": 900,
        "height_px": 800,
    }
