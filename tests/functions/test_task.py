from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from functions.decision import Reason, Rejection
from functions.platform.aws import (
    DryRunWriteError,
    PhotoNotFoundError,
    ServiceUnavailableError,
    TaskError,
    client,
    keeping_work,
    only_reading,
)
from functions.platform.observability import logger
from functions.platform.task import Event, Result, task
from functions.upload import Upload
from tests.functions.account import answering, error

UPLOAD = Upload("bucket", "p/u.jpg", "p", "u.jpg", "v1", workflow="v4")
EVENT = {"detail": UPLOAD.as_detail() | {"workflow": "v4"}, "executionArn": "arn:execution", "more": 1}
CONTEXT = SimpleNamespace(aws_request_id="request-1")


def raising(raised: Exception) -> Any:
    @task
    def handler(upload: Upload, event: Event) -> Result:
        raise raised

    return handler


def test_the_work_gets_the_upload_and_the_whole_event() -> None:
    @task
    def handler(upload: Upload, event: Event) -> Result:
        return {"upload": upload, "more": event["more"]}

    assert handler(EVENT, CONTEXT) == {"upload": UPLOAD, "more": 1}
    assert handler.__name__ == "handler"


def test_an_answer_of_aws_leaves_as_a_task_error() -> None:
    with pytest.raises(PhotoNotFoundError, match="NoSuchKey"):
        raising(error("NoSuchKey", "GetObject", 404))(EVENT, CONTEXT)


def test_a_time_out_leaves_as_a_task_error() -> None:
    with pytest.raises(ServiceUnavailableError):
        raising(ReadTimeoutError(endpoint_url="https://rekognition"))(EVENT, CONTEXT)


@pytest.mark.parametrize(
    ("code", "status", "measured"),
    [
        ("SlowDown", 503, [({"across_workflows": True}, {"Retried": 1})]),
        ("InternalError", 500, [({"across_workflows": True}, {"Retried": 1})]),
        ("AccessDenied", 403, [("AccessDeniedError", {"Failed": 1})]),
    ],
)
def test_what_is_tried_again_is_counted_apart_from_what_fails(
    code: str, status: int, measured: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[Any] = []

    def measure(reason: str | None = None, *, across_workflows: bool = False, **metrics: float) -> None:
        counted.append((reason or {"across_workflows": across_workflows}, metrics))

    monkeypatch.setattr("functions.platform.task.measure", measure)
    with pytest.raises(TaskError):
        raising(error(code, "GetObject", status))(EVENT, CONTEXT)
    assert counted == measured


def test_a_refusal_leaves_under_its_reason() -> None:
    with pytest.raises(Rejection) as raised:
        raising(Rejection.because(Reason.CORRUPT_IMAGE, message="cut short"))(EVENT, CONTEXT)
    assert type(raised.value).__name__ == "CORRUPT_IMAGE"
    assert json.loads(str(raised.value)) == {"message": "cut short"}


def test_any_other_error_leaves_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())(EVENT, CONTEXT)


def test_what_a_person_is_to_decide_is_not_counted_as_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[Any, ...]] = []
    monkeypatch.setattr("functions.platform.task.measure", lambda *reason, **more: measured.append(reason))
    for reason in (Reason.NEEDS_REVIEW, "SCORE_TOO_LOW"):

        @task
        def handler(upload: Upload, event: Event, reason: str = reason) -> Result:
            return {"accepted": False, "reason": reason, "detail": {}}

        handler(EVENT, CONTEXT)
    assert measured == [("SCORE_TOO_LOW",)]


def test_in_a_dry_run_a_task_reads_and_a_write_does_not_leave() -> None:
    @task
    def handler(upload: Upload, event: Event) -> Result:
        assert upload.dry_run
        client("s3").list_buckets()
        client("s3").put_object(Bucket="bucket", Key="key", Body=b"")
        return {}

    dry_run = {**EVENT, "detail": {**UPLOAD.as_detail(), "dryRun": True}}
    with answering("ListBuckets", {"Buckets": []}), pytest.raises(DryRunWriteError, match="s3:PutObject"):
        handler(dry_run, CONTEXT)
    # The next invocation may be of an upload that is not.
    with pytest.raises(PhotoNotFoundError), answering("HeadObject", error("404", "HeadObject", 404)):
        task(lambda *_: dict(client("s3").head_object(Bucket="bucket", Key="key")))(EVENT, CONTEXT)


def test_once_a_dry_run_has_kept_its_work_it_writes_nothing_again() -> None:
    with only_reading():
        with keeping_work():
            pass
        with pytest.raises(DryRunWriteError, match="s3:PutObject"):
            client("s3").put_object(Bucket="bucket", Key="key", Body=b"")


@pytest.mark.parametrize("said", [None, False, "true", 1])
def test_only_a_plain_true_is_a_dry_run(said: object) -> None:
    assert not Upload.from_detail({**UPLOAD.as_detail(), "dryRun": said}).dry_run


def test_log_lines_tell_of_upload_and_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    @task
    def handler(upload: Upload, event: Event) -> Result:
        return {"accepted": True}

    lines = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", lines)
    handler(EVENT, CONTEXT)
    begun, done = [json.loads(line) for line in lines.getvalue().splitlines()]
    for line in (begun, done):
        assert line["uploadId"] == "u.jpg"
        assert line["placeId"] == "p"
        assert line["executionArn"] == "arn:execution"
        assert line["function_request_id"] == "request-1"
    assert done["result"] == {"accepted": True}
