"""The daemon's own protocol, with what aws-xray-sdk really sends, and with what nobody should send."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.platform.trace_header import new_id, new_trace_id
from happypath.sandbox.xray.daemon import Daemon, unwrap
from happypath.sandbox.xray.documents import MAX_BYTES, Document
from happypath.sandbox.xray.store import Traces

HEADER = b'{"format":"json","version":1}\n'
TRACE_ID = new_trace_id()
PARENT = new_id()

# What a function does that is instrumented by the SDK alone, in Lambda's environment variables.
FUNCTION = """
from aws_xray_sdk.core import xray_recorder

with xray_recorder.in_subsegment("outer") as outer:
    outer.put_annotation("uploadId", "caf\\u00e9")
    outer.put_metadata("size_bytes", 5, "happypath")
    with xray_recorder.in_subsegment("inner"):
        pass
    try:
        with xray_recorder.in_subsegment("failing"):
            raise LookupError("no such photo")
    except LookupError:
        pass
"""


@pytest.fixture
def traces() -> Traces:
    return Traces()


@pytest.fixture
def daemon(traces: Traces) -> Iterator[Daemon]:
    daemon = Daemon(traces.put)
    yield daemon
    daemon.close()


def send(daemon: Daemon, *datagrams: bytes) -> None:
    host, port = daemon.address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, (host, int(port)))
    daemon.flush()


def segment(**fields: Any) -> Document:
    return {
        "id": new_id(),
        "name": "work",
        "trace_id": TRACE_ID,
        "start_time": 1.5,
        "end_time": 2.5,
        **fields,
    }


def encoded(document: Document) -> bytes:
    return HEADER + json.dumps(document).encode()


def run_function(address: str) -> None:
    environment = {
        **os.environ,
        "AWS_XRAY_DAEMON_ADDRESS": address,
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "LAMBDA_TASK_ROOT": str(Path.cwd()),
        "_X_AMZN_TRACE_ID": f"Root={TRACE_ID};Parent={PARENT};Sampled=1",
    }
    subprocess.run([sys.executable, "-c", FUNCTION], env=environment, check=True)


def test_what_the_sdk_sends_is_the_protocol_byte_for_byte() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        host, port = listener.getsockname()
        run_function(f"{host}:{port}")
        datagrams = [listener.recv(65_536) for _ in range(3)]
    assert [datagram[: len(HEADER)] for datagram in datagrams] == [HEADER] * 3
    documents = [unwrap(datagram) for datagram in datagrams]
    assert documents == [datagram[len(HEADER) :] for datagram in datagrams]
    assert [json.loads(document or b"")["name"] for document in documents] == ["inner", "failing", "outer"]


def test_what_the_sdk_sends_is_stored(daemon: Daemon, traces: Traces) -> None:
    run_function(daemon.address)
    daemon.flush()
    # Nobody has told of the segment above it.
    (outer,) = traces.segments(TRACE_ID)
    assert (outer["type"], outer["parent_id"], outer["trace_id"]) == ("subsegment", PARENT, TRACE_ID)
    assert outer["annotations"] == {"uploadId": "café"}
    assert outer["metadata"] == {"happypath": {"size_bytes": 5}}
    inner, failing = outer["subsegments"]
    assert (inner["name"], failing["name"]) == ("inner", "failing")
    assert "parent_id" not in inner
    assert failing["cause"]["exceptions"][0]["message"] == "no such photo"


MALFORMED = {
    "nothing": b"",
    "no header": json.dumps(segment()).encode(),
    "no document": HEADER,
    "no newline": HEADER.strip() + json.dumps(segment()).encode(),
    "another version": b'{"format":"json","version":2}\n' + json.dumps(segment()).encode(),
    "another format": b'{"format":"xml","version":1}\n<segment/>',
    "a header that is no JSON": b"{\n" + json.dumps(segment()).encode(),
    "a header without end": b"[" * 60_000 + b"\n{}",
    "no JSON": HEADER + b"{",
    "no UTF-8": HEADER + b'{"name": "\xff"}',
    "no object": HEADER + b"[]",
    "no number": encoded(segment(start_time=float("nan"))),
    "an endless document": HEADER + b'{"a":' * 10_000,
    "a deep document": encoded(segment(metadata=json.loads("[" * 200 + "]" * 200))),
    "no id": encoded(segment(id=None)),
    "a long id": encoded(segment(id="a" * 17)),
    "a trace of X-Ray's next version": encoded(segment(trace_id="2" + TRACE_ID[1:])),
    "no name": encoded(segment(name="")),
    "a long name": encoded(segment(name="a" * 201)),
    "a parent that is no id": encoded(segment(parent_id="root")),
    "a subsegment of nothing": encoded(segment(type="subsegment")),
    "no time": encoded(segment(start_time="today")),
    "no end": encoded(segment(end_time=None)),
    "an end before the start": encoded(segment(end_time=1)),
    "annotations that are none": encoded(segment(annotations=["uploadId"])),
    "an annotation that is an object": encoded(segment(annotations={"upload": {}})),
    "an annotation with a strange name": encoded(segment(annotations={"upload id": "a"})),
    "too many annotations": encoded(segment(annotations={f"a{n}": n for n in range(51)})),
    "parts that are none": encoded(segment(subsegments={})),
    "a part that is none": encoded(segment(subsegments=["part"])),
    "a broken part": encoded(segment(subsegments=[segment(id="part")])),
    "too large": encoded(segment(metadata={"text": "a" * MAX_BYTES})),
}


@pytest.mark.parametrize("datagram", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_datagram_neither_stops_the_daemon_nor_reaches_the_store(
    daemon: Daemon, traces: Traces, datagram: bytes
) -> None:
    good = segment()
    send(daemon, datagram, encoded(good))
    assert [each["id"] for trace_id in traces.ids() for each in traces.segments(trace_id)] == [good["id"]]


def test_the_largest_document_is_taken(daemon: Daemon, traces: Traces) -> None:
    empty = segment(metadata={"text": ""})
    whole = {**empty, "metadata": {"text": "a" * (MAX_BYTES - len(json.dumps(empty)))}}
    send(daemon, encoded(whole))
    assert traces.segments(TRACE_ID) == [whole]


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_have_a_document_or_none(header: bytes, rest: bytes) -> None:
    assert unwrap(header + b"\n" + rest) is None or json.loads(header) == {"format": "json", "version": 1}
    assert unwrap(HEADER + rest) == (rest or None)


def test_a_burst_is_taken_whole(daemon: Daemon, traces: Traces) -> None:
    documents = [segment() for _ in range(500)]
    send(daemon, *map(encoded, documents))
    assert len(traces.segments(TRACE_ID)) == 500


def test_what_was_sent_before_it_closes_is_taken(traces: Traces) -> None:
    daemon = Daemon(traces.put)
    host, port = daemon.address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(encoded(segment()), (host, int(port)))
    daemon.close()
    assert len(traces.segments(TRACE_ID)) == 1
