"""X-Ray's operations, as clients call them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.platform.trace_header import new_id, new_trace_id
from happypath.sandbox.sandbox import Sandbox
from tests.waiting import ended


@pytest.fixture(scope="module")
def xray(sandbox: Sandbox) -> Any:
    return sandbox.client("xray")


def put(xray: Any, trace_id: str, **fields: Any) -> str:
    now = time.time()
    document = {
        "id": new_id(),
        "name": "a-service",
        "trace_id": trace_id,
        "start_time": now - 2,
        "end_time": now,
    }
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps({**document, **fields})])
    assert answer["UnprocessedTraceSegments"] == []
    return str(document["id"])


def found(xray: Any, expression: str) -> list[dict[str, Any]]:
    now = time.time()
    summaries = xray.get_trace_summaries(StartTime=now - 60, EndTime=now + 1, FilterExpression=expression)
    return list(summaries["TraceSummaries"])


def test_a_trace_is_its_segments(xray: Any) -> None:
    trace_id, missing = new_trace_id(), new_trace_id()
    root = put(xray, trace_id)
    put(xray, trace_id, parent_id=root, type="subsegment", name="part")
    answer = xray.batch_get_traces(TraceIds=[trace_id, missing])
    assert answer["UnprocessedTraceIds"] == [missing]
    (trace,) = answer["Traces"]
    assert trace["Id"] == trace_id
    assert trace["Duration"] == pytest.approx(2, abs=0.5)
    (segment,) = trace["Segments"]
    assert segment["Id"] == root
    assert [part["name"] for part in json.loads(segment["Document"])["subsegments"]] == ["part"]


def test_what_is_no_segment_is_not_processed(xray: Any) -> None:
    good = {"id": new_id(), "name": "s", "trace_id": new_trace_id(), "start_time": 1, "end_time": 2}
    bad = {**good, "id": new_id(), "trace_id": "1-2-3"}
    answer = xray.put_trace_segments(TraceSegmentDocuments=["{", json.dumps(good), json.dumps(bad)])
    first, second = answer["UnprocessedTraceSegments"]
    assert (first["ErrorCode"], first.get("Id")) == ("ParseError", None)
    assert (second["ErrorCode"], second["Id"]) == ("MissingOrInvalidField", bad["id"])


def test_traces_are_found_by_what_their_segments_say(xray: Any) -> None:
    trace_id = new_trace_id()
    mark = new_id()
    root = put(
        xray, trace_id, annotations={"mark": mark, "size": 5, "new": True}, http={"response": {"status": 200}}
    )
    put(
        xray,
        trace_id,
        parent_id=root,
        name="called",
        origin="AWS::Lambda",
        fault=True,
        throttle=True,
        resource_arn="arn:aws:lambda:us-east-1:123456789012:function:called",
        subsegments=[
            {
                "id": new_id(),
                "name": "p",
                "start_time": 1,
                "end_time": 2,
                "annotations": {"mark": mark, "also": "x"},
            }
        ],
    )
    (summary,) = found(xray, f'annotation.mark = "{mark}"')
    assert summary["Id"] == trace_id
    # The flags are the root's, but for throttling.
    assert (summary["HasFault"], summary["HasError"], summary["HasThrottle"]) == (False, False, True)
    assert summary["Http"] == {"HttpStatus": 200}
    assert summary["EntryPoint"]["Name"] == "a-service"
    assert [(each["Name"], each["Type"]) for each in summary["ServiceIds"]] == [
        ("a-service", "client"),
        ("called", "AWS::Lambda"),
    ]
    values = {
        name: [each["AnnotationValue"] for each in values] for name, values in summary["Annotations"].items()
    }
    assert values == {
        "mark": [{"StringValue": mark}],
        "size": [{"NumberValue": 5}],
        "new": [{"BooleanValue": True}],
        "also": [{"StringValue": "x"}],
    }
    assert not found(xray, f'annotation.mark = "{mark}" AND fault')
    assert found(xray, f'annotation.mark = "{mark}" AND service("called") {{ fault }}')
    assert found(xray, f'annotation.mark = "{mark}" AND duration > 1')


def test_only_traces_that_began_within_the_time_are_found(xray: Any) -> None:
    mark = new_id()
    old = f"1-{int(time.time()) - 3600:08x}-{new_id()}{'0' * 8}"
    put(xray, old, annotations={"mark": mark})
    assert not found(xray, f'annotation.mark = "{mark}"')
    now = time.time()
    summaries = xray.get_trace_summaries(
        StartTime=now - 4000, EndTime=now - 3000, FilterExpression=f'annotation.mark = "{mark}"'
    )["TraceSummaries"]
    assert [each["Id"] for each in summaries] == [old]


def test_an_expression_that_cannot_be_used_is_said_to_be(xray: Any) -> None:
    with pytest.raises(ClientError, match="nonsense is not known") as raised:
        found(xray, "nonsense")
    assert raised.value.response["Error"]["Code"] == "InvalidRequestException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_executions_that_nobody_traced_before_begin_a_trace(sandbox: Sandbox) -> None:
    """And the HTTP header, where there is one, goes before `traceHeader`, as on AWS."""
    client = sandbox.client("stepfunctions")
    machine = f"arn:aws:states:us-east-1:123456789012:stateMachine:{sandbox.prefix}-v1"
    ids = [new_trace_id(), new_trace_id()]

    def add_header(params: Any, **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = f"Root={ids[1]};Sampled=1"

    heard = sandbox.client("stepfunctions")
    heard.meta.events.register("before-call.stepfunctions.StartExecution", add_header)
    for starter, arguments in (
        (client, {}),
        (client, {"traceHeader": f"Root={ids[0]};Sampled=1"}),
        (heard, {"traceHeader": f"Root={new_trace_id()};Sampled=1"}),
        (client, {"traceHeader": "senseless"}),
    ):
        arn = starter.start_execution(stateMachineArn=machine, input="{}", **arguments)["executionArn"]
        ended(client, arn)
    xray = sandbox.client("xray")
    for trace_id in ids:
        (trace,) = xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
        assert "StateMachine" in trace["Segments"][0]["Document"]
