"""Segments, as AWS and the sandbox give them, as a tree, as shares of time, and as a waterfall."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from functions.platform.trace_header import new_id
from happypath.cli.waterfall import bar, render
from happypath.operations.trace import Kind, Node, Trace, tree
from happypath.operations.waterfall import rows

START = 1_700_000_000.0
Document = dict[str, Any]


def part(name: str, start: float, end: float | None, *parts: Document, **fields: Any) -> Document:
    """A subsegment, or with `origin` a segment; times in seconds from the trace's start."""
    over = {"in_progress": True} if end is None else {"end_time": START + end}
    below = {"subsegments": list(parts)} if parts else {}
    return {"id": new_id(), "name": name, "start_time": START + start, **over, **below, **fields}


def call(service: str, operation: str, start: float, end: float, **fields: Any) -> Document:
    return part(service, start, end, namespace="aws", aws={"operation": operation}, **fields)


def trace(*documents: Document) -> Trace:
    return Trace("1-5759e988-bd862e3fe1be46a994272793", tree(documents))


def names(node: Node) -> Any:
    return (node.name, [names(child) for child in node.children]) if node.children else node.name


def machine(*states: Document, parent: Document | None = None) -> Document:
    above = {} if parent is None else {"parent_id": parent["id"]}
    return part("happypath-v4", 0, 10, *states, origin="AWS::StepFunctions::StateMachine", **above)


def function(name: str, caller: Document, start: float, end: float, *works: Document) -> list[Document]:
    """What Lambda tells of an invocation."""
    service = part(name, start, end, origin="AWS::Lambda", parent_id=caller["id"])
    invocation = part("Invocation", start, end, *works)
    return [
        service,
        part(name, start, end, invocation, origin="AWS::Lambda::Function", parent_id=service["id"]),
    ]


def test_a_tree_is_the_same_whether_subsegments_are_embedded_or_sent_alone() -> None:
    inner = call("s3", "GetObject", 2, 3)
    outer = part("fetch", 1, 4)
    root = part("f", 0, 5, origin="AWS::Lambda")
    embedded = {**root, "subsegments": [{**outer, "subsegments": [inner]}]}
    alone = [
        {**inner, "type": "subsegment", "parent_id": outer["id"]},
        {**outer, "type": "subsegment", "parent_id": root["id"]},
        root,
    ]
    for documents in ([embedded], alone, alone[::-1]):
        (node,) = tree(documents)
        assert names(node) == ("f", [("fetch", ["s3"])])


def test_what_x_ray_infers_is_left_out() -> None:
    made = call("DynamoDB", "PutItem", 1, 2)
    inferred = part("DynamoDB", 1, 2, origin="AWS::DynamoDB::Table", inferred=True, parent_id=made["id"])
    (node,) = tree([part("f", 0, 3, made, origin="AWS::Lambda"), inferred])
    assert names(node) == ("f", ["DynamoDB"])


def test_what_has_no_parent_here_is_a_root() -> None:
    lost = part("work", 1, 2, type="subsegment", parent_id=new_id())
    assert [node.name for node in tree([lost, part("f", 0, 3)])] == ["f", "work"]


def test_what_is_in_progress_lasts_as_long_as_its_parts() -> None:
    (node,) = tree([part("f", 0, None, part("a", 1, 2), part("b", 1, 4))])
    assert node.end - node.start == 4
    (node,) = tree([part("f", 0, None)])
    assert node.end == node.start


def test_the_shares_of_time() -> None:
    resize = part(
        "## resize",
        1,
        9,
        part("fetch", 1, 4, part("client s3", 1, 2), call("s3", "GetObject", 2, 3)),
        part("decode", 4, 6),
        call("rekognition", "DetectLabels", 6, 7),
    )
    state = part("Resizer", 0.5, 9.5)
    documents = [machine(state, part("Write", 9.5, 10, call("DynamoDB", "UpdateItem", 9.5, 10)))]
    shares = trace(*documents, *function("r", state, 1, 9, resize)).shares()
    assert shares == pytest.approx(
        {Kind.REKOGNITION: 1, Kind.S3: 2, Kind.DYNAMODB: 0.5, Kind.IMAGE: 2, Kind.OVERHEAD: 4.5}
    )


times = st.floats(0, 10)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["fetch", "decode", "s3", "client s3", "x"]), times, times), max_size=9
    )
)
def test_the_shares_are_the_whole(works: list[tuple[str, float, float]]) -> None:
    parts = [part(name, min(a, b), max(a, b)) for name, a, b in works]
    whole = trace(part("f", 0, 10, *parts))
    assert sum(whole.shares().values()) == pytest.approx(whole.seconds)


