"""What benchmarks ask a sandbox for: accounts of its CPU time, what its functions logged, its renditions."""

from __future__ import annotations

from datetime import UTC, datetime

from bench import usage
from bench.accounting import accounts
from bench.sandbox import Measuring
from tests.workflows.driver import Driver, wait_until
from tests.workflows.photos import sample

# What an upload takes, beside requests.
WORK = {
    "uploading",
    "delivering from the queue",
    "invoking functions",
    "Lambda runtime API",
    "the state machines' interpreter",
    "X-Ray: taking segments of functions",
}
REQUESTS = {"request s3:PutObject", "request sqs:ReceiveMessage", "request dynamodb:PutItem"}
FUNCTIONS = {"StartExecution", "v1-Resize", "v1-Publish"}
# No workflow can use such a key: it is refused, whatever is live.
REFUSED = "accounts.jpg"


def test_all_that_uploads_take_is_booked_and_what_they_leave_is_counted(driver: Driver) -> None:
    began = datetime.now(UTC)
    with accounts() as spent:
        driver.upload(b"a photo", REFUSED)
        assert driver.execute("v1", sample("coffee")).status == "PROCESSED"
        driver.ended_record(REFUSED)
        # A sandbox that was there before the accounts takes its functions' segments past them.
        driver.installation.client("xray").put_trace_segments(TraceSegmentDocuments=["{}"])
        wait_until(lambda: spent.calls.keys() >= WORK | REQUESTS, "all of it is booked")
    assert spent.seconds.keys() == spent.calls.keys()
    assert min(spent.seconds[work] for work in WORK) > 0

    # Of StartExecution there may be more: messages of other tests.
    wait_until(
        lambda: all(usage.logged(driver.installation, began)[0][name] for name in FUNCTIONS), "functions log"
    )
    invocations, log_bytes, metrics = usage.logged(driver.installation, began)
    assert all(log_bytes[name] > usage.LINE_BYTES * invocations[name] for name in FUNCTIONS)
    assert "Processed service=happypath" in set().union(*metrics.values())
    assert usage.sizes(driver.installation) > 1000


def test_the_sandbox_that_is_measured_publishes_what_it_is_asked_to() -> None:
    with Measuring() as sandbox:
        measured = sandbox.run(2, 2)
    assert measured["per_second"] > 0
    assert measured["tasks"].keys() >= {"StartExecution", "Resize", "Publish"}
