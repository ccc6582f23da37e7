"""Which object pictures of an upload are made of: only of what is published, and no more than that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.imaging.variant import Focus
from functions.ingest.record import PARTITION
from functions.platform.aws import client
from functions.upload import Upload, parse_key

# The rendition that shows the whole photo: where it is published, the photo is.
_WHOLE = "scaled"
# Renditions that pictures can be made of.
_PICTURES = (".jpg", ".png", ".webp", ".avif")


@dataclass(frozen=True)
class Source:
    """The object, and what the record of its upload says."""

    # Of the upload bucket, or of the distribution bucket.
    object: Upload
    # The execution that published it: another one publishes something else.
    execution_arn: str
    # Where its faces are; None where nobody has looked.
    faces: tuple[Focus, ...] | None


def find(key: str, *, table_name: str, distribution_bucket: str) -> Source | None:
    """What is published of an upload, None where nothing is.

    That is the photo itself where all of it was published, as `scaled`. Of an upload of which something else
    was published, a redacted photo or an avatar, it is that: nobody sees the photo behind it.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call to DynamoDB failed.
    """
    answer = client("dynamodb").get_item(
        TableName=table_name,
        Key={"PK": {"S": PARTITION}, "SK": {"S": key}},
        ProjectionExpression="objStatus, #bucket, version, executionArn, renditions, faces",
        ExpressionAttributeNames={"#bucket": "bucket"},
        ConsistentRead=True,
    )
    record: Mapping[str, Any] = answer.get("Item", {})
    if record.get("objStatus", {}).get("S") != "PROCESSED":
        return None
    renditions = {name: each["S"] for name, each in record.get("renditions", {}).get("M", {}).items()}
    place_id, upload_id = parse_key(key)
    if _WHOLE in renditions:
        version_id = record.get("version", {}).get("S")
        which = Upload(record["bucket"]["S"], key, place_id, upload_id, version_id)
    else:
        pictures = sorted(each for each in renditions.values() if each.endswith(_PICTURES))
        if not pictures:
            return None
        which = Upload(distribution_bucket, pictures[0], place_id, upload_id)
    return Source(which, record["executionArn"]["S"], _faces(record.get("faces")))


def _faces(stored: Any) -> tuple[Focus, ...] | None:
    if stored is None:
        return None
    return tuple(Focus(*(float(number["N"]) for number in each["L"])) for each in stored["L"])


def remember_faces(key: str, source: Source, faces: tuple[Focus, ...], *, table_name: str) -> None:
    """Keeps in the record where the faces are, unless it is another upload's by now.

    Raises:
        botocore.exceptions.ClientError, BotoCoreError: a call to DynamoDB failed.
    """
    dynamodb = client("dynamodb")
    boxes = [
        {"L": [{"N": f"{side:.5f}"} for side in (each.left, each.top, each.width, each.height)]}
        for each in faces
    ]
    try:
        dynamodb.update_item(
            TableName=table_name,
            Key={"PK": {"S": PARTITION}, "SK": {"S": key}},
            UpdateExpression="SET faces = :faces",
            ConditionExpression="executionArn = :execution AND objStatus = :processed",
            ExpressionAttributeValues={
                ":faces": {"L": boxes},
                ":execution": {"S": source.execution_arn},
                ":processed": {"S": "PROCESSED"},
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return
