"""The published photos of a place, page by page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.api.request import bad_fields, limit
from functions.api.seal import SEAL_BYTES, is_sealed, seal
from functions.platform.aws import client

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, QueryInputTypeDef

_PAGE = 25
_MOST = 100
# Then a page is short, and has a cursor all the same.
_MOST_QUERIES = 5
# An address in an item, such as `tileURL`.
_ADDRESS = "URL"


def page(place_id: str, query: Mapping[str, str], *, table_name: str, seal_key: str) -> dict[str, Any]:
    """A page of photos, those with the greatest ids first, and the cursor of the next one, if there is any.

    Raises:
        RequestError: `limit` is senseless, or `cursor` is none of this place.
    """
    most = limit(query, _PAGE, _MOST)
    question: QueryInputTypeDef = {
        "TableName": table_name,
        "KeyConditionExpression": "PK = :place",
        # A place has other items, too; they count for the Limit.
        "FilterExpression": "#type = :photo",
        "ExpressionAttributeNames": {"#type": "type"},
        "ExpressionAttributeValues": {":place": {"S": place_id}, ":photo": {"S": "photo"}},
        "ScanIndexForward": False,
    }
    if (cursor := query.get("cursor")) is not None:
        start = _opened(place_id, cursor, seal_key)
        question["ExclusiveStartKey"] = {"PK": {"S": place_id}, "SK": {"S": start}}
    items: list[dict[str, AttributeValueTypeDef]] = []
    for _ in range(_MOST_QUERIES):
        question["Limit"] = most - len(items)
        found = client("dynamodb").query(**question)
        items += found["Items"]
        last = found.get("LastEvaluatedKey")
        if not last or len(items) == most:
            break
        question["ExclusiveStartKey"] = last
    return {
        "photos": [_photo(place_id, item) for item in items],
        "cursor": _cursor(place_id, last["SK"]["S"], seal_key) if last else None,
    }


def renditions(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """The names and addresses of the renditions that an item of a photo has."""
    return [
        {"name": name.removesuffix(_ADDRESS), "url": item[name]["S"]}
        for name in sorted(item)
        if name.endswith(_ADDRESS)
    ]


def _photo(place_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uploadId": f"{place_id}/{item['SK']['S']}",
        "created": item["created"]["S"],
        "width": int(item["width"]["N"]),
        "height": int(item["height"]["N"]),
        "renditions": renditions(item),
    }


def _cursor(place_id: str, last: str, seal_key: str) -> str:
    return base64.urlsafe_b64encode(seal(seal_key, "cursor", place_id, last) + last.encode()).decode()


def _opened(place_id: str, cursor: str, seal_key: str) -> str:
    """The id at which a page begins; only this API makes cursors, each for one place."""
    try:
        raw = base64.b64decode(cursor, altchars=b"-_", validate=True)
        given, last = raw[:SEAL_BYTES], raw[SEAL_BYTES:].decode()
    except (binascii.Error, ValueError):
        given, last = b"", ""
    if not last or not is_sealed(seal_key, given, "cursor", place_id, last):
        raise bad_fields({"cursor": "cursor was not given out for this place."})
    return last
