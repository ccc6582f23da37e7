"""Every end of an upload, and its deletion, becomes one event on the bus: sent again rather than lost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.notices.notice import SOURCE, Notice, StreamRecord, notice
from functions.platform.aws import client, prepare
from functions.platform.batch import Answer, answer
from functions.platform.observability import invocation, logger
from functions.platform.settings import NoticeSettings, read

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SETTINGS = read(NoticeSettings)
prepare("events")

# Of one request: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
_MOST_ENTRIES = 10
_MOST_BYTES = 256 * 1024


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Sends the notices of a batch of records of the table's stream.

    The first that could not be sent is named in `batchItemFailures`: it comes again, and all behind it.
    """
    logger.append_keys(function_request_id=context.aws_request_id)
    with invocation("notices"):
        failed = send(event["Records"], SETTINGS.distribution_url)
        return answer([] if failed is None else [failed])


def send(records: Sequence[StreamRecord], distribution_url: str) -> str | None:
    """Sends the notices of records, in order → the sequence number of the first whose notice was not sent."""
    made, unreadable = _made(records, distribution_url)
    for part in _parts(made):
        failed = _put(part)
        if failed is not None:
            return failed
    return unreadable


def entry(detail: Notice) -> PutEventsRequestEntryTypeDef:
    """A notice as PutEvents takes it."""
    return {
        "Source": SOURCE,
        "DetailType": f"Photo {detail['status'].lower()}",
        "Detail": json.dumps(detail, ensure_ascii=False),
    }


def _made(
    records: Sequence[StreamRecord], distribution_url: str
) -> tuple[list[tuple[str, Notice]], str | None]:
    """Notices with the numbers of their records, up to a record that cannot be read, and its number."""
    made: list[tuple[str, Notice]] = []
    for record in records:
        number = record["dynamodb"]["SequenceNumber"]
        try:
            detail = notice(record, distribution_url)
        except (AttributeError, KeyError, TypeError, ValueError):
            logger.exception("no notice can be made of a record", extra={"sequenceNumber": number})
            return made, number
        if detail is not None:
            made.append((number, detail))
    return made, None


def _parts(made: Sequence[tuple[str, Notice]]) -> Iterator[list[tuple[str, PutEventsRequestEntryTypeDef]]]:
    """What one request can take, each time."""
    part: list[tuple[str, PutEventsRequestEntryTypeDef]] = []
    size_bytes = 0
    for number, detail in made:
        each = entry(detail)
        own_bytes = sum(len(text.encode()) for text in (each["Source"], each["DetailType"], each["Detail"]))
        if part and (len(part) == _MOST_ENTRIES or size_bytes + own_bytes > _MOST_BYTES):
            yield part
            part, size_bytes = [], 0
        part.append((number, each))
        size_bytes += own_bytes
    if part:
        yield part


def _put(part: Sequence[tuple[str, PutEventsRequestEntryTypeDef]]) -> str | None:
    """Sends entries → the number of the first that EventBridge did not take."""
    try:
        answers = client("events").put_events(Entries=[each for _, each in part])["Entries"]
    except (ClientError, BotoCoreError) as error:
        logger.exception("notices were not sent: %s", error, extra={"sequenceNumber": part[0][0]})
        return part[0][0]
    for (number, each), said in zip(part, answers, strict=True):
        if "ErrorCode" in said:
            detail = json.loads(each["Detail"])
            logger.error(
                "a notice was not taken: %s: %s",
                said["ErrorCode"],
                said.get("ErrorMessage", ""),
                extra={"sequenceNumber": number, "noticeId": detail["id"], "key": detail["key"]},
            )
            return number
    logger.info("sent", extra={"notices": len(part)})
    return None
