"""The end of an accepted photo: its record becomes PROCESSED and its place gets it, both or neither.

The record says what is published of it, so that whoever removes that needs to know no workflow: `renditions`,
their keys in the distribution bucket by their names, and `item`, the sort key of the place's item that shows
them, whose `key` is that of the photo.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from functions.ingest.record import PARTITION, timestamp, utc_now
from functions.platform.aws import cancellation_codes, client, prepare
from functions.platform.settings import PublishSettings, read
from functions.platform.task import Event, Result, task
from functions.upload import Upload

SETTINGS = read(PublishSettings)
prepare("dynamodb")


@task
def handler(upload: Upload, event: Event) -> Result:
    """Publishes the renditions that `resize` wrote, named in `renditions`; in a dry run, nothing."""
    if upload.dry_run:
        return {"published": False}
    return publish(
        upload,
        event["executionArn"],
        event["renditions"],
        table_name=SETTINGS.table_name,
        distribution_url=SETTINGS.distribution_url,
    )


def publish(
    upload: Upload,
    execution_arn: str,
    renditions: Mapping[str, Any],
    *,
    table_name: str,
    distribution_url: str,
    now: Callable[[], datetime] = utc_now,
) -> Result:
    """Writes the record's outcome and the photo item in one transaction.

    Nothing is written, and `{"published": False}` returned, when the record is not this execution's (a newer
    upload took it over) or has another outcome already. Repeated by the same execution, it changes nothing:
    both times stay those of the first attempt.

    Raises:
        botocore.exceptions.ClientError: DynamoDB throttles, fails or refuses.
    """
    dynamodb = client("dynamodb")
    time = timestamp(now())
    keys = {name: made["key"] for name, made in renditions.items() if isinstance(made, Mapping)}
    urls = {f"{name}URL": _url(distribution_url, key) for name, key in keys.items()}
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Update": {
                        "TableName": table_name,
                        "Key": {"PK": {"S": PARTITION}, "SK": {"S": upload.record}},
                        "UpdateExpression": (
                            "SET objStatus = :processed, finishedAt = if_not_exists(finishedAt, :time), "
                            "#item = :item, #renditions = :renditions REMOVE #reason, #detail"
                        ),
                        "ConditionExpression": (
                            "executionArn = :execution AND objStatus IN (:received, :processed)"
                        ),
                        "ExpressionAttributeNames": _names("reason", "detail", "item", "renditions"),
                        "ExpressionAttributeValues": {
                            ":execution": {"S": execution_arn},
                            ":received": {"S": "RECEIVED"},
                            ":processed": {"S": "PROCESSED"},
                            ":time": {"S": time},
                            ":item": {"S": upload.upload_id},
                            ":renditions": {"M": {name: {"S": key} for name, key in keys.items()}},
                        },
                    }
                },
                {
                    "Update": {
                        "TableName": table_name,
                        "Key": {"PK": {"S": upload.place_id}, "SK": {"S": upload.upload_id}},
                        "UpdateExpression": (
                            f"SET {', '.join(f'#{name} = :{name}' for name in urls)}, #key = :key, "
                            "#type = :photo, #width = :width, #height = :height, "
                            "#created = if_not_exists(#created, :time)"
                        ),
                        "ExpressionAttributeNames": _names(
                            *urls, "key", "type", "width", "height", "created"
                        ),
                        "ExpressionAttributeValues": {
                            **{f":{name}": {"S": url} for name, url in urls.items()},
                            ":key": {"S": upload.key},
                            ":photo": {"S": "photo"},
                            ":width": {"N": str(renditions["width"])},
                            ":height": {"N": str(renditions["height"])},
                            ":time": {"S": time},
                        },
                    }
                },
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException as error:
        if "ConditionalCheckFailed" in cancellation_codes(error):
            return {"published": False}
        raise
    return {"published": True, **urls}


def _names(*attributes: str) -> dict[str, str]:
    # DynamoDB reserves hundreds of plain words.
    return {f"#{name}": name for name in attributes}


def _url(distribution_url: str, key: str) -> str:
    return f"{distribution_url.rstrip('/')}/{quote(key)}"