def upload(name: str, place: str, *parts: Document) -> Document:
    return part("## upload", 0, 1, *parts, annotations={"uploadId": name, "placeId": place})


def test_of_a_batch_only_the_upload_that_is_asked_for_is_shown() -> None:
    starts = {name: call("states", "StartExecution", 0, 1) for name in ("a", "b")}
    root = part(
        "StartExecution",
        0,
        9,
        upload("a", "p", starts["a"]),
        upload("b", "p", starts["b"]),
        upload("a", "q"),
        part("client s3", 0, 1),
        origin="AWS::Lambda",
    )
    state = part("Resizer", 1, 2)
    documents = [root, machine(state, parent=starts["a"]), machine(parent=starts["b"])]
    documents += function(
        "r", state, 1, 2, part("## resize", 1, 2, annotations={"uploadId": "a", "placeId": "p"})
    )
    shown = trace(*documents).of_upload("a", "p")
    uploads = [node.annotations for node in shown.walk() if node.name == "## upload"]
    assert uploads == [{"uploadId": "a", "placeId": "p"}]
    assert [node.name for node in shown.walk()].count("happypath-v4") == 1
    assert "client s3" in {node.name for node in shown.walk()}


def test_a_machine_of_another_upload_is_left_out_wherever_it_hangs() -> None:
    state = part("Resizer", 1, 2)
    documents = [part("app", 0, 9), machine(state)]
    documents[1]["parent_id"] = documents[0]["id"]
    work = part("## resize", 1, 2, annotations={"uploadId": "b", "placeId": "p"})
    documents += function("r", state, 1, 2, work)
    assert [node.name for node in trace(*documents).of_upload("a", "p").walk()] == ["app"]


def labels(shown: Trace) -> list[tuple[int, str]]:
    return [(row.depth, row.label) for row in rows(shown)]


def test_the_waterfall_leaves_out_what_says_nothing() -> None:
    attempt = call("Lambda", "Invoke", 1, 4)
    state = part("Resizer", 1, 4, attempt)
    works = part("## resize", 2, 3, call("s3", "GetObject", 2, 3))
    documents = [machine(state, part("Place type?", 4, 5)), *function("r", attempt, 1, 4, works)]
    documents[-1]["subsegments"].append(part("Overhead", 3, 4))
    assert labels(trace(*documents)) == [
        (0, "happypath-v4 (Step Functions)"),
        (1, "Resizer"),
        (2, "r (Lambda)"),
        (3, "## resize"),
        (4, "s3 GetObject"),
        (1, "Place type?"),
    ]


def test_the_waterfall_numbers_attempts() -> None:
    first = call("Lambda", "Invoke", 1, 2, fault=True)
    second = call("Lambda", "Invoke", 3, 4)
    documents = [
        machine(part("Resizer", 1, 4, first, second)),
        *function("r", first, 1, 2),
        *function("r", second, 3, 4),
    ]
    assert labels(trace(*documents))[1:] == [
        (1, "Resizer"),
        (2, "attempt 1"),
        (3, "r (Lambda)"),
        (2, "attempt 2"),
        (3, "r (Lambda)"),
    ]
    assert labels(trace(machine(part("Resizer", 1, 4, first))))[1:] == [(1, "Resizer"), (2, "attempt 1")]


def test_the_waterfall_is_in_milliseconds_with_errors_in_red() -> None:
    cause = {"exceptions": [{"id": new_id(), "type": "NoSuchKey", "message": "it is [gone]"}]}
    failed = call("s3", "GetObject", 1, 2.5, fault=True, cause=cause)
    console = Console(record=True, width=120, color_system="standard", force_terminal=True)
    with console.capture() as capture:
        console.print(render(trace(part("f", 0, 4, failed, part("decode", 2.5, 4), origin="AWS::Lambda"))))
    lines = capture.get().splitlines()
    assert "4000 ms" in lines[0]
    (row,) = [line for line in lines if "s3 GetObject" in line]
    assert "\x1b[31m" in row
    assert [word for word in row.replace("\x1b", " ").split() if word.isdigit()] == ["1000", "1500"]
    (problem,) = [line for line in lines if "NoSuchKey: it is [gone]" in line]
    assert "\x1b[31m" in problem
    assert "image work 38%, 1500 ms" in lines[-1] + lines[-2]


@settings(deadline=None)
@given(times, times, times, st.integers(1, 60))
def test_a_bar_fits_and_can_be_seen(offset: float, length: float, more: float, width: int) -> None:
    drawn = bar(offset, length, offset + length + more, width)
    assert drawn.strip()
    assert len(drawn) <= width
