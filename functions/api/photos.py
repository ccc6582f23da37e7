"""The published photos of a place, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions.api import cursor
from functions.api.request import limit
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
    if (given := query.get("cursor")) is not None:
        start = cursor.opened(seal_key, given, place_id, kind="place")
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
        "cursor": cursor.issue(seal_key, last["SK"]["S"], place_id) if last else None,
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
