"""What is catalogued of an upload goes with it: a task of the state machine of deletions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from functions.catalogue.index import remove
from functions.catalogue.tables import Tables
from functions.platform.aws import client, prepare, task_error
from functions.platform.observability import invocation, logger
from functions.platform.settings import CatalogueSettings, read

SETTINGS = read(CatalogueSettings)
prepare("dynamodb")

# What is left of an invocation's time when it removes no more: enough for a batch that has to be tried again.
_RESERVE_MS = 15_000


def handler(event: Mapping[str, Any], context: Any) -> dict[str, bool]:
    """Removes what is catalogued of a key, but for the version of its record: as much as it has time for.

    The event is that of S3 (`detail`), and the execution that asks (`executionArn`). `left` says whether to
    ask again, `locked` whether the record is locked by that execution.
    """
    key = event["detail"]["object"]["key"]
    logger.append_keys(executionArn=event["executionArn"], function_request_id=context.aws_request_id)
    with invocation("removal"):
        tables = Tables(client("dynamodb"), SETTINGS.catalogue_table, SETTINGS.table_name)
        try:
            is_done = remove(
                tables, key, is_late=lambda: context.get_remaining_time_in_millis() < _RESERVE_MS
            )
            record = tables.record(key) or {}
        except (ClientError, BotoCoreError) as error:
            logger.exception("an AWS call failed", extra={"key": key})
            raise task_error(error) from error
        locked = record.get("deletion", {}).get("S") == event["executionArn"]
        logger.info("done", extra={"key": key, "left": not is_done, "locked": locked})
        return {"left": not is_done, "locked": locked}
