"""The end of an accepted photo: its record becomes PROCESSED and its place gets it, both or neither.

The record says what is published of it, so that whoever removes that needs to know no workflow: `renditions`,
their keys in the distribution bucket by their names; `path`, what their addresses have in common, as
CloudFront takes it; and `item`, the sort key of the place's item that shows them, whose `key` is that of the
photo.

A photo that was deleted meanwhile is not published: S3 is asked just before. One that is deleted after the
question is removed by its deletion (`statemachines/deletion`), which finds the record claimed, and so either
ends it first, and nothing is published, or after. Workflows that record PROCESSED without this function do
not ask: of an object that was deleted as it was claimed they may say so, and publish nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from functions.ingest.record import PARTITION, timestamp, utc_now
from functions.platform import rules
from functions.platform.aws import cancellation_codes, client, prepare
from functions.platform.current_object import found
from functions.platform.observability import logger
from functions.platform.settings import PublishSettings, read
from functions.platform.task import Event, Result, task
from functions.platform.values import text, value
from functions.publish import distribution
from functions.upload import Upload, published_url

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

SETTINGS = read(PublishSettings)
prepare("s3", "dynamodb")


def _item(given: object) -> str:
    if given not in ("upload", "folder"):
        raise ValueError('must be "upload" or "folder"')
    return str(given)


@dataclass(frozen=True)
class Rules:
    """`item`: which of the place's items shows the photo, its own ("upload") or the one that its folder has
    ("folder"), which shows the newest of the folder's accepted photos; `type`: the item's type.
    """

    item: str = value(_item, "upload")
    type: str = value(text, "photo")


@task
def handler(upload: Upload, event: Event) -> Result:
    """Publishes the renditions that `resize` wrote, named in `renditions`; in a dry run, nothing."""
    by = rules.read(Rules, event.get("rules", {}))
    if upload.dry_run:
        return {"published": False}
    if found(upload.bucket, upload.key, upload.version_id) is None:
        withdraw(
            upload,
            event["executionArn"],
            keys_of(event["renditions"]).values(),
            table_name=SETTINGS.table_name,
            distribution_bucket=SETTINGS.distribution_bucket,
        )
        return {"published": False}
    result = publish(
        upload,
        event["executionArn"],
        event["renditions"],
        by=by,
        table_name=SETTINGS.table_name,
        distribution_url=SETTINGS.distribution_url,
    )
    if result["published"]:
        remove_what_is_replaced(
            upload,
            keys_of(event["renditions"]).values(),
            table_name=SETTINGS.table_name,
            distribution_bucket=SETTINGS.distribution_bucket,
        )
    return result


def remove_what_is_replaced(
    upload: Upload, keys: Iterable[str], *, table_name: str, distribution_bucket: str
) -> None:
    """Removes what was published under the upload's key before, and is not among what is now.

    Most of it has the same names, and is written over. What another workflow made, or of a file of another
    type, has others: the photo whole, where now its faces are redacted. What lies deeper is of other uploads.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call to DynamoDB or S3 failed.
    """
    record = client("dynamodb").get_item(
        TableName=table_name,
        Key={"PK": {"S": PARTITION}, "SK": {"S": upload.record}},
        ProjectionExpression="replaced",
    )
    if "replaced" not in record.get("Item", {}):
        return
    pages = client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=distribution_bucket, Prefix=f"{upload.key}/", Delimiter="/")
    left_over = {each["Key"] for page in found for each in page.get("Contents", [])} - set(keys)
    distribution.remove(sorted(left_over), bucket=distribution_bucket)


def publish(
    upload: Upload,
    execution_arn: str,
    renditions: Mapping[str, Any],
    *,
    by: Rules = Rules(),  # it is frozen
    table_name: str,
    distribution_url: str,
    now: Callable[[], datetime] = utc_now,
) -> Result:
    """Writes the record's outcome and the item that shows the photo in one transaction.

    Nothing is written, and `{"published": False}` returned, when the record is not this execution's (a newer
    upload took it over) or has another outcome already. Repeated by the same execution, it changes nothing:
    both times stay those of the first attempt. Where the folder's item shows a photo that was uploaded later,
    that stays, and the record ends all the same; of two photos uploaded in the same second, which is as fine
    as S3 counts, the one whose key is the greater is shown.

    Raises:
        botocore.exceptions.ClientError: DynamoDB or S3 throttles, fails or refuses; the photo is gone.
    """
    time = timestamp(now())
    keys = keys_of(renditions)
    urls = {f"{name}URL": published_url(distribution_url, key) for name, key in keys.items()}
    shown = {**urls, "key": upload.key, "type": by.type}
    is_folders = by.item == "folder"
    # What lies in no folder is on its own.
    item = upload.upload_id.partition("/")[0] if is_folders else upload.upload_id
    created = timestamp(_uploaded(upload)) if is_folders else time
    shows: UpdateTypeDef = {
        "TableName": table_name,
        "Key": {"PK": {"S": upload.place_id}, "SK": {"S": item}},
        "UpdateExpression": (
            f"SET {', '.join(f'#{name} = :{name}' for name in shown)}, #width = :width, #height = :height, "
            f"#created = {':time' if is_folders else 'if_not_exists(#created, :time)'}"
        ),
        "ExpressionAttributeNames": _names(*shown, "width", "height", "created"),
        "ExpressionAttributeValues": {
            **{f":{name}": {"S": each} for name, each in shown.items()},
            ":width": {"N": str(renditions["width"])},
            ":height": {"N": str(renditions["height"])},
            ":time": {"S": created},
        },
    }
    if is_folders:
        shows["ConditionExpression"] = (
            "attribute_not_exists(#created) OR #created < :time OR (#created = :time AND #key <= :key)"
        )
    ends: UpdateTypeDef = {
        "TableName": table_name,
        "Key": {"PK": {"S": PARTITION}, "SK": {"S": upload.record}},
        "UpdateExpression": (
            "SET objStatus = :processed, finishedAt = if_not_exists(finishedAt, :time), "
            "#item = :item, #renditions = :renditions, #path = :path REMOVE #reason, #detail"
        ),
        "ConditionExpression": (
            "executionArn = :execution AND objStatus IN (:received, :inReview, :processed)"
        ),
        "ExpressionAttributeNames": _names("reason", "detail", "item", "renditions", "path"),
        "ExpressionAttributeValues": {
            ":execution": {"S": execution_arn},
            ":received": {"S": "RECEIVED"},
            ":inReview": {"S": "IN_REVIEW"},
            ":processed": {"S": "PROCESSED"},
            ":time": {"S": time},
            ":item": {"S": item},
            ":path": {"S": quote(upload.key)},
            ":renditions": {"M": {name: {"S": key} for name, key in keys.items()}},
        },
    }
    refused = _write([{"Update": ends}, {"Update": shows}])
    if refused == {1}:
        refused = _write([{"Update": ends}])
    return {"published": False} if refused else {"published": True, **urls}


def _write(items: list[TransactWriteItemTypeDef]) -> set[int]:
    """Writes all of them, or none: then it returns the numbers of those whose conditions did not hold."""
    dynamodb = client("dynamodb")
    try:
        dynamodb.transact_write_items(TransactItems=items)
    except dynamodb.exceptions.TransactionCanceledException as error:
        if "ConditionalCheckFailed" not in cancellation_codes(error):
            raise
        codes = [reason.get("Code") for reason in error.response["CancellationReasons"]]
        return {number for number, code in enumerate(codes) if code == "ConditionalCheckFailed"}
    return set()


def _uploaded(upload: Upload) -> datetime:
    which: Any = upload.object_version()
    return client("s3").head_object(**which)["LastModified"]


def keys_of(renditions: Mapping[str, Any]) -> dict[str, str]:
    """The keys of renditions in the distribution bucket, by their names."""
    return {name: renditions[name]["key"] for name in renditions if name not in {"width", "height"}}


def withdraw(
    upload: Upload,
    execution_arn: str,
    keys: Iterable[str],
    *,
    table_name: str,
    distribution_bucket: str,
    now: Callable[[], datetime] = utc_now,
) -> None:
    """Ends the record of a photo that was deleted, and removes its renditions, which lie at `keys`.

    While these are removed the record carries `deletion`, so that no newer upload of the key is started. A
    record that is not this execution's is left alone. Repeated by the same execution, it goes on.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call to DynamoDB or S3 failed.
    """
    time = timestamp(now())
    ended = _update(
        upload,
        table_name,
        "SET objStatus = :deleted, deletedAt = if_not_exists(deletedAt, :time), "
        "finishedAt = if_not_exists(finishedAt, :time), deletion = :execution REMOVE #reason, #detail",
        "executionArn = :execution AND (objStatus IN (:received, :inReview) OR deletion = :execution)",
        {
            ":deleted": "DELETED",
            ":received": "RECEIVED",
            ":inReview": "IN_REVIEW",
            ":time": time,
            ":execution": execution_arn,
        },
        "reason",
        "detail",
    )
    if not ended:
        logger.info("deleted, and its record ended already")
        return
    distribution.remove(keys, bucket=distribution_bucket)
    _update(upload, table_name, "REMOVE deletion", "deletion = :execution", {":execution": execution_arn})
    logger.info("deleted before it was published")


def _update(
    upload: Upload, table_name: str, expression: str, condition: str, values: Mapping[str, str], *names: str
) -> bool:
    """Changes the record; False when the condition does not hold."""
    dynamodb = client("dynamodb")
    # DynamoDB refuses names that are empty.
    more: Any = {"ExpressionAttributeNames": _names(*names)} if names else {}
    try:
        dynamodb.update_item(
            TableName=table_name,
            Key={"PK": {"S": PARTITION}, "SK": {"S": upload.record}},
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            **more,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def _names(*attributes: str) -> dict[str, str]:
    # DynamoDB reserves hundreds of plain words.
    return {f"#{name}": name for name in attributes}
