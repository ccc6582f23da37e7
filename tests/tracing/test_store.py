"""Documents that arrive in any order, as one trace."""

from __future__ import annotations

import json
import random
from typing import Any

from functions.platform.trace_header import new_id, new_trace_id
from happypath.sandbox.xray.documents import Document
from happypath.sandbox.xray.store import Traces, duration_s, parts

TRACE_ID = new_trace_id()


def document(name: str, start: float, end: float | None, **fields: Any) -> Document:
    over = {"in_progress": True} if end is None else {"end_time": end}
    return {"id": new_id(), "name": name, "trace_id": TRACE_ID, "start_time": start, **over, **fields}


def sent_alone(name: str, parent: Document, start: float, end: float) -> Document:
    return document(name, start, end, type="subsegment", parent_id=parent["id"])


def test_subsegments_come_home_in_whatever_order_they_arrive() -> None:
    root = document("root", 1, 9)
    first, second = sent_alone("first", root, 2, 3), sent_alone("second", root, 4, 8)
    inner = sent_alone("inner", second, 5, 6)
    everything = [root, first, second, inner]
    for seed in range(10):
        random.Random(seed).shuffle(everything)
        traces = Traces()
        for each in everything:
            traces.put(json.dumps(each))
        (whole,) = traces.segments(TRACE_ID)
        assert [part["name"] for part in parts(whole)] == ["root", "first", "second", "inner"]
        # As X-Ray gives them: what is inside needs not say where it belongs.
        assert not any({"type", "trace_id", "parent_id"} & part.keys() for part in list(parts(whole))[1:])


def test_a_subsegment_of_an_embedded_one_comes_home() -> None:
    part = {"id": new_id(), "name": "Invocation", "start_time": 1, "end_time": 9}
    root = document("root", 1, 9, subsegments=[part])
    traces = Traces()
    traces.add(root)
    traces.add(sent_alone("work", part, 2, 3))
    (whole,) = traces.segments(TRACE_ID)
    assert [each["name"] for each in parts(whole)] == ["root", "Invocation", "work"]


def test_segments_of_other_services_stand_by_themselves() -> None:
    root = document("root", 1, 9)
    called = document("called", 2, 3, parent_id=root["id"])
    traces = Traces()
    traces.add(called)
    traces.add(root)
    assert traces.segments(TRACE_ID) == [root, called]


def test_a_complete_document_takes_the_place_of_the_one_in_progress() -> None:
    begun = document("work", 1, None)
    ended = {**begun, "end_time": 2}
    del ended["in_progress"]
    for order in ([begun, ended], [ended, begun]):
        traces = Traces()
        for each in order:
            traces.add(each)
        assert traces.segments(TRACE_ID) == [ended]


def test_what_is_read_is_a_copy() -> None:
    traces = Traces()
    traces.add(document("work", 1, 2, aws={}))
    traces.segments(TRACE_ID)[0]["aws"]["operation"] = "changed"
    assert traces.segments(TRACE_ID)[0]["aws"] == {}


def test_a_trace_lasts_from_the_first_start_to_the_last_end() -> None:
    root = document("root", 1, 3)
    assert duration_s([root, document("later", 2, 9, parent_id=root["id"])]) == 8
    assert duration_s([document("begun", 1, None)]) == 0


def test_there_is_no_trace_without_segments() -> None:
    assert Traces().trace(TRACE_ID) is None
