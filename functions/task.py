"""What every task of a state machine does around its own work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from functions.aws import task_error
from functions.decision import Refusal
from functions.observability import logger
from functions.upload import Upload

Event: TypeAlias = Mapping[str, Any]
Result: TypeAlias = dict[str, Any]


def task(work: Callable[[Upload, Event], Result]) -> Callable[[Event, Any], Result]:
    """Makes a Lambda handler of a function that works on one upload.

    The event is the state machine's payload: `detail` (the upload), `executionArn`, and what else the
    task asks for. Each log line carries the upload and the execution. Errors leave under the names that the
    state machine retries or catches: AWS errors as `functions.aws.TaskError`, refusals as their reason.
    """

    @wraps(work)
    def handler(event: Event, context: Any) -> Result:
        upload = Upload.from_detail(event["detail"])
        logger.append_keys(
            uploadId=upload.upload_id,
            placeId=upload.place_id,
            executionArn=event["executionArn"],
            function_request_id=context.aws_request_id,
        )
        try:
            result = work(upload, event)
        except (ClientError, BotoCoreError) as error:
            logger.exception("an AWS call failed")
            raise task_error(error) from error
        except Refusal as refusal:
            logger.info("refused", extra=refusal.decision.as_result())
            raise refusal.named() from refusal
        logger.info("done", extra={"result": result})
        return result

    return handler
