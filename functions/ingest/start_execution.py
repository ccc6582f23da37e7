"""An upload becomes one execution of the live workflow, exactly once."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict
from urllib.parse import quote

from functions.decision import Reason
from functions.ingest import record as records
from functions.ingest import upload_event as upload_events
from functions.ingest.live import LiveParameter
from functions.ingest.record import Claim, DeletionRunningError
from functions.ingest.upload_event import UnknownShapeError, UploadEvent
from functions.platform.aws import client, prepare
from functions.platform.batch import Answer, answer
from functions.platform.observability import Subsegment, continued, invocation, logger, measure, subsegment
from functions.platform.settings import IngestSettings, read
from functions.platform.trace_header import TraceHeader
from functions.upload import InvalidKeyError, Upload, parse_key

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

SETTINGS = read(IngestSettings)
prepare("dynamodb", "s3", "ssm", "stepfunctions")
LIVE = LiveParameter(SETTINGS.live_parameter)

_TRACE_ID = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})")

# What log lines carry while they are about one upload.
_UPLOAD_KEYS = ("uploadId", "placeId", "executionArn")


# As Lambda hands it over: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
Message: TypeAlias = Mapping[str, Any]


class _Trace(TypedDict, total=False):
    traceHeader: str


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Handles a batch of SQS messages; those that failed are named in `batchItemFailures`, and come again.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    logger.append_keys(function_request_id=context.aws_request_id)
    failed: list[str] = []
    # Powertools' batch processing would do no more here, and takes 20 ms to import: it knows every kind.
    with invocation("start_execution"):
        for message in event["Records"]:
            try:
                take(message)
            except Exception:  # `take` has logged it
                failed.append(message["messageId"])
    return answer(failed)


def take(message: Message) -> None:
    """Handles one message: each upload in it is started, or the message is held."""
    known = {
        "messageId": message["messageId"],
        "receiveCount": message["attributes"]["ApproximateReceiveCount"],
    }
    try:
        for event in upload_events.parse(message["body"]):
            logger.remove_keys(_UPLOAD_KEYS)
            if not ingest(event, SETTINGS, LIVE):
                hold(message, SETTINGS)
                return
    except Exception as error:
        logger.exception("the message failed: %s", error, extra=known)
        raise
    finally:
        logger.remove_keys(_UPLOAD_KEYS)


def ingest(
    event: UploadEvent,
    settings: IngestSettings,
    live: LiveParameter,
    *,
    now: Callable[[], datetime] = records.utc_now,
) -> bool:
    """Starts the execution of one upload, or finds that there is nothing to start.

    An object that is gone by now gets none: its record ends as DELETED, whether a workflow is live or not.

    Returns False when the upload has to wait, because no workflow is live or because what was published under
    its key is being removed.

    Raises:
        UnknownShapeError: the event contradicts itself.
        LiveError: the parameter of the live workflow is missing or makes no sense.
        ContendedError: the record changed under every attempt to claim it.
        botocore.exceptions.ClientError, BotoCoreError: a service throttles, fails, refuses or cannot be
            reached. All of them can be retried.
    """
    event = upload_events.locate(event)
    with continued(event.trace), subsegment("## upload") as trace:
        return _ingest(event, settings, live, records.timestamp(now()), trace)


def _ingest(
    event: UploadEvent,
    settings: IngestSettings,
    live: LiveParameter,
    received_at: str,
    trace: Subsegment,
) -> bool:
    try:
        place_id, upload_id = parse_key(event.key)
    except InvalidKeyError as error:
        logger.info("rejected: %s", error, extra={"key": event.key})
        trace.annotate(status="REJECTED", reason=str(Reason.INVALID_KEY))
        nobodys = Upload(event.bucket, event.key, "", "", event.version_id)
        first = records.refuse_key(
            settings.table_name,
            nobodys,
            message=str(error),
            now=received_at,
            trace_id=trace_id(os.environ),
            deleted=event.deleted,
        )
        if first:
            measure(str(Reason.INVALID_KEY), Rejected=1)
        return True
    if event.contradicts(place_id, upload_id):
        raise UnknownShapeError(
            f"the event's placeId {event.place_id!r} and ID {event.upload_id!r} are not those of its key "
            f"{event.key!r}"
        )
    trace.annotate(uploadId=upload_id, placeId=place_id)
    logger.append_keys(uploadId=upload_id, placeId=place_id)
    fingerprint = records.fingerprint(event.bucket, event.key, event.identity)
    name = records.execution_name(upload_id, fingerprint, event.attempt)
    workflow = None
    if not event.deleted:
        workflow = live.read().choose(event.key, fingerprint)
        if workflow is None:
            logger.info("held: no workflow is live", extra={"key": event.key})
            return False
    try:
        claim = records.claim(
            settings.table_name,
            Claim(
                upload=Upload(event.bucket, event.key, place_id, upload_id, event.version_id),
                workflow=workflow,
                execution_arn=(
                    execution_arn(settings.state_machine_prefix, workflow, name) if workflow else name
                ),
                received_at=received_at,
                sequencer=event.sequencer,
                attempt=event.attempt,
                trace_id=trace_id(os.environ),
                restored=event.restored,
            ),
            newer=lambda seen: upload_events.is_newer(event, than=seen),
        )
    except DeletionRunningError as error:
        being_removed = {"key": event.key, "deletion": str(error)}
        logger.info("held: what was published under the key is being removed", extra=being_removed)
        return False
    if claim is not None and claim.replaced is not None:
        clear(claim, settings)
    if claim is not None and claim.workflow is None:
        logger.info("deleted before a workflow was started")
        trace.annotate(status="DELETED")
    elif claim is not None:
        trace.annotate(workflow=claim.workflow, status="RECEIVED")
        logger.append_keys(executionArn=claim.execution_arn)
        # Whoever claimed the record first, and failed, gave it its trace: the execution belongs there.
        with continued(TraceHeader(claim.trace_id) if claim.trace_id else None):
            start(claim, event, settings)
    return True


def execution_arn(state_machine_prefix: str, workflow: str, name: str) -> str:
    """The ARN that the execution is going to have, known before it is started."""
    return f"{state_machine_prefix}{workflow}:{name}".replace(":stateMachine:", ":execution:", 1)


def start(claim: Claim, event: UploadEvent, settings: IngestSettings) -> None:
    """Starts the claimed execution; one of that name that exists already is this very one.

    Raises:
        botocore.exceptions.ClientError: Step Functions throttles, fails or refuses. When there is no such
            workflow, the claim is given up, so that the next attempt chooses among those that there are.
    """
    stepfunctions = client("stepfunctions")
    payload = {
        "source": event.source,
        "detail-type": event.detail_type,
        **({} if event.time is None else {"time": event.time}),
        "detail": claim.upload.as_detail() | {"workflow": claim.workflow, "sequencer": claim.sequencer},
    }
    started = {"executionArn": claim.execution_arn, "uploadId": claim.upload.upload_id}
    try:
        stepfunctions.start_execution(
            stateMachineArn=f"{settings.state_machine_prefix}{claim.workflow}",
            name=claim.execution_name,
            input=json.dumps(payload),
            **trace_header(os.environ),
        )
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        logger.info("the execution was started before", extra=started)
    except stepfunctions.exceptions.StateMachineDoesNotExist:
        records.release(settings.table_name, claim)
        raise
    else:
        logger.info("started", extra=started)


def clear(claim: Claim, settings: IngestSettings) -> None:
    """Has what a replaced upload may have left in the distribution bucket removed, once nobody needs it.

    It has its own state machine (`statemachines/deletion`), because the replaced execution may still write,
    and this upload may yet be published over it. Repeated, it starts nothing twice. Where that state machine
    is not deployed, a replaced photo whose successor is refused keeps its renditions, without its item.

    Raises:
        botocore.exceptions.ClientError: Step Functions throttles, fails or refuses.
    """
    stepfunctions = client("stepfunctions")
    upload = claim.upload
    payload = {
        "detail": {"bucket": {"name": upload.bucket}, "object": {"key": upload.key}},
        "writer": claim.replaced,
        "path": quote(upload.key),
    }
    name = records.fingerprint(upload.bucket, upload.key, f"{claim.replaced} {claim.execution_arn}")
    try:
        stepfunctions.start_execution(
            stateMachineArn=f"{settings.state_machine_prefix}deletion", name=name, input=json.dumps(payload)
        )
    except stepfunctions.exceptions.ExecutionAlreadyExists:
        logger.info("what the replaced upload left is being removed already")
    except stepfunctions.exceptions.StateMachineDoesNotExist:
        logger.warning("the stack deletion is missing: renditions of the replaced upload may stay")


def trace_header(environment: Mapping[str, str]) -> _Trace:
    """StartExecution's argument that continues this invocation's X-Ray trace, when there is one."""
    header = environment.get("_X_AMZN_TRACE_ID", "")
    return {"traceHeader": header} if header and header.isascii() and len(header) <= 256 else {}


def trace_id(environment: Mapping[str, str]) -> str | None:
    """The id of this invocation's X-Ray trace."""
    match = _TRACE_ID.search(environment.get("_X_AMZN_TRACE_ID", ""))
    return match and match[1]


def hold(message: Message, settings: IngestSettings) -> None:
    """Sends a message again, to be received after `hold_seconds`, before it counts as handled.

    A new message starts with a new receive count: to wait is no failure, and must not end in the dead-letter
    queue.
    """
    trace = message["attributes"].get("AWSTraceHeader")
    client("sqs").send_message(
        QueueUrl=settings.queue_url,
        MessageBody=message["body"],
        DelaySeconds=settings.hold_seconds,
        MessageAttributes={name: _sendable(value) for name, value in message["messageAttributes"].items()},
        MessageSystemAttributes=(
            {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}} if trace else {}
        ),
    )


def _sendable(attribute: Mapping[str, str]) -> MessageAttributeValueTypeDef:
    """A message attribute as SendMessage takes it, from the form in which Lambda hands it over."""
    kind = attribute["dataType"]
    if kind.startswith("Binary"):
        return {"DataType": kind, "BinaryValue": base64.b64decode(attribute["binaryValue"])}
    return {"DataType": kind, "StringValue": attribute["stringValue"]}
