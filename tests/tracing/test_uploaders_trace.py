"""An upload can bring the trace that it belongs to; and nothing personal enters a trace."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from functions.platform.trace_header import new_id, new_trace_id
from happypath.sandbox.sandbox import Sandbox
from tests.tracing.test_traces import assert_within
from tests.tracing.uploads import OUTSIDE, Uploads, photo


@pytest.fixture(scope="module", autouse=True)
def _live(uploads: Uploads) -> Iterator[None]:
    with uploads.live("v1"):
        yield


def test_it_is_continued(uploads: Uploads) -> None:
    trace_id = new_trace_id()
    client = uploads.installation.client("xray")
    caller = {"id": new_id(), "name": "app", "trace_id": trace_id, "start_time": time.time()}
    key = uploads.put(photo(), trace=f"Root={trace_id};Parent={caller['id']};Sampled=1")
    document = json.dumps({**caller, "end_time": time.time() + 60})
    assert not client.put_trace_segments(TraceSegmentDocuments=[document])["UnprocessedTraceSegments"]
    trace = uploads.ended(key)
    assert trace.record["traceId"] == trace_id
    (root,) = [document for document in trace.documents if "parent_id" not in document]
    assert root["name"] == "app"
    assert_within(root, trace.documents)
    (taken_in,) = [document for document in trace.documents if document.get("parent_id") == caller["id"]]
    assert taken_in["name"] == "happypath-StartExecution"
    assert [state["name"] for state in trace.machine["subsegments"]] == ["Resizer", "Publish"]


def test_an_uploader_need_not_tell_of_itself(uploads: Uploads) -> None:
    trace_id = new_trace_id()
    trace = uploads.ended(uploads.put(photo(), trace=f"Root={trace_id};Parent={OUTSIDE};Sampled=1"))
    assert trace.record["traceId"] == trace_id
    assert trace.machine["trace_id"] == trace_id


def test_an_uploader_can_leave_the_decision_open(uploads: Uploads) -> None:
    trace_id = new_trace_id()
    trace = uploads.ended(uploads.put(photo(), trace=f"Root={trace_id}"))
    assert trace.machine["trace_id"] == trace_id


@pytest.mark.parametrize(
    "header",
    [
        "nonsense",
        f"Root={new_trace_id()};Parent=me",
        f"Root=1-{int(time.time()) - 40 * 86_400:08x}-{'a' * 24};Sampled=1",
        f"Root=1-{int(time.time()) + 86_400:08x}-{'a' * 24};Sampled=1",
    ],
    ids=["no header", "no parent", "an old trace", "a trace of tomorrow"],
)
def test_a_senseless_one_is_ignored(uploads: Uploads, header: str) -> None:
    trace = uploads.ended(uploads.put(photo(), trace=header))
    assert trace.record["traceId"] not in header
    assert trace.machine["trace_id"] == trace.record["traceId"]


def test_one_that_is_not_to_be_recorded_is_not(uploads: Uploads, sandbox: Sandbox) -> None:
    trace_id = new_trace_id()
    key = uploads.put(photo(), trace=f"Root={trace_id};Parent={OUTSIDE};Sampled=0")
    trace = uploads.ended(key, is_traced=False)
    assert trace.record["traceId"] == trace_id
    assert trace.record["objStatus"] == "PROCESSED"
    assert trace.documents == []


def test_nothing_personal_and_no_picture_is_in_a_trace(uploads: Uploads) -> None:
    secrets = ["Ada Lovelace", "51.5N-0.12W"]
    exif = Image.Exif()
    exif[0x013B], exif[0x010E] = secrets
    file = io.BytesIO()
    Image.linear_gradient("L").resize((900, 800)).save(file, "JPEG", exif=exif)
    body = file.getvalue()
    for upload in (body, body[: len(body) // 2]):
        trace = uploads.ended(uploads.put(upload))
        text = json.dumps(trace.documents, ensure_ascii=False)
        assert not [secret for secret in secrets if secret in text]
        for start in range(0, len(upload) - 30, 30):
            chunk = upload[start : start + 30]
            assert base64.b64encode(chunk).decode() not in text
            assert repr(chunk)[2:-1] not in text
