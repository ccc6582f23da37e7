"""A task that is tried again shows each attempt, those that failed in error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from happypath.sandbox.sandbox import Sandbox
from happypath.sandbox.xray.documents import Document
from tests.tracing.test_traces import assert_within, below
from tests.tracing.uploads import Traced, Uploads, photo


@pytest.fixture(scope="module", autouse=True)
def _live(uploads: Uploads) -> Iterator[None]:
    with uploads.live("v1"):
        yield


def run(uploads: Uploads, sandbox: Sandbox, *faults: str) -> Traced:
    with sandbox.faults(*faults):
        return uploads.ended(uploads.put(photo()))


def state(trace: Traced, name: str) -> Document:
    found: list[Document] = [part for part in trace.machine["subsegments"] if part["name"] == name]
    assert len(found) == 1
    return found[0]


def test_a_function_that_fails_once(uploads: Uploads, sandbox: Sandbox) -> None:
    # The SDK itself tries three times.
    trace = run(uploads, sandbox, "dynamodb:TransactWriteItems=error@1-3")
    assert trace.record["objStatus"] == "PROCESSED"
    publish = state(trace, "Publish")
    first, second = publish["subsegments"]
    assert first["fault"]
    assert first["cause"]["exceptions"][0]["type"] == "ServiceUnavailableError"
    assert "fault" not in second
    assert "fault" not in publish
    assert "fault" not in trace.machine
    assert first["end_time"] <= second["start_time"]
    (root,) = [document for document in trace.documents if "parent_id" not in document]
    assert_within(root, trace.documents)


def test_each_attempt_has_its_own_invocation(uploads: Uploads, sandbox: Sandbox) -> None:
    # Both are of one trace, and of one instance of the function: the SDK would take them for one.
    trace = run(uploads, sandbox, "dynamodb:TransactWriteItems=error@1-3")
    first, second = (
        [part for part in below(trace, attempt) if part["name"] == "## publish"]
        for attempt in state(trace, "Publish")["subsegments"]
    )
    assert len(first) == len(second) == 1
    # What is tried again is not yet the upload's end.
    assert first[0]["annotations"].get("status") is None
    assert first[0]["annotations"]["reason"] == "ServiceUnavailableError"
    assert second[0]["annotations"]["status"] == "PROCESSED"
    for task in (*first, *second):
        assert "dynamodb" in {part["name"] for part in below(trace, task)}
    publishing = [
        each for each in trace.of("AWS::Lambda::Function") if each["name"] == "happypath-v1-Publish"
    ]
    assert [[part["name"] for part in each["subsegments"]] for each in publishing][1] == [
        "Invocation",
        "Overhead",
    ]


def test_a_call_that_lambda_refuses(uploads: Uploads, sandbox: Sandbox) -> None:
    trace = run(uploads, sandbox, "function:v1-Publish=throttle@1")
    first, second = state(trace, "Publish")["subsegments"]
    assert (first["error"], first["throttle"]) == (True, True)
    _, service = below(trace, first)
    assert service["origin"] == "AWS::Lambda"
    assert (service["error"], service["throttle"]) == (True, True)
    assert service["http"]["response"]["status"] == 429
    assert "error" not in second


def test_a_function_that_is_killed(uploads: Uploads, sandbox: Sandbox) -> None:
    trace = run(uploads, sandbox, "function:v1-Publish=kill")
    assert trace.record["objStatus"] == "FAILED"
    publish = state(trace, "Publish")
    assert publish["fault"]
    last = publish["subsegments"][-1]
    functions = [part for part in below(trace, last) if part.get("origin") == "AWS::Lambda::Function"]
    assert [each["cause"]["exceptions"][0]["type"] for each in functions] == ["Runtime.ExitError"]
    assert trace.machine["fault"]


def test_a_state_that_fails_without_a_function(uploads: Uploads, sandbox: Sandbox) -> None:
    trace = run(uploads, sandbox, "state:Publish=raise:SomeError")
    publish = state(trace, "Publish")
    (attempt,) = publish["subsegments"]
    (exception,) = attempt["cause"]["exceptions"]
    assert exception["type"] == "SomeError"
    assert publish["cause"] == exception["id"]
    assert [part["name"] for part in below(trace, attempt)] == ["Lambda"]
    assert trace.machine["fault"]


def test_an_upload_that_could_not_be_started_at_once(uploads: Uploads, sandbox: Sandbox) -> None:
    # The message comes again, to an invocation with a trace of its own.
    trace = run(uploads, sandbox, "states:StartExecution=throttle@1-3")
    assert trace.record["objStatus"] == "PROCESSED"
    assert {document["trace_id"] for document in trace.documents} == {trace.record["traceId"]}
    first, again = [document for document in trace.documents if "parent_id" not in document]
    assert first["origin"] == "AWS::Lambda"
    calls = [part for part in below(trace, first) if part["name"] == "states"]
    assert [call.get("fault") for call in calls] == [True]
    assert again["name"] == "happypath-StartExecution"
    assert trace.machine in list(below(trace, again))
