"""What every task of a state machine does around its own work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import wraps
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.decision import Reason, Rejection
from functions.imaging import steps
from functions.platform.aws import ServiceUnavailableError, ThrottledError, only_reading, task_error
from functions.platform.observability import Subsegment, invocation, logger, measure, subsegment
from functions.upload import Upload

Event: TypeAlias = Mapping[str, Any]
Result: TypeAlias = dict[str, Any]

# Work on pictures shows in the trace, and knows nothing of traces.
steps.observe(subsegment)

# What the state machine tries again: not yet the end of an upload.
_TRANSIENT = (ServiceUnavailableError, ThrottledError)


def task(work: Callable[[Upload, Event], Result]) -> Callable[[Event, Any], Result]:
    """Makes a Lambda handler of a function that works on one upload.

    The event is the state machine's payload: `detail` (the upload), `executionArn`, and what else the
    task asks for. Each log line carries the upload and the execution. Errors leave under the names that the
    state machine retries or catches: AWS errors as `functions.platform.aws.TaskError`, refusals as their
    reason. What the task means for the upload goes into its trace and the metrics.

    In a dry run the work must write nothing; a call that would is an error here (DryRunWriteError).
    """
    name = work.__module__.rpartition(".")[2]

    @wraps(work)
    def handler(event: Event, context: Any) -> Result:
        upload = Upload.from_detail(event["detail"])
        workflow = event["detail"].get("workflow")
        logger.append_keys(
            uploadId=upload.upload_id,
            placeId=upload.place_id,
            executionArn=event["executionArn"],
            function_request_id=context.aws_request_id,
        )
        with (
            invocation(name, workflow, counted=not upload.dry_run) as trace,
            only_reading() if upload.dry_run else nullcontext(),
        ):
            trace.annotate(
                uploadId=upload.upload_id,
                placeId=upload.place_id,
                workflow=workflow,
                dry_run=True if upload.dry_run else None,
            )
            # An invocation that is cut short leaves no line but this one.
            logger.info("begun")
            try:
                result = work(upload, event)
            except (ClientError, BotoCoreError) as error:
                logger.exception("an AWS call failed")
                failure = task_error(error)
                _failed(failure, trace)
                raise failure from error
            except Rejection as rejection:
                logger.info("refused", extra=rejection.decision.as_result())
                _told(rejection.decision.as_result(), trace)
                raise rejection.named() from rejection
            except Exception as error:
                logger.exception("the task failed")
                _failed(error, trace)
                raise
            logger.info("done", extra={"result": result})
            _told(result, trace)
            return result

    return handler


def _failed(error: Exception, trace: Subsegment) -> None:
    reason = type(error).__name__
    if isinstance(error, _TRANSIENT):
        trace.annotate(reason=reason)
        # core has one alarm for it, whatever workflows there are.
        measure(across_workflows=True, Retried=1)
    else:
        trace.annotate(status="FAILED", reason=reason)
        measure(reason, Failed=1)


def _told(result: Result, trace: Subsegment) -> None:
    """Tells of the end of an upload, if a result is one: a rejection, or that it is published."""
    if result.get("accepted") is False:
        reason = str(result["reason"])
        if reason == Reason.NEEDS_REVIEW:
            # No end yet: a person decides.
            trace.annotate(status="IN_REVIEW", reason=reason)
            return
        trace.annotate(status="REJECTED", reason=reason)
        measure(reason, Rejected=1)
    elif result.get("published") is True:
        trace.annotate(status="PROCESSED")
        measure(Processed=1)
