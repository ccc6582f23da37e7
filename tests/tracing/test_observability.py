"""What tasks say of themselves: nothing where nobody listens, and in Lambda what operators search by."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.platform.observability import is_traced
from functions.platform.trace_header import TraceHeader, is_id, is_trace_id, new_id, new_trace_id

ROOT = Path(__file__).parents[2]
TRACE_ID, PARENT = new_trace_id(), new_id()
SAMPLED = f"Root={TRACE_ID};Parent={PARENT};Sampled=1"
LAMBDA = {
    "AWS_LAMBDA_FUNCTION_NAME": "happypath-v4-Resize",
    "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",
    "LAMBDA_TASK_ROOT": str(ROOT),
    "POWERTOOLS_SERVICE_NAME": "happypath",
}


def run(code: str, **environment: str) -> str:
    """Runs code in a Python of its own, with `functions` to import; nothing may go to standard error."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        # The SDK never closes its socket.
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", textwrap.dedent(code)],
        cwd=ROOT,
        env={**kept, "AWS_DEFAULT_REGION": "us-east-1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def sent(code: str, **environment: str) -> list[dict[str, Any]]:
    """Runs code as a function that is traced, and returns what it sends to the daemon."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.setblocking(False)
        address = "{}:{}".format(*daemon.getsockname())
        run(
            "from functions.platform.observability import *\n" + textwrap.dedent(code),
            **{**LAMBDA, "_X_AMZN_TRACE_ID": SAMPLED, "AWS_XRAY_DAEMON_ADDRESS": address, **environment},
        )
        documents = []
        while True:
            try:
                documents.append(json.loads(daemon.recv(65_536).partition(b"\n")[2]))
            except BlockingIOError:
                return documents


WORK = """
    import sys
    from functions.platform.observability import continued, invocation, logger, measure, subsegment
    from functions.platform.trace_header import TraceHeader, new_trace_id

    with invocation("resize", "v4") as work:
        work.annotate(uploadId="u")
        with subsegment("decode") as part, continued(TraceHeader(new_trace_id())):
            part.note(width_px=5)
        measure(Processed=1)
    print("aws_xray_sdk" in sys.modules)
    """


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"_X_AMZN_TRACE_ID": SAMPLED},
        {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9", "_X_AMZN_TRACE_ID": SAMPLED},
        {**LAMBDA, "AWS_XRAY_SDK_ENABLED": "false", "POWERTOOLS_METRICS_DISABLED": "true"},
    ],
    ids=["a script", "a trace alone", "a daemon alone", "switched off"],
)
def test_where_nobody_listens_nothing_is_said_and_no_sdk_imported(environment: dict[str, str]) -> None:
    assert run(WORK, **environment) == "False\n"


def test_an_invocation_that_is_not_sampled_sends_nothing() -> None:
    assert (
        sent(f"""
        import os
        for header in ("", "Root={TRACE_ID};Parent={PARENT};Sampled=0", "senseless"):
            os.environ["_X_AMZN_TRACE_ID"] = header
            with invocation("resize") as work:
                work.annotate(uploadId="u")
                with subsegment("decode") as part, continued(None):
                    part.note(width_px=5)
        """)
        == []
    )


@pytest.mark.parametrize(
    ("switch", "traced"), [("true", True), ("TRUE", True), ("false", False), ("no", False)]
)
def test_the_sdks_own_switch_is_kept(switch: str, traced: bool) -> None:
    assert is_traced({**LAMBDA, "AWS_XRAY_SDK_ENABLED": switch}) is traced
    assert is_traced(LAMBDA)


def test_work_is_a_tree_below_the_invocation() -> None:
    inner, outer = sent("""
        with invocation("resize") as work:
            work.annotate(uploadId="u", workflow=None)
            with subsegment("decode") as part:
                part.note(width_px=5, type="jpg")
        """)
    assert (outer["name"], outer["parent_id"], outer["trace_id"]) == ("## resize", PARENT, TRACE_ID)
    assert outer["annotations"] == {"uploadId": "u"}
    assert (inner["name"], inner["parent_id"]) == ("decode", outer["id"])
    assert inner["metadata"] == {"happypath": {"width_px": 5, "type": "jpg"}}


def test_an_error_is_told_of_once_and_passed_on() -> None:
    inner, outer = sent("""
        try:
            with invocation("resize"), subsegment("decode"):
                raise LookupError("gone")
        except LookupError:
            pass
        """)
    (exception,) = inner["cause"]["exceptions"]
    assert (exception["type"], exception["message"]) == ("LookupError", "gone")
    assert outer["cause"] == exception["id"]
    assert inner["fault"]
    assert outer["fault"]


def test_an_invocation_has_nothing_of_the_one_before() -> None:
    # The same instance, the same trace, another attempt: what the SDK itself mixes up.
    first, second = sent(f"""
        import os
        with invocation("resize"):
            pass
        os.environ["_X_AMZN_TRACE_ID"] = "Root={TRACE_ID};Parent={"f" * 16};Sampled=1"
        with invocation("resize"):
            pass
        """)
    assert (first["parent_id"], second["parent_id"]) == (PARENT, "f" * 16)


OTHER, CALLER = new_trace_id(), new_id()


def test_work_for_another_trace_is_a_segment_there() -> None:
    inner, segment, after, outer = sent(f"""
        import os
        with invocation("start_execution"):
            with continued(TraceHeader("{OTHER}", "{CALLER}")):
                with subsegment("## upload"):
                    assert trace_header().root == "{OTHER}"
            assert os.environ["_X_AMZN_TRACE_ID"] == "{SAMPLED}"
            with subsegment("after"):
                pass
        """)
    assert (segment["trace_id"], segment["parent_id"]) == (OTHER, CALLER)
    assert segment["name"] == "happypath-v4-Resize"
    assert "type" not in segment
    assert (inner["trace_id"], inner["parent_id"]) == (OTHER, segment["id"])
    assert segment["start_time"] <= inner["start_time"] <= inner["end_time"] <= segment["end_time"]
    assert (after["trace_id"], after["parent_id"]) == (TRACE_ID, outer["id"])
    assert outer["parent_id"] == PARENT


def test_another_trace_decides_whether_it_is_recorded() -> None:
    documents = sent(f"""
        with invocation("start_execution"), continued(TraceHeader("{OTHER}", "{CALLER}", False)):
            assert str(trace_header()) == "Root={OTHER};Parent={CALLER};Sampled=0"
            with subsegment("## upload"):
                pass
        """)
    assert [document["name"] for document in documents] == ["## start_execution"]
    unsampled = SAMPLED.replace("Sampled=1", "Sampled=0")
    documents = sent(
        f"""
        with invocation("start_execution"), continued(TraceHeader("{OTHER}", "{CALLER}", True)):
            with subsegment("## upload"):
                pass
        """,
        _X_AMZN_TRACE_ID=unsampled,
    )
    assert [document["name"] for document in documents] == ["## upload", "happypath-v4-Resize"]


def test_an_error_in_another_trace_is_told_of_there() -> None:
    segment, outer = sent(f"""
        try:
            with invocation("start_execution"), continued(TraceHeader("{OTHER}")):
                raise LookupError("gone")
        except LookupError:
            pass
        assert str(trace_header()) == "{SAMPLED}"
        """)
    assert segment["cause"]["exceptions"][0]["type"] == "LookupError"
    assert "parent_id" not in segment
    assert outer["cause"] == segment["cause"]["exceptions"][0]["id"]


def metrics(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if "_aws" in line]


def test_metrics_are_kept_by_workflow_and_by_reason_and_lead_to_the_upload() -> None:
    output = run(
        """
        from functions.platform.observability import invocation, logger, measure
        logger.append_keys(uploadId="u", placeId="p", executionArn="arn", function_request_id="r")
        with invocation("resize", "v4"):
            measure(PhotoBytes=5, PhotoPixels=6)
            measure("CORRUPT_IMAGE", Rejected=1)
            measure(across_workflows=True, Retried=1)
        with invocation("start_execution"):
            measure("INVALID_KEY", Rejected=1)
        """,
        **LAMBDA,
        _X_AMZN_TRACE_ID=SAMPLED,
    )
    handled, rejected, retried, invalid = metrics(output)
    (directive,) = handled["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "HappyPath"
    assert directive["Dimensions"] == [["service", "workflow"]]
    assert directive["Metrics"] == [
        {"Name": "PhotoBytes", "Unit": "Bytes"},
        {"Name": "PhotoPixels", "Unit": "Count"},
    ]
    assert (handled["PhotoBytes"], handled["PhotoPixels"]) == ([5], [6])
    assert (handled["service"], handled["workflow"]) == ("happypath", "v4")
    (directive,) = rejected["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service", "workflow"], ["service", "workflow", "reason"]]
    assert rejected["reason"] == "CORRUPT_IMAGE"
    (directive,) = retried["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service", "workflow"], ["service"]]
    (directive,) = invalid["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"], ["service", "reason"]]
    for line in (handled, rejected, retried, invalid):
        assert line["uploadId"] == "u"
        assert line["executionArn"] == "arn"
        assert line["function_request_id"] == "r"
        assert line["xray_trace_id"] == TRACE_ID


def test_a_header_reads_as_it_is_written() -> None:
    assert TraceHeader.parse(SAMPLED) == TraceHeader(TRACE_ID, PARENT, sampled=True)
    assert str(TraceHeader.parse(SAMPLED)) == SAMPLED
    assert TraceHeader.parse(f"Self=1-2-3; Root={TRACE_ID} ;Lineage=a:b") == TraceHeader(TRACE_ID)
    assert TraceHeader.parse(f"Root={TRACE_ID};Sampled=?") == TraceHeader(TRACE_ID)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "Root",
        "Root=",
        "nonsense",
        TRACE_ID,
        "Root=2" + TRACE_ID[1:],
        f"Root={TRACE_ID.upper()}",
        f"Root={TRACE_ID}0",
        f"Root={TRACE_ID};Parent=root",
        f"Root={TRACE_ID};{'x' * 256}",
        f"Root=1-{chr(0x660) * 8}-{'0' * 24}",
    ],
    # The same in every process, as pytest-xdist asks for.
    ids=itertools.count(),
)
def test_a_senseless_header_is_none(text: str | None) -> None:
    assert TraceHeader.parse(text) is None


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_header_or_none(text: str) -> None:
    header = TraceHeader.parse(text)
    assert header is None or is_trace_id(header.root)


def test_x_ray_takes_traces_of_the_last_weeks_only() -> None:
    now = time.time()
    for age_s, current in ((0, True), (28 * 86_400, True), (30 * 86_400, False), (-60, True), (-3600, False)):
        root = f"1-{int(now - age_s):08x}-{'a' * 24}"
        assert TraceHeader(root).is_current(now) is current


def test_new_ids_are_ids() -> None:
    assert is_trace_id(new_trace_id())
    assert is_id(new_id())
    assert TraceHeader(new_trace_id()).is_current(time.time())
